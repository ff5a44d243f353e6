//! The names of what lies beside a file while it is written.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use ring::digest;

const JOURNAL: &str = ".hdfstream-journal";
const NEW: &str = ".hdfstream-new";
const STALE: &str = ".hdfstream-stale";
/// The file below the root in which the leases are that are over.
pub(crate) const ENDED: &str = ".hdfstream-ended";
/// What Linux's file systems take.
const LONGEST: usize = 255;

/// Whether a name is one of ours. Such are neither listed nor reached through the server.
pub(crate) fn is_own(name: &OsStr) -> bool {
    let name = name.as_bytes();
    let ours = |suffix: &str| name.ends_with(suffix.as_bytes());
    name == ENDED.as_bytes() || name.first() == Some(&b'.') && (ours(JOURNAL) || ours(NEW) || ours(STALE))
}

/// A lease's name as it is kept on disk, where it is no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LeaseHash(pub(super) [u8; 32]);

impl LeaseHash {
    pub(super) fn of(lease: &str) -> Self {
        Self(sha256(lease.as_bytes()))
    }
}

/// The names for one file.
#[derive(Debug, Clone)]
pub(super) struct Names {
    pub(super) journal: OsString,
    /// The file that is made anew.
    pub(super) new: OsString,
    /// Where a journal is set aside that fits the file no more.
    pub(super) stale: OsString,
}

impl Names {
    /// Those of the exclusive lease of the file `name`, or of one lease of several.
    pub(super) fn of(name: &OsStr, one_of_several: Option<&LeaseHash>) -> Self {
        let mut stem = name.as_bytes().to_vec();
        if let Some(LeaseHash(hash)) = one_of_several {
            stem.push(b'.');
            stem.extend(hex(&hash[..8]).bytes());
        }
        if 1 + stem.len() + JOURNAL.len() > LONGEST {
            stem = hex(&sha256(&stem)).into_bytes();
        }
        Self::with_stem(&stem)
    }

    /// Those that belong to a journal.
    pub(super) fn of_journal(journal: &OsStr) -> Option<Self> {
        let stem = journal
            .as_bytes()
            .strip_prefix(b".")?
            .strip_suffix(JOURNAL.as_bytes())?;
        Some(Self::with_stem(stem))
    }

    /// Those that belong to a file that is made anew.
    pub(super) fn of_new(new: &OsStr) -> Option<Self> {
        let stem = new.as_bytes().strip_prefix(b".")?.strip_suffix(NEW.as_bytes())?;
        Some(Self::with_stem(stem))
    }

    fn with_stem(stem: &[u8]) -> Self {
        let name = |suffix: &str| OsString::from_vec([b".", stem, suffix.as_bytes()].concat());
        Self {
            journal: name(JOURNAL),
            new: name(NEW),
            stale: name(STALE),
        }
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_names_are_our_own_and_short_enough() {
        let lease = LeaseHash::of("0123");
        for name in ["a.h5", &"x".repeat(255), "ä.h5", ".hidden"] {
            for lease in [None, Some(&lease)] {
                let names = Names::of(OsStr::new(name), lease);
                for own in [&names.journal, &names.new, &names.stale] {
                    assert!(is_own(own) && own.len() <= LONGEST, "{own:?}");
                }
                assert_eq!(Names::of_journal(&names.journal).unwrap().new, names.new);
                assert_eq!(Names::of_new(&names.new).unwrap().journal, names.journal);
            }
        }
        assert!(is_own(OsStr::new(ENDED)));
        for other in [
            "a.h5",
            "hdfstream-ended",
            ".a.h5",
            "hdfstream-journal",
            "a.hdfstream-new",
            "",
        ] {
            assert!(!is_own(OsStr::new(other)), "{other}");
        }
    }

    #[test]
    fn files_and_leases_do_not_share_names() {
        let names =
            |name: &str, lease: &str| Names::of(OsStr::new(name), Some(&LeaseHash::of(lease))).journal;
        assert_ne!(names("a", "1"), names("b", "1"));
        assert_ne!(names("a", "1"), names("a", "2"));
        assert_ne!(names(&"x".repeat(255), "1"), names(&"x".repeat(254), "1"));
    }
}
