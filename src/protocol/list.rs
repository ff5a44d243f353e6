//! Directories.

use serde::{Deserialize, Serialize};

/// Body of `POST {base}/v2/list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListRequest {
    /// Directory below the base URL; empty for the root.
    pub path: String,
    /// Last name of the previous page; entries after it follow.
    #[serde(default)]
    pub after: Option<String>,
}

/// One page of a directory, sorted by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListReply {
    /// The entries.
    pub entries: Vec<Entry>,
    /// Whether more follow.
    pub more: bool,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// A directory.
    Directory,
    /// A file that begins as HDF5 files do.
    Hdf5,
    /// Any other file.
    File,
}

/// A file or directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Name within its directory.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
    /// Size in bytes; 0 for directories.
    pub size: u64,
    /// Last modification, nanoseconds since 1970-01-01 UTC.
    pub modified: i64,
}

/// Body of `POST {base}/v2/stat`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatRequest {
    /// Path below the base URL.
    pub path: String,
}

/// Answer to [`StatRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatReply {
    /// What is there; the name is the last component of the path.
    pub entry: Entry,
    /// Version tag of a file's content.
    #[serde(default)]
    pub version: Option<String>,
}
