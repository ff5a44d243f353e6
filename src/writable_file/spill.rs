//! A temporary file without a name, for what was written and does not fit in memory. It goes with its last user,
//! even when the program is killed.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Makes the file; tests have others.
pub(super) type Maker = fn() -> io::Result<File>;

/// What is there is never moved: it goes with the whole file.
pub(super) struct Spill {
    maker: Maker,
    file: Option<File>,
    end: u64,
}

impl Spill {
    /// Makes the file when it is needed.
    pub(super) fn new(maker: Maker) -> Self {
        Self {
            maker,
            file: None,
            end: 0,
        }
    }

    /// Adds `bytes`, and says where they are.
    pub(super) fn add(&mut self, bytes: &[u8]) -> io::Result<u64> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert((self.maker)()?),
        };
        file.write_all_at(bytes, self.end)?;
        let at = self.end;
        self.end += bytes.len() as u64;
        Ok(at)
    }

    /// Changes bytes that are there.
    pub(super) fn change(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.existing()?.write_all_at(bytes, at)
    }

    /// Reads bytes that are there.
    pub(super) fn read(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.existing()?.read_exact_at(buffer, at)
    }

    /// In the folder for temporary files.
    pub(super) fn temporary() -> io::Result<File> {
        tempfile::tempfile()
    }

    fn existing(&self) -> io::Result<&File> {
        self.file
            .as_ref()
            .ok_or_else(|| io::Error::other("nothing was put there"))
    }
}
