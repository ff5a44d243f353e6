//! Finds the URL in a name that libraries have been at.
//!
//! `pathlib` collapses slashes (`https:/host/x`); `os.path.abspath`, `Path.resolve` and HDF5's search
//! for external links put a directory in front (`/home/me/https:/host/x`). HDF5 also puts the directory
//! of a remote parent in front of a link's target that is itself a URL (`https://host/dir/https://host2/x`).
//! So the URL is the last place, at the beginning of a path component, where a scheme is followed by a
//! host; a file name that looks like one is written with `%3A` for its colon.

use super::address::Authority;

/// Where a URL begins in a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    /// Byte offset.
    pub(super) start: usize,
    /// Whether what stands before it is a local directory, so that a local file may have this name.
    pub(super) prefixed: bool,
}

/// Schemes in use; `true` for those without encryption.
const SCHEMES: [(&str, bool); 5] = [
    ("https", false),
    ("http", true),
    ("hdfstream", false),
    ("hdfstream+https", false),
    ("hdfstream+http", true),
];

/// Whether `scheme` is one without encryption.
pub(super) fn is_plain(scheme: &str) -> bool {
    SCHEMES
        .iter()
        .any(|(known, plain)| *plain && scheme.eq_ignore_ascii_case(known))
}

/// Whether `text` is a scheme of remote URLs.
pub(super) fn is_scheme(text: &str) -> bool {
    SCHEMES.iter().any(|(known, _)| text.eq_ignore_ascii_case(known))
}

/// Looks for a URL in `name`. Costs one search for `:/` in names that have none.
pub(super) fn find(name: &str) -> Option<Found> {
    if !name.contains(":/") {
        return None;
    }
    // What follows `#` is no part of the address, whatever it looks like, once a URL has begun.
    let first = places(name).next()?;
    let end = name[first..].find('#').map_or(name.len(), |at| first + at);
    // A place inside a URL counts only when a host follows: a directory may be called `http:`.
    let last = places(&name[..end])
        .skip(1)
        .filter(|&start| has_host(&name[start..end]))
        .last();
    Some(Found {
        start: last.unwrap_or(first),
        prefixed: first > 0,
    })
}

/// Offsets of components that are a scheme and a colon, followed by a slash.
fn places(name: &str) -> impl Iterator<Item = usize> + '_ {
    name.match_indices(":/").filter_map(move |(colon, _)| {
        let start = name[..colon].rfind('/').map_or(0, |slash| slash + 1);
        let component = &name[start..colon];
        is_scheme(component).then_some(start)
    })
}

/// What follows the one or two slashes after a scheme's colon; a third one means that there is no host.
pub(super) fn after_slashes(rest: &str) -> &str {
    rest.strip_prefix("//")
        .or_else(|| rest.strip_prefix('/'))
        .unwrap_or(rest)
}

fn has_host(url: &str) -> bool {
    let rest = after_slashes(url.split_once(':').map_or("", |(_, rest)| rest));
    let host = rest.split('/').next().unwrap_or_default();
    Authority::parse(true, host).is_ok()
}
