//! What it means when a server says no.

use std::time::Duration;

use super::{Login, Outcome, Server, Target};
use crate::Error;
use crate::protocol::{ErrorKind, ErrorReply};

/// Translates a refusal. `said` is `None` when its body was not understood.
pub(super) fn outcome(
    server: &Server,
    target: Target<'_>,
    status: u16,
    said: Option<ErrorReply>,
    retry_after: Option<Duration>,
) -> Outcome {
    let Some(ErrorReply { kind, message }) = said else {
        return unexplained(server, target, status, retry_after);
    };
    let (url, name) = (target.url.to_owned(), server.name.clone());
    Outcome::Final(match kind {
        ErrorKind::NotFound => Error::NotFound { url, server: name },
        ErrorKind::IsDirectory => Error::IsDirectory { url, server: name },
        ErrorKind::Forbidden => Error::Forbidden {
            url,
            server: name,
            reason: message,
        },
        ErrorKind::Unauthorized => Error::Unauthorized {
            url,
            server: name,
            reason: advice(server).to_owned(),
        },
        ErrorKind::ReadOnly => Error::ReadOnly { url, server: name },
        ErrorKind::Changed => Error::Changed { url, server: name },
        ErrorKind::Invalid => Error::Rejected {
            url,
            server: name,
            reason: message,
        },
        ErrorKind::Busy => return Outcome::Busy(retry_after),
        ErrorKind::Internal => Error::ServerFailed {
            url,
            server: name,
            reason: message,
        },
    })
}

fn unexplained(server: &Server, target: Target<'_>, status: u16, retry_after: Option<Duration>) -> Outcome {
    let (url, name) = (target.url.to_owned(), server.name.clone());
    Outcome::Final(match status {
        401 => Error::Unauthorized {
            url,
            server: name,
            reason: advice(server).to_owned(),
        },
        403 => Error::Forbidden {
            url,
            server: name,
            reason: "it gives no reason".to_owned(),
        },
        // As a server answers below a path that is not its own.
        404 | 405 => Error::NotHdfstream {
            url,
            server: name,
            status,
        },
        429 | 502 | 503 | 504 => return Outcome::Busy(retry_after),
        _ => Error::ServerFailed {
            url,
            server: name,
            reason: format!("HTTP status {status} without an explanation"),
        },
    })
}

fn advice(server: &Server) -> &'static str {
    match server.login {
        Login::None => "set HDFSTREAM_TOKEN, or HDFSTREAM_USER and HDFSTREAM_PASSWORD",
        Login::Withheld => "the login was not sent, as this connection is not encrypted; use https",
        Login::Header(_) => {
            "the login that was sent is not accepted; check HDFSTREAM_TOKEN, or HDFSTREAM_USER and \
             HDFSTREAM_PASSWORD"
        }
    }
}
