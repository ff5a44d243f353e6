//! Core of hdfstream: what a remote name means, how its bytes are fetched, cached and kept consistent.
//!
//! This crate knows nothing of libhdf5. The plugin and the server depend on it, never the reverse.
#![forbid(unsafe_code)]

pub mod protocol;
