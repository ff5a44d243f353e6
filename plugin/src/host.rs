//! Which libhdf5 loaded us: one [`Host`] for each library in the process, in a numbered slot.
//!
//! The plugin never links libhdf5: wheels of Python carry private, renamed copies with local scope.
//! The host is found from the return address of `H5PLget_plugin_info`. Slots exist because HDF5 hands
//! its callbacks no context: every slot has its own `extern "C"` functions (const generics).

use std::ffi::{CStr, c_void};
use std::sync::{
    Mutex, OnceLock, PoisonError,
    atomic::{AtomicI64, Ordering},
};

use crate::ffi::{self, hid_t};
use crate::host_symbols::{Functions, Ids};

/// Most different libhdf5 in one process.
pub(crate) const SLOTS: usize = 8;

static HOSTS: [OnceLock<Host>; SLOTS] = [const { OnceLock::new() }; SLOTS];
static REGISTRATION: Mutex<()> = Mutex::new(());

/// A libhdf5 in this process.
pub(crate) struct Host {
    /// Number of its slot.
    pub(crate) slot: usize,
    /// Its functions.
    pub(crate) h5: Functions,
    /// Its ids.
    pub(crate) ids: Ids,
    /// Copy of its native connector's class: the functions that do the real work.
    pub(crate) native: ffi::H5VL_class_t,
    /// Major version.
    major: u32,
    /// Our connector's class for it.
    pub(crate) class: OnceLock<ConnectorClass>,
    /// Our file driver's class for it.
    pub(crate) driver_class: OnceLock<DriverClass>,
    /// Id of the registered driver; 0 while there is none.
    driver: AtomicI64,
    base: usize,
}

// SAFETY: the raw pointers in it are addresses of functions and variables of a loaded library, and
// static strings; nothing behind them is written by us.
unsafe impl Send for Host {}
// SAFETY: as above.
unsafe impl Sync for Host {}

/// A class that HDF5 holds a pointer to.
pub(crate) struct ConnectorClass(pub(crate) ffi::H5VL_class_t);
// SAFETY: never written once built; its pointers are those of functions and of a static name.
unsafe impl Send for ConnectorClass {}
// SAFETY: as above.
unsafe impl Sync for ConnectorClass {}

/// A class that HDF5 holds a pointer to.
pub(crate) struct DriverClass(pub(crate) ffi::H5FD_class_t);
// SAFETY: as for `ConnectorClass`.
unsafe impl Send for DriverClass {}
// SAFETY: as above.
unsafe impl Sync for DriverClass {}

/// The host in slot `S`; `None` only before its registration, when HDF5 knows no function of the slot.
pub(crate) fn at(slot: usize) -> Option<&'static Host> {
    HOSTS.get(slot).and_then(OnceLock::get)
}

/// Finds the host that `return_address` lies in, on first sight filling a slot for it.
///
/// # Errors
/// A sentence for the user when the library is too old, hides its symbols, or slots are used up.
pub(crate) fn of_caller(return_address: *const c_void) -> Result<&'static Host, String> {
    let library = Library::containing(return_address)?;
    let _one_at_a_time = REGISTRATION.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(host) = HOSTS
        .iter()
        .filter_map(OnceLock::get)
        .find(|host| host.base == library.base)
    {
        return Ok(host);
    }
    let slot = HOSTS
        .iter()
        .position(|host| host.get().is_none())
        .ok_or_else(|| format!("it has loaded more than {SLOTS} different HDF5 libraries"))?;
    let host = Host::new(slot, &library)?;
    Ok(HOSTS[slot].get_or_init(|| host))
}

impl Host {
    fn new(slot: usize, library: &Library) -> Result<Self, String> {
        let lookup = |name: &CStr| library.symbol(name);
        let missing = |name: &str| library.lacks(name);
        let h5 = Functions::resolve(&lookup).map_err(missing)?;
        // HDF5 asks plugins about files that it could not open: the reason must still be there afterwards.
        // SAFETY: takes the current error stack; the second call gives it back and closes it.
        let stack = unsafe { (h5.H5Eget_current_stack)() };
        let asked = Self::ask(slot, library, h5);
        if let (Ok(host), true) = (&asked, stack > 0) {
            // SAFETY: as above.
            unsafe { (host.h5.H5Eset_current_stack)(stack) };
        }
        asked
    }

    /// Fills a host with what its functions tell.
    fn ask(slot: usize, library: &Library, h5: Functions) -> Result<Self, String> {
        let lookup = |name: &CStr| library.symbol(name);
        let missing = |name: &str| library.lacks(name);
        let ids = Ids::resolve(&lookup, &global_symbol).map_err(missing)?;
        let mut version = (0, 0, 0);
        // SAFETY: the three pointers are to integers that live through the call.
        let got =
            unsafe { (h5.H5get_libversion)(&raw mut version.0, &raw mut version.1, &raw mut version.2) };
        if got < 0 || !(version.0 == 2 || (version.0 == 1 && version.1 == 14)) {
            return Err(format!(
                "its HDF5 library ({}) is version {}.{}.{}; versions 1.14 and 2.x are supported",
                library.path, version.0, version.1, version.2
            ));
        }
        let native = native_class_of(&h5).ok_or_else(|| {
            format!(
                "its HDF5 library ({}) does not show its native connector",
                library.path
            )
        })?;
        Ok(Self {
            slot,
            h5,
            ids,
            native,
            major: version.0,
            class: OnceLock::new(),
            driver_class: OnceLock::new(),
            driver: AtomicI64::new(0),
            base: library.base,
        })
    }

    /// Whether elements are read past our connector: in discovery HDF5 2.x registers what we open under its
    /// own connector, and only the driver is ours.
    pub(crate) fn reads_raw_files_itself(&self) -> bool {
        self.major >= 2 && !hdfstream::settings::is_default_connector()
    }

    /// Whether this HDF5 is ending. It closes what is open, in an order of its own, and nothing may be asked of it.
    pub(crate) fn is_terminating(&self) -> bool {
        let mut ending = false;
        // SAFETY: the out-pointer lives through the call, which HDF5 allows at any time.
        let status = unsafe { (self.h5.H5is_library_terminating)(&raw mut ending) };
        status < 0 || ending
    }

    /// Id of our driver in this host, registered on first use. Negative when HDF5 refuses it.
    pub(crate) fn driver(&self, class: &'static ffi::H5FD_class_t) -> hid_t {
        let known = self.driver.load(Ordering::Acquire);
        if known > 0 {
            return known;
        }
        // SAFETY: the class is static and complete. HDF5's lock is held by the calling thread, so no
        // two threads of this host are here at once.
        let id = unsafe { (self.h5.H5FDregister)(class) };
        if id > 0 {
            self.driver.store(id, Ordering::Release);
        }
        id
    }

    /// To be called when HDF5 has dropped the driver (it terminates, or is closed and opened again).
    pub(crate) fn forget_driver(&self) {
        self.driver.store(0, Ordering::Release);
    }
}

/// Copies the class of the native connector. (`H5VL_NATIVE_g` exists only from 2.0 on, so it is looked up
/// by name.)
fn native_class_of(h5: &Functions) -> Option<ffi::H5VL_class_t> {
    // SAFETY: a static, NUL-terminated name.
    let id = unsafe { (h5.H5VLget_connector_id_by_name)(c"native".as_ptr()) };
    if id < 0 {
        return None;
    }
    let mut class = std::ptr::null();
    // The function wants some object but native never looks at it (H5VLnative_introspect.c).
    let mut any_object = 0u8;
    // SAFETY: the object pointer is not dereferenced; `class` receives a pointer to static data.
    let got = unsafe {
        (h5.H5VLintrospect_get_conn_cls)(
            (&raw mut any_object).cast(),
            id,
            ffi::H5VL_GET_CONN_LVL_TERM,
            &raw mut class,
        )
    };
    // SAFETY: the id was counted up for us by the look-up above.
    unsafe { (h5.H5Idec_ref)(id) };
    if got < 0 || class.is_null() {
        return None;
    }
    // SAFETY: HDF5 returned a pointer to its native class, which lives as long as the library; the
    // structure is plain data, laid out alike in all supported versions (test `headers`).
    Some(unsafe { class.read() })
}

/// A loaded shared object, or the main program.
struct Library {
    handle: *mut c_void,
    base: usize,
    path: String,
}

impl Library {
    fn containing(address: *const c_void) -> Result<Self, String> {
        // The return address may be one past the end of the calling function: look before it.
        let info = object_info(address.wrapping_byte_sub(1))
            .filter(|info| !info.dli_fname.is_null())
            .ok_or("the HDF5 library that loads the plugin cannot be identified")?;
        // SAFETY: `dladdr` gave a NUL-terminated name that lives as long as the object.
        let name = unsafe { CStr::from_ptr(info.dli_fname) };
        let path = name.to_string_lossy().into_owned();
        // SAFETY: NOLOAD only counts up what is loaded already. The main program has no entry under
        // its path, and a null name means it.
        let mut handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOLOAD | libc::RTLD_LAZY) };
        if handle.is_null() {
            // SAFETY: as above.
            handle = unsafe { libc::dlopen(std::ptr::null(), libc::RTLD_NOLOAD | libc::RTLD_LAZY) };
        }
        if handle.is_null() {
            return Err(format!("its HDF5 library ({path}) cannot be opened by name"));
        }
        Ok(Self {
            handle,
            base: info.dli_fbase as usize,
            path,
        })
    }

    /// Says that a symbol is missing.
    fn lacks(&self, name: &str) -> String {
        format!(
            "its HDF5 library ({}) does not export {name}; a statically linked or stripped HDF5, or one \
             older than 1.14, cannot use plugins of this kind",
            self.path
        )
    }

    /// The address of an exported symbol, if it lies in this very object and not in one that it uses.
    fn symbol(&self, name: &CStr) -> Option<*mut c_void> {
        // SAFETY: a valid handle and a NUL-terminated name.
        let address = unsafe { libc::dlsym(self.handle, name.as_ptr()) };
        (!address.is_null() && object_of(address) == Some(self.base)).then_some(address)
    }
}

/// The address of a symbol as the main program sees it.
fn global_symbol(name: &CStr) -> Option<*mut c_void> {
    // SAFETY: a NUL-terminated name.
    let address = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!address.is_null()).then_some(address)
}

/// The base address of the loaded object in which `address` lies.
fn object_of(address: *const c_void) -> Option<usize> {
    object_info(address).map(|info| info.dli_fbase as usize)
}

fn object_info(address: *const c_void) -> Option<libc::Dl_info> {
    let mut info = libc::Dl_info {
        dli_fname: std::ptr::null(),
        dli_fbase: std::ptr::null_mut(),
        dli_sname: std::ptr::null(),
        dli_saddr: std::ptr::null_mut(),
    };
    // SAFETY: `dladdr` only reads the loader's tables; `info` outlives the call.
    let found = unsafe { libc::dladdr(address, &raw mut info) };
    (found != 0).then_some(info)
}
