//! Where overwritten bytes are kept: unlinked temporary files, up to a limit; the oldest go first.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::Chain;

/// A file is filled up to so many bytes before the next one is begun; its space is free again when nothing
/// in it is needed.
const SEGMENT: u64 = 16 << 20;
/// What a version counts at least, for its place in memory and its open file. Tests have less room.
const LEAST: u64 = if cfg!(test) { 1 << 10 } else { 128 << 10 };

/// A temporary file that has no name.
#[derive(Debug)]
pub(super) struct Segment(File);

impl Segment {
    pub(super) fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        self.0.read_exact_at(buffer, at)
    }
}

#[derive(Debug)]
pub(super) struct Retained {
    budget: u64,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// The file that is being filled, and how far.
    current: Option<(Arc<Segment>, u64)>,
    bytes: u64,
    next: u64,
    /// Steps of chains, oldest first, with the bytes that they hold.
    steps: VecDeque<Held>,
}

#[derive(Debug)]
struct Held {
    chain: Weak<Chain>,
    serial: u64,
    bytes: u64,
}

impl Retained {
    pub(super) fn new(budget: u64) -> Self {
        Self {
            budget,
            kept: Mutex::default(),
        }
    }

    /// A number for a step of `chain`, the next in order; `bytes` are what it holds already.
    pub(super) fn begin(&self, chain: &Arc<Chain>, bytes: u64) -> u64 {
        let mut kept = self.kept();
        let serial = kept.next;
        kept.next += 1;
        let bytes = bytes.saturating_add(LEAST);
        kept.bytes = kept.bytes.saturating_add(bytes);
        kept.steps.push_back(Held {
            chain: Arc::downgrade(chain),
            serial,
            bytes,
        });
        serial
    }

    /// Keeps bytes for the step `serial`. Blocks.
    pub(super) fn keep(&self, serial: u64, bytes: &[u8]) -> io::Result<(Arc<Segment>, u64)> {
        let length = bytes.len() as u64;
        let (segment, at) = self.reserve(serial, length)?;
        segment.0.write_all_at(bytes, at)?;
        Ok((segment, at))
    }

    fn reserve(&self, serial: u64, length: u64) -> io::Result<(Arc<Segment>, u64)> {
        let mut kept = self.kept();
        let (segment, at) = match kept.current.take() {
            Some((segment, filled)) if filled < SEGMENT => (segment, filled),
            _ => (Arc::new(Segment(tempfile::tempfile()?)), 0),
        };
        kept.current = Some((Arc::clone(&segment), at + length));
        kept.bytes = kept.bytes.saturating_add(length);
        if let Some(held) = kept.steps.iter_mut().rev().find(|held| held.serial == serial) {
            held.bytes = held.bytes.saturating_add(length);
        }
        Ok((segment, at))
    }

    /// Lets the oldest steps go until what is left is within the limit. No chain may be locked by the caller.
    pub(super) fn shrink(&self) {
        loop {
            let oldest = {
                let mut kept = self.kept();
                // Those of chains that are forgotten hold nothing any more.
                if kept.bytes <= self.budget && !kept.gone() {
                    return;
                }
                let Some(oldest) = kept.steps.pop_front() else {
                    return;
                };
                kept.bytes = kept.bytes.saturating_sub(oldest.bytes);
                if kept.steps.is_empty() {
                    kept.current = None;
                }
                oldest
            };
            if let Some(chain) = oldest.chain.upgrade() {
                chain.let_go(oldest.serial);
            }
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn gone(&self) -> bool {
        self.steps
            .front()
            .is_some_and(|oldest| oldest.chain.strong_count() == 0)
    }
}
