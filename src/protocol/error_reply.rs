//! How a server says no.

use serde::{Deserialize, Serialize};

/// Why a request was refused. The kind, not the text, is what a client acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// No such file or directory, or one that this user may not see. HTTP 404.
    NotFound,
    /// The path names a directory where a file is needed. HTTP 400.
    IsDirectory,
    /// The path leaves the served root, or this user may not do this. HTTP 403.
    Forbidden,
    /// Credentials are missing or wrong. HTTP 401.
    Unauthorized,
    /// The server, or this file, cannot be written. HTTP 403.
    ReadOnly,
    /// The file is not any more the version that the request names. HTTP 409.
    Changed,
    /// Somebody else is writing the file. HTTP 423.
    Locked,
    /// The name is taken. HTTP 409.
    Exists,
    /// No space is left, or none for this user. HTTP 507.
    NoSpace,
    /// The lease does not hold any more; nothing of what it had not committed is kept. HTTP 410.
    LeaseLost,
    /// The request is malformed or exceeds a limit. HTTP 400.
    Invalid,
    /// Too many requests; `Retry-After` says when to come back. HTTP 429 or 503.
    Busy,
    /// Something failed on the server. HTTP 500.
    #[serde(other)]
    Internal,
}

/// Body of every answer with a status of 400 and above.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorReply {
    /// Why.
    pub kind: ErrorKind,
    /// For people: one sentence that names the path. Never a secret, never a path outside the root.
    pub message: String,
}
