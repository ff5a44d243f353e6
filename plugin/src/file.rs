//! The replaced slots of the connector that concern files: open by name, local or remote.
//!
//! A local name goes to the native code untouched. A remote one goes there too, with a copy of the access
//! property list that names our driver.

use std::ffi::{CStr, CString, c_char, c_uint, c_void};
use std::sync::Arc;

use hdfstream::{Begin, Name, Objects, RemoteName, Settings};

use crate::connector::{self, Info};
use crate::driver_info::{DriverInfo, Opened};
use crate::error_stack::{Saved, Topic, push, push_text};
use crate::ffi::{self, herr_t, hid_t};
use crate::guard::{Failed, guard};
use crate::handle::Handle;
use crate::host::Host;
use crate::plain_driver::{PlainDriver, Problem};
use crate::{file_names, making, open_drivers, plain_driver, replica, reporting, vfd};

/// A remote name, opened.
enum Remote {
    /// A file with bytes, for our driver.
    Bytes {
        url: CString,
        /// The property list to open it by.
        fapl: Handle,
        opened: Opened,
    },
    /// A file with bytes, for HDF5's own driver, which is given all of them and forgets what is written.
    InMemory { url: CString, fapl: Handle },
    /// What the server tells object by object.
    Objects(Objects),
    /// A directory of files with bytes.
    Directory(RemoteName, Arc<Settings>),
}

/// What a remote file is opened for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Read,
    /// To be written, or made.
    Write(Begin),
}

/// A remote name, and the settings by which to use it.
struct Named<'a> {
    host: &'static Host,
    text: &'a str,
    remote: RemoteName,
    settings: Settings,
    driver: PlainDriver,
}

impl Named<'_> {
    fn fail(&self, error: hdfstream::Error) -> Failed {
        push(self.host, Topic::Open, self.text, &error);
        Failed
    }
}

/// Decides whether `name` is remote, and is to be opened by us with the access list `fapl`.
fn named<'a>(host: &'static Host, name: &'a CStr, fapl: hid_t) -> Result<Option<Named<'a>>, Failed> {
    let Ok(text) = name.to_str() else { return Ok(None) };
    let fail = |error: hdfstream::Error| {
        push(host, Topic::Open, text, &error);
        Failed
    };
    let Name::Remote(remote) = hdfstream::resolve_with_stub(text).map_err(fail)? else {
        return Ok(None);
    };
    let driver = PlainDriver::of(host, fapl).filter(|driver| !driver.holds_image(host, fapl));
    let Some(driver) = driver else {
        return Ok(None);
    };
    Ok(Some(Named {
        host,
        text,
        remote,
        settings: settings(host, fapl).map_err(fail)?,
        driver,
    }))
}

/// Decides whether `name` is remote; if so opens it, and prepares a copy of the access list `fapl` for it.
fn remote(host: &'static Host, name: &CStr, fapl: hid_t, purpose: Purpose) -> Result<Option<Remote>, Failed> {
    let Some(named) = named(host, name, fapl)? else {
        return Ok(None);
    };
    let url = CString::new(named.remote.url()).map_err(|_| Failed)?;
    if purpose != Purpose::Read && named.driver.forgets() {
        return match purpose {
            Purpose::Write(Begin::Existing) => in_memory(&named, url, fapl).map(Some),
            // What is made in memory alone never reaches a disk, whatever its name.
            _ => Ok(None),
        };
    }
    let opened = match purpose {
        Purpose::Read => match open_drivers::writer_by_url(host.slot, &named.remote.url()) {
            Some(content) => Opened::again(content),
            None => match open_to_read(&named)? {
                hdfstream::Opened::Bytes(file) => Opened::reading(file),
                hdfstream::Opened::Objects(objects) => return Ok(Some(Remote::Objects(objects))),
                hdfstream::Opened::Directory(name) => {
                    return Ok(Some(Remote::Directory(name, Arc::new(named.settings))));
                }
            },
        },
        Purpose::Write(begin) => {
            let place = making::Place::of(named.text, begin);
            making::open(host, &named.remote, &named.settings, begin, fapl, &place)
                .map_err(|error| named.fail(error))?
        }
    };
    // SAFETY: HDF5 keeps `fapl` open during the call.
    let copy = unsafe { (host.h5.H5Pcopy)(fapl) };
    let copy = Handle::own(host, copy, host.h5.H5Pclose).ok_or(Failed)?;
    let info = DriverInfo {
        settings: Arc::new(named.settings),
        linked_from: None,
        chosen: named.driver,
        opened: Some(opened.clone()),
    };
    // SAFETY: HDF5 copies the info, through the driver's own function, before it returns.
    let set = unsafe { (host.h5.H5Pset_driver)(copy.id(), vfd::id(host)?, (&raw const info).cast()) };
    if set < 0 {
        opened.end(host, false);
        return Err(Failed);
    }
    Ok(Some(Remote::Bytes {
        url,
        fapl: copy,
        opened,
    }))
}

/// Fetches a file that is to be changed in memory alone.
fn in_memory(named: &Named<'_>, url: CString, fapl: hid_t) -> Result<Remote, Failed> {
    let hdfstream::Opened::Bytes(file) = open_to_read(named)? else {
        return Err(named.fail(hdfstream::Error::ReadOnly {
            url: named.remote.url(),
            server: named.remote.server(),
        }));
    };
    match plain_driver::with_image(named.host, fapl, &file) {
        Ok(fapl) => Ok(Remote::InMemory { url, fapl }),
        Err(Problem::Unread(error)) => Err(named.fail(error)),
        Err(Problem::Told) => Err(Failed),
        Err(Problem::TooLarge) => {
            push_text(
                named.host,
                Topic::Unsupported,
                &format!("{}: the file is too large to be changed in memory", file.url()),
            );
            Err(Failed)
        }
    }
}

fn open_to_read(named: &Named<'_>) -> Result<hdfstream::Opened, Failed> {
    let opened = hdfstream::open(&named.remote, &named.settings, false).map_err(|error| named.fail(error))?;
    if opened.is_directory() && !names_directory(named.text) {
        return Err(named.fail(hdfstream::Error::IsDirectory {
            url: named.remote.url(),
            server: named.remote.server(),
        }));
    }
    Ok(opened)
}

/// Whether the user means a directory: the name ends with a slash, or is an alias alone. Otherwise it is an error, as
/// it is for a local one: h5ls takes a file that does not open for an object of what is before its last slash.
fn names_directory(name: &str) -> bool {
    name.ends_with(['/', ':'])
}

/// The settings that apply to files opened with `fapl`.
fn settings(host: &'static Host, fapl: hid_t) -> Result<Settings, hdfstream::Error> {
    let mut info: *mut c_void = std::ptr::null_mut();
    // SAFETY: fills `info` with a copy that is ours, or with null. The list may name another connector
    // (discovery): its info is then not one of ours, and must not be read as one.
    let text = unsafe {
        if is_foreign(host, fapl) || (host.h5.H5Pget_vol_info)(fapl, &raw mut info) < 0 || info.is_null() {
            String::new()
        } else {
            let text = Info::text(info);
            drop(Box::from_raw(info.cast::<Info>()));
            text
        }
    };
    Settings::load((!text.is_empty()).then_some(text.as_str()))
}

/// Whether `fapl` names a connector other than ours, whose info means something else.
fn is_foreign(host: &'static Host, fapl: hid_t) -> bool {
    let h5 = &host.h5;
    // SAFETY: the name is static; the call only looks it up.
    if unsafe { (h5.H5VLis_connector_registered_by_name)(connector::NAME.as_ptr()) } <= 0 {
        return true;
    }
    let mut id: hid_t = 0;
    let mut order = 0;
    // SAFETY: ids are counted up for us and given back by their handles; the out-pointers live through the
    // calls.
    unsafe {
        let ours = (h5.H5VLget_connector_id_by_name)(connector::NAME.as_ptr());
        let Some(ours) = Handle::own(host, ours, h5.H5Idec_ref) else {
            return true;
        };
        if (h5.H5Pget_vol_id)(fapl, &raw mut id) < 0 {
            return true;
        }
        let Some(named) = Handle::own(host, id, h5.H5Idec_ref) else {
            return true;
        };
        (h5.H5VLcmp_connector_cls)(&raw mut order, ours.id(), named.id()) < 0 || order != 0
    }
}

pub(crate) unsafe extern "C" fn open<const SLOT: usize>(
    name: *const c_char,
    flags: c_uint,
    fapl: hid_t,
    dxpl: hid_t,
    request: *mut *mut c_void,
) -> *mut c_void {
    guard(SLOT, |host| {
        let native = host.native.file_cls.open.ok_or(Failed)?;
        // SAFETY: HDF5 passes a NUL-terminated name.
        let given = unsafe { CStr::from_ptr(name) };
        let purpose = match flags & ffi::H5F_ACC_RDWR {
            0 => Purpose::Read,
            _ => Purpose::Write(Begin::Existing),
        };
        match remote(host, given, fapl, purpose)? {
            None => {
                // SAFETY: the arguments are HDF5's own.
                let file = unsafe { native(name, flags, fapl, dxpl, request) };
                if file.is_null() {
                    reporting::local_open_failed(&given.to_string_lossy());
                }
                Ok(file)
            }
            Some(Remote::Objects(objects)) => {
                replica::open(host, replica::Origin::Objects(objects), fapl, given)
            }
            Some(Remote::Directory(name, settings)) => {
                replica::open(host, replica::Origin::Files { name, settings }, fapl, given)
            }
            Some(Remote::InMemory { url, fapl }) => {
                // SAFETY: as above, with a name and a list that live through the call.
                let file = unsafe { native(url.as_ptr(), flags, fapl.id(), dxpl, request) };
                if !file.is_null() {
                    file_names::remember(file, url, given);
                }
                Ok(file)
            }
            Some(Remote::Bytes { url, fapl, opened }) => {
                // SAFETY: as above, with a name and a list that live through the call.
                let file = unsafe { native(url.as_ptr(), flags, fapl.id(), dxpl, request) };
                opened.end(host, !file.is_null());
                if !file.is_null() {
                    file_names::remember(file, url, given);
                }
                Ok(file)
            }
        }
    })
}

pub(crate) unsafe extern "C" fn create<const SLOT: usize>(
    name: *const c_char,
    flags: c_uint,
    fcpl: hid_t,
    fapl: hid_t,
    dxpl: hid_t,
    request: *mut *mut c_void,
) -> *mut c_void {
    guard(SLOT, |host| {
        let native = host.native.file_cls.create.ok_or(Failed)?;
        // SAFETY: HDF5 passes a NUL-terminated name.
        let given = unsafe { CStr::from_ptr(name) };
        let begin = match flags & ffi::H5F_ACC_TRUNC {
            0 => Begin::Create,
            _ => Begin::Replace,
        };
        match remote(host, given, fapl, Purpose::Write(begin))? {
            // SAFETY: the arguments are HDF5's own.
            None => Ok(unsafe { native(name, flags, fcpl, fapl, dxpl, request) }),
            // Opening for writing failed already, and what is in memory alone is local.
            Some(Remote::Objects(_) | Remote::Directory(..) | Remote::InMemory { .. }) => Err(Failed),
            Some(Remote::Bytes { url, fapl, opened }) => {
                // SAFETY: as above, with a name and a list that live through the call.
                let file = unsafe { native(url.as_ptr(), flags, fcpl, fapl.id(), dxpl, request) };
                opened.end(host, !file.is_null());
                if !file.is_null() {
                    making::Place::of(&given.to_string_lossy(), begin).leave_stub(&url.to_string_lossy());
                    file_names::remember(file, url, given);
                }
                Ok(file)
            }
        }
    })
}

pub(crate) unsafe extern "C" fn close<const SLOT: usize>(
    file: *mut c_void,
    dxpl: hid_t,
    request: *mut *mut c_void,
) -> herr_t {
    guard(SLOT, |host| {
        let native = host.native.file_cls.close.ok_or(Failed)?;
        file_names::forget(file);
        // SAFETY: the arguments are HDF5's own.
        Ok(replica::close(host, file, || unsafe {
            native(file, dxpl, request)
        }))
    })
}

pub(crate) unsafe extern "C" fn get<const SLOT: usize>(
    object: *mut c_void,
    arguments: *mut ffi::H5VL_file_get_args_t,
    dxpl: hid_t,
    request: *mut *mut c_void,
) -> herr_t {
    guard(SLOT, |host| {
        let native = host.native.file_cls.get.ok_or(Failed)?;
        // SAFETY: the arguments are HDF5's own.
        let status = unsafe { native(object, arguments, dxpl, request) };
        if status < 0 || !(open_drivers::any_open() || replica::any()) {
            return Ok(status);
        }
        // SAFETY: HDF5 passes a pointer to the arguments; the operation tells which part of the union is set.
        unsafe {
            match (*arguments).op_type {
                ffi::H5VL_FILE_GET_FAPL => {
                    let in_memory = replica::is_of(host, object);
                    show_chosen_driver(host, (*arguments).args.get_fapl.fapl_id, in_memory);
                }
                ffi::H5VL_FILE_GET_INTENT if replica::is_of(host, object) => {
                    *(*arguments).args.get_intent.flags = ffi::H5F_ACC_RDONLY;
                }
                ffi::H5VL_FILE_GET_NAME => show_given_name(object, &raw const (*arguments).args.get_name),
                _ => {}
            }
        }
        Ok(status)
    })
}

/// Makes an access list of a remote file name the driver that the program chose, HDF5's default for one: programs check
/// for it, and a list that they use again opens by name through the connector anyway.
fn show_chosen_driver(host: &'static Host, fapl: hid_t, in_memory: bool) {
    let _saved = Saved::new(host);
    let Ok(ours) = vfd::id(host) else { return };
    // SAFETY: the list was made by the call just done; an info of our driver is ours.
    let chosen = unsafe {
        if (host.h5.H5Pget_driver)(fapl) == ours {
            DriverInfo::from_ptr((host.h5.H5Pget_driver_info)(fapl)).map(|info| info.chosen)
        } else {
            in_memory.then_some(PlainDriver::default())
        }
    };
    if let Some(chosen) = chosen {
        chosen.show(host, fapl);
    }
}

/// Replaces a URL by the name that the program gave.
///
/// # Safety
/// `arguments` are those of a successful `H5VL_FILE_GET_NAME` for `object`.
unsafe fn show_given_name(object: *const c_void, arguments: *const ffi::H5VL_file_get_name_args_t) {
    // SAFETY: the caller's promise; a buffer that is not null has `buf_size` bytes and holds a terminated
    // string after a successful call.
    unsafe {
        let (buffer, size) = ((*arguments).buf, (*arguments).buf_size);
        let length = (*arguments).file_name_len;
        let name = file_names::of_file(object).or_else(|| {
            // Objects do not tell which file object they came from, and their URL is known only when the
            // buffer was large enough for all of it.
            if buffer.is_null() || *length >= size {
                return None;
            }
            file_names::of_url(CStr::from_ptr(buffer))
        });
        let Some(name) = name else { return };
        let bytes = name.as_bytes();
        *length = bytes.len();
        if !buffer.is_null() && size > 0 {
            let shown = bytes.len().min(size - 1);
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), buffer.cast::<u8>(), shown);
            *buffer.add(shown) = 0;
        }
    }
}

pub(crate) unsafe extern "C" fn specific<const SLOT: usize>(
    object: *mut c_void,
    arguments: *mut ffi::H5VL_file_specific_args_t,
    dxpl: hid_t,
    request: *mut *mut c_void,
) -> herr_t {
    guard(SLOT, |host| {
        let native = host.native.file_cls.specific.ok_or(Failed)?;
        // SAFETY: HDF5 passes a pointer to the arguments; the operation tells which part of the union is set.
        // For the two operations by name there is no object.
        unsafe {
            match (*arguments).op_type {
                ffi::H5VL_FILE_IS_ACCESSIBLE => {
                    let question = (*arguments).args.is_accessible;
                    if hdfstream::settings::is_default_connector() {
                        let name = CStr::from_ptr(question.filename);
                        match remote(host, name, question.fapl_id, Purpose::Read)? {
                            Some(Remote::Bytes { url, fapl, .. }) => {
                                (*arguments).args.is_accessible.filename = url.as_ptr();
                                (*arguments).args.is_accessible.fapl_id = fapl.id();
                                let status = native(object, arguments, dxpl, request);
                                (*arguments).args.is_accessible = question;
                                return Ok(status);
                            }
                            Some(Remote::Objects(_) | Remote::Directory(..) | Remote::InMemory { .. }) => {
                                *question.accessible = true;
                                return Ok(0);
                            }
                            None => {}
                        }
                    } else {
                        // HDF5 could not open the file itself and asks each plugin in turn. Never fail:
                        // 1.14.6 would stop asking. Never ask the server: the open that follows will, and
                        // reports what is wrong.
                        *question.accessible = CStr::from_ptr(question.filename).to_str().is_ok_and(|name| {
                            reporting::local_open_failed(name);
                            matches!(hdfstream::resolve_with_stub(name), Ok(Name::Remote(_)))
                                && PlainDriver::of(host, question.fapl_id).is_some()
                        });
                        return Ok(0);
                    }
                }
                ffi::H5VL_FILE_DELETE => {
                    let question = (*arguments).args.del;
                    let name = CStr::from_ptr(question.filename);
                    if let Some(named) = named(host, name, question.fapl_id)? {
                        making::remove(&named.remote, &named.settings, named.text)
                            .map_err(|error| named.fail(error))?;
                        return Ok(0);
                    }
                }
                _ => {}
            }
            Ok(native(object, arguments, dxpl, request))
        }
    })
}
