//! Worker processes: the only place of the server that runs libhdf5, one crash away from nothing.
//!
//! The front process ([`Workers`]) sends jobs to child processes of the same executable
//! ([`main_loop`]), which look at a file under a driver that records every byte touched. Files may be
//! hostile, so a worker is confined before it touches one and is replaced when it fails.

mod confine;
mod direct;
mod encode;
mod hdf5;
mod heap;
pub(crate) mod msgpack;
mod pool;
mod process;
pub mod question;
mod ranges;
mod raw;
mod slot;
mod tracer;
mod walk;
mod wire;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use pool::Workers;
pub use process::main_loop;
pub use ranges::RangeSet;
pub use slot::JobError;
pub use wire::{Job, JobOutcome};

/// Why workers cannot be started, or one cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The served directory cannot be opened.
    #[error("cannot open the served directory {path}: {source}")]
    Root {
        /// The directory.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// This program's own executable, of which workers are copies, cannot be found.
    #[error("cannot find this program's executable: {0}")]
    Executable(std::io::Error),
    /// A limit or a restriction of the process was refused.
    #[error("cannot confine a worker: {0}")]
    Confine(String),
    /// libhdf5 does not start.
    #[error("libhdf5 does not initialise in a worker: {0}")]
    Library(&'static str),
    /// The pipes to the front process.
    #[error("a worker lost the connection to its server: {0}")]
    Pipe(#[from] std::io::Error),
}
