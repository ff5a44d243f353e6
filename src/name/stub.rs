//! Stubs: local files of 1 KiB that name a remote one, for programs that look before they open.
//!
//! 8 bytes of HDF5 signature, so that magic-byte checks pass; a superblock version that does not exist,
//! so that HDF5 without the plugin refuses it instead of showing an empty file; marker, URL, padding.

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::Error;

/// Size of every stub, bytes.
pub const SIZE: usize = 1024;

const SIGNATURE: &[u8; 8] = b"\x89HDF\r\n\x1a\n";
const VERSION: u8 = 0xFF;
const MARKER: &[u8] = b"hdfstream stub\n";
const URL_AT: usize = SIGNATURE.len() + 1 + MARKER.len();

/// The format of stubs.
#[derive(Debug, Clone, Copy)]
pub struct Stub;

impl Stub {
    /// The stub that names `url`.
    ///
    /// # Errors
    /// [`Error::InvalidName`] when `url` does not fit or holds control characters.
    pub fn encode(url: &str) -> Result<[u8; SIZE], Error> {
        let end = URL_AT + url.len();
        if url.is_empty() || end + 1 > SIZE || url.chars().any(char::is_control) {
            return Err(super::invalid(
                url,
                format!(
                    "a stub holds a URL of 1 to {} bytes without control characters",
                    SIZE - URL_AT - 1
                ),
            ));
        }
        let mut bytes = [0u8; SIZE];
        bytes[..SIGNATURE.len()].copy_from_slice(SIGNATURE);
        bytes[SIGNATURE.len()] = VERSION;
        bytes[SIGNATURE.len() + 1..URL_AT].copy_from_slice(MARKER);
        bytes[URL_AT..end].copy_from_slice(url.as_bytes());
        bytes[end] = b'\n';
        Ok(bytes)
    }

    /// The URL in a stub; `None` when `bytes` are not exactly one.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<String> {
        if bytes.len() != SIZE {
            return None;
        }
        let rest = bytes.strip_prefix(SIGNATURE)?.strip_prefix(&[VERSION])?;
        let rest = rest.strip_prefix(MARKER)?;
        let end = rest.iter().position(|&byte| byte == b'\n')?;
        if rest[end + 1..].iter().any(|&byte| byte != 0) {
            return None;
        }
        let url = std::str::from_utf8(&rest[..end]).ok()?;
        (!url.is_empty() && !url.chars().any(char::is_control)).then(|| url.to_owned())
    }

    /// Writes a stub, beside its place and then into it: nobody ever sees half of one.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(stub: &[u8; SIZE], path: &Path) -> io::Result<()> {
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        // Short, so that it fits beside the longest of names.
        let beside = folder.join(format!(".hdfstream-{}", std::process::id()));
        let result = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o644)
            .open(&beside)
            .and_then(|mut file| file.write_all(stub))
            .and_then(|()| fs::rename(&beside, path));
        if result.is_err() {
            // Best effort: the first error is the one to report.
            let _ = fs::remove_file(&beside);
        }
        result
    }

    /// Looks what is at `path`.
    ///
    /// # Errors
    /// What the system says.
    pub fn look(path: &Path) -> io::Result<Found> {
        let metadata = match fs::symlink_metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(error) => return Err(error),
        };
        if !metadata.is_file() || metadata.len() != SIZE as u64 {
            return Ok(Found::Other);
        }
        let mut bytes = Vec::new();
        fs::File::open(path)?
            .take(SIZE as u64 + 1)
            .read_to_end(&mut bytes)?;
        Ok(Self::decode(&bytes).map_or(Found::Other, Found::Stub))
    }
}

/// What is at a path.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// A stub of this URL.
    Stub(String),
    /// Anything else; a link too, whatever it leads to.
    Other,
}
