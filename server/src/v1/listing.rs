//! Directories and files as maps.

use crate::store::{File, Tree};
use crate::worker::msgpack::Writer;

/// The reply for a directory.
pub(super) fn directory(tree: &Tree) -> Vec<u8> {
    let mut out = Writer::default();
    write(tree, &mut out);
    out.into_bytes()
}

/// The reply for a file; the time in seconds.
pub(super) fn file(media_type: &str, size: u64, modified: i64) -> Vec<u8> {
    let mut out = Writer::default();
    entry(media_type, size, modified, &mut out);
    out.into_bytes()
}

fn write(tree: &Tree, out: &mut Writer) {
    out.map(6).str("type").str("directory");
    out.str("size").uint(tree.size);
    out.str("description").nil().str("labels").nil();
    out.str("files").map(tree.files.len());
    for (name, file) in &tree.files {
        let File {
            media_type,
            size,
            modified,
        } = file;
        out.str(name);
        entry(media_type, *size, *modified, out);
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

fn entry(media_type: &str, size: u64, modified: i64, out: &mut Writer) {
    out.map(3).str("type").str(media_type).str("size").uint(size);
    out.str("last_modified").int(modified.saturating_mul(1000));
}
