//! Chunks as they are stored, for whoever decodes them without libhdf5.

use std::ptr;

use hdf5_metno_sys::h5d::{H5Dget_create_plist, H5Dread_chunk2};
use hdf5_metno_sys::h5p::{H5P_DEFAULT, H5Pget_chunk_opts, H5Pget_filter2, H5Pget_nfilters};
use hdfstream::decode::Pipeline;
use libc::c_uint;

use super::Id;
use super::dataset::Dataset;

/// More parameters than the known filters have.
const PARAMETERS: usize = 8;
/// `H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS`.
const DONT_FILTER_PARTIAL_CHUNKS: c_uint = 2;

impl Dataset {
    /// The filters of a dataset of chunks; `None` when one is not known, or does not go for all chunks alike.
    pub(in crate::worker) fn pipeline(&self) -> Option<Pipeline> {
        // SAFETY: the dataset is open for as long as the object that made `self`; then an id that we hold, and
        // out-pointers that live through each call, with room for as many parameters as is said. A null name of no
        // length is not written to.
        unsafe {
            let properties = Id::new(H5Dget_create_plist(self.id()))?;
            let mut options = 0;
            if H5Pget_chunk_opts(properties.0, &raw mut options) < 0
                || options & DONT_FILTER_PARTIAL_CHUNKS != 0
            {
                return None;
            }
            let mut filters = Vec::new();
            for number in 0..c_uint::try_from(H5Pget_nfilters(properties.0)).ok()? {
                let (mut flags, mut configuration) = (0, 0);
                let mut parameters = [0; PARAMETERS];
                let mut given = PARAMETERS;
                let id = H5Pget_filter2(
                    properties.0,
                    number,
                    &raw mut flags,
                    &raw mut given,
                    parameters.as_mut_ptr(),
                    0,
                    ptr::null_mut(),
                    &raw mut configuration,
                );
                if id < 0 || given > PARAMETERS {
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
    }

    /// The bytes of the chunk whose first element is at `corner`, at most so many, and which filters they did not go
    /// through, a bit for each. `None` for one that was never written, or cannot be read.
    pub(in crate::worker) fn stored_chunk<'b>(
        &self,
        corner: &[u64],
        most: usize,
        buffer: &'b mut Vec<u8>,
    ) -> Option<(&'b [u8], u32)> {
        let mut mask = 0;
        let mut size = 0;
        // SAFETY: as above; there is a number for each dimension. Without a buffer only the size is told.
        let told = unsafe {
            H5Dread_chunk2(
                self.id(),
                H5P_DEFAULT,
                corner.as_ptr(),
                &raw mut mask,
                ptr::null_mut(),
                &raw mut size,
            )
        };
        if told < 0 || size == 0 || size > most {
            return None;
        }
        if buffer.len() < size {
            buffer.resize(size, 0);
        }
        let mut filled = size;
        // SAFETY: as above, and the buffer has room for as many bytes as is said.
        let read = unsafe {
            H5Dread_chunk2(
                self.id(),
                H5P_DEFAULT,
                corner.as_ptr(),
                &raw mut mask,
                buffer.as_mut_ptr().cast(),
                &raw mut filled,
            )
        };
        (read >= 0 && filled == size).then(|| (&buffer[..size], mask))
    }
}
