//! The real transport: HTTP/1.1 over pooled connections.
//!
//! HTTP/1.1, because parallel connections carry bulk data faster than the windows of one HTTP/2
//! connection. No redirects, since the login would go along.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::{Duration, SystemTime};

use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::StreamExt;
use reqwest::StatusCode;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};

use super::proxy::Through;
use super::tls::{self, Tls};
use super::{Answer, Failure, Request, Transport};
use crate::engine::Engine;
use crate::protocol::PROTOCOL_HEADER;

/// What kind of client is needed; equal kinds share connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kind {
    /// How connections are encrypted; `None` when they are not.
    pub(crate) tls: Option<Tls>,
    /// The proxy on the way.
    pub(crate) proxy: Option<Through>,
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
            let tls = tls::config(self.0.tls.as_ref())?;
            let mut builder = reqwest::Client::builder().no_proxy();
            if let Some(proxy) = &self.0.proxy {
                builder = builder.proxy(proxy.for_client()?);
            }
            builder
                .tls_backend_preconfigured(tls)
                .http1_only()
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
            let response = builder.send().await.map_err(|error| classify(&error, &self.0))?;
            let headers = response.headers().clone();
            if let Some(proxy) = &self.0.proxy
                && !headers.contains_key(PROTOCOL_HEADER)
            {
                match response.status() {
                    StatusCode::PROXY_AUTHENTICATION_REQUIRED => return Err(proxy.failure(PROXY_LOGIN)),
                    // Inside a tunnel only the server answers.
                    StatusCode::UNAUTHORIZED if response.url().scheme() == "http" => {
                        return Err(proxy.failure(
                            "it, or something behind it, does not accept the login (HTTP status 401)",
                        ));
                    }
                    _ => {}
                }
            }
            let kind = self.0.clone();
            Ok(Answer {
                status: response.status().as_u16(),
                protocol: headers.contains_key(PROTOCOL_HEADER),
                length: response.content_length(),
                retry_after: text(&headers, &RETRY_AFTER).and_then(retry_after),
                headers,
                body: response
                    .bytes_stream()
                    .map(move |chunk| {
                        chunk.map_err(|error| match classify(&error, &kind) {
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

fn classify(error: &reqwest::Error, kind: &Kind) -> Failure {
    let causes = causes(error);
    let reason = innermost(error);
    let proxy = kind.proxy.as_ref();
    for cause in &causes {
        if let Some(unknown) = cause.downcast_ref::<UnknownHost>() {
            return match proxy.filter(|proxy| proxy.is_at(&unknown.host)) {
                Some(proxy) => proxy.failure(&format!("there is no host of this name ({})", unknown.reason)),
                None => Failure::UnknownHost {
                    host: unknown.host.clone(),
                    reason: unknown.reason.clone(),
                },
            };
        }
        if let Some(error) = cause.downcast_ref::<rustls::Error>() {
            return tls::failure(error);
        }
    }
    let input_output = causes
        .iter()
        .find_map(|cause| cause.downcast_ref::<io::Error>())
        .map(io::Error::kind);
    if let Some(proxy) = proxy
        && error.is_connect()
    {
        return proxy.failure(&match input_output {
            Some(io::ErrorKind::ConnectionRefused) => "it refuses connections".to_owned(),
            _ if error.is_timeout() => {
                let limit = kind.connect_timeout.as_secs_f64();
                format!("no connection through it within {limit} s (setting connect_timeout)")
            }
            // Only the text tells what happened inside the tunnel.
            _ if reason.contains("proxy authorization required") => PROXY_LOGIN.to_owned(),
            _ if reason.contains("tunnel error: unsuccessful") => {
                "it does not connect to this server".to_owned()
            }
            _ => reason,
        });
    }
    if error.is_timeout() && error.is_connect() {
        return Failure::TimedOut {
            limit: kind.connect_timeout,
            phase: "waiting for a connection, setting connect_timeout",
        };
    }
    match input_output {
        Some(io::ErrorKind::ConnectionRefused) => Failure::Refused,
        Some(io::ErrorKind::TimedOut) => Failure::TimedOut {
            limit: kind.connect_timeout,
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

const PROXY_LOGIN: &str =
    "it wants a login of its own; write it in its address, http://USER:PASSWORD@HOST:PORT";

#[cfg(test)]
mod tests;
