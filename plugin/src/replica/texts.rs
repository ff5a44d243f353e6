//! Texts of variable length in the program's buffer, each in memory of its own, as its transfer list says.

use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::dataset::Selected;
use crate::host::Host;

/// A function of the program that gives memory.
type Allocate = Option<unsafe extern "C" fn(usize, *mut c_void) -> *mut c_void>;
/// One that takes it back.
type Free = Option<unsafe extern "C" fn(*mut c_void, *mut c_void)>;

/// Texts that are put into the program's buffer; taken back when dropped, unless they are what it is to get.
pub(super) struct Texts {
    /// In the program's buffer: null, or a text of ours.
    pointers: *mut *mut u8,
    count: usize,
    allocate: Allocate,
    allocated_for: *mut c_void,
    free: Free,
    freed_for: *mut c_void,
    some_empty: AtomicBool,
    given: bool,
}

// SAFETY: whoever has read something puts it here on behalf of the one thread that waits for the reading to be done;
// nothing is put at the same time.
unsafe impl Sync for Texts {}

impl Texts {
    /// Room for `count` texts from `place` on. `None` when it cannot be told how the program manages memory.
    pub(super) fn new(host: &'static Host, selected: Selected, place: u64, count: u64) -> Option<Self> {
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
        let count = usize::try_from(count).ok()?;
        if found < 0 || selected.buffer.is_null() {
            return None;
        }
        // SAFETY: the program's buffer has room for pointers to so many texts at this place.
        let pointers = unsafe {
            let pointers = selected.buffer.cast::<*mut u8>().add(place as usize);
            std::ptr::write_bytes(pointers, 0, count);
            pointers
        };
        Some(Self {
            pointers,
            count,
            allocate,
            allocated_for,
            free,
            freed_for,
            some_empty: AtomicBool::new(false),
            given: false,
        })
    }

    /// Puts the text `number`, up to its first NUL, in place of an earlier one; `false` when there is no memory.
    pub(super) fn put(&self, number: u64, text: &[u8]) -> bool {
        let number = number as usize;
        if number >= self.count {
            return false;
        }
        let length = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
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
    pub(super) fn some_empty(&self) -> bool {
        self.some_empty.load(Ordering::Relaxed)
    }

    /// Leaves them to the program.
    pub(super) fn give(mut self) {
        self.given = true;
    }

    /// Calls `read` with all texts as elements, which it may read from to the program's buffer.
    pub(super) fn reading(mut self, read: impl FnOnce(*const c_void) -> bool) -> bool {
        // SAFETY: so many pointers are ours.
        let mut copies = unsafe { std::slice::from_raw_parts(self.pointers, self.count) }.to_vec();
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
        for number in 0..self.count {
            // SAFETY: so many pointers are ours, and the program gets none of them.
            unsafe { self.release(self.pointers.add(number).replace(std::ptr::null_mut())) };
        }
    }
}
