//! One attempt of one request: the narrow interface between what is said and how it travels.

pub(crate) mod http;
pub(crate) mod proxy;
mod route;
mod tls;

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use reqwest::Method;
use reqwest::header::{HeaderMap, LOCATION};

use crate::{Error, Secret};

/// A request.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    /// GET or POST.
    pub(crate) method: Method,
    /// Full URL.
    pub(crate) url: String,
    /// Value of the `Authorization` header.
    pub(crate) authorization: Option<&'a Secret>,
    /// Further headers.
    pub(crate) headers: HeaderMap,
    /// The body.
    pub(crate) body: Bytes,
}

/// An answer, its body still on the way.
pub(crate) struct Answer {
    /// HTTP status.
    pub(crate) status: u16,
    /// Whether the header is there by which hdfstream servers are known.
    pub(crate) protocol: bool,
    /// Announced length of the body, bytes.
    pub(crate) length: Option<u64>,
    /// When the server wants to be asked again.
    pub(crate) retry_after: Option<Duration>,
    /// All headers.
    pub(crate) headers: HeaderMap,
    /// The body.
    pub(crate) body: BoxStream<'static, Result<Bytes, Failure>>,
}

impl Answer {
    /// Where a redirect points.
    pub(crate) fn location(&self) -> Option<String> {
        let value = self.headers.get(LOCATION)?.to_str().ok()?;
        Some(value.to_owned())
    }
}

/// Carries requests to a server. Implementations do not retry; the caller limits the waiting.
pub(crate) trait Transport: Send + Sync {
    /// Sends `request` and waits for the head of the answer.
    fn send<'a>(&'a self, request: Request<'a>) -> BoxFuture<'a, Result<Answer, Failure>>;
}

/// Why an attempt failed without an answer from an hdfstream server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    UnknownHost {
        host: String,
        reason: String,
    },
    Refused,
    TimedOut {
        limit: Duration,
        phase: &'static str,
    },
    /// The connection ended before any answer, as kept ones do when a server stops or is tired of them.
    Dropped(String),
    /// The connection ended in the middle of an answer.
    Cut(String),
    Tls(String),
    /// Something between here and the server.
    Proxy {
        proxy: String,
        reason: String,
    },
    Network(String),
    Garbage(String),
    Local(Error),
}

impl Failure {
    /// Whether the same request may succeed a little later.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, Self::Cut(_) | Self::Dropped(_))
    }

    /// Whether it may be over in a while: a server that is started again, a network that is away.
    pub(crate) fn may_end(&self) -> bool {
        matches!(
            self,
            Self::Refused | Self::TimedOut { .. } | Self::Network(_) | Self::UnknownHost { .. }
        )
    }

    /// The error for the user.
    pub(crate) fn into_error(self, url: &str, server: &str) -> Error {
        let (url, server) = (url.to_owned(), server.to_owned());
        match self {
            Self::UnknownHost { host, reason } => Error::UnknownHost { url, host, reason },
            Self::Refused => Error::Refused { url, server },
            Self::TimedOut { limit, phase } => Error::TimedOut {
                url,
                server,
                // Rounded up, so that a fraction of a second is not shown as none.
                seconds: limit.as_millis().div_ceil(1000) as u64,
                phase,
            },
            Self::Dropped(reason) => Error::Cut {
                url,
                server,
                reason: format!("before it answered ({reason})"),
            },
            Self::Cut(reason) => Error::Cut {
                url,
                server,
                reason: format!("in the middle of an answer ({reason})"),
            },
            Self::Tls(reason) => Error::Tls { url, server, reason },
            Self::Proxy { proxy, reason } => Error::Proxy {
                url,
                server,
                proxy,
                reason,
            },
            Self::Network(reason) => Error::Network { url, server, reason },
            Self::Garbage(reason) => Error::Garbage { url, server, reason },
            Self::Local(error) => error,
        }
    }
}
