//! Core of hdfstream: what a remote name means, how its bytes are fetched, cached and kept consistent.
//!
//! Four things to know: [`resolve`] decides whether a name is remote, [`Settings`] holds everything
//! that can be set, [`RemoteFile`] reads one file and [`WritableFile`] writes one. This crate knows nothing of libhdf5; the plugin and
//! the server depend on it, never the reverse.
#![forbid(unsafe_code)]

mod cache;
mod changes;
pub mod credentials;
pub mod decode;
pub mod disk_cache;
mod download;
mod engine;
mod error;
mod listing;
pub mod name;
mod opened;
mod per_process;
pub mod progress;
pub mod protocol;
mod ranges;
mod remote_file;
mod server;
pub mod settings;
pub mod stats;
#[cfg(test)]
mod testing;
mod transport;
mod upload;
pub mod v1;
mod writable_file;

pub use changes::{make_directory, remove, remove_tree, rename};
pub use credentials::Credentials;
pub use download::{Arrival, Download, DownloadError};
pub use error::Error;
pub use listing::{base, capabilities, list, stat};
pub use name::{Name, RemoteName, resolve, resolve_with_stub, stub::Stub};
pub use opened::{Objects, Opened, open};
pub use progress::showing::Showing;
pub use protocol::Begin;
pub use remote_file::{Class, Extents, HeapObject, RemoteFile, StoredChunk};
pub use settings::{Secret, Settings};
pub use upload::{UploadError, end_uploads_at_interrupt, upload};
pub use writable_file::{WritableFile, recovery};
