//! Bytes of the file that a question is about, for what is read without libhdf5.

use std::cell::RefCell;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::rc::Rc;

use super::tracer::Tracer;

/// An open file.
#[derive(Clone)]
pub(super) struct RawFile {
    file: Rc<File>,
    tracer: Rc<RefCell<Tracer>>,
}

impl RawFile {
    pub(super) fn new(file: &Rc<File>, tracer: &Rc<RefCell<Tracer>>) -> Self {
        Self {
            file: Rc::clone(file),
            tracer: Rc::clone(tracer),
        }
    }

    /// Fills `buffer` with the bytes from `offset` on; `None` beyond the end, and when the time is over.
    pub(super) fn read(&self, offset: u64, buffer: &mut [u8]) -> Option<()> {
        let touched = self.tracer.borrow_mut().touch(offset, buffer.len() as u64);
        touched.then(|| self.file.read_exact_at(buffer, offset).ok())?
    }
}
