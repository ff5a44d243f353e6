//! Texts of variable length in the program's buffer, each in memory of its own, as its transfer list says.

use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::dataset::Selected;
use crate::host::Host;
use crate::selection::Runs;

/// A function of the program that gives memory.
type Allocate = Option<unsafe extern "C" fn(usize, *mut c_void) -> *mut c_void>;
/// One that takes it back.
type Free = Option<unsafe extern "C" fn(*mut c_void, *mut c_void)>;

/// Texts that are put into the program's buffer; taken back when dropped, unless they are what it is to get.
pub(crate) struct Texts {
    /// In the program's buffer. Those of `runs`, ascending and apart, are null or texts of ours.
    pointers: *mut *mut u8,
    runs: Runs,
    allocate: Allocate,
    allocated_for: *mut c_void,
    free: Free,
    freed_for: *mut c_void,
    some_empty: AtomicBool,
    given: bool,
}

// SAFETY: whoever has read something puts it here on behalf of the one thread that waits for the reading to be done;
// nothing is put to the same place at the same time, and at the same time to different ones only where memory is from
// `malloc`.
unsafe impl Sync for Texts {}

impl Texts {
    /// Room for texts in the program's buffer: in `runs` of pointers, ascending and apart, counted from `place` on. `None`
    /// when it cannot be told how the program manages memory.
    pub(crate) fn new(host: &'static Host, selected: Selected, place: u64, runs: Runs) -> Option<Self> {
        let (mut allocate, mut allocated_for) = (None, std::ptr::null_mut());
        let (mut free, mut freed_for) = (None, std::ptr::null_mut());
        // SAFETY: an open transfer list, and room for each answer.
        let found = unsafe {
            (host.h5.H5Pget_vlen_mem_manager)(
                selected.transfer,
                &raw mut allocate,
                &raw mut allocated_for,
                &raw mut free,
                &raw mut freed_for,
            )
        };
        if found < 0 || selected.buffer.is_null() {
            return None;
        }
        // SAFETY: the program's buffer has room for pointers to texts at these places.
        let pointers = unsafe {
            let pointers = selected.buffer.cast::<*mut u8>().add(place as usize);
            for &(first, count) in &runs {
                std::ptr::write_bytes(pointers.add(first as usize), 0, count as usize);
            }
            pointers
        };
        Some(Self {
            pointers,
            runs,
            allocate,
            allocated_for,
            free,
            freed_for,
            some_empty: AtomicBool::new(false),
            given: false,
        })
    }

    /// Whether each is in memory from `malloc`, so that several threads may put texts at the same time.
    pub(crate) fn are_in_plain_memory(&self) -> bool {
        self.allocate.is_none()
    }

    /// Puts a text at the pointer `number`, in place of an earlier one; `false` when there is no memory.
    pub(crate) fn put(&self, number: u64, text: &[u8]) -> bool {
        let number = number as usize;
        if number >= self.end() {
            return false;
        }
        let length = text.len();
        if length == 0 {
            self.some_empty.store(true, Ordering::Relaxed);
        }
        // SAFETY: the program's own function, or that which HDF5 takes without one; what it returns has room for the
        // text and its end, or is null. Pointers up to `count` are ours.
        unsafe {
            let memory = match self.allocate {
                Some(allocate) => allocate(length + 1, self.allocated_for),
                None => libc::malloc(length + 1),
            };
            let copy = memory.cast::<u8>();
            if copy.is_null() {
                return false;
            }
            std::ptr::copy_nonoverlapping(text.as_ptr(), copy, length);
            *copy.add(length) = 0;
            self.release(self.pointers.add(number).replace(copy));
        }
        true
    }

    /// Whether there is an empty one: it is HDF5's to show it as such or as none.
    pub(crate) fn some_empty(&self) -> bool {
        self.some_empty.load(Ordering::Relaxed)
    }

    /// One past the last pointer.
    fn end(&self) -> usize {
        self.runs
            .last()
            .map_or(0, |(first, count)| (first + count) as usize)
    }

    /// Leaves them to the program.
    pub(crate) fn give(mut self) {
        self.given = true;
    }

    /// Calls `read` with all texts, in one run, as elements, which it may read from to the program's buffer.
    pub(crate) fn reading(mut self, read: impl FnOnce(*const c_void) -> bool) -> bool {
        // SAFETY: so many pointers are ours.
        let mut copies = unsafe { std::slice::from_raw_parts(self.pointers, self.end()) }.to_vec();
        let done = read(copies.as_ptr().cast());
        // What is in the buffer now is HDF5's; ours are the copies.
        self.pointers = copies.as_mut_ptr();
        drop(self);
        done
    }

    /// # Safety
    /// `text` is null, or one of ours that nobody has.
    unsafe fn release(&self, text: *mut u8) {
        if text.is_null() {
            return;
        }
        // SAFETY: made by the counterpart.
        unsafe {
            match (self.allocate, self.free) {
                (None, _) => libc::free(text.cast()),
                (_, Some(free)) => free(text.cast(), self.freed_for),
                (_, None) => {}
            }
        }
    }
}

impl Drop for Texts {
    fn drop(&mut self) {
        if self.given {
            return;
        }
        for number in self.runs.iter().flat_map(|&(first, count)| first..first + count) {
            // SAFETY: these pointers are ours, and the program gets none of them.
            unsafe {
                let place = self.pointers.add(number as usize);
                self.release(place.replace(std::ptr::null_mut()));
            }
        }
    }
}
