//! Elements with parts of variable length: what is stored are references to global heaps, which native code follows one
//! after the other. Here all of a selection are followed at once: texts go straight to the program, and for what else
//! there is the client learns where it will be read.

use hdfstream::decode::heap::{REFERENCE, Reference};
use hdfstream::{HeapObject, RemoteFile};

use crate::dataset::{Prepared, Selected};
use crate::error_stack::{Topic, push};
use crate::ffi::{self, hid_t};
use crate::guard::Failed;
use crate::handle::Handle;
use crate::host::Host;
use crate::selection::Runs;
use crate::texts::Texts;

/// Types nested deeper than this are left to the native code.
const DEEPEST: u32 = 16;
/// Most references in one element.
const MOST_REFERENCES: usize = 64;
/// Most references that are followed at once,
const MOST: u64 = 4 << 20;
/// and most bytes of the elements that have them.
const MOST_BYTES: u64 = 64 << 20;
/// Bytes of a reference to a region of a dataset, and where in them a reference to a heap would begin.
const REGION: usize = 12;

/// What is stored of an element with parts of variable length.
pub(crate) struct Varying {
    /// Bytes of an element in the file.
    pub(crate) element: usize,
    parts: Vec<Part>,
    /// Whether elements are texts and nothing else.
    pub(crate) are_texts: bool,
}

/// A reference within an element.
struct Part {
    at: usize,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    /// To values of so many bytes each.
    Sequence(usize),
    /// To a region of a dataset: without a length.
    Region,
}

impl Kind {
    fn bytes(self) -> usize {
        match self {
            Self::Sequence(_) => REFERENCE,
            Self::Region => REGION,
        }
    }
}

impl Varying {
    /// That of a type, as it is in memory; `None` when nothing varies, and for types that are not known.
    pub(crate) fn of(host: &'static Host, datatype: hid_t) -> Option<Self> {
        let mut parts = Vec::new();
        let (_, element) = add(host, datatype, 0, &mut parts, DEEPEST)?;
        // SAFETY: an open datatype.
        let are_texts = unsafe { (host.h5.H5Tget_class)(datatype) } == ffi::H5T_STRING;
        (!parts.is_empty()).then_some(Self {
            element,
            parts,
            are_texts,
        })
    }

    /// Whether the references of so many elements are followed here: more than one, and not more than memory has room for.
    pub(crate) fn suits(&self, count: u64) -> bool {
        let references = count.saturating_mul(self.parts.len() as u64);
        count > 1 && references <= MOST && count.saturating_mul(self.element as u64) <= MOST_BYTES
    }

    /// Adds what `elements`, as stored, refer to; they go to places from `place` on.
    pub(crate) fn follow(&self, elements: &[u8], place: u64, wanted: &mut Vec<HeapObject>) {
        for (element, place) in elements.chunks_exact(self.element).zip(place..) {
            for part in &self.parts {
                let Some(stored) = element.get(part.at..part.at + part.kind.bytes()) else {
                    continue;
                };
                let mut whole = [0; REFERENCE];
                whole[REFERENCE - stored.len()..].copy_from_slice(stored);
                let reference = Reference::of(&whole);
                let length = match part.kind {
                    Kind::Sequence(bytes) => reference.length as u64 * bytes as u64,
                    Kind::Region => 0,
                };
                if reference.address != 0 {
                    wanted.push(HeapObject {
                        address: reference.address,
                        number: reference.number,
                        length: u32::try_from(length).unwrap_or(u32::MAX),
                        place,
                    });
                }
            }
        }
    }
}

/// Adds the references in a type that begins at byte `at` of a stored element; returns its bytes in memory and in the
/// file, where references have another size.
fn add(
    host: &'static Host,
    datatype: hid_t,
    at: usize,
    parts: &mut Vec<Part>,
    depth: u32,
) -> Option<(usize, usize)> {
    let h5 = &host.h5;
    let depth = depth.checked_sub(1)?;
    // SAFETY: an open datatype.
    let (class, size) = unsafe { ((h5.H5Tget_class)(datatype), (h5.H5Tget_size)(datatype)) };
    let mut refer = |kind: Kind| {
        parts.push(Part { at, kind });
        (parts.len() <= MOST_REFERENCES).then_some((size, kind.bytes()))
    };
    // SAFETY: an open datatype, of a class that has what is asked for; ids are owned by what is made of them.
    unsafe {
        match class {
            ffi::H5T_STRING if (h5.H5Tis_variable_str)(datatype) > 0 => refer(Kind::Sequence(1)),
            ffi::H5T_VLEN => {
                let base = Handle::own(host, (h5.H5Tget_super)(datatype), h5.H5Tclose)?;
                let (_, bytes) = add(host, base.id(), 0, &mut Vec::new(), depth)?;
                refer(Kind::Sequence(bytes))
            }
            ffi::H5T_REFERENCE if size == REGION => refer(Kind::Region),
            ffi::H5T_REFERENCE => (size == size_of::<u64>()).then_some((size, size)),
            ffi::H5T_INTEGER
            | ffi::H5T_FLOAT
            | ffi::H5T_BITFIELD
            | ffi::H5T_OPAQUE
            | ffi::H5T_ENUM
            | ffi::H5T_STRING => Some((size, size)),
            ffi::H5T_ARRAY => {
                let base = Handle::own(host, (h5.H5Tget_super)(datatype), h5.H5Tclose)?;
                let before = parts.len();
                let (in_memory, stored) = add(host, base.id(), at, parts, depth)?;
                let count = size.checked_div(in_memory)?;
                let of_one = before..parts.len();
                if of_one.len().checked_mul(count)? > MOST_REFERENCES {
                    return None;
                }
                for number in 1..count {
                    for part in of_one.clone() {
                        let Part { at, kind } = parts[part];
                        parts.push(Part {
                            at: at + number * stored,
                            kind,
                        });
                    }
                    if of_one.is_empty() {
                        break;
                    }
                }
                Some((size, count.checked_mul(stored)?))
            }
            ffi::H5T_COMPOUND => {
                let members = u32::try_from((h5.H5Tget_nmembers)(datatype)).ok()?;
                let mut members: Vec<(usize, u32)> = (0..members)
                    .map(|member| ((h5.H5Tget_member_offset)(datatype, member), member))
                    .collect();
                members.sort_unstable();
                // HDF5 moves members by as much as those before them become longer.
                let mut longer = 0;
                for (offset, member) in members {
                    let kind = Handle::own(host, (h5.H5Tget_member_type)(datatype, member), h5.H5Tclose)?;
                    let (in_memory, stored) = add(host, kind.id(), at + offset + longer, parts, depth)?;
                    longer += stored.checked_sub(in_memory)?;
                }
                Some((size, size + longer))
            }
            _ => None,
        }
    }
}

/// Reads the objects of `wanted` to where `selected` wants them, if they are texts that go to these elements of the
/// program's memory; else says to `file` that native code will read `ranges` and then them.
pub(crate) fn read(
    host: &'static Host,
    file: &RemoteFile,
    selected: Selected,
    mut wanted: Vec<HeapObject>,
    memory: Option<Runs>,
    ranges: Vec<(u64, u64)>,
) -> Result<Prepared, Failed> {
    let texts = memory.and_then(|memory| Texts::new(host, selected, 0, memory));
    if let Some(texts) = texts.filter(Texts::are_in_plain_memory) {
        let read = file.heap_objects(&mut wanted, &|place, text| texts.put(place, text));
        match read {
            Ok(true) => {
                texts.give();
                return Ok(Prepared::Read);
            }
            Ok(false) => {}
            Err(error) => {
                push(host, Topic::Read, file.url(), &error);
                return Err(Failed);
            }
        }
    }
    Ok(Prepared::Announced(file.plan_with_heaps(ranges, &mut wanted)))
}

/// Whether references in `file` can be followed here.
pub(crate) fn is_usual(host: &'static Host, file: &RemoteFile) -> Result<bool, Failed> {
    file.has_usual_heaps().map_err(|error| {
        push(host, Topic::Read, file.url(), &error);
        Failed
    })
}
