//! Every way a request can fail, and how the client is told: one type, one translation.

use std::io;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hdfstream::protocol::{self, ErrorKind, ErrorReply};

use crate::store::StoreError;
use crate::worker::msgpack::Writer;

/// A request that failed. Messages name the path of the request, never one outside the root.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing there, or nothing that may be seen.
    #[error("`{0}` does not exist on this server")]
    NotFound(String),
    /// A directory where a file is needed.
    #[error("`{0}` is a directory")]
    IsDirectory(String),
    /// The name leads outside, or the server may not read the file.
    #[error("{0}")]
    Forbidden(String),
    /// The login is missing or wrong.
    #[error("{0}")]
    Unauthorized(String),
    /// This client has had enough for now.
    #[error("{text}")]
    TooMany {
        /// Of what.
        text: String,
        /// How long until the next request has a chance.
        wait: Duration,
    },
    /// Writing is not offered.
    #[error("`{0}` cannot be opened for writing: this server is read-only")]
    ReadOnly(String),
    /// The file is not the version that the request names.
    #[error("`{0}` was changed on the server since it was opened; open it again")]
    Changed(String),
    /// Somebody else writes it.
    #[error("`{0}` is locked by another writer")]
    Locked(String),
    /// The name is taken.
    #[error("`{0}` exists already")]
    Exists(String),
    /// No space, on the disk or for this user.
    #[error("there is no space left for `{0}`")]
    NoSpace(String),
    /// The lease is unknown or over.
    #[error("`{0}` is not kept for this writer any more; nothing that was not committed is kept")]
    LeaseLost(String),
    /// Malformed, or beyond a limit.
    #[error("{0}")]
    Invalid(String),
    /// Too much at once.
    #[error("{0}")]
    Busy(String),
    /// The operating system failed while serving this path.
    #[error("`{path}` cannot be read on the server: {source}")]
    Io {
        /// As requested.
        path: String,
        /// The cause.
        source: io::Error,
    },
    /// The operating system failed while writing this path.
    #[error("`{path}` cannot be written on the server: {source}")]
    Write {
        /// As requested.
        path: String,
        /// The cause.
        source: io::Error,
    },
    /// Something else failed; the text is for people.
    #[error("{0}")]
    Internal(String),
}

/// How long a client waits when the server is busy.
const SOON: Duration = Duration::from_secs(1);
/// The ways to log in.
const CHALLENGES: [&str; 2] = [
    "Basic realm=\"hdfstream\", charset=\"UTF-8\"",
    "Bearer realm=\"hdfstream\"",
];

impl Error {
    /// Adds the requested path to what the store found. Whether a name is missing or leads outside is
    /// not told, because it would reveal what exists there.
    pub(crate) fn at(path: &str, error: StoreError) -> Self {
        let path = path.to_owned();
        match error {
            StoreError::Missing | StoreError::Outside => Self::NotFound(path),
            StoreError::Directory => Self::IsDirectory(path),
            StoreError::NotDirectory => Self::Invalid(format!("`{path}` is not a directory")),
            StoreError::Special => Self::Invalid(format!("`{path}` is not a regular file")),
            StoreError::Busy => Self::Busy(format!("`{path}` is being changed; try again in a moment")),
            StoreError::Unrecovered => Self::Busy(format!(
                "`{path}` was being written when its server stopped; a server that may write (--writable) has to \
                 be started once to bring it into order"
            )),
            StoreError::Io(source) if source.kind() == io::ErrorKind::PermissionDenied => {
                Self::Forbidden(format!("the server has no permission to read `{path}`"))
            }
            StoreError::Io(source) => Self::Io { path, source },
        }
    }

    /// The kind that goes on the wire.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound(_) => ErrorKind::NotFound,
            Self::IsDirectory(_) => ErrorKind::IsDirectory,
            Self::Forbidden(_) => ErrorKind::Forbidden,
            Self::Unauthorized(_) => ErrorKind::Unauthorized,
            Self::ReadOnly(_) => ErrorKind::ReadOnly,
            Self::Changed(_) => ErrorKind::Changed,
            Self::Locked(_) => ErrorKind::Locked,
            Self::Exists(_) => ErrorKind::Exists,
            Self::NoSpace(_) => ErrorKind::NoSpace,
            Self::LeaseLost(_) => ErrorKind::LeaseLost,
            Self::Invalid(_) => ErrorKind::Invalid,
            Self::Busy(_) | Self::TooMany { .. } => ErrorKind::Busy,
            Self::Io { .. } | Self::Write { .. } | Self::Internal(_) => ErrorKind::Internal,
        }
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::IsDirectory(_) | Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::Forbidden(_) | Self::ReadOnly(_) => StatusCode::FORBIDDEN,
            Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Changed(_) | Self::Exists(_) => StatusCode::CONFLICT,
            Self::Locked(_) => StatusCode::LOCKED,
            Self::NoSpace(_) => StatusCode::INSUFFICIENT_STORAGE,
            Self::LeaseLost(_) => StatusCode::GONE,
            Self::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Io { .. } | Self::Write { .. } | Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The answer for people with a browser or `curl`: one line of text.
    pub(crate) fn into_text(self) -> Response {
        let text = format!("{self}\n");
        let media = HeaderValue::from_static("text/plain; charset=utf-8");
        self.respond(media, text.into_bytes())
    }

    /// The answer for clients of protocol v1: a map with a text.
    pub(crate) fn into_map(self) -> Response {
        let mut body = Writer::default();
        body.map(1).str("error").str(&self.to_string());
        let media = HeaderValue::from_static(protocol::MSGPACK);
        self.respond(media, body.into_bytes())
    }

    fn respond(&self, media: HeaderValue, body: Vec<u8>) -> Response {
        let mut response = (self.status(), [(header::CONTENT_TYPE, media)], body).into_response();
        let headers = response.headers_mut();
        if let Self::Unauthorized(_) = self {
            for challenge in CHALLENGES {
                headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
            }
        }
        let wait = match self {
            Self::Busy(_) => Some(SOON),
            Self::TooMany { wait, .. } => Some(*wait),
            _ => None,
        };
        if let Some(wait) = wait {
            // Whole seconds, and not before the time.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let reply = ErrorReply {
            kind: self.kind(),
            message: self.to_string(),
        };
        // A map of two strings always encodes; an empty body would still carry the status.
        let body = protocol::encode(&reply).unwrap_or_default();
        self.respond(HeaderValue::from_static(protocol::MSGPACK), body)
    }
}
