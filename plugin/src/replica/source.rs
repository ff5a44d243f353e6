//! Who tells what is in a replica.

use std::ffi::CString;
use std::sync::Arc;

use hdfstream::protocol::Entry;
use hdfstream::v1::ObjectServer;
use hdfstream::{Error, Opened, RemoteName, Settings};

use crate::driver_info::{self, DriverInfo};
use crate::ffi::{self, hid_t};
use crate::handle::Handle;
use crate::host::Host;
use crate::plain_driver::PlainDriver;
use crate::vfd;

/// Who tells what is in a replica.
pub(super) enum Source {
    /// A server that tells objects.
    Objects(ObjectServer),
    /// A directory of files with bytes.
    Files(Files),
}

/// A directory of files with bytes.
pub(super) struct Files {
    pub(super) root: RemoteName,
    pub(super) settings: Arc<Settings>,
}

impl Source {
    /// Scheme and authority of the server.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Objects(server) => server.name().to_owned(),
            Self::Files(files) => files.root.server(),
        }
    }
}

impl Files {
    fn at(&self, path: &str) -> Result<RemoteName, Error> {
        self.root.join(path)
    }

    /// What is in the directory `path` below the root.
    pub(super) fn list(&self, path: &str) -> Result<Vec<Entry>, Error> {
        hdfstream::list(&self.at(path)?, &self.settings)
    }

    /// Mounts the file `path` on the group `place` of `parent`; tells whether HDF5 could.
    pub(super) fn mount(
        &self,
        host: &'static Host,
        parent: hid_t,
        place: &[u8],
        path: &str,
        degree: ffi::H5F_close_degree_t,
    ) -> Result<bool, Error> {
        let name = self.at(path)?;
        match hdfstream::open(&name, &self.settings, false)? {
            Opened::Bytes(file) => {
                let info = DriverInfo {
                    settings: Arc::clone(&self.settings),
                    linked_from: None,
                    chosen: PlainDriver::default(),
                    opened: Some(driver_info::Opened::reading(file)),
                };
                Ok(mount(host, parent, place, &name.url(), &info, degree).is_some())
            }
            Opened::Objects(_) | Opened::Directory(_) => Ok(false),
        }
    }
}

/// Opens `url` as `info` says and mounts it. A mounted file stays open without an id.
fn mount(
    host: &'static Host,
    parent: hid_t,
    place: &[u8],
    url: &str,
    info: &DriverInfo,
    degree: ffi::H5F_close_degree_t,
) -> Option<()> {
    let h5 = &host.h5;
    let (url, place) = (CString::new(url).ok()?, CString::new(place).ok()?);
    // SAFETY: ids are open, names NUL-terminated, and HDF5 copies the info before it returns.
    unsafe {
        let access = (h5.H5Pcreate)(host.ids.plist_file_access.get());
        let access = Handle::own(host, access, h5.H5Pclose)?;
        let native = (h5.H5VLget_connector_id_by_name)(c"native".as_ptr());
        let native = Handle::own(host, native, h5.H5Idec_ref)?;
        let driver = vfd::id(host).ok()?;
        // Files in one hierarchy must close alike.
        let prepared = (h5.H5Pset_vol)(access.id(), native.id(), std::ptr::null()) >= 0
            && (h5.H5Pset_driver)(access.id(), driver, std::ptr::from_ref(info).cast()) >= 0
            && (h5.H5Pset_fclose_degree)(access.id(), degree) >= 0;
        if !prepared {
            return None;
        }
        let file = (h5.H5Fopen)(url.as_ptr(), ffi::H5F_ACC_RDONLY, access.id());
        let file = Handle::own(host, file, h5.H5Fclose)?;
        let mounted = (h5.H5Fmount)(parent, place.as_ptr(), file.id(), ffi::H5P_DEFAULT);
        (mounted >= 0).then_some(())
    }
}
