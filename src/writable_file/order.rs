//! Writes in the order in which they were made, for files that others read at the same time (HDF5's SWMR).

use super::overlay::PIECE;

/// The writes since the last commit.
#[derive(Default)]
pub(super) struct Order {
    writes: Vec<(u64, Vec<u8>)>,
    cost: u64,
}

impl Order {
    pub(super) fn add(&mut self, offset: u64, bytes: &[u8]) {
        self.cost += bytes.len() as u64 + PIECE;
        self.writes.push((offset, bytes.to_vec()));
    }

    /// How large a request they make, about, bytes.
    pub(super) fn cost(&self) -> u64 {
        self.cost
    }

    /// Drops everything from `size` on.
    pub(super) fn cut(&mut self, size: u64) {
        self.writes.retain_mut(|(offset, bytes)| {
            bytes.truncate(size.saturating_sub(*offset).min(bytes.len() as u64) as usize);
            !bytes.is_empty()
        });
    }

    /// Where the bytes go, and the bytes.
    pub(super) fn request(&self) -> (Vec<(u64, u64)>, Vec<u8>) {
        let place = |(offset, bytes): &(u64, Vec<u8>)| (*offset, bytes.len() as u64);
        let bytes: Vec<&[u8]> = self.writes.iter().map(|(_, bytes)| &bytes[..]).collect();
        (self.writes.iter().map(place).collect(), bytes.concat())
    }
}
