//! Remote files that are opened for writing, made and removed, with the stubs that stand for them on this machine.

use std::path::PathBuf;

use hdfstream::name::stub::Found;
use hdfstream::{Begin, Error, RemoteName, Settings, Stub, WritableFile};

use crate::driver_info::Opened;
use crate::ffi::hid_t;
use crate::host::Host;
use crate::{locking, open_drivers};

/// Opens `remote` for writing with the access list `fapl`. One that HDF5 has open is given to it again, so that it says
/// itself what is wrong with that.
pub(crate) fn open(
    host: &'static Host,
    remote: &RemoteName,
    settings: &Settings,
    begin: Begin,
    fapl: hid_t,
    place: &Place,
) -> Result<Opened, Error> {
    if let Some(content) = open_drivers::by_url(host.slot, &remote.url()) {
        return Ok(Opened::again(content));
    }
    let locking = locking::is_used(host, fapl);
    // Who made a directory here may put a file into it, which the server has not yet.
    let file = WritableFile::open_below(remote, settings, begin, locking, place.0.is_some())?;
    Ok(Opened::writing(file, begin))
}

/// Removes a remote file, and the stub that stands for it at the local path `name`.
pub(crate) fn remove(remote: &RemoteName, settings: &Settings, name: &str) -> Result<(), Error> {
    hdfstream::remove(remote, settings)?;
    if let Some(path) = hdfstream::name::stub_place(name)
        && matches!(Stub::look(&path), Ok(Found::Stub(_)))
        && let Err(error) = std::fs::remove_file(&path)
    {
        log::warn!("{}: the stub of a removed file remains: {error}", path.display());
    }
    Ok(())
}

/// Where a stub of a file that is made belongs, if anywhere.
pub(crate) struct Place(Option<PathBuf>);

impl Place {
    /// The place for the file that the program calls `name`.
    pub(crate) fn of(name: &str, begin: Begin) -> Self {
        Self(match begin {
            Begin::Existing => None,
            Begin::Create | Begin::Replace => hdfstream::name::stub_place(name),
        })
    }

    /// Makes a stub there, unless something else is. A file without its stub is a file all the same.
    pub(crate) fn leave_stub(&self, url: &str) {
        let Some(path) = &self.0 else { return };
        let stub = match (Stub::look(path), Stub::encode(url)) {
            (Ok(Found::Stub(known)), _) if known == url => return,
            (Ok(Found::Nothing | Found::Stub(_)), Ok(stub)) => stub,
            _ => return,
        };
        if let Err(error) = Stub::write(&stub, path) {
            log::warn!("{}: no stub could be left: {error}", path.display());
        }
    }
}
