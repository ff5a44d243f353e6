//! Keeps what one commit overwrites, if a reader may still want it.

use std::sync::Arc;

use super::extents::Extent;
use super::retained::Retained;
use super::{Chain, Content};

/// One commit, from before it changes anything to its end. One that is dropped before has changed nothing.
#[derive(Debug)]
pub(crate) struct Recorder<'a> {
    chain: &'a Arc<Chain>,
    retained: &'a Retained,
    begun: Option<Option<u64>>,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(chain: &'a Arc<Chain>, retained: &'a Retained) -> Self {
        Self {
            chain,
            retained,
            begun: None,
        }
    }

    /// These bytes, at `offset`, will be overwritten or cut off. To be called before that. Blocks.
    pub(crate) fn overwrites(&mut self, offset: u64, old: &[u8]) {
        let chain = self.chain;
        let begun = *self
            .begun
            .get_or_insert_with(|| chain.begin_commit(self.retained));
        let Some(serial) = begun else { return };
        for (at, length) in chain.gaps(serial, offset, old.len() as u64) {
            let start = (at - offset) as usize;
            let bytes = &old[start..start + length as usize];
            match self.retained.keep(serial, bytes) {
                Ok((segment, place)) => chain.record(
                    serial,
                    Extent {
                        offset: at,
                        length,
                        segment,
                        at: place,
                    },
                ),
                Err(error) => {
                    tracing::warn!("an earlier version of a file cannot be kept for its readers: {error}");
                    chain.let_go(serial);
                    self.begun = Some(None);
                    return;
                }
            }
        }
        self.retained.shrink();
    }

    /// The commit is done and made this of the file.
    pub(crate) fn committed(self, content: Content) {
        self.chain.committed(content, self.retained);
    }

    /// The commit was refused and has changed nothing.
    pub(crate) fn unchanged(self) {
        self.chain.unchanged();
    }

    /// The commit was broken off, nobody knows where.
    pub(crate) fn broken(self) {
        self.chain.broken();
    }
}
