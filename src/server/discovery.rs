//! Where on a server the base URL ends and the path of a file begins.
//!
//! The settings file may say so. Otherwise the first request itself finds it: it guesses one component (the
//! server's own default), and an answer without the protocol's header means that the guess was wrong.

use super::{Server, Target, known_bases};
use crate::{Error, RemoteName};

/// A name split in two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// Path of the base, escaped: empty or `/…`.
    pub(crate) base: String,
    /// Path below it, decoded.
    pub(crate) path: String,
}

/// Longest base that is looked for, components.
const DEEPEST: usize = 4;

/// Runs `ask` with `name` split at one base after another until an hdfstream server answers.
pub(crate) fn discover<T>(
    server: &Server,
    name: &RemoteName,
    url: &str,
    operation: &'static str,
    mut ask: impl FnMut(Target<'_>, &Place) -> Result<T, Error>,
) -> Result<(Place, T), Error> {
    let mut first = None;
    let folder = server.settings.cache_dir.folder();
    let mut known = known_bases::of(server.name(), folder.as_deref());
    if let Some(entry) = server.settings.server(name) {
        known.push(escaped(entry.base.components()));
    }
    for place in candidates(name, &known) {
        let remember =
            || known_bases::remember(server.name(), &place.base, first.is_some(), folder.as_deref());
        let target = Target {
            base: &place.base,
            operation,
            url,
        };
        match ask(target, &place) {
            Err(error @ Error::NotHdfstream { .. }) => {
                log::debug!("{url}: no hdfstream server at {}{}", server.name(), place.base);
                first.get_or_insert(error);
            }
            Err(error) => {
                if !answers_nothing(&error) {
                    remember();
                }
                return Err(error);
            }
            Ok(value) => {
                remember();
                return Ok((place, value));
            }
        }
    }
    // There is always a candidate, so there is an error.
    Err(first.unwrap_or_else(|| Error::Engine {
        reason: format!("{url} cannot be split"),
    }))
}

/// Errors after which it is not known whether the base was right.
fn answers_nothing(error: &Error) -> bool {
    !matches!(
        error,
        Error::NotFound { .. }
            | Error::IsDirectory { .. }
            | Error::Forbidden { .. }
            | Error::Unauthorized { .. }
            | Error::ReadOnly { .. }
            | Error::Changed { .. }
            | Error::Rejected { .. }
    )
}

/// A path as it stands in a URL: empty, or with a slash before each component.
fn escaped(components: &[String]) -> String {
    components
        .iter()
        .map(|component| format!("/{}", crate::name::escape(component)))
        .collect()
}

/// The ways to split `name`, likeliest first: known bases (longest first), then one component, none,
/// two, and so on.
fn candidates(name: &RemoteName, known: &[String]) -> Vec<Place> {
    let count = name.components().len();
    let place = |length: usize| Place {
        base: escaped(&name.components()[..length]),
        path: name.components()[length..].join("/"),
    };
    let mut lengths: Vec<usize> = (0..=count)
        .rev()
        .filter(|&length| known.contains(&place(length).base))
        .collect();
    for length in [1, 0].into_iter().chain(2..=count.min(DEEPEST)) {
        if length <= count && !lengths.contains(&length) {
            lengths.push(length);
        }
    }
    lengths.into_iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_tried_first_and_what_is_known_before_it() {
        let name = RemoteName::parse("http://h/a b/c/d.h5").unwrap();
        let bases = |known: &[&str]| {
            let known: Vec<String> = known.iter().map(|&base| base.to_owned()).collect();
            candidates(&name, &known)
                .into_iter()
                .map(|place| place.base)
                .collect::<Vec<_>>()
        };
        assert_eq!(bases(&[]), ["/a%20b", "", "/a%20b/c", "/a%20b/c/d.h5"]);
        assert_eq!(
            bases(&["/a%20b/c", "/other"]),
            ["/a%20b/c", "/a%20b", "", "/a%20b/c/d.h5"]
        );
        assert_eq!(candidates(&name, &[])[0].path, "c/d.h5");
        let root = RemoteName::parse("http://h").unwrap();
        assert_eq!(candidates(&root, &[]).len(), 1);
    }
}
