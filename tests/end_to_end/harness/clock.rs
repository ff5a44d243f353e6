//! Wall clocks that jump while programs run: Debian's faketime answers whoever asks for the time of day. What runs on is
//! left alone, as when an administrator sets a clock.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// A wall clock for the processes that are started with its variables.
#[derive(Debug)]
pub(crate) struct Clock {
    directory: tempfile::TempDir,
    library: PathBuf,
}

impl Clock {
    /// One that is right.
    pub(crate) fn new() -> Self {
        remove_leftovers();
        let clock = Self {
            directory: tempfile::tempdir().expect("a directory"),
            library: library(),
        };
        clock.jump("+0");
        clock
    }

    /// Sets it, to so much before or after the right time, such as `+6h`.
    pub(crate) fn jump(&self, to: &str) {
        let beside = self.directory.path().join("new");
        std::fs::write(&beside, to).expect("a file");
        std::fs::rename(beside, self.offset()).expect("a file");
    }

    fn offset(&self) -> PathBuf {
        self.directory.path().join("offset")
    }

    /// The variables of a process that goes by it.
    pub(crate) fn variables(&self) -> [(&'static str, OsString); 5] {
        [
            ("LD_PRELOAD", self.library.clone().into()),
            ("FAKETIME_TIMESTAMP_FILE", self.offset().into()),
            ("FAKETIME_NO_CACHE", "1".into()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
            // What is on the disk keeps its times.
            ("NO_FAKE_STAT", "1".into()),
        ]
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        remove_leftovers();
    }
}

/// The library, below the folder of this machine's kind.
fn library() -> PathBuf {
    let kinds = std::fs::read_dir("/usr/lib").expect("a folder").flatten();
    let mut found = kinds
        .map(|kind| kind.path().join("faketime/libfaketimeMT.so.1"))
        .filter(|path| path.exists());
    found
        .next()
        .expect("faketime is missing; tests/tools/provision --only services")
}

/// faketime leaves shared memory behind, named by the process, and does not start in one that has the number again.
fn remove_leftovers() {
    for entry in std::fs::read_dir("/dev/shm").into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let process = ["faketime_shm_", "sem.faketime_sem_"]
            .into_iter()
            .find_map(|prefix| name.strip_prefix(prefix));
        if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}
