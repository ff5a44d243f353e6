//! Selections as runs of elements, in the order in which HDF5 takes them, whatever kind they are.

use hdfstream::decode::Move;

use crate::dataset::Selected;
use crate::ffi::{self, hid_t};
use crate::handle::Handle;
use crate::host::Host;
use crate::storage;

/// Runs of elements: first and number.
pub(crate) type Runs = Vec<(u64, u64)>;

/// Runs that HDF5 lists in one call.
const AT_ONCE: usize = 1 << 16;

/// Goes through the selected elements of a dataspace.
pub(crate) struct Walk {
    /// None for all elements of a dataspace.
    iterator: Option<Handle>,
    host: &'static Host,
    offsets: Vec<u64>,
    lengths: Vec<usize>,
    /// Of the runs listed, how many there are and the next one.
    found: usize,
    next: usize,
    /// Elements that were not listed yet.
    left: u64,
}

impl Walk {
    /// Of a dataspace; `None` when HDF5 does not tell.
    pub(crate) fn new(host: &'static Host, space: hid_t) -> Option<Self> {
        let h5 = &host.h5;
        // SAFETY: an open dataspace. Elements of one byte, so that HDF5 counts elements.
        let (selected, iterator) = unsafe {
            (
                (h5.H5Sget_select_npoints)(space),
                (h5.H5Ssel_iter_create)(space, 1, 0),
            )
        };
        let left = u64::try_from(selected).ok()?;
        let at_once = usize::try_from(left).map_or(AT_ONCE, |left| left.min(AT_ONCE));
        let mut walk = Self {
            iterator: Some(Handle::own(host, iterator, h5.H5Ssel_iter_close)?),
            host,
            offsets: vec![0; at_once],
            lengths: vec![0; at_once],
            found: 0,
            next: 0,
            left,
        };
        walk.list()?;
        Some(walk)
    }

    /// Of so many elements, which are all.
    pub(crate) fn all(host: &'static Host, count: u64) -> Option<Self> {
        Some(Self {
            iterator: None,
            host,
            offsets: vec![0],
            lengths: vec![usize::try_from(count).ok()?],
            found: 1,
            next: 0,
            left: 0,
        })
    }

    /// Elements of a run, on average of those that are listed.
    pub(crate) fn usual(&self) -> u64 {
        let listed: usize = self.lengths[..self.found].iter().sum();
        (listed / self.found.max(1)) as u64
    }

    /// The next run; zero elements at the end, and `None` when HDF5 does not tell.
    pub(crate) fn next(&mut self) -> Option<(u64, u64)> {
        if self.next == self.found {
            if self.left == 0 {
                return Some((0, 0));
            }
            self.list()?;
        }
        let run = (self.offsets[self.next], self.lengths[self.next] as u64);
        self.next += 1;
        Some(run)
    }

    /// Lists what follows.
    fn list(&mut self) -> Option<()> {
        let (mut found, mut elements) = (0, 0);
        (self.next, self.found) = (0, 0);
        if let Some(iterator) = self.iterator.as_ref().filter(|_| self.left > 0) {
            // SAFETY: an open iterator; the arrays have the room that is announced, and of them only what was filled
            // is read.
            let status = unsafe {
                (self.host.h5.H5Ssel_iter_get_seq_list)(
                    iterator.id(),
                    self.offsets.len(),
                    usize::MAX >> 1,
                    &raw mut found,
                    &raw mut elements,
                    self.offsets.as_mut_ptr(),
                    self.lengths.as_mut_ptr(),
                )
            };
            if status < 0 || found == 0 || found > self.lengths.len() {
                return None;
            }
            let listed: usize = self.lengths[..found].iter().sum();
            self.left = self.left.checked_sub(listed as u64)?;
            self.found = found;
        }
        Some(())
    }
}

/// The selected elements of a dataspace; `None` when there are more runs of them than `most`.
pub(crate) fn runs(host: &'static Host, space: hid_t, most: usize) -> Option<Runs> {
    let mut walk = Walk::new(host, space)?;
    let mut runs: Runs = Vec::new();
    loop {
        let (offset, length) = walk.next()?;
        let full = runs.len() == most;
        match runs.last_mut() {
            _ if length == 0 => return Some(runs),
            Some((first, count)) if *first + *count == offset => *count += length,
            _ if full => return None,
            _ => runs.push((offset, length)),
        }
    }
}

/// The selected elements of a dataset of these extents; `None` for what leads out of it, for more runs than `most`,
/// and for none at all.
pub(crate) fn in_file(host: &'static Host, selected: Selected, extents: &[u64], most: usize) -> Option<Runs> {
    match selected.file_space {
        ffi::H5S_ALL => {
            let count = extents
                .iter()
                .try_fold(1u64, |count, extent| count.checked_mul(*extent))?;
            (count > 0).then(|| vec![(0, count)])
        }
        space => (storage::dimensions(host, space_id(space)?)? == extents)
            .then(|| within(host, space, most))
            .flatten(),
    }
}

/// The elements of the program's memory that the selected ones become, in ascending order and each only once; `None`
/// for others. `file` are the selected elements of the dataset.
pub(crate) fn in_memory(
    host: &'static Host,
    selected: Selected,
    file: &[(u64, u64)],
    most: usize,
) -> Option<Runs> {
    let runs = match selected.memory_space {
        // As in the file.
        ffi::H5S_ALL => file.to_vec(),
        space => within(host, space_id(space)?, most)?,
    };
    let count = |runs: &[(u64, u64)]| runs.iter().map(|run| run.1).sum::<u64>();
    let ascends = runs.windows(2).all(|pair| pair[0].0 + pair[0].1 <= pair[1].0);
    (ascends && count(&runs) == count(file)).then_some(runs)
}

/// What goes where when `selected` is read from a dataset of these extents; `None` as for [`in_file`] and
/// [`in_memory`].
pub(crate) fn moves(
    host: &'static Host,
    selected: Selected,
    extents: &[u64],
    most: usize,
) -> Option<Vec<Move>> {
    let file = in_file(host, selected, extents, most)?;
    let memory = in_memory(host, selected, &file, most)?;
    Some(Move::pairs(&file, &memory))
}

/// First and last selected element of a dataspace in each dimension, if all lie within it.
pub(crate) fn bounds(host: &'static Host, space: hid_t) -> Option<(Vec<u64>, Vec<u64>)> {
    let extents = storage::dimensions(host, space)?;
    let (mut first, mut last) = (vec![0; extents.len()], vec![0; extents.len()]);
    // SAFETY: an open dataspace, and arrays with as many entries as it has dimensions. An empty selection has no
    // bounds.
    let got = unsafe {
        (host.h5.H5Sget_select_npoints)(space) > 0
            && (host.h5.H5Sget_select_bounds)(space, first.as_mut_ptr(), last.as_mut_ptr()) >= 0
    };
    let inside = last.iter().zip(&extents).all(|(last, extent)| last < extent);
    (got && inside).then_some((first, last))
}

fn within(host: &'static Host, space: hid_t, most: usize) -> Option<Runs> {
    bounds(host, space)?;
    runs(host, space, most).filter(|runs| !runs.is_empty())
}

/// An id that can be that of a dataspace: not `H5S_BLOCK` or `H5S_PLIST`.
fn space_id(space: hid_t) -> Option<hid_t> {
    (space >= 16).then_some(space)
}
