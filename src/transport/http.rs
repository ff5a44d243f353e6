//! The real transport: HTTP/1.1 over pooled connections.
//!
//! HTTP/1.1, because parallel connections carry bulk data faster than the windows of one HTTP/2
//! connection. No redirects, since the login would go along; no proxies.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::StreamExt;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};

use super::{Answer, Failure, Request, Transport, tls};
use crate::engine::Engine;
use crate::protocol::PROTOCOL_HEADER;

/// What kind of client is needed; equal kinds share connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kind {
    /// Whether connections are encrypted.
    pub(crate) secure: bool,
    /// File of further certificate authorities.
    pub(crate) ca: Option<PathBuf>,
    /// Longest wait for a connection.
    pub(crate) connect_timeout: Duration,
}

/// Sends requests by HTTP.
#[derive(Debug)]
pub(crate) struct Http(pub(crate) Kind);

/// Idle connections are closed after this time, before servers and address translators forget them.
const IDLE: Duration = Duration::from_secs(20);

impl Http {
    fn client(&self) -> Result<reqwest::Client, Failure> {
        let engine = Engine::current().map_err(Failure::Local)?;
        engine.client(&self.0, || {
            let tls = tls::config(&self.0)?;
            reqwest::Client::builder()
                .tls_backend_preconfigured(tls)
                .http1_only()
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .connect_timeout(self.0.connect_timeout)
                .tcp_nodelay(true)
                .pool_idle_timeout(IDLE)
                .dns_resolver(SystemResolver)
                .user_agent(concat!("hdfstream/", env!("CARGO_PKG_VERSION")))
                .build()
                .map_err(|error| Failure::Network(innermost(&error)))
        })
    }
}

impl Transport for Http {
    fn send<'a>(&'a self, request: Request<'a>) -> BoxFuture<'a, Result<Answer, Failure>> {
        async move {
            let connect = self.0.connect_timeout;
            let mut builder = self
                .client()?
                .request(request.method, request.url)
                .headers(request.headers)
                .body(request.body);
            if let Some(secret) = request.authorization {
                let mut value = HeaderValue::from_str(secret.reveal()).map_err(|_| {
                    Failure::Network("the login holds characters that cannot be sent".to_owned())
                })?;
                value.set_sensitive(true);
                builder = builder.header(AUTHORIZATION, value);
            }
            let response = builder.send().await.map_err(|error| classify(&error, connect))?;
            let headers = response.headers().clone();
            Ok(Answer {
                status: response.status().as_u16(),
                protocol: headers.contains_key(PROTOCOL_HEADER),
                length: response.content_length(),
                retry_after: text(&headers, &RETRY_AFTER).and_then(retry_after),
                headers,
                body: response
                    .bytes_stream()
                    .map(move |chunk| {
                        chunk.map_err(|error| match classify(&error, connect) {
                            Failure::Dropped(reason) => Failure::Cut(reason),
                            other => other,
                        })
                    })
                    .boxed(),
            })
        }
        .boxed()
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &reqwest::header::HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// When to ask again: after some seconds, or at a time of day.
fn retry_after(value: &str) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}

/// Resolves host names as the system does, with an error that can be recognised.
struct SystemResolver;

#[derive(Debug)]
struct UnknownHost {
    host: String,
    reason: String,
}

impl fmt::Display for UnknownHost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.host, self.reason)
    }
}

impl StdError for UnknownHost {}

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        async move {
            let found = tokio::net::lookup_host((host.as_str(), 0))
                .await
                .map(Vec::from_iter);
            match found {
                Ok(found) => Ok(Box::new(found.into_iter()) as Addrs),
                Err(error) => {
                    let reason = error.to_string();
                    // The system's words, without the prefix that says what the message says already.
                    let reason = reason.rsplit(": ").next().unwrap_or_default().to_owned();
                    Err(UnknownHost { host, reason }.into())
                }
            }
        }
        .boxed()
    }
}

/// The causes of `error`, outermost first, those inside `io::Error` included.
fn causes<'a>(error: &'a (dyn StdError + 'static)) -> Vec<&'a (dyn StdError + 'static)> {
    let mut causes = vec![error];
    let mut next = Some(error);
    while let Some(cause) = next {
        let inner = cause
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
            .map(|inner| inner as &(dyn StdError + 'static));
        next = inner.or_else(|| cause.source());
        causes.extend(next);
    }
    causes
}

fn innermost(error: &reqwest::Error) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}

fn classify(error: &reqwest::Error, connect_timeout: Duration) -> Failure {
    let causes = causes(error);
    let reason = innermost(error);
    for cause in &causes {
        if let Some(unknown) = cause.downcast_ref::<UnknownHost>() {
            return Failure::UnknownHost {
                host: unknown.host.clone(),
                reason: unknown.reason.clone(),
            };
        }
        if let Some(error) = cause.downcast_ref::<rustls::Error>() {
            return tls::failure(error);
        }
    }
    if error.is_timeout() && error.is_connect() {
        return Failure::TimedOut {
            limit: connect_timeout,
            phase: "waiting for a connection, setting connect_timeout",
        };
    }
    let kind = causes
        .iter()
        .find_map(|cause| cause.downcast_ref::<io::Error>())
        .map(io::Error::kind);
    match kind {
        Some(io::ErrorKind::ConnectionRefused) => Failure::Refused,
        Some(io::ErrorKind::TimedOut) => Failure::TimedOut {
            limit: connect_timeout,
            phase: "waiting for a connection, setting connect_timeout",
        },
        _ if error.is_connect() => Failure::Network(reason),
        Some(_) => Failure::Dropped(reason),
        // Without an error of the socket it is one of what was received; only a name is there to tell.
        None if reason.contains("invalid HTTP") || reason.contains("too large") => {
            Failure::Garbage(format!("it is not HTTP: {reason}"))
        }
        None if error.is_builder() => Failure::Network(reason),
        None => Failure::Dropped(reason),
    }
}

#[cfg(test)]
mod tests;
