//! What it means when a server says no.

use std::time::Duration;

use super::{Outcome, Server, Target};
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
        // Servers do not tell what a user may not see from what is not there.
        ErrorKind::NotFound => Error::NotFound {
            url,
            server: match server.login.doubt(&format!("{}{}", server.name, target.base)) {
                Some(doubt) => format!("{name} ({doubt})"),
                None => name,
            },
        },
        ErrorKind::IsDirectory => Error::IsDirectory { url, server: name },
        ErrorKind::Forbidden => Error::Forbidden {
            url,
            server: name,
            reason: message,
        },
        ErrorKind::Unauthorized => unauthorized(server, target),
        ErrorKind::ReadOnly => Error::ReadOnly { url, server: name },
        ErrorKind::Changed => Error::Changed { url, server: name },
        ErrorKind::Locked => Error::Locked { url, server: name },
        ErrorKind::Exists => Error::Exists { url, server: name },
        ErrorKind::NoSpace => Error::NoSpace { url, server: name },
        ErrorKind::LeaseLost => Error::LeaseLost { url, server: name },
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
        401 => unauthorized(server, target),
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

/// The server does not know the user.
pub(super) fn unauthorized(server: &Server, target: Target<'_>) -> Error {
    server.login.refused();
    Error::Unauthorized {
        url: target.url.to_owned(),
        server: server.name.clone(),
        reason: server.login.advice(&format!("{}{}", server.name, target.base)),
    }
}
