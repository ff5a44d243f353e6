//! Reads elements of datasets whose elements are on the server.
//!
//! The selected rows are fetched, and what is selected is picked from them. Where the program wants just these bytes
//! they go straight to its buffer; otherwise native code reads them from a scratch dataset, so that conversions and
//! selections in memory are HDF5's own.

use std::ffi::c_void;

use hdfstream::Error;
use hdfstream::v1::{Answer, Content, Element, Found, Rows, Sequences};

use super::build::with_elements;
use super::datatype::datatype;
use super::remote::RemoteDataset;
use super::selection;
use super::{Replica, lock, of_object};
use crate::dataset::Selected;
use crate::error_stack::{Quiet, Saved, Topic, push_text};
use crate::ffi::{self, hid_t};
use crate::guard::Failed;
use crate::handle::Handle;
use crate::host::Host;
use crate::scratch::Scratch;
use crate::selection::{Runs, runs};
use crate::texts::Texts;

/// Bytes that are converted at once where that can be.
const PIECE: u64 = 16 << 20;

/// Elements, as they came.
pub(super) enum Fetched {
    Packed(Vec<u8>),
    Sequences(Vec<Answer>),
}

/// Reads what `selected` asks for, if its dataset is one whose elements are on a server; tells whether it is.
pub(crate) fn read(host: &'static Host, selected: Selected) -> Result<bool, Failed> {
    let Some((replica, address)) = of_object(host, selected.dataset, ffi::H5I_DATASET) else {
        return Ok(false);
    };
    let Some(dataset) = lock(&replica.datasets).get(&address).cloned() else {
        return Ok(false);
    };
    let Some(wanted) = wanted(host, &dataset, selected) else {
        push_text(
            host,
            Topic::Unsupported,
            &format!(
                "{}: this selection of {} cannot be read remotely",
                replica.url, dataset.object
            ),
        );
        return Err(Failed);
    };
    if wanted.runs.is_empty() {
        // Nothing is selected; the native code says what else there is to say.
        return Ok(false);
    }
    let read = match dataset.element.size() {
        Some(size) => replica.read_packed(&dataset, size, &wanted, selected),
        None => replica.read_sequences(&dataset, &wanted, selected),
    };
    match read {
        Ok(true) => Ok(true),
        Ok(false) => Err(Failed),
        Err(error) => Err(replica.push(Topic::Read, &error)),
    }
}

/// What a read wants.
struct Wanted {
    /// The selected elements of the dataset, in order.
    runs: Runs,
    rows: Rows,
    /// Where they are among the fetched ones.
    places: Runs,
    /// The elements' number.
    count: u64,
    /// The selection in memory; `None` for all of a buffer without gaps.
    memory: Option<hid_t>,
}

impl Wanted {
    /// Whether everything that is fetched is selected, in this order.
    fn is_all(&self) -> bool {
        self.places[..] == [(0, self.rows.count())]
    }

    /// The selected ones of the fetched elements.
    fn picked<'f, T>(&self, fetched: &'f [T]) -> impl Iterator<Item = &'f T> {
        let places = self.places.iter();
        places.flat_map(|&(first, count)| &fetched[first as usize..(first + count) as usize])
    }
}

/// Finds out what `selected` asks for.
fn wanted(host: &'static Host, dataset: &RemoteDataset, selected: Selected) -> Option<Wanted> {
    let h5 = &host.h5;
    let _saved = Saved::new(host);
    let (file_space, memory_space) = (selected.file_space, selected.memory_space);
    let rank = dataset.shape.len();
    let (runs, lowest, highest) = if file_space == ffi::H5S_ALL {
        let runs = match dataset.count() {
            0 => Vec::new(),
            count => vec![(0, count)],
        };
        let highest = dataset
            .shape
            .iter()
            .map(|extent| extent.saturating_sub(1))
            .collect();
        (runs, vec![0; rank], highest)
    } else {
        let extent = crate::storage::dimensions(host, file_space)?;
        if extent != dataset.shape {
            return None;
        }
        let runs = runs(host, file_space, usize::MAX)?;
        let (mut lowest, mut highest) = (vec![0; rank], vec![0; rank]);
        // SAFETY: an open dataspace; both arrays have an entry for each of its dimensions.
        let bounded = runs.is_empty()
            || rank == 0
            || unsafe {
                (h5.H5Sget_select_bounds)(file_space, lowest.as_mut_ptr(), highest.as_mut_ptr()) >= 0
            };
        bounded.then_some((runs, lowest, highest))?
    };
    let count = runs.iter().map(|run| run.1).sum();
    let (rows, places) = if runs.is_empty() {
        (Rows::scalar(), Vec::new())
    } else {
        let element = dataset.element.size().unwrap_or(16);
        let rows = selection::cover(&dataset.shape, &runs, &lowest, &highest, element);
        let places = selection::places(&dataset.shape, &rows, &runs);
        (rows, places)
    };
    let memory = match (memory_space, file_space) {
        (ffi::H5S_ALL, ffi::H5S_ALL) => None,
        // The buffer then has the dataset's extent, with the same elements selected.
        (ffi::H5S_ALL, space) => Some(space),
        (space, _) => Some(space),
    };
    Some(Wanted {
        runs,
        rows,
        places,
        count,
        memory,
    })
}

impl Replica {
    /// Fetches rows of a dataset.
    pub(super) fn fetch(&self, dataset: &RemoteDataset, rows: &Rows) -> Result<Fetched, Error> {
        let (file, object) = (&dataset.file, &dataset.object);
        match dataset.element.size() {
            Some(size) => {
                let length = rows.count().checked_mul(size);
                let length = length.and_then(|length| usize::try_from(length).ok());
                let mut bytes = Vec::new();
                let room = length.is_some_and(|length| bytes.try_reserve_exact(length).is_ok());
                let Some(length) = length.filter(|_| room) else {
                    return Err(self.too_large(dataset));
                };
                bytes.resize(length, 0);
                self.server()?
                    .read(file, object, rows, &dataset.element, &mut bytes)?;
                Ok(Fetched::Packed(bytes))
            }
            None => {
                let answers = self.server()?.read_sequences(file, object, rows)?;
                Ok(Fetched::Sequences(answers))
            }
        }
    }

    fn too_large(&self, dataset: &RemoteDataset) -> Error {
        Error::Rejected {
            url: self.url.clone(),
            server: self.source.name(),
            reason: format!("so much of {} does not fit in memory", dataset.object),
        }
    }

    /// Reads elements of fixed size. `false` when native code failed and has said why.
    fn read_packed(
        &self,
        dataset: &RemoteDataset,
        size: u64,
        wanted: &Wanted,
        selected: Selected,
    ) -> Result<bool, Error> {
        let host = self.host;
        let Some(stored) = datatype(host, &dataset.element) else {
            return Ok(false);
        };
        let all = wanted.is_all();
        let place = place_in_memory(host, wanted);
        let unchanged = is_unchanged(host, &stored, selected);
        let length = wanted.rows.count().checked_mul(size);
        if let (true, true, Some(place), Some(length)) = (all, unchanged, place, length) {
            // SAFETY: the program's buffer has room for the selected elements at this place, in the type that they
            // have already.
            let buffer = unsafe {
                let start = selected.buffer.cast::<u8>().add((place * size) as usize);
                std::slice::from_raw_parts_mut(start, length as usize)
            };
            self.server()?.read(
                &dataset.file,
                &dataset.object,
                &wanted.rows,
                &dataset.element,
                buffer,
            )?;
            return Ok(true);
        }
        let Fetched::Packed(fetched) = self.fetch(dataset, &wanted.rows)? else {
            return Ok(false);
        };
        let elements = match all {
            true => fetched,
            false => {
                let mut picked = Vec::with_capacity((wanted.count * size) as usize);
                for &(first, count) in &wanted.places {
                    let start = (first * size) as usize;
                    picked.extend_from_slice(&fetched[start..start + (count * size) as usize]);
                }
                picked
            }
        };
        let Some(place) = place else {
            return Ok(through_scratch(
                host,
                &stored,
                wanted.count,
                elements.as_ptr().cast(),
                wanted.memory,
                selected,
            ));
        };
        // Piece by piece, so that not all is in memory three times.
        // SAFETY: an open type.
        let wide = unsafe { (host.h5.H5Tget_size)(selected.memory_type) };
        let piece = (PIECE / size).max(1);
        let mut done = 0;
        while done < wanted.count {
            let count = piece.min(wanted.count - done);
            let part = Selected {
                // SAFETY: within the program's buffer, as above.
                buffer: unsafe {
                    let start = selected.buffer.cast::<u8>();
                    start.add((place + done) as usize * wide).cast::<c_void>()
                },
                ..selected
            };
            let elements = elements[(done * size) as usize..].as_ptr().cast();
            if !through_scratch(host, &stored, count, elements, None, part) {
                return Ok(false);
            }
            done += count;
        }
        Ok(true)
    }

    /// Reads elements of variable length. `false` when native code failed and has said why.
    fn read_sequences(
        &self,
        dataset: &RemoteDataset,
        wanted: &Wanted,
        selected: Selected,
    ) -> Result<bool, Error> {
        let host = self.host;
        let Some(stored) = datatype(host, &dataset.element) else {
            return Ok(false);
        };
        let texts = match dataset.element == Element::VariableText && is_unchanged(host, &stored, selected) {
            true => place_in_memory(host, wanted)
                .and_then(|place| Texts::new(host, selected, place, vec![(0, wanted.count)])),
            false => None,
        };
        if let Some(texts) = texts {
            self.put_texts(dataset, wanted, &texts)?;
            if !texts.some_empty() {
                texts.give();
                return Ok(true);
            }
            return Ok(texts.reading(|elements| {
                through_scratch(host, &stored, wanted.count, elements, wanted.memory, selected)
            }));
        }
        let Fetched::Sequences(answers) = self.fetch(dataset, &wanted.rows)? else {
            return Ok(false);
        };
        let fetched = sequences(&answers, &dataset.element, wanted.rows.count())?;
        let content = Content::Sequences(wanted.picked(&fetched).cloned().collect());
        let read = with_elements(&content, &dataset.element, |elements| {
            through_scratch(host, &stored, wanted.count, elements, wanted.memory, selected)
        });
        Ok(read.unwrap_or(false))
    }

    /// Puts the selected texts into the program's buffer, as they arrive if they are all that does.
    fn put_texts(&self, dataset: &RemoteDataset, wanted: &Wanted, texts: &Texts) -> Result<(), Error> {
        if wanted.is_all() {
            let (file, object) = (&dataset.file, &dataset.object);
            let put = |number: u64, text: &[u8]| texts.put(number, as_in_c(text));
            return self.server()?.read_texts(file, object, &wanted.rows, &put);
        }
        let Fetched::Sequences(answers) = self.fetch(dataset, &wanted.rows)? else {
            return Err(self.too_large(dataset));
        };
        let fetched = sequences(&answers, &dataset.element, wanted.rows.count())?;
        let mut numbered = (0..).zip(wanted.picked(&fetched));
        match numbered.all(|(number, text)| texts.put(number, as_in_c(text))) {
            true => Ok(()),
            false => Err(self.too_large(dataset)),
        }
    }
}

/// A text up to its first NUL.
fn as_in_c(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|&byte| byte == 0);
    &text[..end.unwrap_or(text.len())]
}

/// The elements of variable length in several answers, `count` in all.
pub(super) fn sequences<'a>(
    answers: &'a [Answer],
    element: &Element,
    count: u64,
) -> Result<Sequences<'a>, Error> {
    let mut all: Sequences<'a> = Vec::new();
    for answer in answers {
        let Found::Elements(array) = answer.found()? else {
            return Err(answer.garbage("no elements, where they were asked for".to_owned()));
        };
        // Of texts and of empty sequences the type is not told.
        let same = array.element == *element || array.shape.contains(&0);
        let Content::Sequences(some) = array.content else {
            return Err(answer.garbage("elements of fixed size, where they vary".to_owned()));
        };
        if !same {
            return Err(answer.garbage("elements of another type".to_owned()));
        }
        all.extend(some);
    }
    match (all.len() as u64 == count, answers.last()) {
        (false, Some(last)) => Err(last.garbage(format!("{} elements of {count}", all.len()))),
        _ => Ok(all),
    }
}

/// Where the elements go in the program's buffer, as the number of elements before them, if without gaps.
fn place_in_memory(host: &'static Host, wanted: &Wanted) -> Option<u64> {
    let Some(space) = wanted.memory else {
        return Some(0);
    };
    let _saved = Saved::new(host);
    match runs(host, space, usize::MAX)?.as_slice() {
        [(first, count)] if *count == wanted.count => Some(*first),
        _ => None,
    }
}

/// Whether the program wants the elements as they are.
fn is_unchanged(host: &'static Host, stored: &Handle, selected: Selected) -> bool {
    let h5 = &host.h5;
    let _saved = Saved::new(host);
    let _quiet = Quiet::new(host);
    // SAFETY: open ids; a null buffer of no bytes is not written to.
    unsafe {
        (h5.H5Tequal)(stored.id(), selected.memory_type) > 0
            && (h5.H5Pget_data_transform)(selected.transfer, std::ptr::null_mut(), 0) <= 0
    }
}

/// Lets native code read `count` elements from `elements` to where the program wants them.
fn through_scratch(
    host: &'static Host,
    stored: &Handle,
    count: u64,
    elements: *const c_void,
    memory: Option<hid_t>,
    selected: Selected,
) -> bool {
    let h5 = &host.h5;
    let Some(scratch) = Scratch::new(host, &[count], stored) else {
        return false;
    };
    if !scratch.converts_to(selected.memory_type, selected.transfer) {
        return false;
    }
    // SAFETY: one dimension, as is said.
    let row = unsafe { (h5.H5Screate_simple)(1, [count].as_ptr(), std::ptr::null()) };
    let Some(row) = Handle::own(host, row, h5.H5Sclose) else {
        return false;
    };
    scratch.read(
        elements,
        Selected {
            memory_space: memory.unwrap_or(row.id()),
            file_space: ffi::H5S_ALL,
            ..selected
        },
    )
}
