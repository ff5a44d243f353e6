//! Replicas: files in memory that stand for what a server tells only object by object.
//!
//! Servers of the older protocol, and directories, have no bytes of a file to give. For them the host's own HDF5
//! makes a file in memory; its groups and attributes are put there from the server's answers when the program is
//! about to look at them (`fill`), elements come when they are read (`read`). All objects are native ones of that
//! file. What the program would see too early the replaced slots fetch first (`slots`).

mod build;
mod copying;
mod datatype;
mod fill;
mod read;
mod remote;
mod selection;
pub(crate) mod slots;
mod source;
mod tree;

use std::collections::HashMap;
use std::ffi::{CStr, CString, c_uint, c_ulong, c_void};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hdfstream::v1::{Found, ObjectServer};
use hdfstream::{Error, Objects, RemoteName, Settings};

use crate::error_stack::{Saved, Topic, push, push_text};
use crate::ffi::{self, hid_t};
use crate::guard::Failed;
use crate::handle::Handle;
use crate::host::Host;
use crate::{dataset, file_names};
use remote::RemoteDataset;
use source::{Files, Source};
use tree::{Place, Tree, Walk};

pub(crate) use read::read;

/// The replicas of all hosts.
static REPLICAS: Mutex<Vec<Arc<Replica>>> = Mutex::new(Vec::new());
/// Their number, so that programs without pay nothing.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// What a replica stands for.
pub(crate) enum Origin {
    /// A file or directory on a server that tells objects.
    Objects(Objects),
    /// A directory of files with bytes.
    Files {
        name: RemoteName,
        settings: Arc<Settings>,
    },
}

/// A file in memory.
pub(crate) struct Replica {
    host: &'static Host,
    /// Our own opening of it, by the native connector; the program has others.
    file: Handle,
    number: c_ulong,
    source: Source,
    /// How its files close.
    degree: ffi::H5F_close_degree_t,
    /// Canonical URL of what it stands for.
    url: String,
    tree: Mutex<Tree>,
    /// Datasets whose elements have yet to come, by the address of their object header.
    datasets: Mutex<HashMap<u64, RemoteDataset>>,
}

/// What a call is about to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// The link that a path ends with.
    Link,
    /// The object that a path leads to.
    Object,
    /// The same, to be opened.
    Opened,
    /// That object's attributes.
    Attributes,
    /// The links of that group.
    Links,
    /// All that lies below that group.
    Everything,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether there is any replica.
pub(crate) fn any() -> bool {
    COUNT.load(Ordering::Relaxed) > 0
}

/// The replica that `object` belongs to, and the address of its object header.
fn of_object(host: &'static Host, object: *mut c_void, kind: ffi::H5I_type_t) -> Option<(Arc<Replica>, u64)> {
    if !any() || object.is_null() {
        return None;
    }
    let (number, address) = dataset::identity(host, object, kind)?;
    let replicas = lock(&REPLICAS);
    let found = replicas
        .iter()
        .find(|replica| replica.host.slot == host.slot && replica.number == number)?;
    Some((Arc::clone(found), address))
}

/// Whether the file object `file` is one of a replica.
pub(crate) fn is_of(host: &'static Host, file: *mut c_void) -> bool {
    of_object(host, file, ffi::H5I_FILE).is_some()
}

/// Makes what HDF5 says of the storage of `dataset` what it would be if its elements were there.
///
/// # Safety
/// `arguments` are those of a successful operation on `dataset`.
pub(crate) unsafe fn show_storage(
    host: &'static Host,
    dataset: *mut c_void,
    arguments: *mut ffi::H5VL_dataset_get_args_t,
) {
    // SAFETY: the caller's promise; the operation says which part of the union counts.
    unsafe {
        let operation = (*arguments).op_type;
        if operation != ffi::H5VL_DATASET_GET_SPACE_STATUS && operation != ffi::H5VL_DATASET_GET_STORAGE_SIZE
        {
            return;
        }
        let Some((replica, address)) = of_object(host, dataset, ffi::H5I_DATASET) else {
            return;
        };
        let Some(bytes) = lock(&replica.datasets).get(&address).map(RemoteDataset::bytes) else {
            return;
        };
        if operation == ffi::H5VL_DATASET_GET_STORAGE_SIZE {
            *(*arguments).args.get_storage_size.storage_size = bytes;
        } else if bytes > 0 {
            *(*arguments).args.get_space_status.status = ffi::H5D_SPACE_STATUS_ALLOCATED;
        }
    }
}

/// Makes a replica of `origin` and opens it for the program, which named it `given` and opens it with the access
/// list `access`.
pub(crate) fn open(
    host: &'static Host,
    origin: Origin,
    access: hid_t,
    given: &CStr,
) -> Result<*mut c_void, Failed> {
    sweep(host);
    let url = match &origin {
        Origin::Objects(objects) => objects.server.url(&objects.path),
        Origin::Files { name, .. } => name.url(),
    };
    let fail = |error: Error| {
        push(host, Topic::Open, &url, &error);
        Failed
    };
    let (source, place, first) = match origin {
        Origin::Objects(objects) => {
            let place = match objects.first.found().map_err(fail)? {
                Found::Directory(_) => Place::Directory(objects.path),
                _ => Place::Object {
                    file: objects.path,
                    object: "/".to_owned(),
                },
            };
            (Source::Objects(objects.server), place, Some(objects.first))
        }
        Origin::Files { name, settings } => {
            if host.reads_raw_files_itself() {
                push_text(
                    host,
                    Topic::Open,
                    &format!("{url}: set HDF5_VOL_CONNECTOR=hdfstream to open a directory"),
                );
                return Err(Failed);
            }
            let files = Files { root: name, settings };
            (Source::Files(files), Place::Directory(String::new()), None)
        }
    };
    // No two open files may have the same name; what follows `#` is no part of a URL's path.
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = CString::new(format!("{url}#{number}")).map_err(|_| Failed)?;
    let memory = || {
        push_text(
            host,
            Topic::Open,
            &format!("{url}: HDF5 cannot make a file in memory for it"),
        );
        Failed
    };
    let (replica, root) = Replica::create(host, source, url.clone(), place, &name, access)
        .ok_or(())
        .map_err(|()| memory())?;
    let replica = Arc::new(replica);
    {
        let mut tree = lock(&replica.tree);
        // The first answer may be too much, or spoilt by one object.
        let filled = first.is_some_and(|first| replica.fill_with(&mut tree, Tree::ROOT, &first).is_ok());
        if !filled {
            replica.fill(&mut tree, Tree::ROOT).map_err(fail)?;
        }
    }
    if host.reads_raw_files_itself() {
        // Only now and never again will we be asked.
        copying::complete(&replica).map_err(fail)?;
    } else {
        lock(&REPLICAS).push(Arc::clone(&replica));
        COUNT.fetch_add(1, Ordering::Relaxed);
    }
    let opened = replica.reopen(root).ok_or(()).map_err(|()| memory())?;
    file_names::remember(opened, name, given);
    Ok(opened)
}

/// Closes the file object `file` by `close`, and the replica with it when it was the last. A file object that is of
/// no replica is closed all the same.
pub(crate) fn close<T>(host: &'static Host, file: *mut c_void, close: impl FnOnce() -> T) -> T {
    if any() && host.is_terminating() {
        abandon(host);
    }
    let last = of_object(host, file, ffi::H5I_FILE)
        .filter(|(replica, _)| replica.is_last(file))
        .map(|(replica, _)| replica);
    let closed = close();
    if let Some(replica) = last {
        forget(|other| Arc::ptr_eq(other, &replica));
    } else {
        sweep(host);
    }
    closed
}

/// Closes replicas of which the program has no object open any more.
fn sweep(host: &'static Host) {
    if any() {
        // Only our own opening is left.
        forget(|replica| replica.host.slot == host.slot && replica.open_objects() == 1);
    }
}

/// Forgets all replicas of a host whose HDF5 ends, and which closes their files itself.
pub(crate) fn abandon(host: &Host) {
    let mut replicas = lock(&REPLICAS);
    let (ended, left): (Vec<_>, Vec<_>) = replicas
        .drain(..)
        .partition(|replica| replica.host.slot == host.slot);
    *replicas = left;
    COUNT.fetch_sub(ended.len(), Ordering::Relaxed);
    // Their ids mean nothing any more.
    std::mem::forget(ended);
}

fn forget(is_done: impl Fn(&Arc<Replica>) -> bool) {
    let done: Vec<_> = {
        let mut replicas = lock(&REPLICAS);
        let (done, left): (Vec<_>, Vec<_>) = replicas.drain(..).partition(|replica| is_done(replica));
        *replicas = left;
        done
    };
    COUNT.fetch_sub(done.len(), Ordering::Relaxed);
    // Dropped, and their files closed, when the list is free again.
    drop(done);
}

impl Replica {
    /// Makes the file, and gives the native object of its root group's file.
    fn create(
        host: &'static Host,
        source: Source,
        url: String,
        place: Place,
        name: &CStr,
        access: hid_t,
    ) -> Option<(Self, *mut c_void)> {
        let _saved = Saved::new(host);
        let h5 = &host.h5;
        let mut degree = ffi::H5F_CLOSE_DEFAULT;
        // SAFETY: ids are open, names NUL-terminated, and out-pointers live through the calls.
        unsafe {
            let list = (h5.H5Pcreate)(host.ids.plist_file_access.get());
            let list = Handle::own(host, list, h5.H5Pclose)?;
            let native = (h5.H5VLget_connector_id_by_name)(c"native".as_ptr());
            let native = Handle::own(host, native, h5.H5Idec_ref)?;
            // New-style groups and attributes of any size; what every supported HDF5 can write.
            let prepared = (h5.H5Pset_vol)(list.id(), native.id(), std::ptr::null()) >= 0
                && (h5.H5Pset_fapl_core)(list.id(), 1 << 20, false) >= 0
                && (h5.H5Pset_libver_bounds)(list.id(), ffi::H5F_LIBVER_V18, ffi::H5F_LIBVER_V114) >= 0
                && (h5.H5Pget_fclose_degree)(access, &raw mut degree) >= 0
                && (h5.H5Pset_fclose_degree)(list.id(), degree) >= 0;
            if !prepared {
                return None;
            }
            let flags = ffi::H5F_ACC_TRUNC;
            let file = (h5.H5Fcreate)(name.as_ptr(), flags, ffi::H5P_DEFAULT, list.id());
            let file = Handle::own(host, file, h5.H5Fclose)?;
            let object = (h5.H5VLobject)(file.id());
            let (number, address) = dataset::identity(host, object, ffi::H5I_FILE)?;
            let replica = Self {
                host,
                file,
                number,
                source,
                degree,
                url,
                tree: Mutex::new(Tree::new(place, address)),
                datasets: Mutex::default(),
            };
            Some((replica, object))
        }
    }

    /// Opens the file once more, for the program.
    fn reopen(&self, file: *mut c_void) -> Option<*mut c_void> {
        let specific = self.host.native.file_cls.specific?;
        let mut opened = std::ptr::null_mut();
        // SAFETY: plain data for which zeros are valid; the operation says which part of the union counts, and its
        // out-pointer lives through the call.
        let status = unsafe {
            let mut arguments: ffi::H5VL_file_specific_args_t = std::mem::zeroed();
            arguments.op_type = ffi::H5VL_FILE_REOPEN;
            arguments.args.reopen.file = &raw mut opened;
            specific(file, &raw mut arguments, ffi::H5P_DEFAULT, std::ptr::null_mut())
        };
        (status >= 0 && !opened.is_null()).then_some(opened)
    }

    /// Objects of the file that are open, by whomever; our own opening is one.
    fn open_objects(&self) -> isize {
        let _saved = Saved::new(self.host);
        // SAFETY: an open file.
        unsafe { (self.host.h5.H5Fget_obj_count)(self.file.id(), ffi::H5F_OBJ_ALL) }
    }

    /// Whether the program has nothing open in the replica but `file` and what closes with it.
    fn is_last(&self, file: *mut c_void) -> bool {
        let Some(get) = self.host.native.file_cls.get else {
            return false;
        };
        let count = |types: c_uint| {
            let mut count = 0usize;
            // SAFETY: as in `reopen`.
            let status = unsafe {
                let mut arguments: ffi::H5VL_file_get_args_t = std::mem::zeroed();
                arguments.op_type = ffi::H5VL_FILE_GET_OBJ_COUNT;
                arguments.args.get_obj_count.types = types;
                arguments.args.get_obj_count.count = &raw mut count;
                get(file, &raw mut arguments, ffi::H5P_DEFAULT, std::ptr::null_mut())
            };
            (status >= 0).then_some(count)
        };
        // The file object, and ours.
        count(ffi::H5F_OBJ_ALL) == Some(2)
    }

    fn remember_dataset(&self, address: u64, dataset: RemoteDataset) {
        lock(&self.datasets).insert(address, dataset);
    }

    /// Fetches what is missing for a call that looks, from the group at `address`, at `path`.
    fn prepare(&self, address: u64, path: &[u8], need: Need) -> Result<(), Error> {
        let mut tree = lock(&self.tree);
        let Some(start) = tree
            .at(address)
            .or_else(|| path.starts_with(b"/").then_some(Tree::ROOT))
        else {
            // A dataset; all that is known of it came with it.
            return Ok(());
        };
        let group = loop {
            match tree.walk(start, path, need != Need::Link) {
                Walk::Unknown(group) => self.fill(&mut tree, group)?,
                Walk::Group(group) => break group,
                Walk::Elsewhere => return Ok(()),
            }
        };
        match need {
            Need::Link | Need::Object => Ok(()),
            Need::Opened if !matches!(tree.group(group).place, Place::File(_)) => Ok(()),
            Need::Attributes if tree.group(group).described => Ok(()),
            Need::Opened | Need::Attributes | Need::Links => self.fill(&mut tree, group),
            Need::Everything => self.fill_below(&mut tree, group, MOST_GROUPS),
        }
    }

    /// Fills all groups in and below `group`, if they are no more than `most`.
    fn fill_below(&self, tree: &mut Tree, group: tree::GroupId, most: usize) -> Result<(), Error> {
        let mut left = vec![group];
        let mut filled = 0;
        while let Some(group) = left.pop() {
            filled += 1;
            if filled > most {
                return Err(Error::Rejected {
                    url: self.url.clone(),
                    server: self.source.name(),
                    reason: format!("more than {most} groups and directories are too many to visit at once"),
                });
            }
            let below = filled > 1;
            match self.fill(tree, group) {
                // A file in a directory may be none that can be read.
                Err(error) if below && fill::is_about_object(&error) && tree.is_file(group) => {
                    log::warn!("{error}");
                }
                other => other?,
            }
            left.extend(tree.subgroups(group));
        }
        Ok(())
    }

    /// The server that tells objects.
    fn server(&self) -> Result<&ObjectServer, Error> {
        match &self.source {
            Source::Objects(server) => Ok(server),
            // Objects are only known from such a server.
            Source::Files(files) => Err(Error::Rejected {
                url: files.root.url(),
                server: files.root.server(),
                reason: "it tells no objects".to_owned(),
            }),
        }
    }

    /// Says on HDF5's error stack why something cannot be done.
    fn push(&self, topic: Topic, error: &Error) -> Failed {
        push(self.host, topic, &self.url, error);
        Failed
    }

    /// Refuses to change anything.
    fn refuse(&self) -> Failed {
        self.push(
            Topic::Open,
            &Error::ReadOnly {
                url: self.url.clone(),
                server: self.source.name(),
            },
        )
    }
}

/// Most groups that a single call may visit.
const MOST_GROUPS: usize = 100_000;
