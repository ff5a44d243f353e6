//! A local file that stands for a remote one where a program asks for a descriptor (`H5Fget_vfd_handle`).
//!
//! One name for each remote file, in a folder of this user, so that programs on this machine which lock
//! the descriptor with `flock` exclude each other.

use std::ffi::{c_int, c_void};
use std::fs::{DirBuilder, File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};

/// An open lock file and the place where HDF5's callers find its descriptor.
pub(crate) struct LockFile {
    _file: File,
    descriptor: c_int,
}

impl LockFile {
    /// Opens, and if need be makes, the lock file of `url`.
    pub(crate) fn open(url: &str) -> io::Result<Self> {
        // SAFETY: no arguments, cannot fail.
        let user = unsafe { libc::geteuid() };
        let folder = std::env::temp_dir().join(format!("hdfstream-locks-{user}"));
        if let Err(error) = DirBuilder::new().mode(0o700).create(&folder)
            && error.kind() != io::ErrorKind::AlreadyExists
        {
            return Err(error);
        }
        let found = folder.symlink_metadata()?;
        if !found.is_dir() || found.uid() != user {
            return Err(io::Error::other(format!(
                "{} is not a folder of this user",
                folder.display()
            )));
        }
        let mut hasher = DefaultHasher::new();
        url.hash(&mut hasher);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW)
            .open(folder.join(format!("{:016x}", hasher.finish())))?;
        let descriptor = file.as_raw_fd();
        Ok(Self {
            _file: file,
            descriptor,
        })
    }

    /// Pointer to the descriptor, as the drivers of HDF5 hand it out.
    pub(crate) fn descriptor_pointer(&self) -> *mut c_void {
        (&raw const self.descriptor).cast_mut().cast()
    }
}
