//! Datasets: what they are, and their elements as far as they come along.

use super::form::{Form, Kind};
use super::{attributes, value};
use crate::worker::direct::Direct;
use crate::worker::hdf5::{Dataset, Object, Storage};
use crate::worker::heap;
use crate::worker::msgpack::Writer;
use crate::worker::question::{Failure, LeftOut, Source};

/// Elements that come along are read at once up to so many bytes, others piece by piece.
const AT_ONCE: u64 = 64 << 10;
/// The same for elements of variable length, by the memory of their handles.
const HANDLES_AT_ONCE: u64 = 4 << 10;
/// Most bytes into which these may grow.
const MOST_TEXT: usize = 1 << 20;

/// A dataset with all that is needed to read it.
pub(super) struct Described {
    pub(super) kind: Kind,
    pub(super) shape: Vec<u64>,
    pub(super) storage: Storage,
    address: u64,
    /// Whether the bytes of an element are those of the reply.
    verbatim: bool,
}

impl Described {
    pub(super) fn of(object: &Object, dataset: &Dataset) -> Result<Self, Failure> {
        let stored = dataset.datatype().ok_or(Failure::Unreadable)?;
        let kind = Kind::of(&stored).ok_or(Failure::Type)?;
        let shape = dataset
            .space()
            .and_then(|space| space.extents())
            .ok_or(Failure::Unreadable)?;
        let described = Self {
            storage: dataset.storage(shape.len()).ok_or(Failure::Unreadable)?,
            address: object.address().ok_or(Failure::Unreadable)?,
            verbatim: kind.memory == stored && !kind.form.variable(),
            kind,
            shape,
        };
        if described.storage == Storage::Virtual {
            return Err(Failure::Outside);
        }
        Ok(described)
    }

    /// How elements can be read without libhdf5: those that are sent as they are stored, and texts of variable length
    /// by what refers to them.
    pub(super) fn direct(&self, dataset: &Dataset) -> Option<Direct> {
        let width = match (&self.kind.form, &self.storage) {
            (Form::Text, _) => heap::REFERENCE,
            // libhdf5 need not read all of a chunk that is stored as it is.
            (_, Storage::Chunked { filtered: false, .. }) => return None,
            _ => self.verbatim.then(|| self.kind.memory.size())?,
        };
        Direct::of(dataset, &self.storage, &self.shape, width)
    }

    fn width(&self) -> u64 {
        self.kind.memory.size() as u64
    }

    fn elements(&self) -> Result<u64, Failure> {
        let product = |total: u64, &extent: &u64| total.checked_mul(extent);
        self.shape.iter().try_fold(1, product).ok_or(Failure::Unreadable)
    }

    /// Bytes of all elements in memory.
    fn bytes(&self) -> Result<u64, Failure> {
        let bytes = self.elements()?.checked_mul(self.width());
        bytes.ok_or(Failure::Unreadable)
    }

    pub(super) fn source(&self) -> Result<Source, Failure> {
        let mut kind = Writer::default();
        self.kind.form.describe(&mut kind);
        let bytes = self.bytes()?;
        let (chunk, filtered) = match &self.storage {
            Storage::Chunked { extents, filtered } => (extents.clone(), *filtered),
            _ => (Vec::new(), false),
        };
        Ok(Source {
            address: self.address,
            kind: kind.into_bytes(),
            structured: self.kind.form.structured(),
            variable: self.kind.form.variable(),
            width: self.width(),
            shape: self.shape.clone(),
            chunk,
            filtered,
            offset: match self.storage {
                Storage::Contiguous {
                    offset,
                    bytes: stored,
                } if self.verbatim && stored == bytes => Some(offset),
                _ => None,
            },
        })
    }
}

/// Writes the map of a dataset. If its elements come along piece by piece, the map ends where they begin,
/// and they are returned.
pub(super) fn write(
    object: &Object,
    dataset: &Dataset,
    described: &Described,
    limit: u64,
    out: &mut Writer,
    left_out: &mut Vec<LeftOut>,
) -> Result<Option<Source>, Failure> {
    let form = &described.kind.form;
    let mut data = Writer::default();
    let along = along(dataset, described, limit, &mut data)?;
    let entries = if matches!(along, Along::Nothing) { 5 } else { 6 };
    out.map(entries).str("hdf5_object").str("dataset");
    attributes::write(object, out, left_out)?;
    out.str("type");
    form.describe(out);
    out.str("kind").str(form.letter());
    out.str("shape").uints(&described.shape);
    Ok(match along {
        Along::Nothing => None,
        Along::Here => {
            out.str("data").raw(&data.into_bytes());
            None
        }
        Along::Later => {
            out.str("data").raw(&data.into_bytes());
            Some(described.source()?)
        }
    })
}

/// What of the elements comes along.
enum Along {
    Nothing,
    /// All of them.
    Here,
    /// The beginning of their map.
    Later,
}

fn along(dataset: &Dataset, described: &Described, limit: u64, data: &mut Writer) -> Result<Along, Failure> {
    let Described { kind, shape, .. } = described;
    let (Ok(bytes), Ok(elements)) = (described.bytes(), described.elements()) else {
        return Ok(Along::Nothing);
    };
    let empty = elements == 0;
    if bytes > limit || (described.storage == Storage::Outside && !empty) {
        return Ok(Along::Nothing);
    }
    if empty {
        empty_value(&kind.form, shape, data);
        return Ok(Along::Here);
    }
    let start = vec![0; shape.len()];
    if kind.form.variable() {
        if u32::try_from(elements).is_err() {
            return Ok(Along::Nothing);
        }
        value::variable_header(shape, data);
        if bytes <= HANDLES_AT_ONCE {
            let Some(values) = dataset.read_variable(&kind.memory, &start, shape) else {
                return Ok(Along::Nothing);
            };
            let begin = data.len();
            let mut cells = values.cells();
            if cells.all(|cell| {
                value::cell(&kind.form, cell, data);
                data.len() - begin <= MOST_TEXT
            }) {
                return Ok(Along::Here);
            }
            data.truncate(begin);
        }
        return Ok(match readable(dataset, described) {
            true => Along::Later,
            false => Along::Nothing,
        });
    }
    if bytes <= AT_ONCE {
        let mut buffer = vec![0; usize::try_from(bytes).map_err(|_| Failure::TooLarge)?];
        // What cannot be read is left out here, so that the rest of a group still can.
        if dataset.read(&kind.memory, &start, shape, &mut buffer).is_none() {
            return Ok(Along::Nothing);
        }
        value::array(&kind.form, shape, &buffer, data);
        return Ok(Along::Here);
    }
    if !readable(dataset, described) {
        return Ok(Along::Nothing);
    }
    value::array_header(&kind.form, shape, bytes, data);
    Ok(Along::Later)
}

fn empty_value(form: &Form, shape: &[u64], data: &mut Writer) {
    if form.variable() {
        value::variable_header(shape, data);
    } else {
        value::array(form, shape, &[], data);
    }
}

/// Whether the first element can be read: better found out before a reply has begun.
fn readable(dataset: &Dataset, described: &Described) -> bool {
    let memory = &described.kind.memory;
    let (start, count) = (vec![0; described.shape.len()], vec![1; described.shape.len()]);
    if described.kind.form.variable() {
        dataset.read_variable(memory, &start, &count).is_some()
    } else {
        let mut element = vec![0; memory.size()];
        dataset.read(memory, &start, &count, &mut element).is_some()
    }
}
