//! Wire types of protocol v2, shared by client and server; `docs/protocol-v2.md` is the specification.
//!
//! Pure data: nothing here performs input or output. Requests and replies are msgpack maps with named
//! keys, so that either side may learn new keys without breaking the other.

mod digest;
mod error_reply;
mod list;
mod open;
mod pack;
mod read;
mod token;
mod trace;
mod write;

pub use digest::{DigestReply, DigestRequest};
pub use error_reply::{ErrorKind, ErrorReply};
pub use list::{Entry, EntryKind, ListReply, ListRequest, StatReply, StatRequest};
pub use open::{Capabilities, OpenReply, OpenRequest};
pub use pack::{Frame, Pack, PackError};
pub use read::{ExternalRequest, ReadRequest, Run, RunsError};
pub use token::{TokenReply, TokenRequest};
pub use trace::{Intent, TraceReply, TraceRequest};
pub use write::{
    Begin, CommitReply, CommitRequest, DirectoryRequest, Done, LeaseName, LeaseReply, LeaseRequest,
    LeaseState, RemoveRequest, RenameRequest, StageRequest,
};

use serde::{Serialize, de::DeserializeOwned};

/// Version of the protocol spoken here.
pub const VERSION: u32 = 2;
/// Response header that every v2 answer carries, errors included; its value is [`VERSION`]. A client
/// recognises by it that the base URL it guessed is that of an hdfstream server.
pub const PROTOCOL_HEADER: &str = "hdfstream-protocol";
/// Media type of msgpack requests and replies.
pub const MSGPACK: &str = "application/x-msgpack";
/// Largest request body a server accepts, in bytes.
pub const MAX_REQUEST_BYTES: usize = 32 << 20;
/// Largest msgpack reply a client accepts, in bytes (packs included; raw reads are not msgpack).
pub const MAX_REPLY_BYTES: usize = 256 << 20;
/// Most runs in one [`ReadRequest`].
pub const MAX_RUNS: usize = 1 << 20;
/// Most bytes that one [`ReadRequest`] may ask for.
pub const MAX_READ_BYTES: u64 = 1 << 30;

/// Encodes a request or reply as a msgpack map with named keys.
///
/// # Errors
/// When a value cannot be represented, which the types of this module never cause.
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, rmp_serde::encode::Error> {
    rmp_serde::to_vec_named(value)
}

/// Decodes a request or reply. Lengths are checked by the decoder against the bytes that are there,
/// so a forged length costs nothing.
///
/// # Errors
/// When the bytes are not the expected map.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, rmp_serde::decode::Error> {
    rmp_serde::from_slice(bytes)
}
