//! Intents: the client says what its program is about to do, the server answers with the bytes that
//! this will touch.

use serde::{Deserialize, Serialize};

use super::Pack;

/// What a program is about to do.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intent {
    /// Look at everything but raw data.
    File,
    /// Open the object `name`, found from the object at `address`, and look at it and its members.
    Object {
        /// Address of the object from which `name` is looked up (an HDF5 object token).
        address: u64,
        /// Path of links; `.` or empty for the object itself.
        name: String,
    },
}

/// Body of `POST {base}/v2/trace`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceRequest {
    /// Path as in [`super::OpenReply::path`].
    pub path: String,
    /// The version; another one answers [`super::ErrorKind::Changed`].
    pub version: String,
    /// What is about to happen.
    pub intent: Intent,
}

/// Answer to [`TraceRequest`]. Hints only: a block that is missing or not needed costs time, never
/// correctness.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceReply {
    /// The touched bytes.
    pub pack: Pack,
    /// Whether they are all there; if not, a limit on size or time was reached.
    pub complete: bool,
    /// For [`Intent::File`]: whether any dataset keeps its elements in raw files beside the HDF5 file
    /// (external storage); absent when the server could not look at all of them.
    #[serde(default)]
    pub raw_files: Option<bool>,
}
