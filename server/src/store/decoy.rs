//! Names that nothing has. What somebody may not see is looked for under such a name, so that the very
//! same code and system calls say that it does not exist, in the same time.

use std::ffi::{OsStr, OsString};
use std::hash::{BuildHasher, RandomState};

/// Makes names that nobody can guess, always the same for the same name: the kernel then remembers that
/// they are missing as it does for others.
#[derive(Debug, Default)]
pub(super) struct Decoys(RandomState);

impl Decoys {
    /// For a name that is hidden: as long, but long enough not to exist by chance.
    pub(super) fn of(&self, hidden: &OsStr) -> OsString {
        let digits = format!("{:016x}", self.0.hash_one(hidden));
        let length = hidden.len().max(digits.len());
        let mut decoy = digits.repeat(length.div_ceil(digits.len()));
        decoy.truncate(length);
        decoy.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoys_are_long_steady_and_different() {
        let decoys = Decoys::default();
        let (one, other) = (decoys.of(OsStr::new("a")), decoys.of(OsStr::new("b")));
        assert_eq!((one.len(), &one), (16, &decoys.of(OsStr::new("a"))));
        assert_ne!(one, other);
        assert_ne!(one, Decoys::default().of(OsStr::new("a")));
        assert_eq!(decoys.of(OsStr::new(&"x".repeat(200))).len(), 200);
    }
}
