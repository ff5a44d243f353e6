//! Writing: leases, and the changes that become part of a file all at once.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::OpenReply;

/// Body of `POST {base}/v2/lease`: asks to be the one who writes a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseRequest {
    /// As in [`super::OpenRequest`]; the file need not exist unless `begin` says so.
    pub path: String,
    /// The lease's name and secret: 32 hexadecimal digits, random, chosen by the client. The same request
    /// again gives the same lease, so that it can be repeated when its answer was lost.
    pub lease: String,
    /// What the first commit will do to the file.
    pub begin: Begin,
    /// Whether others are to be kept from writing. If not (the program switched file locking off), a commit
    /// is refused when somebody else's came before it.
    pub exclusive: bool,
    /// Whether missing directories above the file are made at the first commit.
    #[serde(default)]
    pub directories: bool,
    /// The version whose metadata the client already holds.
    #[serde(default)]
    pub known: Option<String>,
}

/// What a lease is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Begin {
    /// To change a file that exists.
    Existing,
    /// To make a file whose name must be free.
    Create,
    /// To make a file, in place of what has that name until the first commit.
    Replace,
}

/// Answer to [`LeaseRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseReply {
    /// The file as it is. For one that is made anew: version empty, size 0, no pack.
    pub file: OpenReply,
    /// How long the lease holds without a word from the client, seconds.
    pub seconds: u64,
}

/// Body of `POST {base}/v2/stage`: bytes for a commit that is still to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageRequest {
    /// As in [`super::OpenReply`].
    pub path: String,
    /// The lease.
    pub lease: String,
    /// Number of the commit that they are for.
    pub number: u64,
    /// Which part this is, counted from 0. A part that is there already is not taken again.
    pub part: u64,
    /// Where the bytes belong: offset and length, ascending, not overlapping, no length 0. Where parts
    /// overlap the one with the higher number counts.
    pub pieces: Vec<(u64, u64)>,
    /// The bytes of all pieces, in order.
    pub bytes: ByteBuf,
}

/// Body of `POST {base}/v2/commit`: makes the parts and pieces the file's content, all of them or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitRequest {
    /// As in [`super::OpenReply`].
    pub path: String,
    /// The lease.
    pub lease: String,
    /// Number of this commit within the lease, counted from 1. The same again is answered as the first time
    /// and changes nothing.
    pub number: u64,
    /// Version that the change was made from; what counts for a lease that is not exclusive.
    pub base: String,
    /// How many parts were staged for it.
    pub parts: u64,
    /// Size of the file from now on, bytes.
    pub size: u64,
    /// Further pieces, as in [`StageRequest`]; they count over all parts.
    pub pieces: Vec<(u64, u64)>,
    /// The bytes of these pieces.
    pub bytes: ByteBuf,
    /// Whether readers of the same disk may look at any time (HDF5's SWMR): the pieces, which then may be in any
    /// order and overlap, are written in the order in which they are given.
    #[serde(default)]
    pub ordered: bool,
    /// Whether the lease ends with it.
    #[serde(default)]
    pub release: bool,
}

/// Answer to [`CommitRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitReply {
    /// Tag of the content from now on.
    pub version: String,
    /// Last modification, nanoseconds since 1970-01-01 UTC.
    pub modified: i64,
}

/// Body of `POST {base}/v2/renew` and `POST {base}/v2/release`. The first keeps a lease alive; the second
/// ends it, and drops what was staged and not committed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseName {
    /// As in [`super::OpenReply`].
    pub path: String,
    /// The lease.
    pub lease: String,
}

/// Answer to `renew` and `release`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseState {
    /// How long the lease holds without a word from the client, seconds; 0 after `release`.
    pub seconds: u64,
    /// Number of the last commit; 0 before the first.
    pub committed: u64,
}

/// Body of `POST {base}/v2/remove`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveRequest {
    /// File or directory, below the base.
    pub path: String,
    /// Whether a directory goes with all that is below it; otherwise it must be empty.
    #[serde(default)]
    pub recursive: bool,
}

/// Body of `POST {base}/v2/rename`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenameRequest {
    /// File or directory, below the base.
    pub from: String,
    /// Its new path.
    pub to: String,
    /// Whether a file that has this path already is replaced.
    #[serde(default)]
    pub replace: bool,
}

/// Body of `POST {base}/v2/directory`: makes a directory; one that exists is no error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryRequest {
    /// The directory.
    pub path: String,
    /// Whether missing directories above it are made, too.
    #[serde(default)]
    pub parents: bool,
}

/// Answer to requests that have nothing to tell but that it is done.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {}
