//! Where the bytes of a file come from: the requests for them, whoever makes them.

use std::sync::Arc;

use super::Class;
use super::fold::{fold, rest};
use crate::Error;
use crate::cache::{LONGEST, Memory};
use crate::protocol::{self, MAX_RUNS, ReadRequest};
use crate::server::reply::{Scatter, Sink};
use crate::server::{PARALLEL, Server, Target};

/// Smallest part of a read that is worth a connection of its own, bytes.
pub(super) const PART: u64 = 8 << 20;
/// The same for what goes into the cache: there the next window is on its way already.
const KEPT_PART: u64 = 16 << 20;
/// Largest part of a read; more parts wait for their turn.
const LARGEST_PART: u64 = 256 << 20;
/// Longest buffer for what is fetched into the cache, bytes; the cache keeps it without a copy.
pub(super) const EXTENT: u64 = LONGEST as u64;

/// One version of a file on its server.
pub(crate) struct Source {
    pub(crate) server: Arc<Server>,
    /// Path of the server's base, escaped.
    pub(crate) base: String,
    /// Path below the base, as the server has it.
    pub(crate) path: String,
    /// The server's tag.
    pub(crate) version: String,
    /// Canonical URL.
    pub(crate) url: String,
    /// Whose view of the file is read; `None` for what everybody sees.
    pub(crate) lease: Option<String>,
}

/// Bytes on their way into the cache.
pub(super) struct Extent {
    pub(super) class: Class,
    pub(super) offset: u64,
    pub(super) bytes: Memory,
}

impl Extent {
    /// Adds empty extents for a range.
    pub(super) fn cover(class: Class, offset: u64, length: u64, extents: &mut Vec<Self>) {
        for start in (0..length).step_by(EXTENT as usize) {
            extents.push(Self {
                class,
                offset: offset + start,
                bytes: Memory::zeros(EXTENT.min(length - start) as usize),
            });
        }
    }
}

impl Source {
    pub(super) fn target(&self, operation: &'static str) -> Target<'_> {
        Target {
            base: &self.base,
            operation,
            url: &self.url,
        }
    }

    /// Reads `wanted`, ascending and apart.
    pub(crate) fn read(&self, wanted: Vec<(u64, &mut [u8])>) -> Result<(), Error> {
        self.server.read(self.target("read"), self.requests(wanted, PART))
    }

    /// The requests that fill `extents`, ascending and apart.
    pub(super) fn filling<'a>(&'a self, extents: &'a mut [Extent]) -> Vec<Scatter<'a>> {
        let wanted = extents
            .iter_mut()
            .map(|extent| (extent.offset, &mut extent.bytes[..]))
            .collect();
        self.requests(wanted, KEPT_PART)
    }

    /// The requests that fetch `wanted`, ascending and apart, in parts of at least `part` bytes.
    pub(super) fn requests<'a>(&'a self, wanted: Vec<(u64, &'a mut [u8])>, part: u64) -> Vec<Scatter<'a>> {
        let total: u64 = wanted.iter().map(|(_, buffer)| buffer.len() as u64).sum();
        if total == 0 {
            return Vec::new();
        }
        let parts = (total / part)
            .clamp(1, PARALLEL as u64)
            .max(total.div_ceil(LARGEST_PART));
        let share = total.div_ceil(parts);
        let mut reads = Vec::new();
        let mut now = Vec::new();
        let mut room = share;
        for (mut offset, mut buffer) in wanted {
            while !buffer.is_empty() {
                let length = room.min(buffer.len() as u64);
                let (here, later) = buffer.split_at_mut(length as usize);
                now.push((offset, here));
                offset += length;
                buffer = later;
                room -= length;
                // Few runs more than ranges are ever made, so the second limit keeps within the protocol's.
                if room == 0 || now.len() == MAX_RUNS / 2 {
                    reads.push(self.request(std::mem::take(&mut now)));
                    room = share;
                }
            }
        }
        if !now.is_empty() {
            reads.push(self.request(now));
        }
        reads
    }

    /// The request that fetches `wanted`, ascending and apart.
    pub(super) fn request<'a, S: Sink>(&'a self, wanted: Vec<(u64, S)>) -> Scatter<'a, S> {
        let (runs, pieces) = fold(wanted);
        let request = move |done: u64| {
            let question = ReadRequest {
                path: self.path.clone(),
                version: self.version.clone(),
                runs: rest(&runs, done),
                lease: self.lease.clone(),
            };
            protocol::encode(&question).map_err(|error| error.to_string())
        };
        Scatter::new(pieces, Box::new(request))
    }
}
