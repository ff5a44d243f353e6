//! Datasets with external raw storage. HDF5 reads such files by plain system calls, past every driver; for a
//! remote file that would read files of the client's disk. The server reads them instead.
//!
//! The raw bytes are written into a scratch dataset of the same type and shape in memory, which the native
//! code then reads: selections and conversions are HDF5's own.

use std::ffi::{CStr, c_char, c_uint};

use hdfstream::RemoteFile;

use crate::dataset::Selected;
use crate::error_stack::{Quiet, Topic, push, push_text};
use crate::ffi::hsize_t;
use crate::guard::Failed;
use crate::handle::Handle;
use crate::host::Host;
use crate::scratch::Scratch;
use crate::storage;

/// Largest dataset that is read this way, bytes; it is held in memory twice.
const LARGEST: u64 = 1 << 31;
/// Bytes of one request.
const PIECE: u64 = 64 << 20;

/// A part of a dataset's bytes in a raw file.
pub(crate) struct Segment {
    name: String,
    offset: u64,
    /// Bytes; [`hsize_t::MAX`] for "all the rest".
    length: hsize_t,
}

/// The segments that a creation list names.
pub(crate) fn segments(host: &'static Host, creation: &Handle, count: i32) -> Option<Vec<Segment>> {
    (0..c_uint::try_from(count).ok()?)
        .map(|index| {
            let mut name = [0 as c_char; 4096];
            let (mut offset, mut length) = (0, 0);
            // SAFETY: an open list, and out-pointers that live through the call. HDF5 cuts the name to the
            // space given without terminating it, so one byte less is offered.
            let got = unsafe {
                (host.h5.H5Pget_external)(
                    creation.id(),
                    index,
                    name.len() - 1,
                    name.as_mut_ptr(),
                    &raw mut offset,
                    &raw mut length,
                )
            };
            if got < 0 {
                return None;
            }
            // SAFETY: the array began as zeros and its last byte still is one.
            let name = unsafe { CStr::from_ptr(name.as_ptr()) }.to_str().ok()?.to_owned();
            Some(Segment {
                name,
                offset: u64::try_from(offset).ok()?,
                length,
            })
        })
        .collect()
}

/// Reads what `selected` asks for.
pub(crate) fn read(
    host: &'static Host,
    file: &RemoteFile,
    segments: &[Segment],
    selected: Selected,
) -> Result<(), Failed> {
    let space = storage::space(host, selected.dataset).ok_or(Failed)?;
    let datatype = storage::datatype(host, selected.dataset).ok_or(Failed)?;
    // SAFETY: open ids.
    let (elements, element) = unsafe {
        (
            (host.h5.H5Sget_simple_extent_npoints)(space.id()),
            (host.h5.H5Tget_size)(datatype.id()),
        )
    };
    let total = u64::try_from(elements)
        .ok()
        .and_then(|elements| elements.checked_mul(element as u64));
    let total = total.filter(|total| *total <= LARGEST).ok_or_else(|| {
        let limit = LARGEST >> 20;
        push_text(
            host,
            Topic::Unsupported,
            &format!(
                "{}: a dataset with external storage above {limit} MiB cannot be read remotely",
                file.url()
            ),
        );
        Failed
    })?;
    let _quiet = Quiet::new(host);
    // Without the maximum dimensions, which only chunks and raw files can grow to.
    let dimensions = storage::dimensions(host, space.id()).ok_or(Failed)?;
    let scratch = Scratch::new(host, &dimensions, &datatype).ok_or(Failed)?;
    if !scratch.converts_to(selected.memory_type, selected.transfer) {
        return Err(Failed);
    }
    let bytes = fetch(file, segments, total).map_err(|(name, error)| {
        if matches!(error, hdfstream::Error::NotFound { .. }) {
            // What HDF5 says of a local one comes first: h5py shows the innermost message.
            push_text(host, Topic::Read, "unable to open external raw data file");
            push_text(
                host,
                Topic::Read,
                &format!("{}: there is no '{name}' beside it on its server", file.url()),
            );
        } else {
            push(host, Topic::Read, file.url(), &error);
        }
        Failed
    })?;
    if scratch.read(bytes.as_ptr().cast(), selected) {
        Ok(())
    } else {
        Err(Failed)
    }
}

/// All bytes of the dataset, from all segments; what the segments do not cover is zero. An error comes with the
/// name of the raw file.
fn fetch<'s>(
    file: &RemoteFile,
    segments: &'s [Segment],
    total: u64,
) -> Result<Vec<u8>, (&'s str, hdfstream::Error)> {
    let mut bytes = Vec::new();
    let mut missing = total;
    for segment in segments {
        let mut left = segment.length.min(missing);
        let mut at = segment.offset;
        missing -= left;
        while left > 0 {
            let piece = left.min(PIECE);
            let read = file
                .read_external(&segment.name, at, piece)
                .map_err(|error| (&*segment.name, error))?;
            bytes.extend_from_slice(&read);
            at = at.saturating_add(piece);
            left -= piece;
        }
    }
    // `total` is at most `LARGEST`.
    bytes.resize(total as usize, 0);
    Ok(bytes)
}
