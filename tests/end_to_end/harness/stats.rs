//! The line of statistics that the plugin prints at exit when `HDFSTREAM_STATS=1`.

use serde_json::Value;

/// Sums over all hosts in one process, and over its children.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Stats {
    /// HTTP requests sent, repetitions included.
    pub(crate) requests: u64,
    /// Times that the program waited for the network.
    pub(crate) round_trips: u64,
    /// Bytes of replies.
    pub(crate) bytes_in: u64,
    /// Chunks that were decoded without HDF5.
    pub(crate) chunks_decoded: u64,
    /// Bytes that were fetched without having been asked for.
    pub(crate) unasked_bytes: u64,
}

impl Stats {
    /// Separates the lines of statistics from the rest of what a program wrote on stderr.
    pub(crate) fn split(stderr: &str) -> (String, Option<Self>) {
        let mut sum = None;
        let mut rest = String::with_capacity(stderr.len());
        for line in stderr.split_inclusive('\n') {
            match Self::parse(line) {
                Some(stats) => sum = Some(stats.plus(sum.unwrap_or_default())),
                None => rest.push_str(line),
            }
        }
        (rest, sum)
    }

    fn parse(line: &str) -> Option<Self> {
        let line = line.trim();
        let line = line.strip_prefix("hdfstream: ").unwrap_or(line);
        let value: Value = serde_json::from_str(line).ok()?;
        Some(Self {
            requests: value.get("requests")?.as_u64()?,
            round_trips: value.get("round_trips")?.as_u64()?,
            bytes_in: value.get("bytes_in")?.as_u64()?,
            chunks_decoded: value.get("chunks_decoded")?.as_u64()?,
            unasked_bytes: value.get("unasked_bytes")?.as_u64()?,
        })
    }

    fn plus(self, other: Self) -> Self {
        Self {
            requests: self.requests + other.requests,
            round_trips: self.round_trips + other.round_trips,
            bytes_in: self.bytes_in + other.bytes_in,
            chunks_decoded: self.chunks_decoded + other.chunks_decoded,
            unasked_bytes: self.unasked_bytes + other.unasked_bytes,
        }
    }
}
