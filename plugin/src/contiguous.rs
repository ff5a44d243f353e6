//! Reads of contiguous datasets. The native code asks for all runs of elements at once, to be put straight into the
//! program's buffer, so that is left to it. But very many short ones are picked here out of what lies between, and
//! where it would convert piece by piece, all is fetched at once, or what it will ask for is announced.

use std::ffi::{c_int, c_void};

use hdfstream::{Class, Error, Extents, RemoteFile};

use crate::dataset::{Prepared, Selected};
use crate::decoded::{Conversion, is_plain};
use crate::error_stack::{Quiet, Saved, Topic, push};
use crate::ffi::{self, haddr_t, hid_t};
use crate::guard::Failed;
use crate::handle::Handle;
use crate::host::Host;
use crate::selection::{self, Runs, Walk};
use crate::storage;
use crate::varying::{self, Varying};

/// Shorter runs of elements, bytes, are picked out of all that lies between the first and the last,
const SHORT: u64 = 512;
/// unless that is more than so many times what is wanted: the fetching of a run costs as much as that of some bytes.
const MUCH_MORE: u64 = 16;
/// Bytes of which elements are picked at once.
const BLOCK: u64 = 4 << 20;
/// When it converts, the native code reads all that lies between, if it is at most so many times what is wanted.
const TOO_MUCH: u64 = 64;
/// Most runs that are fetched at once to be converted.
const MOST_RUNS: usize = 1 << 16;
/// What is smaller, bytes, is probably read together with what lies around it.
const SMALL: u64 = 1 << 20;
/// The native code reads up to this many bytes at once, so that less needs no announcement.
const LITTLE: u64 = 64 << 10;

/// Where the elements of a dataset are.
pub(crate) struct Contiguous {
    /// Where the first one begins in the file.
    offset: u64,
    extents: Vec<u64>,
    /// Bytes of an element.
    element: u64,
    /// Whether elements are bytes and nothing else.
    plain: bool,
    /// How their parts of variable length are stored, if they have any.
    varying: Option<Varying>,
    /// Where they all are: one range.
    all: Extents,
}

impl Contiguous {
    /// Those of a contiguous `dataset`; `None` when it was never written.
    pub(crate) fn of(host: &'static Host, dataset: *mut c_void) -> Option<Self> {
        let _quiet = Quiet::new(host);
        let datatype = storage::datatype(host, dataset)?;
        let space = storage::space(host, dataset)?;
        let extents = storage::dimensions(host, space.id())?;
        let plain = is_plain(host, datatype.id());
        let varying = match plain {
            true => None,
            false => Varying::of(host, datatype.id()),
        };
        let element = match &varying {
            Some(varying) => varying.element as u64,
            // SAFETY: an open datatype.
            None => unsafe { (host.h5.H5Tget_size)(datatype.id()) as u64 },
        };
        let size = extents
            .iter()
            .try_fold(element, |size, extent| size.checked_mul(*extent))?;
        let mut offset: haddr_t = haddr_t::MAX;
        // SAFETY: plain data for which zeros are valid; the operation number says which part counts, and that part is
        // alike in all versions (test `headers`). The out-pointer lives through the call.
        let status = unsafe {
            let mut arguments: ffi::H5VL_native_dataset_optional_args_t = std::mem::zeroed();
            arguments.get_offset.offset = &raw mut offset;
            storage::native_operation(
                host,
                dataset,
                ffi::H5VL_NATIVE_DATASET_GET_OFFSET as c_int,
                &mut arguments,
            )?
        };
        let end = offset.checked_add(size)?;
        (status >= 0 && end <= i64::MAX as u64).then(|| Self {
            offset,
            extents,
            element,
            plain,
            varying,
            all: [(offset, size)].into(),
        })
    }

    /// Reads what `selected` asks for, or says to `file` what the native code will read.
    pub(crate) fn read(
        &self,
        host: &'static Host,
        file: &RemoteFile,
        selected: Selected,
    ) -> Result<Prepared, Failed> {
        if self.all[0].1 >= SMALL {
            file.occupy(&self.all);
        }
        let saved = Saved::new(host);
        let quiet = Quiet::new(host);
        let leave = Ok(Prepared::Announced(None));
        let Some((first, span, count)) = self.spanned(host, selected) else {
            return leave;
        };
        // SAFETY: an open list; a null buffer of no bytes is not written to.
        let transformed =
            unsafe { (host.h5.H5Pget_data_transform)(selected.transfer, std::ptr::null_mut(), 0) > 0 };
        // Beyond the end of the file it is for the native code to say what is wrong.
        if first.saturating_add(span) > file.size() {
            return leave;
        }
        let wanted = count * self.element;
        if let Some(varying) = self
            .varying
            .as_ref()
            .filter(|varying| varying.suits(count) && !transformed)
            && let Some(runs) = selection::in_file(host, selected, &self.extents, MOST_RUNS)
        {
            let memory = self.texts(host, varying, selected, &runs);
            drop((quiet, saved));
            return self.follow(host, file, selected, varying, &runs, memory);
        }
        if span <= LITTLE {
            return leave;
        }
        let Some(stored) = storage::datatype(host, selected.dataset) else {
            return leave;
        };
        if !transformed && self.is_wanted_as_stored(host, &stored, selected) {
            if wanted.saturating_mul(MUCH_MORE) >= span
                && let Some((from, to)) = self.short_runs(host, selected, count)
            {
                drop((quiet, saved));
                return self.pick(host, file, selected, (from, to), (first, span));
            }
            return leave;
        }
        if self.plain
            && !transformed
            && let Some(file_runs) = selection::in_file(host, selected, &self.extents, MOST_RUNS)
            && let Some(conversion) = Conversion::new(host, stored, selected, &self.extents, count)
        {
            drop((quiet, saved));
            return self.convert(host, file, selected, &file_runs, conversion);
        }
        if wanted.saturating_mul(TOO_MUCH) < span {
            return leave;
        }
        // The native code reads on to the end of its buffer.
        let rest = self.extents.iter().product::<u64>() * self.element - (first - self.offset);
        let span = span.saturating_add(LITTLE).min(rest);
        Ok(Prepared::Announced(file.plan(vec![(first, span)])))
    }

    /// The runs in the file, ascending, and in memory, if they are short.
    fn short_runs(&self, host: &'static Host, selected: Selected, count: u64) -> Option<(Walk, Walk)> {
        let space = |space: hid_t| match space {
            ffi::H5S_ALL => Walk::all(host, count),
            space => {
                selection::bounds(host, space)?;
                Walk::new(host, space)
            }
        };
        let from = space(selected.file_space)?;
        let to = match selected.memory_space {
            ffi::H5S_ALL => space(selected.file_space)?,
            memory => {
                // SAFETY: takes any id of a dataspace; others make it fail.
                let as_many =
                    memory >= 16 && unsafe { (host.h5.H5Sget_select_npoints)(memory) } == count as i64;
                as_many.then(|| space(memory)).flatten()?
            }
        };
        let usual = from.usual().min(to.usual()).saturating_mul(self.element);
        // SAFETY: an open dataspace.
        let ascends = selected.file_space == ffi::H5S_ALL
            || unsafe { (host.h5.H5Sget_select_type)(selected.file_space) } == ffi::H5S_SEL_HYPERSLABS;
        (usual < SHORT && ascends).then_some((from, to))
    }

    /// Where the first selected element is in the file, how many bytes there are up to the last one, and how many
    /// elements are selected.
    fn spanned(&self, host: &'static Host, selected: Selected) -> Option<(u64, u64, u64)> {
        let total: u64 = self.extents.iter().product();
        if total == 0 || selected.buffer.is_null() {
            return None;
        }
        let space = selected.file_space;
        if space == ffi::H5S_ALL {
            return Some((self.offset, total * self.element, total));
        }
        if space < 16 || storage::dimensions(host, space)? != self.extents {
            return None;
        }
        let (lowest, highest) = selection::bounds(host, space)?;
        let number = |at: &[u64]| {
            let pairs = at.iter().zip(&self.extents);
            pairs.fold(0, |number, (at, extent)| number * extent + at)
        };
        let (lowest, highest) = (number(&lowest), number(&highest));
        // SAFETY: an open dataspace.
        let count = unsafe { (host.h5.H5Sget_select_npoints)(space) };
        Some((
            self.offset + lowest * self.element,
            (highest - lowest + 1) * self.element,
            u64::try_from(count).ok()?,
        ))
    }

    fn is_wanted_as_stored(&self, host: &'static Host, stored: &Handle, selected: Selected) -> bool {
        // SAFETY: open datatypes.
        self.plain && unsafe { (host.h5.H5Tequal)(stored.id(), selected.memory_type) } > 0
    }

    /// The elements of the program's memory that the selected `runs` become, if they are texts and wanted as such.
    fn texts(
        &self,
        host: &'static Host,
        varying: &Varying,
        selected: Selected,
        runs: &[(u64, u64)],
    ) -> Option<Runs> {
        let stored = storage::datatype(host, selected.dataset)?;
        // SAFETY: open datatypes.
        let same = unsafe { (host.h5.H5Tequal)(stored.id(), selected.memory_type) > 0 };
        (varying.are_texts && same)
            .then(|| selection::in_memory(host, selected, runs, MOST_RUNS))
            .flatten()
    }

    /// Fetches `runs` of elements, and follows their references to what varies in length.
    fn follow(
        &self,
        host: &'static Host,
        file: &RemoteFile,
        selected: Selected,
        varying: &Varying,
        runs: &[(u64, u64)],
        memory: Option<Runs>,
    ) -> Result<Prepared, Failed> {
        if !varying::is_usual(host, file)? {
            return Ok(Prepared::Announced(None));
        }
        let ranges: Vec<(u64, u64)> = runs
            .iter()
            .map(|&(first, count)| (self.offset + first * self.element, count * self.element))
            .collect();
        let mut elements = vec![0; ranges.iter().map(|range| range.1 as usize).sum()];
        let mut rest = elements.as_mut_slice();
        let mut pieces = Vec::with_capacity(ranges.len());
        for &(offset, length) in &ranges {
            let (piece, after) = rest.split_at_mut(length as usize);
            pieces.push((Class::Raw, offset, piece));
            rest = after;
        }
        file.read_vector(&mut pieces).map_err(|error| {
            push(host, Topic::Read, file.url(), &error);
            Failed
        })?;
        let mut wanted = Vec::new();
        let mut rest = elements.as_slice();
        let all = [(0, elements.len() as u64 / self.element)];
        for &(first, count) in memory.as_deref().unwrap_or(&all) {
            let (now, after) = rest
                .split_at_checked((count * self.element) as usize)
                .ok_or(Failed)?;
            varying.follow(now, first, &mut wanted);
            rest = after;
        }
        varying::read(host, file, selected, wanted, memory, ranges)
    }

    /// Fetches `runs` of elements all at once, and converts them.
    fn convert(
        &self,
        host: &'static Host,
        file: &RemoteFile,
        selected: Selected,
        runs: &[(u64, u64)],
        mut conversion: Conversion,
    ) -> Result<Prepared, Failed> {
        let mut place = conversion.destination(selected);
        let pieces = runs.iter().map(|&(first, count)| {
            let length = (count * self.element) as usize;
            // SAFETY: the destination has room for all runs, one after the other, and nobody else uses it meanwhile.
            let piece = unsafe {
                let piece = std::slice::from_raw_parts_mut(place, length);
                place = place.add(length);
                piece
            };
            (Class::Raw, self.offset + first * self.element, piece)
        });
        let mut pieces: Vec<_> = pieces.collect();
        file.read_vector(&mut pieces).map_err(|error| {
            push(host, Topic::Read, file.url(), &error);
            Failed
        })?;
        conversion.perform(host, selected).map(|()| Prepared::Read)
    }

    /// Fetches the bytes from `first` on and copies the elements among them to where they go.
    fn pick(
        &self,
        host: &'static Host,
        file: &RemoteFile,
        selected: Selected,
        (mut from, mut to): (Walk, Walk),
        (first, span): (u64, u64),
    ) -> Result<Prepared, Failed> {
        let failed = |error: &Error| {
            push(host, Topic::Read, file.url(), error);
            Failed
        };
        let _showing = file.plan(vec![(first, span)]);
        let mut block = vec![0; span.min(BLOCK) as usize];
        // What of the file is in the block.
        let (mut begin, mut end) = (first, first);
        let (mut place, mut room) = (0, 0);
        loop {
            let (mut element, mut count) = from.next().ok_or(Failed)?;
            if count == 0 {
                return Ok(Prepared::Read);
            }
            while count > 0 {
                if room == 0 {
                    (place, room) = to.next().filter(|run| run.1 > 0).ok_or(Failed)?;
                }
                let at = self.offset + element * self.element;
                if at < begin || at + self.element > end {
                    (begin, end) = (at, (at + BLOCK).min(first + span));
                    let part = &mut block[..(end - begin) as usize];
                    file.read(Class::Raw, begin, part)
                        .map_err(|error| failed(&error))?;
                }
                let now = count.min(room).min((end - at) / self.element);
                let start = (at - begin) as usize;
                let bytes = block
                    .get(start..start + (now * self.element) as usize)
                    .filter(|bytes| !bytes.is_empty())
                    .ok_or(Failed)?;
                // SAFETY: within the memory that the program's selection spans, which it says is its own.
                unsafe {
                    let buffer = selected.buffer.cast::<u8>().add((place * self.element) as usize);
                    match bytes.len() {
                        // Single elements by single moves.
                        4 => std::ptr::copy_nonoverlapping(bytes.as_ptr(), buffer, 4),
                        8 => std::ptr::copy_nonoverlapping(bytes.as_ptr(), buffer, 8),
                        length => std::ptr::copy_nonoverlapping(bytes.as_ptr(), buffer, length),
                    }
                }
                (element, count) = (element + now, count - now);
                (place, room) = (place + now, room - now);
            }
        }
    }
}
