//! Elements read into memory, also those of variable length, which libhdf5 allocates.

use std::ffi::CStr;
use std::slice;

use hdf5_metno_sys::h5::herr_t;
use hdf5_metno_sys::h5i::hid_t;
use hdf5_metno_sys::h5p::H5P_DEFAULT;
use hdf5_metno_sys::h5t::{H5Treclaim, hvl_t};
use libc::{c_char, c_void};

use super::space::Space;
use super::types::{Class, Datatype};

/// How elements lie in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    /// So many bytes.
    Fixed(usize),
    /// A pointer to text that ends with a NUL.
    Text,
    /// A length and a pointer.
    Sequence(Box<Content>),
}

impl Content {
    fn of(kind: &Datatype) -> Option<Self> {
        Some(match kind.class() {
            Class::VariableText => Self::Text,
            Class::Sequence => Self::Sequence(Box::new(Self::of(&kind.base()?)?)),
            _ => Self::Fixed(kind.size()),
        })
    }

    fn size(&self) -> usize {
        match self {
            Self::Fixed(size) => *size,
            Self::Text => size_of::<*const c_char>(),
            Self::Sequence(_) => size_of::<hvl_t>(),
        }
    }
}

/// Elements of variable length in memory; released when dropped.
#[derive(Debug)]
pub(in crate::worker) struct Variable<'a> {
    /// Words, because libhdf5 stores pointers in it.
    words: Vec<u64>,
    count: usize,
    content: Content,
    memory: &'a Datatype,
    space: Space,
}

impl<'a> Variable<'a> {
    /// Has `read` read the elements of `space` as `memory`, a type of variable length that has such parts
    /// at its top only.
    pub(super) fn read(
        memory: &'a Datatype,
        space: Space,
        read: impl FnOnce(hid_t, *mut c_void) -> herr_t,
    ) -> Option<Self> {
        let content = Content::of(memory)?;
        let count = usize::try_from(space.points()).ok()?;
        let bytes = count.checked_mul(content.size())?;
        let mut words = vec![0u64; bytes.div_ceil(8)];
        // After a failure part of the buffer may hold bytes of the file where pointers should be: then
        // what was allocated is lost, which the worker's short life repairs.
        (read(memory.0.0, words.as_mut_ptr().cast()) >= 0).then_some(Self {
            words,
            count,
            content,
            memory,
            space,
        })
    }

    /// The elements in order.
    pub(in crate::worker) fn cells(&self) -> impl Iterator<Item = Cell<'_>> {
        let size = self.content.size();
        // SAFETY: the words hold `count` elements.
        let bytes = unsafe { slice::from_raw_parts(self.words.as_ptr().cast::<u8>(), self.count * size) };
        Sequence {
            bytes,
            content: &self.content,
        }
        .into_cells()
    }
}

impl Drop for Variable<'_> {
    fn drop(&mut self) {
        // SAFETY: libhdf5 filled the buffer with elements of this type and space.
        unsafe {
            H5Treclaim(
                self.memory.0.0,
                self.space.id(),
                H5P_DEFAULT,
                self.words.as_mut_ptr().cast(),
            );
        }
    }
}

/// One element of variable length.
pub(in crate::worker) enum Cell<'a> {
    Text(&'a [u8]),
    Sequence(Sequence<'a>),
}

/// The elements of a sequence.
pub(in crate::worker) struct Sequence<'a> {
    bytes: &'a [u8],
    content: &'a Content,
}

impl<'a> Sequence<'a> {
    pub(in crate::worker) fn len(&self) -> usize {
        self.bytes.len() / self.content.size().max(1)
    }

    /// The bytes of elements of fixed size; `None` if they are of variable length again.
    pub(in crate::worker) fn bytes(&self) -> Option<&'a [u8]> {
        matches!(self.content, Content::Fixed(_)).then_some(self.bytes)
    }

    /// The elements if they are of variable length again, otherwise none.
    pub(in crate::worker) fn into_cells(self) -> impl Iterator<Item = Cell<'a>> {
        let content = self.content;
        self.bytes
            .chunks_exact(content.size().max(1))
            .filter_map(move |element| match content {
                Content::Fixed(_) => None,
                // SAFETY: libhdf5 made a pointer of these bytes, to NULL or to text that ends with a NUL and
                // is released with `Variable`, from which the lifetime comes.
                Content::Text => Some(Cell::Text(unsafe {
                    let text = element.as_ptr().cast::<*const c_char>().read_unaligned();
                    if text.is_null() {
                        &[]
                    } else {
                        CStr::from_ptr(text).to_bytes()
                    }
                })),
                // SAFETY: as above, for `len` elements of the base type.
                Content::Sequence(inner) => Some(Cell::Sequence(unsafe {
                    let sequence = element.as_ptr().cast::<hvl_t>().read_unaligned();
                    Sequence {
                        bytes: if sequence.len == 0 || sequence.p.is_null() {
                            &[]
                        } else {
                            slice::from_raw_parts(sequence.p.cast::<u8>(), sequence.len * inner.size())
                        },
                        content: inner,
                    }
                })),
            })
    }
}
