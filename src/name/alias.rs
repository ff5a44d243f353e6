//! Aliases: short names of servers in front of a path, `cosma:EAGLE/snap.hdf5`.

use std::collections::BTreeMap;

use super::{RemoteName, invalid, mangled};
use crate::Error;
use crate::settings::ServerEntry;

/// Whether `text` can be an alias: letters, digits, `.`, `_` and `-`, and none of the schemes of URLs.
pub(crate) fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    !text.is_empty()
        && text.bytes().all(plain)
        && !matches!(text, "." | "..")
        && !mangled::is_scheme(text)
        && !text.eq_ignore_ascii_case("file")
}

/// Reads `alias:path` with one of `aliases`. Like URLs they are also found behind a directory, where
/// `os.path.abspath` and HDF5's search for external links put them: the flag tells.
pub(super) fn find(
    name: &str,
    aliases: &BTreeMap<String, ServerEntry>,
) -> Option<(Result<RemoteName, Error>, bool)> {
    if aliases.is_empty() {
        return None;
    }
    // The last place wins, as with URLs: what stands before is a directory that something put in front.
    let (start, entry, path) = name.match_indices(':').rev().find_map(|(colon, _)| {
        let start = name[..colon].rfind('/').map_or(0, |slash| slash + 1);
        let entry = aliases.get(&name[start..colon])?;
        Some((start, entry, &name[colon + 1..]))
    })?;
    Some((entry.base.below(path), start > 0))
}

/// What a mount, a URL, an alias alone (`cosma`) or one with a path (`cosma:EAGLE`) stands for.
pub(crate) fn target(text: &str, aliases: &BTreeMap<String, ServerEntry>) -> Result<RemoteName, Error> {
    if let Some(entry) = aliases.get(text) {
        return Ok(entry.base.clone());
    }
    match find(text, aliases) {
        Some((name, false)) => name,
        _ if mangled::find(text).is_some_and(|found| !found.prefixed) => RemoteName::parse(text),
        _ => Err(invalid(text, "it is neither a URL nor an alias of this file")),
    }
}
