//! HDF5's drivers for plain local files, in whose place ours goes where a name is remote. Programs are shown the one
//! that they chose.

use std::ffi::c_void;

use hdfstream::{Class, Error, RemoteFile};

use crate::ffi::hid_t;
use crate::guard::Failed;
use crate::handle::Handle;
use crate::host::Host;

/// The driver that an access list names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum PlainDriver {
    /// HDF5's default, nearly always this one.
    #[default]
    Sec2,
    Stdio,
    /// In memory: by what steps it grows, and whether it is put onto the disk at the end.
    Core {
        increment: usize,
        stored: bool,
    },
}

impl PlainDriver {
    /// The driver of the list `fapl`, unless it is another. Others mean what they say: ros3 and netCDF's own driver
    /// read URLs themselves, and HDF5's tools try all drivers in turn when a file does not open (in discovery HDF5
    /// 1.14.6 crashes at exit over a list of the family driver).
    pub(crate) fn of(host: &'static Host, fapl: hid_t) -> Option<Self> {
        let h5 = &host.h5;
        // SAFETY: `fapl` is open during the call; the scratch list is ours; the out-pointers live through the calls.
        unsafe {
            let driver = (h5.H5Pget_driver)(fapl);
            let scratch = (h5.H5Pcreate)(host.ids.plist_file_access.get());
            let scratch = Handle::own(host, scratch, h5.H5Pclose)?;
            let is_driver = || (h5.H5Pget_driver)(scratch.id()) == driver;
            if is_driver() || ((h5.H5Pset_fapl_sec2)(scratch.id()) >= 0 && is_driver()) {
                return Some(Self::Sec2);
            }
            if (h5.H5Pset_fapl_stdio)(scratch.id()) >= 0 && is_driver() {
                return Some(Self::Stdio);
            }
            if (h5.H5Pset_fapl_core)(scratch.id(), 1 << 20, false) < 0 || !is_driver() {
                return None;
            }
            let (mut increment, mut stored) = (1 << 20, true);
            (h5.H5Pget_fapl_core)(fapl, &raw mut increment, &raw mut stored);
            Some(Self::Core { increment, stored })
        }
    }

    /// Makes the list `fapl` name this driver.
    pub(crate) fn show(self, host: &'static Host, fapl: hid_t) {
        // SAFETY: `fapl` is open during the call.
        unsafe {
            match self {
                Self::Sec2 => (host.h5.H5Pset_fapl_sec2)(fapl),
                Self::Stdio => (host.h5.H5Pset_fapl_stdio)(fapl),
                Self::Core { increment, stored } => (host.h5.H5Pset_fapl_core)(fapl, increment, stored),
            };
        }
    }

    /// Whether what is written never reaches a disk.
    pub(crate) fn forgets(self) -> bool {
        matches!(self, Self::Core { stored: false, .. })
    }

    /// Whether the list `fapl` of this driver holds the bytes of the file itself.
    pub(crate) fn holds_image(self, host: &'static Host, fapl: hid_t) -> bool {
        let mut length = 0;
        // SAFETY: `fapl` is open during the call, and only the length is asked for.
        let got = matches!(self, Self::Core { .. })
            && unsafe { (host.h5.H5Pget_file_image)(fapl, std::ptr::null_mut(), &raw mut length) } >= 0;
        got && length > 0
    }
}

/// Most bytes of a file that is changed in memory alone.
const LARGEST_IMAGE: u64 = 2 << 30;

/// A copy of the list `fapl`, of the core driver, that holds all bytes of `file`.
pub(crate) fn with_image(host: &'static Host, fapl: hid_t, file: &RemoteFile) -> Result<Handle, Problem> {
    if file.size() > LARGEST_IMAGE {
        return Err(Problem::TooLarge);
    }
    let mut bytes = vec![0; usize::try_from(file.size()).map_err(|_| Problem::TooLarge)?];
    file.read_vector(&mut [(Class::Raw, 0, &mut bytes)])
        .map_err(Problem::Unread)?;
    // SAFETY: HDF5 keeps `fapl` open during the call, and copies the bytes before it returns.
    unsafe {
        let copy = (host.h5.H5Pcopy)(fapl);
        let copy = Handle::own(host, copy, host.h5.H5Pclose).ok_or(Failed)?;
        let set = (host.h5.H5Pset_file_image)(copy.id(), bytes.as_mut_ptr().cast::<c_void>(), bytes.len());
        if set < 0 { Err(Failed.into()) } else { Ok(copy) }
    }
}

/// Why a file cannot be held in memory.
pub(crate) enum Problem {
    TooLarge,
    Unread(Error),
    /// HDF5 has said why.
    Told,
}

impl From<Failed> for Problem {
    fn from(_: Failed) -> Self {
        Self::Told
    }
}
