//! Room on the disk: some is left free for others.

use super::Leases;
use crate::error::Error;

impl Leases {
    /// Whether there is room for so many more bytes. Blocks.
    pub(super) fn check_space(&self, path: &str, bytes: usize) -> Result<(), Error> {
        if bytes == 0 {
            return Ok(());
        }
        // A file system that cannot say will say when it is full.
        let Ok(disk) = rustix::fs::fstatvfs(&self.0.root) else {
            return Ok(());
        };
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        if free < self.0.reserve.saturating_add(bytes as u64) {
            return Err(Error::NoSpace(path.to_owned()));
        }
        Ok(())
    }
}
