//! Files of the user that hold secrets: read with care, written for nobody else.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

/// Longest file that is read, bytes.
const LONGEST: u64 = 1 << 20;

/// The text of a file, and whether others than its owner may read it.
pub(super) struct OwnFile {
    pub(super) text: String,
    pub(super) open_to_others: bool,
}

/// Reads a file; `None` when there is none. The error says why it cannot be read.
pub(super) fn read(path: &Path) -> Result<Option<OwnFile>, String> {
    let wrong = |reason: String| format!("{}: {reason}", path.display());
    let absent = |kind| matches!(kind, ErrorKind::NotFound | ErrorKind::NotADirectory);
    // Looked at first: opening something else, such as a FIFO, may wait for ever.
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if absent(error.kind()) => return Ok(None),
        Err(error) => return Err(wrong(format!("it cannot be read: {error}"))),
    };
    if !metadata.is_file() {
        return Err(wrong("it is not a regular file".to_owned()));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes))
        .map_err(|error| wrong(format!("it cannot be read: {error}")))?;
    if bytes.len() as u64 > LONGEST {
        return Err(wrong(format!("it is longer than {LONGEST} bytes")));
    }
    Ok(Some(OwnFile {
        text: String::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8 text".to_owned()))?,
        open_to_others: metadata.mode() & 0o077 != 0,
    }))
}

/// Writes a file that only its owner can read, as a whole or not at all.
pub(super) fn write(path: &Path, text: &str) -> std::io::Result<()> {
    // What a link points at is what is meant.
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::DirBuilder::new().recursive(true).create(folder)?;
    let draft = path.with_extension(format!("{}.new", std::process::id()));
    // One that a crash left behind.
    let _ = std::fs::remove_file(&draft);
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| std::fs::rename(&draft, &path))
        .inspect_err(|_| {
            let _ = std::fs::remove_file(&draft);
        })
}
