//! Values as maps of protocol v1: arrays of fixed size, elements of variable length.

use super::form::Form;
use crate::worker::hdf5::{Cell, Sequence};
use crate::worker::msgpack::Writer;

/// The map of an array of fixed size up to the key `data`, whose value must follow: an array of pieces.
pub(super) fn array_header(form: &Form, shape: &[u64], bytes: u64, out: &mut Writer) {
    out.map(6).str("nd").yes().str("type");
    form.describe(out);
    out.str("kind").str(form.letter());
    out.str("shape").uints(shape);
    out.str("nbytes").uint(bytes).str("data");
}

/// The whole map of an array whose bytes are at hand.
pub(super) fn array(form: &Form, shape: &[u64], bytes: &[u8], out: &mut Writer) {
    array_header(form, shape, bytes.len() as u64, out);
    if bytes.is_empty() {
        out.array(0);
    } else {
        out.array(1).bin(bytes);
    }
}

/// The map of elements of variable length up to the first of them.
pub(super) fn variable_header(shape: &[u64], out: &mut Writer) {
    out.map(3).str("vlen").yes().str("shape").uints(shape);
    let elements: u64 = shape.iter().product();
    out.str("data")
        .array(usize::try_from(elements).unwrap_or(usize::MAX));
}

/// One element of variable length.
pub(super) fn cell(form: &Form, cell: Cell<'_>, out: &mut Writer) {
    match (form, cell) {
        (_, Cell::Text(text)) => {
            out.text(text);
        }
        (Form::Sequence(base, _), Cell::Sequence(elements)) => sequence(base, elements, out),
        // Forms and memory are made together; this keeps the reply well formed all the same.
        (_, Cell::Sequence(_)) => {
            out.nil();
        }
    }
}

fn sequence(base: &Form, elements: Sequence<'_>, out: &mut Writer) {
    let count = elements.len() as u64;
    if let Some(bytes) = elements.bytes() {
        let (form, dimensions) = base.unfolded();
        let shape: Vec<u64> = [&[count], dimensions].concat();
        array(form, &shape, bytes, out);
    } else {
        variable_header(&[count], out);
        for inner in elements.into_cells() {
            cell(base, inner, out);
        }
    }
}
