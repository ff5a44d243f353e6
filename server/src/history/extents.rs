//! Bytes that one commit overwrote, by their place in the file.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use super::retained::Segment;

/// Kept bytes, without overlaps. Of what is kept twice for a place, the first counts.
#[derive(Debug, Default)]
pub(super) struct Extents(BTreeMap<u64, Extent>);

/// A run of kept bytes.
#[derive(Debug, Clone)]
pub(super) struct Extent {
    /// Where in the file.
    pub(super) offset: u64,
    /// How many.
    pub(super) length: u64,
    /// Where they are kept.
    pub(super) segment: Arc<Segment>,
    pub(super) at: u64,
}

impl Extents {
    /// The parts of a range of which nothing is kept yet, as offset and length.
    pub(super) fn gaps(&self, offset: u64, length: u64) -> Vec<(u64, u64)> {
        let end = offset.saturating_add(length);
        let mut gaps = Vec::new();
        let mut at = offset;
        for extent in self.touching(offset, length) {
            if extent.offset > at {
                gaps.push((at, extent.offset - at));
            }
            at = at.max(extent.offset + extent.length);
        }
        if at < end {
            gaps.push((at, end - at));
        }
        gaps
    }

    /// Adds bytes of which nothing was kept.
    pub(super) fn insert(&mut self, extent: Extent) {
        if let Some((_, last)) = self.0.range_mut(..extent.offset).next_back()
            && last.offset + last.length == extent.offset
            && last.at + last.length == extent.at
            && Arc::ptr_eq(&last.segment, &extent.segment)
        {
            last.length += extent.length;
            return;
        }
        self.0.insert(extent.offset, extent);
    }

    /// What is kept of a range, ascending.
    pub(super) fn touching(&self, offset: u64, length: u64) -> impl Iterator<Item = &Extent> {
        let before = self.0.range(..offset).next_back().map(|(_, extent)| extent);
        let end = offset.saturating_add(length);
        before
            .filter(move |extent| extent.offset + extent.length > offset)
            .into_iter()
            .chain(self.0.range(offset..end).map(|(_, extent)| extent))
    }
}

impl Extent {
    /// Copies what `buffer`, the file's bytes from `base` on, shares with these bytes. Blocks.
    pub(super) fn lay_over(&self, buffer: &mut [u8], base: u64) -> io::Result<()> {
        let start = self.offset.max(base);
        let end = (self.offset + self.length).min(base + buffer.len() as u64);
        if start >= end {
            return Ok(());
        }
        let part = &mut buffer[(start - base) as usize..(end - base) as usize];
        self.segment.read_at(part, self.at + (start - self.offset))
    }
}
