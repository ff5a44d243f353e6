//! Counters of what the network was asked for, for tests and for people who tune (`HDFSTREAM_STATS`).
//!
//! Per process, since it started; a forked child goes on from its parent's numbers.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// One counter.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    pub(crate) fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Relaxed);
    }

    /// The present value.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// HTTP requests sent, retries included.
pub static REQUESTS: Counter = Counter::new();
/// Times that the program had to wait for the network; requests made in parallel count once.
pub static ROUND_TRIPS: Counter = Counter::new();
/// Bytes of reply bodies received.
pub static BYTES_IN: Counter = Counter::new();
/// Bytes of request bodies sent.
pub static BYTES_OUT: Counter = Counter::new();
/// Reads that were answered from memory alone.
pub static CACHE_HITS: Counter = Counter::new();
/// Bytes that were taken from the cache on disk.
pub static DISK_BYTES: Counter = Counter::new();
/// Chunks that were decoded here instead of by HDF5.
pub static CHUNKS_DECODED: Counter = Counter::new();

/// Bytes that were fetched without having been asked for, because they may be wanted later.
pub static UNASKED_BYTES: Counter = Counter::new();

/// All counters as one line of JSON.
#[must_use]
pub fn json() -> String {
    format!(
        "{{\"requests\":{},\"round_trips\":{},\"bytes_in\":{},\"bytes_out\":{},\"cache_hits\":{},\"disk_bytes\":{},\"chunks_decoded\":{},\"unasked_bytes\":{}}}",
        REQUESTS.get(),
        ROUND_TRIPS.get(),
        BYTES_IN.get(),
        BYTES_OUT.get(),
        CACHE_HITS.get(),
        DISK_BYTES.get(),
        CHUNKS_DECODED.get(),
        UNASKED_BYTES.get()
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_line_is_json_with_every_counter() {
        let line: serde_json::Value = serde_json::from_str(&super::json()).unwrap();
        for key in [
            "requests",
            "round_trips",
            "bytes_in",
            "bytes_out",
            "cache_hits",
            "disk_bytes",
            "chunks_decoded",
            "unasked_bytes",
        ] {
            assert!(line[key].is_u64(), "{key} in {line}");
        }
    }
}
