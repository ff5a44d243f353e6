//! How the chunks of a dataset become elements: what is the same for all reads of it.

use std::ffi::{c_int, c_uint, c_void};

use hdfstream::decode::Pipeline;

use crate::error_stack::Quiet;
use crate::ffi::{self, hid_t};
use crate::handle::Handle;
use crate::host::Host;
use crate::storage;
use crate::varying::Varying;

/// More parameters than the known filters have.
const PARAMETERS: usize = 8;
/// `H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS` of H5Dpublic.h.
const DONT_FILTER_PARTIAL_CHUNKS: c_uint = 2;
/// Types nested deeper than this are left to the native code.
const DEEPEST: u32 = 16;

/// How the chunks of a dataset become elements.
pub(crate) struct Recipe {
    pub(super) pipeline: Pipeline,
    /// Extents of the dataset.
    pub(super) extents: Vec<u64>,
    /// Bytes of an element.
    pub(super) element: usize,
    /// How its parts of variable length are stored, if it has any.
    pub(super) varying: Option<Varying>,
    /// Bytes of decoded chunks that the native code keeps.
    pub(super) native_cache: u64,
    /// What an element of a chunk is that was never written; `None` where that is for the native code to say.
    pub(super) fill: Option<Vec<u8>>,
}

impl Recipe {
    /// That of `dataset`, whose creation list and extents are given; `None` when it is one for the native code.
    pub(crate) fn of(
        host: &'static Host,
        dataset: *mut c_void,
        creation: &Handle,
        extents: &[u64],
    ) -> Option<Self> {
        let _quiet = Quiet::new(host);
        let mut options = 0;
        // SAFETY: the creation list of a dataset with chunks.
        let got = unsafe { (host.h5.H5Pget_chunk_opts)(creation.id(), &raw mut options) };
        if got < 0 || options & DONT_FILTER_PARTIAL_CHUNKS != 0 {
            return None;
        }
        let datatype = storage::datatype(host, dataset)?;
        let varying = match is_plain(host, datatype.id()) {
            true => None,
            false => Some(Varying::of(host, datatype.id())?),
        };
        let (element, fill) = match &varying {
            None => {
                // SAFETY: an open datatype.
                let element = unsafe { (host.h5.H5Tget_size)(datatype.id()) };
                (element, fill_value(host, creation, &datatype, element))
            }
            // Without references: no value at all.
            Some(varying) => (
                varying.element,
                is_filled_with_nothing(host, creation).then(Vec::new),
            ),
        };
        Some(Self {
            pipeline: pipeline(host, creation)?,
            extents: extents.to_vec(),
            element,
            native_cache: native_cache(host, dataset)?,
            fill,
            varying,
        })
    }
}

/// The filters of a creation list, if the host has them all, too: what it cannot read is not to be read here.
fn pipeline(host: &'static Host, creation: &Handle) -> Option<Pipeline> {
    // SAFETY: an open dataset creation list.
    let count = unsafe { (host.h5.H5Pget_nfilters)(creation.id()) };
    let mut filters = Vec::new();
    for number in 0..c_uint::try_from(count).ok()? {
        let (mut flags, mut configuration) = (0, 0);
        let mut parameters = [0; PARAMETERS];
        let mut given = parameters.len();
        // SAFETY: out-pointers that live through the call, with room for as many parameters as is said; a null name
        // of no length is not written to.
        let id = unsafe {
            (host.h5.H5Pget_filter2)(
                creation.id(),
                number,
                &raw mut flags,
                &raw mut given,
                parameters.as_mut_ptr(),
                0,
                std::ptr::null_mut(),
                &raw mut configuration,
            )
        };
        // SAFETY: takes any number.
        if id < 0 || given > PARAMETERS || unsafe { (host.h5.H5Zfilter_avail)(id) } <= 0 {
            return None;
        }
        filters.push((id, parameters, given));
    }
    Pipeline::new(
        filters
            .iter()
            .map(|(id, parameters, given)| (*id, &parameters[..*given])),
    )
}

/// Whether elements of a type are bytes and nothing else: no references, and nothing of varying length.
pub(crate) fn is_plain(host: &'static Host, datatype: hid_t) -> bool {
    has_bytes_only(host, datatype, DEEPEST)
}

fn has_bytes_only(host: &'static Host, datatype: hid_t, depth: u32) -> bool {
    let h5 = &host.h5;
    let part = |id: hid_t| {
        let part = Handle::own(host, id, h5.H5Tclose);
        depth > 0 && part.is_some_and(|part| has_bytes_only(host, part.id(), depth - 1))
    };
    // SAFETY: an open datatype, of a class that has what is asked for.
    unsafe {
        match (h5.H5Tget_class)(datatype) {
            ffi::H5T_INTEGER | ffi::H5T_FLOAT | ffi::H5T_BITFIELD | ffi::H5T_OPAQUE | ffi::H5T_ENUM => true,
            ffi::H5T_STRING => (h5.H5Tis_variable_str)(datatype) == 0,
            ffi::H5T_ARRAY => part((h5.H5Tget_super)(datatype)),
            ffi::H5T_COMPOUND => {
                let members: c_int = (h5.H5Tget_nmembers)(datatype);
                c_uint::try_from(members).is_ok_and(|members| {
                    (0..members).all(|member| part((h5.H5Tget_member_type)(datatype, member)))
                })
            }
            _ => false,
        }
    }
}

/// The fill value as the file has it, if there is one and it is shown where nothing was written.
fn fill_value(host: &'static Host, creation: &Handle, datatype: &Handle, element: usize) -> Option<Vec<u8>> {
    let h5 = &host.h5;
    let (mut status, mut time) = (ffi::H5D_FILL_VALUE_ERROR, ffi::H5D_FILL_TIME_ERROR);
    let mut value = vec![0; element];
    // SAFETY: an open dataset creation list, out-pointers that live through the calls, and room for an element.
    let got = unsafe {
        (h5.H5Pfill_value_defined)(creation.id(), &raw mut status) >= 0
            && (h5.H5Pget_fill_time)(creation.id(), &raw mut time) >= 0
            && (h5.H5Pget_fill_value)(creation.id(), datatype.id(), value.as_mut_ptr().cast()) >= 0
    };
    let defined = matches!(
        status,
        ffi::H5D_FILL_VALUE_DEFAULT | ffi::H5D_FILL_VALUE_USER_DEFINED
    );
    let shown = matches!(time, ffi::H5D_FILL_TIME_ALLOC | ffi::H5D_FILL_TIME_IFSET);
    (got && defined && shown).then_some(value)
}

/// Whether elements that were never written are shown, and without any value.
fn is_filled_with_nothing(host: &'static Host, creation: &Handle) -> bool {
    let (mut status, mut time) = (ffi::H5D_FILL_VALUE_ERROR, ffi::H5D_FILL_TIME_ERROR);
    // SAFETY: an open dataset creation list, and out-pointers that live through the calls.
    let got = unsafe {
        (host.h5.H5Pfill_value_defined)(creation.id(), &raw mut status) >= 0
            && (host.h5.H5Pget_fill_time)(creation.id(), &raw mut time) >= 0
    };
    let shown = matches!(time, ffi::H5D_FILL_TIME_ALLOC | ffi::H5D_FILL_TIME_IFSET);
    got && shown && status == ffi::H5D_FILL_VALUE_DEFAULT
}

/// Bytes of decoded chunks that the native code keeps for `dataset`.
fn native_cache(host: &'static Host, dataset: *mut c_void) -> Option<u64> {
    let access = storage::access_list(host, dataset)?;
    let (mut slots, mut bytes, mut preemption) = (0, 0, 0.0);
    // SAFETY: an open dataset access list, and out-pointers that live through the call.
    let got = unsafe {
        (host.h5.H5Pget_chunk_cache)(access.id(), &raw mut slots, &raw mut bytes, &raw mut preemption)
    };
    (got >= 0).then_some(bytes as u64)
}
