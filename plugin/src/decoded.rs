//! Reads of chunked datasets without the native code: the chunks are decoded on all cores, straight into the
//! program's buffer.
//!
//! For elements that the program wants as they are stored, or numbers; for filters that are known to the core library.
//! Everything else is left to the native code; so is what turns out to be wrong, for it to say how.

use hdfstream::decode::{Move, Placement, Slab};
use std::sync::{Mutex, PoisonError};

use hdfstream::{Error, HeapObject, RemoteFile, StoredChunk};

use crate::chunk_index::ChunkIndex;
use crate::dataset::{Prepared, Selected};
use crate::error_stack::{Quiet, Saved, Topic, push};
use crate::ffi;
use crate::guard::Failed;
use crate::host::Host;
use crate::selection::Runs;
use crate::varying::Varying;
use crate::{selection, storage, varying};

pub(crate) use conversion::Conversion;
use places::Places;
pub(crate) use recipe::{Recipe, is_plain};

mod conversion;
mod places;
mod recipe;

/// Larger chunks are decoded by the native code, bytes: here every core would hold some.
const LARGEST: u64 = 32 << 20;
/// Most runs of elements of a selection that is no regular one.
const MOST_RUNS: usize = 1 << 20;
/// When more than one part in so many is read of what must be decoded, the rest is not worth keeping for later reads.
const PARTS: u64 = 4;

/// What there is to do for a read.
struct Job<'c> {
    recipe: &'c Recipe,
    places: Places,
    /// Those of the places whose chunks are there, and these chunks.
    there: Vec<usize>,
    stored: Vec<StoredChunk>,
    /// Those whose chunks were never written.
    absent: Vec<usize>,
    /// Bytes of a chunk.
    size: usize,
    conversion: Option<Conversion>,
    /// Where texts of variable length go.
    texts: Option<Runs>,
}

/// Memory that is filled.
struct Destination(*mut u8);

// SAFETY: threads write different parts of it, while the call that owns it waits for them.
unsafe impl Sync for Destination {}

/// Reads what `selected` asks for, if that can be done here, or says to `file` which heaps native code will read; says
/// whether one of the two was done.
pub(crate) fn read(
    host: &'static Host,
    file: &RemoteFile,
    chunks: &ChunkIndex,
    selected: Selected,
) -> Result<Option<Prepared>, Failed> {
    let Some(mut job) = Job::new(host, chunks, selected) else {
        return Ok(None);
    };
    if let Some(varying) = &job.recipe.varying {
        if !varying::is_usual(host, file)? {
            return Ok(None);
        }
        let followed = job.follow(file, varying).map_err(|error| {
            push(host, Topic::Read, file.url(), &error);
            Failed
        })?;
        let Some(wanted) = followed else {
            return Ok(None);
        };
        let ranges = job.stored.iter().map(|chunk| (chunk.offset, chunk.length));
        return varying::read(host, file, selected, wanted, job.texts.take(), ranges.collect()).map(Some);
    }
    let mut conversion = job.conversion.take();
    let destination = Destination(match &mut conversion {
        Some(conversion) => conversion.destination(selected),
        None => selected.buffer.cast(),
    });
    let place = |number: usize, chunk: &[u8]| job.place(number, chunk, &destination);
    let decoded = |number: usize, chunk: &[u8]| place(job.there[number], chunk);
    let whole = file
        .decode(&job.recipe.pipeline, job.size, &job.stored, &decoded)
        .map_err(|error| {
            push(host, Topic::Read, file.url(), &error);
            Failed
        })?;
    if !whole {
        return Ok(None);
    }
    if let Some(fill) = job.recipe.fill.as_ref().filter(|_| !job.absent.is_empty()) {
        let chunk = fill.repeat(job.size / fill.len().max(1));
        for &number in &job.absent {
            place(number, &chunk);
        }
    }
    match conversion {
        Some(conversion) => conversion.perform(host, selected).map(|()| Some(Prepared::Read)),
        None => Ok(Some(Prepared::Read)),
    }
}

impl<'c> Job<'c> {
    /// `None` when the read is one for the native code.
    fn new(host: &'static Host, chunks: &'c ChunkIndex, selected: Selected) -> Option<Self> {
        let recipe = chunks.recipe.as_ref()?;
        let _saved = Saved::new(host);
        let _quiet = Quiet::new(host);
        let stored = storage::datatype(host, selected.dataset)?;
        // SAFETY: an open list; a null buffer of no bytes is not written to.
        let transformed =
            unsafe { (host.h5.H5Pget_data_transform)(selected.transfer, std::ptr::null_mut(), 0) > 0 };
        if selected.buffer.is_null() || transformed {
            return None;
        }
        let size = chunks
            .shape()
            .iter()
            .try_fold(recipe.element as u64, |size, extent| size.checked_mul(*extent))
            .filter(|size| *size > 0 && *size <= LARGEST)?;
        // SAFETY: open datatypes.
        let same = unsafe { (host.h5.H5Tequal)(stored.id(), selected.memory_type) > 0 };
        let varies = recipe.varying.is_some();
        let texts = match &recipe.varying {
            Some(varying) if same && varying.are_texts => {
                selection::in_file(host, selected, &recipe.extents, MOST_RUNS)
                    .and_then(|file| selection::in_memory(host, selected, &file, MOST_RUNS))
            }
            _ => None,
        };
        // Where other things than texts go is for the native code to know.
        let same = if varies { texts.is_some() } else { same };
        let converting = |count| match varies {
            true => Some(None),
            false => Conversion::new(host, stored, selected, &recipe.extents, count).map(Some),
        };
        let file = places::in_file(host, selected, &recipe.extents);
        let (places, count, conversion) = match file {
            Some(file) if same => {
                let memory = match selected.memory_space {
                    // As in the file.
                    ffi::H5S_ALL => Some(file.clone()),
                    space => places::slab(host, space),
                };
                let placement =
                    memory.and_then(|memory| Placement::new(&file, chunks.shape(), &memory, recipe.element));
                let places = match placement {
                    Some(placement) => Places::regular(placement)?,
                    None => {
                        let moves = selection::moves(host, selected, &recipe.extents, MOST_RUNS)?;
                        Places::listed(&moves, &recipe.extents, chunks.shape(), recipe.element)?
                    }
                };
                (places, file.count(), None)
            }
            Some(file) => {
                let count = file.count();
                let dense = Slab::all(vec![count])?;
                let placement = Placement::new(&file, chunks.shape(), &dense, recipe.element)?;
                (Places::regular(placement)?, count, converting(count)?)
            }
            None => {
                let file = selection::in_file(host, selected, &recipe.extents, MOST_RUNS)?;
                let count = file.iter().map(|run| run.1).sum();
                let (memory, conversion) = if same {
                    (selection::in_memory(host, selected, &file, MOST_RUNS)?, None)
                } else {
                    (vec![(0, count)], converting(count)?)
                };
                let moves = Move::pairs(&file, &memory);
                let places = Places::listed(&moves, &recipe.extents, chunks.shape(), recipe.element)?;
                (places, count, conversion)
            }
        };
        if recipe
            .varying
            .as_ref()
            .is_some_and(|varying| !varying.suits(count))
        {
            return None;
        }
        // What is left of few chunks the native code keeps for the next read.
        let decoded = size * places.positions().len() as u64;
        if decoded <= recipe.native_cache && count * recipe.element as u64 * PARTS < decoded {
            return None;
        }
        let mut job = Self {
            recipe,
            there: Vec::with_capacity(places.positions().len()),
            stored: Vec::with_capacity(places.positions().len()),
            absent: Vec::new(),
            places,
            size: size as usize,
            conversion,
            texts,
        };
        for (number, position) in job.places.positions().iter().enumerate() {
            match chunks.at(position) {
                Some(chunk) if chunk.length > 2 * size + (1 << 16) => return None,
                Some(chunk) => {
                    job.there.push(number);
                    job.stored.push(chunk);
                }
                None => job.absent.push(number),
            }
        }
        // What was never written is for the native code to leave alone when there is no fill value.
        (job.absent.is_empty() || recipe.fill.is_some()).then_some(job)
    }

    /// What the selected elements refer to, and where that goes; `None` when it cannot be told here.
    fn follow(&self, file: &RemoteFile, varying: &Varying) -> Result<Option<Vec<HeapObject>>, Error> {
        let found: Vec<Mutex<Vec<HeapObject>>> = self.there.iter().map(|_| Mutex::default()).collect();
        let decoded = |number: usize, chunk: &[u8]| {
            let mut wanted = Vec::new();
            self.places.copies(self.there[number], |from, to, length| {
                if let Some(elements) = chunk.get(from..from + length) {
                    varying.follow(elements, (to / varying.element) as u64, &mut wanted);
                }
            });
            *found[number].lock().unwrap_or_else(PoisonError::into_inner) = wanted;
        };
        let whole = file.decode(&self.recipe.pipeline, self.size, &self.stored, &decoded)?;
        let found = found
            .into_iter()
            .map(|found| found.into_inner().unwrap_or_else(PoisonError::into_inner));
        Ok(whole.then(|| found.flatten().collect()))
    }

    /// Copies the selected elements of the chunk of that number to where they go.
    fn place(&self, number: usize, chunk: &[u8], destination: &Destination) {
        self.places.copies(number, |from, to, length| {
            let Some(bytes) = chunk.get(from..from + length) else {
                return;
            };
            // SAFETY: `to` and `length` stay within the memory that the program's selection spans, which it says is
            // its own, or within that of the conversion; no two chunks have elements for the same place.
            unsafe {
                let to = destination.0.add(to);
                match length {
                    // Single elements by single moves.
                    4 => std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, 4),
                    8 => std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, 8),
                    _ => std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, length),
                }
            }
        });
    }
}
