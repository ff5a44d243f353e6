//! Dataspaces: extents, and boxes in them.

use std::ptr;

use hdf5_metno_sys::h5i::hid_t;
use hdf5_metno_sys::h5s::{
    H5S_class_t, H5S_seloper_t, H5Screate, H5Screate_simple, H5Sget_simple_extent_dims,
    H5Sget_simple_extent_ndims, H5Sget_simple_extent_npoints, H5Sget_simple_extent_type, H5Sselect_hyperslab,
};
use libc::c_int;

use super::Id;

/// `H5S_MAX_RANK`.
const MAX_RANK: usize = 32;

/// A dataspace.
#[derive(Debug)]
pub(in crate::worker) struct Space(pub(super) Id);

impl Space {
    /// As large as `extents` say, without unlimited dimensions; a scalar without extents.
    pub(super) fn of(extents: &[u64]) -> Option<Self> {
        let rank = c_int::try_from(extents.len()).ok()?;
        // SAFETY: plain values, and as many extents as are announced.
        Id::new(unsafe {
            match rank {
                0 => H5Screate(H5S_class_t::H5S_SCALAR),
                _ => H5Screate_simple(rank, extents.as_ptr(), ptr::null()),
            }
        })
        .map(Self)
    }

    pub(super) fn id(&self) -> hid_t {
        self.0.0
    }

    /// Number of elements.
    pub(in crate::worker) fn points(&self) -> u64 {
        // SAFETY: an id that we hold.
        u64::try_from(unsafe { H5Sget_simple_extent_npoints(self.0.0) }).unwrap_or(0)
    }

    /// The extents; none of a scalar. A null dataspace is one dimension of no elements here, which is as
    /// near to it as the protocol comes.
    pub(in crate::worker) fn extents(&self) -> Option<Vec<u64>> {
        // SAFETY: an id that we hold; the second call gets room for as many as the first said.
        unsafe {
            if H5Sget_simple_extent_type(self.0.0) == H5S_class_t::H5S_NULL {
                return Some(vec![0]);
            }
            let rank = usize::try_from(H5Sget_simple_extent_ndims(self.0.0)).ok()?;
            let mut extents = vec![0; rank];
            (rank <= MAX_RANK
                && H5Sget_simple_extent_dims(self.0.0, extents.as_mut_ptr(), ptr::null_mut()) >= 0)
                .then_some(extents)
        }
    }

    /// Selects a box: the first element and the number of them in each dimension.
    pub(super) fn select(&self, start: &[u64], count: &[u64]) -> Option<()> {
        // SAFETY: an id that we hold.
        let rank = usize::try_from(unsafe { H5Sget_simple_extent_ndims(self.0.0) }).ok()?;
        if rank != start.len() || rank != count.len() {
            return None;
        }
        if rank == 0 {
            return Some(());
        }
        // SAFETY: as many numbers as the space has dimensions; NULL stands for ones.
        let result = unsafe {
            H5Sselect_hyperslab(
                self.0.0,
                H5S_seloper_t::H5S_SELECT_SET,
                start.as_ptr(),
                ptr::null(),
                count.as_ptr(),
                ptr::null(),
            )
        };
        (result >= 0).then_some(())
    }
}
