//! What a dataset or an attribute holds: type, extent, storage, elements.

use std::ffi::c_char;

use hdf5_metno_sys::h5::haddr_t;
use hdf5_metno_sys::h5a::{H5Aget_space, H5Aget_type, H5Aread};
use hdf5_metno_sys::h5d::{
    H5D_layout_t, H5Dget_create_plist, H5Dget_offset, H5Dget_space, H5Dget_storage_size, H5Dget_type, H5Dread,
};
use hdf5_metno_sys::h5p::{
    H5P_DEFAULT, H5Pget_chunk, H5Pget_external_count, H5Pget_layout, H5Pget_nfilters, H5Pget_virtual_count,
    H5Pget_virtual_filename,
};
use libc::c_int;

use super::Id;
use super::dataset::Dataset;
use super::elements::Variable;
use super::space::Space;
use super::types::Datatype;

/// `HADDR_UNDEF`.
const UNDEFINED: haddr_t = haddr_t::MAX;
/// Most mappings of a virtual dataset that are looked at.
const MAX_MAPPINGS: usize = 100_000;

/// Where the elements of a dataset are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::worker) enum Storage {
    /// In a row, from a byte of the file on, as many bytes as there are.
    Contiguous { offset: u64, bytes: u64 },
    /// In chunks of these extents, which must be decoded if they are filtered.
    Chunked { extents: Vec<u64>, filtered: bool },
    /// Somewhere else in the file, or nowhere yet.
    Inside,
    /// In raw files beside the file.
    Outside,
    /// In other HDF5 files, without which not even the extents are known.
    Virtual,
}

impl Dataset {
    pub(in crate::worker) fn datatype(&self) -> Option<Datatype> {
        // SAFETY: the dataset is open for as long as the object that made `self`; so in the whole block.
        Id::new(unsafe { H5Dget_type(self.id()) }).map(Datatype)
    }

    pub(in crate::worker) fn space(&self) -> Option<Space> {
        // SAFETY: as in `datatype`.
        Id::new(unsafe { H5Dget_space(self.id()) }).map(Space)
    }

    pub(in crate::worker) fn storage(&self, rank: usize) -> Option<Storage> {
        // SAFETY: as in `datatype`; then an id that we hold, and room for as many extents as announced.
        unsafe {
            let properties = Id::new(H5Dget_create_plist(self.id()))?;
            match H5Pget_external_count(properties.0) {
                0 => {}
                1.. => return Some(Storage::Outside),
                _ => return None,
            }
            match H5Pget_layout(properties.0) {
                H5D_layout_t::H5D_VIRTUAL => Some(match sources_inside(&properties) {
                    true => Storage::Inside,
                    false => Storage::Virtual,
                }),
                H5D_layout_t::H5D_CHUNKED => {
                    let mut extents = vec![0; rank];
                    let rank = c_int::try_from(rank).ok()?;
                    let filtered = H5Pget_nfilters(properties.0) != 0;
                    (H5Pget_chunk(properties.0, rank, extents.as_mut_ptr()) == rank)
                        .then_some(Storage::Chunked { extents, filtered })
                }
                H5D_layout_t::H5D_CONTIGUOUS => Some(match H5Dget_offset(self.id()) {
                    UNDEFINED => Storage::Inside,
                    offset => Storage::Contiguous {
                        offset,
                        bytes: H5Dget_storage_size(self.id()),
                    },
                }),
                _ => Some(Storage::Inside),
            }
        }
    }

    /// Reads the elements of a box, converted to `memory`, a type of fixed size, to `into`, which must have
    /// room for exactly those.
    pub(in crate::worker) fn read(
        &self,
        memory: &Datatype,
        start: &[u64],
        count: &[u64],
        into: &mut [u8],
    ) -> Option<()> {
        let (from, to) = self.selected(start, count)?;
        let bytes = to.points().checked_mul(memory.size() as u64)?;
        if bytes != into.len() as u64 {
            return None;
        }
        // SAFETY: ids that we hold, and room for all elements.
        let result = unsafe {
            H5Dread(
                self.id(),
                memory.0.0,
                to.id(),
                from.id(),
                H5P_DEFAULT,
                into.as_mut_ptr().cast(),
            )
        };
        (result >= 0).then_some(())
    }

    /// Reads the elements of a box as `memory`, a type of variable length.
    pub(in crate::worker) fn read_variable<'a>(
        &self,
        memory: &'a Datatype,
        start: &[u64],
        count: &[u64],
    ) -> Option<Variable<'a>> {
        let (from, to) = self.selected(start, count)?;
        let to_id = to.id();
        // SAFETY: as above; `Variable` gives a buffer for all elements of `to`.
        Variable::read(memory, to, |kind, buffer| unsafe {
            H5Dread(self.id(), kind, to_id, from.id(), H5P_DEFAULT, buffer)
        })
    }

    /// The box in the file, and one of that size in memory.
    fn selected(&self, start: &[u64], count: &[u64]) -> Option<(Space, Space)> {
        let from = self.space()?;
        from.select(start, count)?;
        Some((from, Space::of(count)?))
    }
}

/// Whether all sources of a virtual dataset are in its own file.
///
/// # Safety
/// `properties` must be those of a virtual dataset.
unsafe fn sources_inside(properties: &Id) -> bool {
    let mut count = 0;
    // SAFETY: an id that we hold, a local variable; then a buffer as long as is said.
    unsafe {
        if H5Pget_virtual_count(properties.0, &raw mut count) < 0 || count > MAX_MAPPINGS {
            return false;
        }
        (0..count).all(|number| {
            let mut name: [c_char; 3] = [0; 3];
            let length = H5Pget_virtual_filename(properties.0, number, name.as_mut_ptr(), name.len());
            length == 1 && name[0] == b'.'.cast_signed()
        })
    }
}

/// An open attribute.
pub(in crate::worker) struct OpenAttribute(pub(super) Id);

impl OpenAttribute {
    pub(in crate::worker) fn datatype(&self) -> Option<Datatype> {
        // SAFETY: an id that we hold, so in the whole block.
        Id::new(unsafe { H5Aget_type(self.0.0) }).map(Datatype)
    }

    pub(in crate::worker) fn space(&self) -> Option<Space> {
        // SAFETY: see `datatype`.
        Id::new(unsafe { H5Aget_space(self.0.0) }).map(Space)
    }

    /// The whole value, converted to `memory`, a type of fixed size; at most `most` bytes.
    pub(in crate::worker) fn read(&self, memory: &Datatype, most: u64) -> Option<Vec<u8>> {
        let points = self.space()?.points();
        let bytes = points
            .checked_mul(memory.size() as u64)
            .filter(|&bytes| bytes <= most)?;
        let mut value = vec![0; usize::try_from(bytes).ok()?];
        // SAFETY: ids that we hold, and room for all elements.
        let result = unsafe { H5Aread(self.0.0, memory.0.0, value.as_mut_ptr().cast()) };
        (points == 0 || result >= 0).then_some(value)
    }

    /// The whole value as `memory`, a type of variable length; at most `most` bytes without what they lead to.
    pub(in crate::worker) fn read_variable<'a>(
        &self,
        memory: &'a Datatype,
        most: u64,
    ) -> Option<Variable<'a>> {
        let space = self.space()?;
        let bytes = space.points().checked_mul(memory.size() as u64)?;
        if bytes > most {
            return None;
        }
        // SAFETY: ids that we hold; `Variable` gives a buffer for all elements.
        Variable::read(memory, space, |kind, buffer| unsafe {
            H5Aread(self.0.0, kind, buffer)
        })
    }
}
