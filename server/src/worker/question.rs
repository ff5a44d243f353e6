//! What the front asks of a worker for protocol v1, a piece of a reply at a time, and what it gets back.
//! Nothing is kept in between that cannot be made again, so any worker can do the next piece.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Most bytes of elements in one [`Ask::Read`]; a single element may be larger.
pub const MAX_ELEMENT_BYTES: u64 = 8 << 20;
/// Most runs of rows in one [`Ask::Read`].
pub const MAX_ROWS: usize = 1 << 14;

/// One thing to find out about one version of a file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Question {
    /// File, relative to the root.
    pub path: String,
    /// The version by its metadata that it must have, before and after; `None` while it is written, when whoever
    /// asks has other means to know.
    pub version: Option<String>,
    /// Longest time to take.
    pub limit: Duration,
    /// What to find out.
    pub ask: Ask,
}

/// See [`Question`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Ask {
    /// The reply for an object, or its beginning.
    Object {
        /// Path of links from the root group.
        name: String,
        /// How deep and how much.
        scope: Scope,
    },
    /// More of a reply that a previous answer has begun.
    More {
        /// Where it ended.
        rest: Rest,
        /// As before.
        scope: Scope,
    },
    /// What is needed to read a dataset.
    Dataset {
        /// Path of links from the root group.
        name: String,
    },
    /// Elements of a dataset: the box of `rest` in each of `rows`, one after the other.
    Read {
        /// Where the dataset's header is.
        address: u64,
        /// Runs in the first dimension, `(start, count)`, ascending; of a scalar none.
        rows: Vec<(u64, u64)>,
        /// The other dimensions.
        rest: Vec<(u64, u64)>,
    },
}

/// How much of a group goes into a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// Levels of groups below the object.
    pub max_depth: u32,
    /// Most bytes of a dataset whose elements come along.
    pub data_size_limit: u64,
}

/// Where a reply is to be continued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rest {
    /// Groups that have been begun, outermost first.
    pub open: Vec<OpenGroup>,
    /// Members of subgroups that have been written.
    pub members: u64,
}

/// A group, part of whose members is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenGroup {
    /// Where its header is.
    pub address: u64,
    /// Number of the next member.
    pub next: u64,
    /// How many members there are.
    pub count: u64,
    /// Whether its members are looked at, or just named.
    pub shown: bool,
}

/// What came of a [`Question`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// For [`Ask::Object`] and [`Ask::More`].
    Parts {
        /// What to send.
        parts: Vec<Part>,
        /// What comes after that.
        rest: Option<Rest>,
        /// Objects in it without some of their attributes.
        left_out: Vec<LeftOut>,
    },
    /// For [`Ask::Dataset`].
    Dataset(Source),
    /// For [`Ask::Read`]: so many elements, and their encoding in so many bytes, which follow the answer.
    Elements {
        /// May be fewer than were asked for.
        elements: u64,
        /// Elements of variable length are msgpack, others bare.
        bytes: u64,
    },
    /// There is no answer.
    Failed(Failure),
}

/// A part of a reply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Part {
    /// Msgpack.
    Encoded(#[serde(with = "serde_bytes")] Vec<u8>),
    /// All elements of a dataset. What has been sent ends with the key `data`, and for elements of variable
    /// length with the header of their array.
    Elements(Source),
}

/// Attributes of an object that are not in a reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Where its header is.
    pub address: u64,
    /// By which link it was met; empty for the object that was asked for.
    pub object: String,
    /// How many.
    pub attributes: u64,
    /// The name of one.
    pub one: String,
}

/// A dataset that can be read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// Where its header is.
    pub address: u64,
    /// The description of its type, msgpack.
    #[serde(with = "serde_bytes")]
    pub kind: Vec<u8>,
    /// Whether that is written with the letter for structured types.
    pub structured: bool,
    /// Whether elements are of variable length.
    pub variable: bool,
    /// Bytes of an element in memory.
    pub width: u64,
    /// Extents; none of a scalar.
    pub shape: Vec<u64>,
    /// Extents of the chunks in which it is stored, if any.
    pub chunk: Vec<u64>,
    /// Whether these must be decoded.
    pub filtered: bool,
    /// Where in the file all elements lie in a row as they are sent.
    pub offset: Option<u64>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Failure {
    /// The file is another one now.
    #[error("the file has changed")]
    Changed,
    /// libhdf5 does not open the file.
    #[error("it is no HDF5 file, or a damaged one")]
    NotHdf5,
    /// Nothing of that name in the file.
    #[error("there is no such object in the file, or it is in another file")]
    Missing,
    /// Something else than a dataset.
    #[error("it is not a dataset")]
    NotDataset,
    /// A dataset that the protocol cannot carry.
    #[error("the protocol has no form for its type")]
    Type,
    /// A dataset whose elements are in other files.
    #[error("its data are in other files")]
    Outside,
    /// libhdf5 does not read it.
    #[error("it cannot be read: it is damaged, or was written with a filter that the server lacks")]
    Unreadable,
    /// A value too large to be sent in one piece.
    #[error("it has a value that is too large")]
    TooLarge,
    /// The limit on time was reached.
    #[error("reading it took too long")]
    TooSlow,
}
