//! Directories and files as maps.

use crate::store::{File, Tree};
use crate::worker::msgpack::Writer;

/// The reply for a directory.
pub(super) fn directory(tree: &Tree) -> Vec<u8> {
    let mut out = Writer::default();
    write(tree, &mut out);
    out.into_bytes()
}

/// The reply for a file.
pub(super) fn file(file: &File) -> Vec<u8> {
    let mut out = Writer::default();
    entry(file, &mut out);
    out.into_bytes()
}

fn write(tree: &Tree, out: &mut Writer) {
    out.map(6).str("type").str("directory");
    out.str("size").uint(tree.size);
    out.str("description");
    match &tree.description {
        Some(text) => out.str(text),
        None => out.nil(),
    };
    out.str("labels");
    match &tree.labels {
        Some(labels) => labels.iter().fold(out.map(labels.len()), |out, (name, label)| {
            out.str(name).str(label)
        }),
        None => out.nil(),
    };
    out.str("files").map(tree.files.len());
    for (name, file) in &tree.files {
        out.str(name);
        entry(file, out);
    }
    out.str("directories").map(tree.directories.len());
    for (name, below) in &tree.directories {
        out.str(name);
        match below {
            Some(below) => write(below, out),
            None => {
                out.nil();
            }
        }
    }
}

fn entry(file: &File, out: &mut Writer) {
    out.map(3).str("type").str(&file.media_type);
    out.str("size").uint(file.size);
    out.str("last_modified").int(file.modified.saturating_mul(1000));
}
