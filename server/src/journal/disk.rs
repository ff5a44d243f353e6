//! The few things that are done to disks. Tests put another disk here: one that fails, or loses what was not
//! synced.

use std::ffi::{OsStr, OsString};
use std::fs::{File, TryLockError};
use std::io;
use std::num::NonZeroU64;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::Arc;

use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt};
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use rustix::fs::{Advice, FallocateFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use twox_hash::XxHash3_128;

/// A directory, whose entries are named without slashes.
pub(crate) trait Disk: Clone {
    /// One of its files.
    type File: DiskFile;
    /// Opens a regular file for reading and writing.
    fn open(&self, name: &OsStr) -> io::Result<Self::File>;
    /// Makes a file whose name is free; if `private`, for the server's user alone.
    fn create(&self, name: &OsStr, private: bool) -> io::Result<Self::File>;
    /// What the name stands for now, if there is anything.
    fn inode(&self, name: &OsStr) -> io::Result<Option<u64>>;
    /// Gives a file another name; fails with `EEXIST` if that is taken and not to be replaced.
    fn rename(&self, from: &OsStr, to: &OsStr, replace: bool) -> io::Result<()>;
    /// Takes a file's name away.
    fn remove(&self, name: &OsStr) -> io::Result<()>;
    /// All names.
    fn names(&self) -> io::Result<Vec<OsString>>;
    /// Waits until the names are on the disk.
    fn sync(&self) -> io::Result<()>;
    /// Tells one run of the machine from the next; 0 if that is unknown.
    fn boot(&self) -> u128;
}

/// A regular file.
pub(crate) trait DiskFile {
    /// Tells it from others.
    fn inode(&self) -> io::Result<u64>;
    /// Bytes.
    fn size(&self) -> io::Result<u64>;
    /// Fills `buffer`, or fails.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
    /// Writes all of `bytes`, or fails having written some.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Cuts it, or lengthens it by zeros.
    fn set_size(&self, size: u64) -> io::Result<()>;
    /// Takes space for a range, changing neither size nor content.
    fn allocate(&self, offset: u64, length: u64) -> io::Result<()>;
    /// Has a range brought to the disk without waiting, so that a later sync is short. Promises nothing.
    fn hasten(&self, offset: u64, length: u64);
    /// Waits until content and size are on the disk.
    fn sync(&self) -> io::Result<()>;
    /// Lets the same people at it as at `other`.
    fn set_mode_of(&self, other: &Self) -> io::Result<()>;
    /// Locks it as HDF5 does for writing; `false` if somebody else has it locked.
    fn try_lock(&self) -> io::Result<bool>;
    /// Gives the lock back.
    fn unlock(&self) -> io::Result<()>;
}

/// A directory of the served tree.
#[derive(Debug, Clone)]
pub(crate) struct Directory(Arc<Dir>);

impl Directory {
    pub(super) fn new(directory: &Dir) -> io::Result<Self> {
        Ok(Self(Arc::new(directory.try_clone()?)))
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .follow(FollowSymlinks::No)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC);
    options
}

impl Disk for Directory {
    type File = Arc<File>;

    fn open(&self, name: &OsStr) -> io::Result<Arc<File>> {
        let file = self.0.open_with(name, &options())?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        Ok(Arc::new(file.into_std()))
    }

    fn create(&self, name: &OsStr, private: bool) -> io::Result<Arc<File>> {
        let mut options = options();
        options.create_new(true).mode(if private { 0o600 } else { 0o666 });
        Ok(Arc::new(self.0.open_with(name, &options)?.into_std()))
    }

    fn inode(&self, name: &OsStr) -> io::Result<Option<u64>> {
        use cap_std::fs::MetadataExt;
        match self.0.symlink_metadata(name) {
            Ok(metadata) => Ok(Some(metadata.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn rename(&self, from: &OsStr, to: &OsStr, replace: bool) -> io::Result<()> {
        if replace {
            return self.0.rename(from, &self.0, to);
        }
        match rustix::fs::renameat_with(&*self.0, from, &*self.0, to, RenameFlags::NOREPLACE) {
            // File systems that do not know the flag have links; nobody else looks at these names between.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                self.0.hard_link(from, &self.0, to)?;
                self.0.remove_file(from)
            }
            other => Ok(other?),
        }
    }

    fn remove(&self, name: &OsStr) -> io::Result<()> {
        self.0.remove_file(name)
    }

    fn names(&self) -> io::Result<Vec<OsString>> {
        self.0.entries()?.map(|entry| Ok(entry?.file_name())).collect()
    }

    fn sync(&self) -> io::Result<()> {
        // The directory that is held may be one that can only be walked through.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::openat(&*self.0, ".", flags, Mode::empty())?;
        match rustix::fs::fsync(directory) {
            // Some network file systems have nothing to sync here.
            Err(Errno::INVAL) => Ok(()),
            other => Ok(other?),
        }
    }

    fn boot(&self) -> u128 {
        std::fs::read("/proc/sys/kernel/random/boot_id").map_or(0, |id| XxHash3_128::oneshot(&id))
    }
}

impl DiskFile for Arc<File> {
    fn inode(&self) -> io::Result<u64> {
        Ok(self.metadata()?.ino())
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.read_exact_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn set_size(&self, size: u64) -> io::Result<()> {
        self.set_len(size)
    }

    fn allocate(&self, offset: u64, length: u64) -> io::Result<()> {
        match rustix::fs::fallocate(self, FallocateFlags::KEEP_SIZE, offset, length) {
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => Ok(()),
            other => Ok(other?),
        }
    }

    fn hasten(&self, offset: u64, length: u64) {
        // Linux begins to write out what it is told will not be needed, and drops only what it has written.
        let _ = rustix::fs::fadvise(self, offset, NonZeroU64::new(length), Advice::DontNeed);
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn set_mode_of(&self, other: &Self) -> io::Result<()> {
        self.set_permissions(other.metadata()?.permissions())
    }

    fn try_lock(&self) -> io::Result<bool> {
        match File::try_lock(self) {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            // Nor does HDF5 mind file systems without locks.
            Err(TryLockError::Error(error)) => match error.raw_os_error() {
                Some(libc::ENOSYS | libc::EOPNOTSUPP) => Ok(true),
                _ => Err(error),
            },
        }
    }

    fn unlock(&self) -> io::Result<()> {
        File::unlock(self)
    }
}
