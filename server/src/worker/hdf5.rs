//! libhdf5 as the walk needs it: few calls, safe types, ids that close themselves.
//!
//! Every call here may be made on a hostile file, so nothing it returns is trusted beyond what the
//! C types promise. The library is used by one thread of one process: [`Library`] exists once and
//! neither it nor the ids can be sent to another thread.
#![allow(unsafe_code)]

mod attribute;
mod chunks;
mod dataset;
mod datatype;
mod driver;
mod elements;
mod file;
mod lzf;
mod members;
mod object;
mod space;
mod stored;
mod types;

pub(super) use attribute::Attribute;
pub(super) use dataset::Dataset;
pub(super) use elements::{Cell, Sequence};
pub(super) use file::OpenFile;
pub(super) use members::{Leads, Member};
pub(super) use object::{Kind, Object};
pub(super) use stored::Storage;
pub(super) use types::{Class, Datatype};

use std::cell::RefCell;
use std::fs::File;
use std::marker::PhantomData;
use std::ptr;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};

use hdf5_metno_sys::h5::{H5_index_t, H5open, herr_t};
use hdf5_metno_sys::h5ac::{H5AC__CURR_CACHE_CONFIG_VERSION, H5AC_cache_config_t};
use hdf5_metno_sys::h5c::{H5C_cache_decr_mode, H5C_cache_flash_incr_mode, H5C_cache_incr_mode};
use hdf5_metno_sys::h5e::{H5E_DEFAULT, H5Eset_auto2};
use hdf5_metno_sys::h5f::{H5F_ACC_RDONLY, H5F_ACC_SWMR_READ, H5F_close_degree_t, H5Fopen};
use hdf5_metno_sys::h5i::{H5Idec_ref, hid_t};
use hdf5_metno_sys::h5l::{H5L_type_t, H5Lunregister};
use hdf5_metno_sys::h5p::{
    H5P_CLS_FILE_ACCESS, H5Pcreate, H5Pget_mdc_config, H5Pset_cache, H5Pset_driver, H5Pset_fclose_degree,
    H5Pset_mdc_config, H5Pset_metadata_read_attempts,
};
use hdf5_metno_sys::h5pl::H5PLset_loading_state;

use super::Error;
use super::tracer::Tracer;

/// Bytes of decoded chunks that an open dataset keeps, so that rows of a chunk cost one decoding.
const CHUNK_CACHE_BYTES: usize = 64 << 20;
/// Places for them; a prime number, well above the number of chunks.
const CHUNK_CACHE_SLOTS: usize = 12_421;
/// `H5F_RFIC_UNUSUAL_NUM_UNUSED_NUMERIC_BITS`: libhdf5 takes numbers with many unused bits for damage, but
/// there are simulations that write them.
const UNUSUAL_NUMBERS: u64 = 1;

unsafe extern "C" {
    /// Not in the bindings (`H5Ppublic.h`, since 1.14.4).
    fn H5Pset_relax_file_integrity_checks(list: hid_t, flags: u64) -> herr_t;
}

/// The largest metadata cache that libhdf5 allows (`H5C__MAX_MAX_CACHE_SIZE`): above the budget of any
/// job, so that nothing is read twice.
const METADATA_CACHE_BYTES: usize = 128 << 20;

/// Which index of links or attributes to go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Index {
    Name,
    CreationOrder,
}

impl From<Index> for H5_index_t {
    fn from(index: Index) -> Self {
        match index {
            Index::Name => Self::H5_INDEX_NAME,
            Index::CreationOrder => Self::H5_INDEX_CRT_ORDER,
        }
    }
}

/// An id of libhdf5 that we own.
#[derive(Debug)]
struct Id(hid_t, PhantomData<*const ()>);

impl Id {
    /// Takes over an id as a call returned it; none when the call failed.
    fn new(raw: hid_t) -> Option<Self> {
        (raw > 0).then_some(Self(raw, PhantomData))
    }
}

impl Drop for Id {
    fn drop(&mut self) {
        // SAFETY: the id was given to us and is released once. The library checks it.
        unsafe { H5Idec_ref(self.0) };
    }
}

/// libhdf5, initialised: no plugins, no external links, no messages on stderr, our driver.
#[derive(Debug)]
pub(super) struct Library {
    access: Id,
}

impl Library {
    /// Initialises the library, once a process.
    pub(super) fn start() -> Result<Self, Error> {
        static STARTED: AtomicBool = AtomicBool::new(false);
        if STARTED.swap(true, Ordering::Relaxed) {
            return Err(Error::Library("it runs already"));
        }
        let checked = |result, what| {
            if result < 0 {
                Err(Error::Library(what))
            } else {
                Ok(())
            }
        };
        // SAFETY: called once (see above) and before any other call; these take plain values, NULL
        // where the reference manual allows it, or a local variable.
        unsafe {
            let mut no_plugins = 0;
            checked(
                H5PLset_loading_state(&raw mut no_plugins),
                "H5PLset_loading_state",
            )?;
            checked(H5open(), "H5open")?;
            checked(H5Eset_auto2(H5E_DEFAULT, None, ptr::null_mut()), "H5Eset_auto2")?;
            checked(H5Lunregister(H5L_type_t::H5L_TYPE_EXTERNAL), "H5Lunregister")?;
        }
        checked(lzf::register(), "H5Zregister")?;
        let access = Self::access_list().ok_or(Error::Library("the tracing driver is refused"))?;
        Ok(Self { access })
    }

    fn access_list() -> Option<Id> {
        let driver = Id::new(driver::register())?;
        let mut cache = H5AC_cache_config_t {
            version: H5AC__CURR_CACHE_CONFIG_VERSION,
            ..H5AC_cache_config_t::default()
        };
        // SAFETY: the property list class exists after H5open; the lists and the driver are ids that
        // we hold; the driver takes no settings; `cache` names its version, so that the library knows
        // how much to write.
        unsafe {
            let list = Id::new(H5Pcreate(*H5P_CLS_FILE_ACCESS))?;
            if H5Pset_driver(list.0, driver.0, ptr::null()) < 0
                || H5Pset_fclose_degree(list.0, H5F_close_degree_t::H5F_CLOSE_STRONG) < 0
                // For SWMR the library waits for a writer to finish, up to hours on a damaged file.
                || H5Pset_metadata_read_attempts(list.0, 1) < 0
                || H5Pset_cache(list.0, 0, CHUNK_CACHE_SLOTS, CHUNK_CACHE_BYTES, 1.0) < 0
                || H5Pset_relax_file_integrity_checks(list.0, UNUSUAL_NUMBERS) < 0
                || H5Pget_mdc_config(list.0, &raw mut cache) < 0
            {
                return None;
            }
            cache.set_initial_size = 1;
            cache.initial_size = METADATA_CACHE_BYTES;
            cache.max_size = METADATA_CACHE_BYTES;
            cache.min_size = METADATA_CACHE_BYTES;
            cache.incr_mode = H5C_cache_incr_mode::H5C_incr__off;
            cache.flash_incr_mode = H5C_cache_flash_incr_mode::H5C_flash_incr__off;
            cache.decr_mode = H5C_cache_decr_mode::H5C_decr__off;
            (H5Pset_mdc_config(list.0, &raw mut cache) >= 0).then_some(list)
        }
    }

    /// Opens `file` of `size` bytes under the tracing driver; `None` when libhdf5 refuses it.
    pub(super) fn open(&self, file: &Rc<File>, size: u64, tracer: &Rc<RefCell<Tracer>>) -> Option<OpenFile> {
        // A file that is being written, or was when its writer died, opens for SWMR only.
        [H5F_ACC_RDONLY, H5F_ACC_RDONLY | H5F_ACC_SWMR_READ]
            .into_iter()
            .find_map(|flags| {
                driver::set_next(Some(driver::TracedFile::new(
                    Rc::clone(file),
                    size,
                    Rc::clone(tracer),
                )));
                // SAFETY: the name is a literal, the list an id that we hold.
                let id = unsafe { H5Fopen(c"traced".as_ptr(), flags, self.access.0) };
                driver::set_next(None);
                Id::new(id).map(OpenFile::new)
            })
    }
}
