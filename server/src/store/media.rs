//! Media types: by the end of the name where that is telling, otherwise by the first bytes.

use std::borrow::Borrow;
use std::fs::File;
use std::os::unix::fs::FileExt;

use super::signature::has_signature;

/// HDF5 files, as clients of protocol v1 know them.
pub(crate) const HDF5: &str = "application/x-hdf5";
const TEXT: &str = "text/plain;charset=UTF-8";
const BYTES: &str = "application/octet-stream";

/// Bytes that tell whether a file is text.
const HEAD: usize = 4096;

/// The media type of the file `name`; `open` is called if its content has to be looked at. Blocks.
pub(super) fn of<F: Borrow<File>>(name: &str, open: impl FnOnce() -> Option<(F, u64)>) -> &'static str {
    let last = name.rsplit('/').next().unwrap_or(name);
    match last.rsplit_once('.').map(|(_, ending)| ending) {
        Some("hdf5" | "h5") => return HDF5,
        Some("yml" | "yaml") => return "application/yaml",
        Some("txt") => return TEXT,
        _ => {}
    }
    let Some((file, size)) = open() else {
        return BYTES;
    };
    let file = file.borrow();
    if has_signature(file, size) {
        return HDF5;
    }
    let mut head = [0; HEAD];
    match file.read_at(&mut head, 0) {
        Ok(0) | Err(_) => BYTES,
        Ok(count) if is_text(&head[..count]) => TEXT,
        Ok(_) => BYTES,
    }
}

/// Whether bytes are the beginning of text in UTF-8.
fn is_text(head: &[u8]) -> bool {
    let whole = match str::from_utf8(head) {
        Ok(_) => head,
        // The last character may be cut.
        Err(error) if error.error_len().is_none() => &head[..error.valid_up_to()],
        Err(_) => return false,
    };
    let control = |byte: &u8| *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c);
    !whole.iter().any(control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_told_from_bytes() {
        for text in [&b"a\n\tb\r\n"[..], "\u{fc}".as_bytes(), &"\u{fc}".as_bytes()[..1]] {
            assert!(is_text(text), "{text:?}");
        }
        for bytes in [&b"a\0"[..], b"\xff\xfe", b"\x1f\x8b"] {
            assert!(!is_text(bytes), "{bytes:?}");
        }
    }

    #[test]
    fn names_count_before_content() {
        let none = || None::<(File, u64)>;
        assert_eq!(of("a.b/c.hdf5", none), HDF5);
        assert_eq!(of("a.txt", none), TEXT);
        assert_eq!(of("a.h5/README", none), BYTES);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        for (content, expected) in [
            (&b"\x89HDF\r\n\x1a\n"[..], HDF5),
            (b"hello\n", TEXT),
            (b"\0", BYTES),
            (b"", BYTES),
        ] {
            std::fs::write(&path, content).unwrap();
            assert_eq!(
                of("x", || Some((File::open(&path).unwrap(), content.len() as u64))),
                expected
            );
        }
    }
}
