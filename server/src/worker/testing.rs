//! What the tests of workers and packs need: HDF5 files, and an independent reader of them.
//!
//! Both use libhdf5 with its ordinary driver in the test program itself; the workers are processes of
//! the real server program.
#![allow(unsafe_code)]

mod files;
mod reader;

pub(crate) use files::{make_many, make_varied};
pub(crate) use reader::describe;

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hdfstream::protocol::Intent;

use super::{Job, JobError, JobOutcome, RangeSet, Workers};

/// The server program, which lies beside the directory of test programs.
pub(crate) fn executable() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.parent().unwrap().parent().unwrap().join("hdfstream-server");
    assert!(program.exists(), "{} has not been built", program.display());
    program
}

/// Workers for the files in `root`.
pub(crate) fn workers(root: &Path, count: usize) -> Workers {
    Workers::start_as(executable(), root, count).unwrap()
}

/// A look at all of the file `path`.
pub(crate) fn whole(path: &str) -> Job {
    Job {
        path: path.into(),
        intent: Intent::File,
        budget_bytes: 64 << 20,
        limit: Duration::from_secs(20),
    }
}

/// Runs `job`; also returns what it touched.
pub(crate) async fn run(workers: &Workers, job: Job) -> (Result<JobOutcome, JobError>, RangeSet) {
    let mut touched = RangeSet::default();
    let result = workers
        .run(job, |ranges| {
            for (offset, length) in ranges {
                touched.insert(offset, length, |_, _| {});
            }
        })
        .await;
    (result, touched)
}

/// `bytes` with all but `ranges` spoiled.
pub(crate) fn masked(bytes: &[u8], ranges: &[(u64, u64)]) -> Vec<u8> {
    let mut masked = vec![0xAA; bytes.len()];
    for &(offset, length) in ranges {
        let range = offset as usize..(offset + length) as usize;
        masked[range.clone()].copy_from_slice(&bytes[range]);
    }
    masked
}

/// Whether this machine's kernel offers Landlock.
pub(crate) fn kernel_has_landlock() -> bool {
    // LANDLOCK_CREATE_RULESET_VERSION
    let version = 1;
    // SAFETY: with this flag the call takes no attributes and returns a number.
    let abi = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::null::<()>(),
            0usize,
            version,
        )
    };
    abi > 0
}

/// Sends a signal to each of the workers.
pub(crate) fn signal(workers: &Workers, signal: i32) {
    for process in workers.processes() {
        // SAFETY: kill(2) takes numbers. The process is a child of ours; it may just have ended.
        unsafe { libc::kill(process.cast_signed(), signal) };
    }
}

/// A small deterministic source of pseudo-random numbers (xorshift64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// A number in `range`.
    pub(crate) fn pick(&mut self, range: RangeInclusive<usize>) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        range.start() + (self.0 as usize) % (range.end() - range.start() + 1)
    }
}
