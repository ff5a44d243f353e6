//! Brings elements into a replica, for calls that take them past the slots that read.

use std::ffi::{CStr, CString, c_char, c_void};

use hdfstream::Error;
use hdfstream::v1::{Array, Content, Rows};

use super::read::{Fetched, sequences};
use super::remote::RemoteDataset;
use super::tree::{GroupId, Tree};
use super::{Replica, build, lock, of_object};
use crate::dataset;
use crate::error_stack::Topic;
use crate::ffi::{self, H5VL_loc_params_t};
use crate::guard::Failed;
use crate::handle::Handle;
use crate::host::Host;

/// Most bytes that a copy of objects brings.
const MOST_COPIED: u64 = 2 << 30;
/// Most bytes of a replica that is complete from the start.
const MOST_AT_ONCE: u64 = 256 << 20;
/// Most groups of such a replica.
const MOST_GROUPS: usize = 2000;

/// Brings the elements of all datasets in and below the object `name`, which a copy begins with.
///
/// # Safety
/// `location` and `name` are what HDF5 passes to the copy of an object, with `object`.
pub(super) unsafe fn bring_elements(
    host: &'static Host,
    object: *mut c_void,
    location: *const H5VL_loc_params_t,
    name: *const c_char,
) -> Result<(), Failed> {
    // SAFETY: the caller's promise.
    let (location, name) = unsafe {
        match (location.as_ref(), name.is_null()) {
            (Some(location), false) => (location, CStr::from_ptr(name)),
            _ => return Ok(()),
        }
    };
    let Some((replica, _)) = of_object(host, object, location.obj_type) else {
        return Ok(());
    };
    let mut named = *location;
    named.type_ = ffi::H5VL_OBJECT_BY_NAME;
    named.loc_data.loc_by_name = ffi::H5VL_loc_by_name_t {
        name: name.as_ptr(),
        lapl_id: ffi::H5P_DEFAULT,
    };
    // What is not there the native code will miss.
    let Some((_, address)) = dataset::identity_at(host, object, &named) else {
        return Ok(());
    };
    let single = lock(&replica.datasets).contains_key(&address);
    let group = lock(&replica.tree).at(address);
    let wanted = match (single, group) {
        (true, _) => vec![address],
        (false, Some(group)) => replica.datasets_below(group),
        (false, None) => return Ok(()),
    };
    replica
        .bring(&wanted, MOST_COPIED)
        .map_err(|error| replica.push(Topic::Read, &error))
}

/// Brings all there is, for a replica of which we are never asked again.
pub(super) fn complete(replica: &Replica) -> Result<(), Error> {
    let advice = |error: Error| match error {
        Error::Rejected { url, server, .. } => Error::OlderProtocol { url, server },
        other => other,
    };
    {
        let mut tree = lock(&replica.tree);
        replica
            .fill_below(&mut tree, Tree::ROOT, MOST_GROUPS)
            .map_err(advice)?;
    }
    let all = replica.datasets_below(Tree::ROOT);
    replica.bring(&all, MOST_AT_ONCE).map_err(advice)
}

impl Replica {
    /// Addresses of the datasets in and below a group whose elements have yet to come.
    fn datasets_below(&self, group: GroupId) -> Vec<u64> {
        let mut path = lock(&self.tree).group(group).path.clone();
        path.push(b'/');
        lock(&self.datasets)
            .iter()
            .filter(|(_, dataset)| dataset.path.starts_with(&path))
            .map(|(address, _)| *address)
            .collect()
    }

    /// Brings the elements of these datasets, if they are at most so many bytes.
    fn bring(&self, addresses: &[u64], most: u64) -> Result<(), Error> {
        let wanted: Vec<(u64, RemoteDataset)> = {
            let datasets = lock(&self.datasets);
            addresses
                .iter()
                .filter_map(|address| Some((*address, datasets.get(address)?.clone())))
                .collect()
        };
        let total = wanted
            .iter()
            .fold(0, |sum: u64, (_, dataset)| sum.saturating_add(dataset.bytes()));
        if total > most {
            return Err(Error::Rejected {
                url: self.url.clone(),
                server: self.source.name(),
                reason: format!("{total} bytes of datasets are too many to take at once"),
            });
        }
        for (address, dataset) in wanted {
            self.bring_one(&dataset)?;
            lock(&self.datasets).remove(&address);
        }
        Ok(())
    }

    fn bring_one(&self, dataset: &RemoteDataset) -> Result<(), Error> {
        let rows = match dataset.shape.as_slice() {
            [] => Rows::scalar(),
            [first, others @ ..] => Rows::new(
                vec![(0, *first)],
                others.iter().map(|extent| (0, *extent)).collect(),
            ),
        };
        let fetched = self.fetch(dataset, &rows)?;
        let content = match &fetched {
            Fetched::Packed(bytes) => Content::Packed(bytes.as_slice().into()),
            Fetched::Sequences(answers) => {
                Content::Sequences(sequences(answers, &dataset.element, rows.count())?)
            }
        };
        let array = Array {
            element: dataset.element.clone(),
            shape: dataset.shape.clone(),
            content,
        };
        let written = build::quietly(self.host, || self.write(dataset, &array));
        written.ok_or_else(|| Error::Rejected {
            url: self.url.clone(),
            server: self.source.name(),
            reason: format!("HDF5 cannot hold {}", dataset.object),
        })
    }

    fn write(&self, dataset: &RemoteDataset, array: &Array<'_>) -> Option<()> {
        let h5 = &self.host.h5;
        let path = CString::new(dataset.path.as_slice()).ok()?;
        // SAFETY: an open file and a NUL-terminated path.
        let id = unsafe { (h5.H5Dopen2)(self.file.id(), path.as_ptr(), ffi::H5P_DEFAULT) };
        let opened = Handle::own(self.host, id, h5.H5Dclose)?;
        let datatype = super::datatype::datatype(self.host, &dataset.element)?;
        build::write_dataset(self.host, opened.id(), datatype.id(), array)
    }
}
