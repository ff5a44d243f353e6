//! Elements that the program wants as other numbers than they are stored as.
//!
//! All are converted at once when they are there, by the thread that calls: HDF5 has but one. Where the program's memory
//! has room for them as they are stored, in that place; else in memory of our own, from which they are copied.

use super::MOST_RUNS;
use crate::dataset::Selected;
use crate::error_stack::Quiet;
use crate::ffi::{self, hid_t};
use crate::guard::Failed;
use crate::handle::Handle;
use crate::host::Host;
use crate::selection::{self, Runs};

/// Most bytes in memory of our own.
const MOST_BYTES: u64 = 64 << 20;

/// Elements to be converted.
pub(crate) struct Conversion {
    /// Their type in the file.
    stored: Handle,
    count: usize,
    place: Place,
}

enum Place {
    /// In the program's memory, from this byte on.
    There(usize),
    /// Here; afterwards they go to these runs of the program's memory, as elements of so many bytes.
    Here(Vec<u8>, Runs, usize),
}

impl Conversion {
    /// That of so many elements of type `stored`, selected in a dataset of these extents; `None` for others than
    /// numbers, and for too many.
    pub(crate) fn new(
        host: &'static Host,
        stored: Handle,
        selected: Selected,
        extents: &[u64],
        count: u64,
    ) -> Option<Self> {
        let h5 = &host.h5;
        let is_number = |id: hid_t| {
            // SAFETY: an open datatype.
            let class = unsafe { (h5.H5Tget_class)(id) };
            matches!(class, ffi::H5T_INTEGER | ffi::H5T_FLOAT)
        };
        if !is_number(stored.id()) || !is_number(selected.memory_type) {
            return None;
        }
        // SAFETY: open datatypes.
        let (element, in_file) = unsafe {
            (
                (h5.H5Tget_size)(selected.memory_type),
                (h5.H5Tget_size)(stored.id()),
            )
        };
        let memory = match (selected.memory_space, selected.file_space) {
            (ffi::H5S_ALL, ffi::H5S_ALL) => vec![(0, count)],
            (ffi::H5S_ALL, _) => {
                let file = selection::in_file(host, selected, extents, MOST_RUNS)?;
                selection::in_memory(host, selected, &file, MOST_RUNS)?
            }
            _ => selection::in_memory(host, selected, &[(0, count)], MOST_RUNS)?,
        };
        let place = match memory.as_slice() {
            [(first, _)] if element >= in_file => {
                Place::There(usize::try_from(*first).ok()?.checked_mul(element)?)
            }
            _ => {
                let bytes = count.checked_mul(element.max(in_file) as u64)?;
                let bytes = usize::try_from(bytes).ok().filter(|_| bytes <= MOST_BYTES)?;
                Place::Here(vec![0; bytes], memory, element)
            }
        };
        Some(Self {
            stored,
            count: usize::try_from(count).ok()?,
            place,
        })
    }

    /// Where the elements go as they are stored, without gaps.
    pub(crate) fn destination(&mut self, selected: Selected) -> *mut u8 {
        match &mut self.place {
            // SAFETY: the selected memory begins there.
            Place::There(begin) => unsafe { selected.buffer.cast::<u8>().add(*begin) },
            Place::Here(bytes, ..) => bytes.as_mut_ptr(),
        }
    }

    /// Converts all elements, which are where they were to go.
    pub(crate) fn perform(mut self, host: &'static Host, selected: Selected) -> Result<(), Failed> {
        let begin = self.destination(selected);
        {
            let _quiet = Quiet::new(host);
            // SAFETY: there is as much memory as so many elements of either type take; numbers need no background.
            let status = unsafe {
                (host.h5.H5Tconvert)(
                    self.stored.id(),
                    selected.memory_type,
                    self.count,
                    begin.cast(),
                    std::ptr::null_mut(),
                    selected.transfer,
                )
            };
            if status < 0 {
                return Err(Failed);
            }
        }
        if let Place::Here(bytes, runs, element) = &self.place {
            let mut rest = bytes.as_slice();
            for &(first, count) in runs {
                let Some((now, later)) = rest.split_at_checked(count as usize * element) else {
                    return Err(Failed);
                };
                // SAFETY: within the memory that the program's selection spans, which it says is its own.
                unsafe {
                    let to = selected.buffer.cast::<u8>().add(first as usize * element);
                    std::ptr::copy_nonoverlapping(now.as_ptr(), to, now.len());
                }
                rest = later;
            }
        }
        Ok(())
    }
}
