//! Checking bytes that were fetched against those of the server, without fetching them again.

use serde::{Deserialize, Serialize};

/// Body of `POST {base}/v2/digest`: what is the SHA-256 of these bytes?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestRequest {
    /// Path as in [`super::OpenReply::path`].
    pub path: String,
    /// The version to look at; another one answers [`super::ErrorKind::Changed`].
    pub version: String,
    /// First byte.
    pub offset: u64,
    /// Number of bytes, at least 1 and at most [`super::MAX_READ_BYTES`], none beyond the end of the file.
    pub length: u64,
}

/// Answer to [`DigestRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestReply {
    /// The SHA-256, 32 bytes.
    #[serde(with = "serde_bytes")]
    pub sha256: Vec<u8>,
}
