//! Opening a file, and what a server can do.

use serde::{Deserialize, Serialize};

use super::Pack;

/// Answer to `GET {base}/v2`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// Protocol version, [`super::VERSION`].
    pub protocol: u32,
    /// Name and version of the server program.
    pub server: String,
    /// Whether files can be created and written.
    pub writable: bool,
    /// Most bytes one read request may ask for.
    pub max_read_bytes: u64,
    /// Most runs one read request may hold.
    pub max_runs: u64,
    /// Who the request's login is; none without a login.
    #[serde(default)]
    pub user: Option<String>,
    /// The server's clock, seconds since 1970-01-01 UTC; tokens and certificates go by it.
    #[serde(default)]
    pub time: Option<i64>,
}

/// Body of `POST {base}/v2/open`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenRequest {
    /// Path below the base URL, `/` between components, no leading slash. With a leading slash it is a
    /// path of the server's own file system, as links inside HDF5 files hold them; such a path is
    /// answered only when it lies inside the served root.
    pub path: String,
    /// The version whose metadata the client already holds; the reply then carries a pack only when
    /// the file has changed.
    #[serde(default)]
    pub known: Option<String>,
    /// Whether the program wants to write.
    #[serde(default)]
    pub write: bool,
}

/// Answer to [`OpenRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenReply {
    /// Path below the base URL by which the file is to be named from now on.
    pub path: String,
    /// Opaque tag of the file's present content, at most 128 bytes; every later request names it.
    pub version: String,
    /// Size in bytes.
    pub size: u64,
    /// Last modification, nanoseconds since 1970-01-01 UTC.
    pub modified: i64,
    /// Whether `known` is the present version; then there is no pack.
    #[serde(default)]
    pub unchanged: bool,
    /// Metadata, as far as the server had it ready.
    #[serde(default)]
    pub pack: Option<Pack>,
    /// Whether `pack` holds all metadata of the file. If not, a trace of [`super::Intent::File`] may
    /// bring more.
    #[serde(default)]
    pub complete: bool,
}
