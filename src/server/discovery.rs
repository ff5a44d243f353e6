//! Where on a server the base URL ends and the path of a file begins.
//!
//! The settings file may say so. Otherwise the first request itself finds it: it guesses one component (the
//! server's own default), and an answer without the protocol's header means that the guess was wrong, or that the
//! server speaks the older protocol, by which it is asked next.

use super::{Server, Target, known_bases};
use crate::{Error, RemoteName, v1};

/// A name split in two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// Path of the base, escaped: empty or `/…`.
    pub(crate) base: String,
    /// Path below it, decoded.
    pub(crate) path: String,
}

impl Place {
    /// Path below the same base of `other`, when that is on the same server; `name` is what this is the place of.
    pub(crate) fn beside(&self, name: &RemoteName, other: &RemoteName) -> Option<String> {
        let deep = self.base.matches('/').count();
        let base = name.components().get(..deep)?;
        let same = name.server() == other.server() && other.components().starts_with(base);
        same.then(|| other.components()[deep..].join("/"))
    }
}

/// Longest base that is looked for, components.
const DEEPEST: usize = 4;

/// Which protocol a base speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Present,
    Older,
}

/// A base with its protocol, as it is remembered: of the older one with a mark that no escaped path holds.
fn remembered(base: &str, kind: Kind) -> String {
    match kind {
        Kind::Present => base.to_owned(),
        Kind::Older => format!("{base}{OLDER}"),
    }
}

const OLDER: &str = " v1";

/// Runs `ask` with `name` split at one base after another until an hdfstream server answers.
pub(crate) fn discover<T>(
    server: &Server,
    name: &RemoteName,
    url: &str,
    operation: &'static str,
    ask: impl FnMut(Target<'_>, &Place) -> Result<T, Error>,
) -> Result<(Place, T), Error> {
    // Whoever asks this way can do nothing with the older protocol but say so.
    let older = |place: &Place| {
        let answer = v1::ask(server, &place.base, &place.path, &v1::Question::default());
        Err(answer.err().unwrap_or_else(|| Error::OlderProtocol {
            url: url.to_owned(),
            server: server.name().to_owned(),
        }))
    };
    discover_either(server, name, url, operation, ask, older)
}

/// As [`discover`], with `older` where a server speaks the older protocol.
pub(crate) fn discover_either<T>(
    server: &Server,
    name: &RemoteName,
    url: &str,
    operation: &'static str,
    mut ask: impl FnMut(Target<'_>, &Place) -> Result<T, Error>,
    mut older: impl FnMut(&Place) -> Result<T, Error>,
) -> Result<(Place, T), Error> {
    let mut first = None;
    let folder = server.settings.cache_dir.folder();
    for (place, kind) in candidates(name, &known(server, name)) {
        let mark = remembered(&place.base, kind);
        let remember = || known_bases::remember(server.name(), &mark, first.is_some(), folder.as_deref());
        let target = Target {
            base: &place.base,
            operation,
            url,
        };
        let answer = match kind {
            Kind::Present => ask(target, &place),
            Kind::Older => older(&place),
        };
        match answer {
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

/// Bases of `server` that were found before, and the one that the settings file says for `name`.
fn known(server: &Server, name: &RemoteName) -> Vec<String> {
    let folder = server.settings.cache_dir.folder();
    let mut known = known_bases::of(server.name(), folder.as_deref());
    if let Some(entry) = server.settings.server(name) {
        known.push(escaped(entry.base.components()));
    }
    known
}

/// The places where the file `name` may be, likeliest first, as far as this can be told without asking.
pub(crate) fn places(server: &Server, name: &RemoteName) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    for (place, _) in candidates(name, &known(server, name)) {
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places
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
            | Error::OlderProtocol { .. }
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
/// two, and so on; each by the present protocol and then by the older one, unless it is known which.
fn candidates(name: &RemoteName, known: &[String]) -> Vec<(Place, Kind)> {
    let count = name.components().len();
    let place = |length: usize| Place {
        base: escaped(&name.components()[..length]),
        path: name.components()[length..].join("/"),
    };
    let all: Vec<usize> = (0..=count).rev().collect();
    let usual: Vec<usize> = [1, 0].into_iter().chain(2..=count.min(DEEPEST)).collect();
    let mut found: Vec<(usize, Kind)> = Vec::new();
    for (lengths, only_known) in [(all, true), (usual, false)] {
        for length in lengths.into_iter().filter(|&length| length <= count) {
            for kind in [Kind::Present, Kind::Older] {
                let wanted = !only_known || known.contains(&remembered(&place(length).base, kind));
                if wanted && !found.contains(&(length, kind)) {
                    found.push((length, kind));
                }
            }
        }
    }
    found
        .into_iter()
        .map(|(length, kind)| (place(length), kind))
        .collect()
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
                .filter(|(_, kind)| *kind == Kind::Present)
                .map(|(place, _)| place.base)
                .collect::<Vec<_>>()
        };
        assert_eq!(bases(&[]), ["/a%20b", "", "/a%20b/c", "/a%20b/c/d.h5"]);
        assert_eq!(
            bases(&["/a%20b/c", "/other"]),
            ["/a%20b/c", "/a%20b", "", "/a%20b/c/d.h5"]
        );
        assert_eq!(candidates(&name, &[])[0].0.path, "c/d.h5");
        let root = RemoteName::parse("http://h").unwrap();
        assert_eq!(candidates(&root, &[]).len(), 2);
    }

    #[test]
    fn what_is_known_to_speak_the_older_protocol_is_asked_by_it_first() {
        let name = RemoteName::parse("http://h/hdfstream/d.h5").unwrap();
        let first = |known: &[String]| {
            let (place, kind) = candidates(&name, known).swap_remove(0);
            (place.base, kind)
        };
        let base = "/hdfstream".to_owned();
        assert_eq!(first(&[]), (base.clone(), Kind::Present));
        assert_eq!(first(&[remembered(&base, Kind::Older)]), (base, Kind::Older));
    }
}
