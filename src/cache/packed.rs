//! Metadata as it came from the server: many programs want little of what comes when a file is opened.

use std::sync::OnceLock;

use bytes::Bytes;

use crate::protocol::Frame;

/// A part of a pack that is decompressed when some of it is wanted.
#[derive(Debug)]
pub(crate) struct Packed {
    frame: Frame,
    /// Nothing when it is damaged: what is missing then is asked for again.
    bytes: OnceLock<Option<Bytes>>,
}

impl Packed {
    pub(crate) fn new(frame: Frame) -> Self {
        Self {
            frame,
            bytes: OnceLock::new(),
        }
    }

    /// Where in the file its bytes belong, one piece after the other.
    pub(crate) fn pieces(&self) -> &[(u64, u64)] {
        &self.frame.pieces
    }

    /// How many bytes that is.
    pub(crate) fn length(&self) -> usize {
        self.frame.length()
    }

    /// Its bytes, which are kept.
    pub(super) fn bytes(&self) -> Option<Bytes> {
        self.bytes.get_or_init(|| self.unpack()).clone()
    }

    /// Its bytes. For threads of our own, which take no lock that a thread of the program takes: it may fork.
    pub(crate) fn unpack(&self) -> Option<Bytes> {
        if let Some(bytes) = self.bytes.get() {
            return bytes.clone();
        }
        let unpacked = self.frame.unpack();
        unpacked
            .inspect_err(|error| log::warn!("metadata is asked for again: {error}"))
            .ok()
    }
}
