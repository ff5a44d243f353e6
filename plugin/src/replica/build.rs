//! Puts groups, datasets, links and attributes into a replica. Always in place: what is there stays, because the
//! program may be iterating over it.

use std::ffi::{CString, c_void};

use hdfstream::v1::{Array, Attribute, Content, Dataset, Element};

use super::datatype::datatype;
use crate::error_stack::{Quiet, Saved};
use crate::ffi::{self, hid_t};
use crate::handle::Handle;
use crate::host::Host;

/// `hvl_t` of H5Tpublic.h.
#[repr(C)]
struct Sequence {
    length: usize,
    elements: *const c_void,
}

/// Writes all of `content` by `write`, which gets the elements as HDF5 wants them in memory.
pub(super) fn with_elements<T>(
    content: &Content<'_>,
    element: &Element,
    write: impl FnOnce(*const c_void) -> T,
) -> Option<T> {
    match (content, element) {
        (Content::Packed(bytes), _) => Some(write(bytes.as_ptr().cast())),
        (Content::Sequences(texts), Element::VariableText) => {
            // HDF5 ends them at the first NUL, as the server does.
            let texts: Vec<CString> = texts
                .iter()
                .map(|text| {
                    let end = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
                    CString::new(&text[..end]).unwrap_or_default()
                })
                .collect();
            let pointers: Vec<_> = texts.iter().map(|text| text.as_ptr()).collect();
            Some(write(pointers.as_ptr().cast()))
        }
        (Content::Sequences(sequences), Element::Sequence(inner)) => {
            let size = usize::try_from(inner.size()?).ok().filter(|size| *size > 0)?;
            let sequences: Vec<Sequence> = sequences
                .iter()
                .map(|bytes| Sequence {
                    length: bytes.len() / size,
                    elements: bytes.as_ptr().cast(),
                })
                .collect();
            Some(write(sequences.as_ptr().cast()))
        }
        _ => None,
    }
}

/// A dataspace of this shape.
fn space(host: &'static Host, shape: &[u64]) -> Option<Handle> {
    let h5 = &host.h5;
    // SAFETY: as many dimensions as the rank says.
    let id = unsafe {
        match i32::try_from(shape.len()).ok()? {
            0 => (h5.H5Screate)(ffi::H5S_SCALAR),
            rank => (h5.H5Screate_simple)(rank, shape.as_ptr(), std::ptr::null()),
        }
    };
    Handle::own(host, id, h5.H5Sclose)
}

/// Writes attributes of the object `id`; those that cannot be are left out, with a warning.
pub(super) fn attributes(host: &'static Host, id: hid_t, attributes: &[Attribute<'_>], owner: &str) {
    for attribute in attributes {
        let name = String::from_utf8_lossy(attribute.name);
        match &attribute.value {
            Err(why) => log::warn!("{owner}: the attribute {name:?} is left out: {why}"),
            Ok(value) => {
                if write_attribute(host, id, attribute.name, value).is_none() {
                    log::warn!("{owner}: the attribute {name:?} is left out: this HDF5 does not take it");
                }
            }
        }
    }
}

fn write_attribute(host: &'static Host, owner: hid_t, name: &[u8], value: &Array<'_>) -> Option<()> {
    let h5 = &host.h5;
    let name = CString::new(name).ok()?;
    let datatype = datatype(host, &value.element)?;
    let space = space(host, &value.shape)?;
    let list = ffi::H5P_DEFAULT;
    // SAFETY: open ids, a NUL-terminated name, and elements of that type and number.
    unsafe {
        let id = (h5.H5Acreate2)(owner, name.as_ptr(), datatype.id(), space.id(), list, list);
        let attribute = Handle::own(host, id, h5.H5Aclose)?;
        if value.shape.contains(&0) {
            return Some(());
        }
        let written = with_elements(&value.content, &value.element, |elements| {
            (h5.H5Awrite)(attribute.id(), datatype.id(), elements)
        })?;
        (written >= 0).then_some(())
    }
}

/// Makes a group in the group `parent`.
pub(super) fn group(host: &'static Host, parent: hid_t, name: &[u8]) -> Option<Handle> {
    let h5 = &host.h5;
    let name = CString::new(name).ok()?;
    let creation = creation_list(host, host.ids.plist_group_create.get())?;
    let list = ffi::H5P_DEFAULT;
    // SAFETY: open ids and a NUL-terminated name.
    let id = unsafe { (h5.H5Gcreate2)(parent, name.as_ptr(), list, creation.id(), list) };
    Handle::own(host, id, h5.H5Gclose)
}

/// A fresh creation list for objects that have no times, since none are known.
fn creation_list(host: &'static Host, class: hid_t) -> Option<Handle> {
    let h5 = &host.h5;
    // SAFETY: a class of HDF5's own, and the list made from it.
    unsafe {
        let list = Handle::own(host, (h5.H5Pcreate)(class), h5.H5Pclose)?;
        ((h5.H5Pset_obj_track_times)(list.id(), false) >= 0).then_some(list)
    }
}

/// Makes a dataset in the group `parent`, with its elements if they came along.
pub(super) fn dataset(
    host: &'static Host,
    parent: hid_t,
    name: &[u8],
    dataset: &Dataset<'_>,
) -> Option<Handle> {
    let h5 = &host.h5;
    let name = CString::new(name).ok()?;
    let datatype = datatype(host, &dataset.element)?;
    let space = space(host, &dataset.shape)?;
    let creation = creation_list(host, host.ids.plist_dataset_create.get())?;
    let list = ffi::H5P_DEFAULT;
    // SAFETY: open ids and a NUL-terminated name.
    let id = unsafe {
        (h5.H5Dcreate2)(
            parent,
            name.as_ptr(),
            datatype.id(),
            space.id(),
            list,
            creation.id(),
            list,
        )
    };
    let made = Handle::own(host, id, h5.H5Dclose)?;
    if let Some(data) = &dataset.data {
        write_dataset(host, made.id(), datatype.id(), data)?;
    }
    Some(made)
}

/// Writes all elements of a dataset.
pub(super) fn write_dataset(host: &'static Host, id: hid_t, datatype: hid_t, data: &Array<'_>) -> Option<()> {
    if data.shape.contains(&0) {
        return Some(());
    }
    let (all, list) = (ffi::H5S_ALL, ffi::H5P_DEFAULT);
    let written = with_elements(&data.content, &data.element, |elements| {
        // SAFETY: open ids, and as many elements of that type as the dataset has.
        unsafe { (host.h5.H5Dwrite)(id, datatype, all, all, list, elements) }
    })?;
    (written >= 0).then_some(())
}

/// Makes a soft link in the group `parent`.
pub(super) fn soft_link(host: &'static Host, parent: hid_t, name: &[u8], target: &[u8]) -> Option<()> {
    let (name, target) = (CString::new(name).ok()?, CString::new(target).ok()?);
    let list = ffi::H5P_DEFAULT;
    // SAFETY: an open group and NUL-terminated names.
    let made = unsafe { (host.h5.H5Lcreate_soft)(target.as_ptr(), parent, name.as_ptr(), list, list) };
    (made >= 0).then_some(())
}

/// Opens the group at `path` of the file `file`.
pub(super) fn open_group(host: &'static Host, file: hid_t, path: &[u8]) -> Option<Handle> {
    let path = CString::new(if path.is_empty() { b"/" } else { path }).ok()?;
    // SAFETY: an open file and a NUL-terminated path.
    let id = unsafe { (host.h5.H5Gopen2)(file, path.as_ptr(), ffi::H5P_DEFAULT) };
    Handle::own(host, id, host.h5.H5Gclose)
}

/// Keeps HDF5 silent about what fails while a replica is filled, and its error stack as it was.
pub(super) fn quietly<T>(host: &'static Host, work: impl FnOnce() -> T) -> T {
    let _saved = Saved::new(host);
    let _quiet = Quiet::new(host);
    work()
}
