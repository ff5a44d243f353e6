//! Attributes: always whole, sorted by name.

use std::ffi::CStr;

use super::form::Kind;
use super::value;
use crate::worker::hdf5::Object;
use crate::worker::msgpack::Writer;
use crate::worker::question::{Failure, LeftOut};

/// Largest value, in bytes of memory; a larger one is left out.
const MAX_VALUE_BYTES: u64 = 8 << 20;
/// Most bytes of all attributes of an object; those beyond are left out.
const MAX_BYTES: usize = 32 << 20;

/// Longest name that is told of.
const TOLD: usize = 200;

/// Writes the key and the map of an object's attributes. One that has no form here is left out, so that
/// the others and the object can be had; that is noted.
pub(super) fn write(object: &Object, out: &mut Writer, left_out: &mut Vec<LeftOut>) -> Result<(), Failure> {
    let names = object.attribute_names().ok_or(Failure::Unreadable)?;
    let mut encoded = Writer::default();
    let mut count = 0;
    let mut missing = None;
    for name in &names {
        let before = encoded.len();
        if one(object, name, &mut encoded).is_some() && encoded.len() <= MAX_BYTES {
            count += 1;
        } else {
            encoded.truncate(before);
            missing.get_or_insert(name);
        }
    }
    if let Some(one) = missing {
        left_out.push(LeftOut {
            address: object.address().ok_or(Failure::Unreadable)?,
            object: String::new(),
            attributes: (names.len() - count) as u64,
            one: told(one),
        });
    }
    out.str("attributes").map(count).raw(&encoded.into_bytes());
    Ok(())
}

/// A name for the log.
pub(super) fn told(name: &CStr) -> String {
    name.to_string_lossy().chars().take(TOLD).collect()
}

fn one(object: &Object, name: &CStr, out: &mut Writer) -> Option<()> {
    out.str(name.to_str().ok()?);
    let attribute = object.attribute(name)?;
    let kind = Kind::of(&attribute.datatype()?)?;
    let shape = attribute.space()?.extents()?;
    if kind.form.variable() {
        let values = attribute.read_variable(&kind.memory, MAX_VALUE_BYTES)?;
        value::variable_header(&shape, out);
        for cell in values.cells() {
            value::cell(&kind.form, cell, out);
            if out.len() > MAX_BYTES {
                return None;
            }
        }
    } else {
        let bytes = attribute.read(&kind.memory, MAX_VALUE_BYTES)?;
        // Clients cannot read a type that is an array; as more dimensions they can.
        let (form, dimensions) = kind.form.unfolded();
        value::array(form, &[&shape, dimensions].concat(), &bytes, out);
    }
    Some(())
}
