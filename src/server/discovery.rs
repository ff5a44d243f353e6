//! Where on a server the base URL ends and the path of a file begins.
//!
//! Found by the first request itself: it guesses one component (the server's own default), and an
//! answer without the protocol's header means that the guess was wrong. Remembered for the process.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::{Server, Target};
use crate::{Error, RemoteName};

/// Bases found so far, by server.
static FOUND: Mutex<Option<HashMap<String, Vec<String>>>> = Mutex::new(None);

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
    for place in candidates(name, &known(server.name())) {
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
                    remember(server.name(), &place.base);
                }
                return Err(error);
            }
            Ok(value) => {
                remember(server.name(), &place.base);
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

fn known(server: &str) -> Vec<String> {
    let found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    found
        .as_ref()
        .and_then(|found| found.get(server).cloned())
        .unwrap_or_default()
}

fn remember(server: &str, base: &str) {
    let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    let bases = found
        .get_or_insert_default()
        .entry(server.to_owned())
        .or_default();
    if !bases.iter().any(|known| known == base) {
        bases.push(base.to_owned());
    }
}

/// The ways to split `name`, likeliest first: known bases (longest first), then one component, none,
/// two, and so on.
fn candidates(name: &RemoteName, known: &[String]) -> Vec<Place> {
    let count = name.components().len();
    let place = |length: usize| Place {
        base: name.components()[..length]
            .iter()
            .map(|component| format!("/{}", crate::name::escape(component)))
            .collect(),
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
