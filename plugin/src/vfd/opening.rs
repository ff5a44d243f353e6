//! Which file the driver is to open, when no connector has opened it: link targets, and files in discovery.

use hdfstream::{Begin, Error, Name, RemoteFile, WritableFile};

use crate::content::Content;
use crate::driver_info::DriverInfo;
use crate::error_stack::{Topic, push, push_text};
use crate::ffi;
use crate::guard::Failed;
use crate::host::Host;
use crate::{locking, open_drivers};

/// What HDF5 wants to do with a file.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    pub(super) flags: std::ffi::c_uint,
    pub(super) locking: bool,
}

impl Wanted {
    fn begin(self) -> Option<Begin> {
        if self.flags & ffi::H5F_ACC_TRUNC != 0 {
            Some(Begin::Replace)
        } else if self.flags & ffi::H5F_ACC_EXCL != 0 {
            Some(Begin::Create)
        } else {
            (self.flags & ffi::H5F_ACC_RDWR != 0).then_some(Begin::Existing)
        }
    }
}

/// Opens what HDF5 means by `name`. It opens link targets past the connector, by names that it puts together from
/// the working directory, the parent's name and the link's value; those of them that are no remote names must not
/// reach the client's own disk.
pub(super) fn open(slot: usize, name: &str, info: &DriverInfo, wanted: Wanted) -> Result<Content, Error> {
    let meaning = match &info.linked_from {
        Some(parent) => parent.link_target(name),
        None => hdfstream::resolve(name),
    };
    let begin = wanted.begin();
    let remote = match (meaning, &info.linked_from) {
        (Name::Remote(remote), _) => remote,
        (Name::Local, Some(parent)) if name.starts_with('/') && begin.is_none() => {
            let file = parent.open_linked(name)?;
            return Ok(open_drivers::writer_by_url(slot, file.url()).unwrap_or(Content::Reading(file)));
        }
        (Name::Local, Some(parent)) if name.starts_with('/') => {
            // By its URL it can be written; only the server knows it.
            let file = parent.open_linked(name)?;
            match hdfstream::resolve(file.url()) {
                Name::Remote(remote) => remote,
                Name::Local => return Err(parent.lacks(name)),
            }
        }
        (Name::Local, Some(parent)) => return Err(parent.lacks(name)),
        (Name::Local, None) => {
            return Err(Error::InvalidName {
                name: name.to_owned(),
                reason: "a remote file has a name like https://host/hdfstream/file.h5".into(),
            });
        }
    };
    let known = match begin {
        Some(_) => open_drivers::by_url(slot, &remote.url()),
        None => open_drivers::writer_by_url(slot, &remote.url()),
    };
    if let Some(content) = known {
        return Ok(content);
    }
    match (begin, &info.linked_from) {
        (None, Some(parent)) => parent.open_named(&remote, &info.settings).map(Content::Reading),
        (None, None) => RemoteFile::open(&remote, &info.settings, false).map(Content::Reading),
        (Some(begin), parent) => {
            if let Some(parent) = parent {
                parent.may_lead_writers_to(&remote)?;
            }
            WritableFile::open(&remote, &info.settings, begin, wanted.locking).map(Content::Writing)
        }
    }
}

/// Whether the program has HDF5 lock files that it opens by `fapl`.
pub(super) fn wanted(host: &'static Host, fapl: ffi::hid_t, flags: std::ffi::c_uint) -> Wanted {
    Wanted {
        flags,
        locking: locking::is_used(host, fapl),
    }
}

/// Refuses a file unless the server has seen that no dataset of it keeps its elements in raw files. Without
/// our connector HDF5 would look for those on the client's disk.
pub(super) fn refuse_raw_files(host: &'static Host, content: &Content) -> Result<(), Failed> {
    let Some(file) = content.on_server() else {
        return Ok(());
    };
    let why = match file.holds_raw_files() {
        Ok(Some(false)) => return Ok(()),
        Ok(Some(true)) => "it has datasets with external raw storage",
        Ok(None) => "the server could not look at all of it",
        Err(error) => {
            push(host, Topic::Open, file.url(), &error);
            return Err(Failed);
        }
    };
    push_text(
        host,
        Topic::Open,
        &format!(
            "{}: {why}; set HDF5_VOL_CONNECTOR=hdfstream to open this file",
            file.url()
        ),
    );
    Err(Failed)
}
