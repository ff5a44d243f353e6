//! Stubs: local files of 1 KiB that name a remote one, for programs that look before they open.
//!
//! 8 bytes of HDF5 signature, so that magic-byte checks pass; a superblock version that does not exist,
//! so that HDF5 without the plugin refuses it instead of showing an empty file; marker, URL, padding.

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
}
