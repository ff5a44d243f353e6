//! What the log was told of: attributes that replies lack, once for each object.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use crate::store::ServedFile;
use crate::worker::question::LeftOut;

/// Objects that are remembered; with more, the log is told of all anew.
const MOST: usize = 1 << 16;

/// Remembers by hashes: when two are the same, one line is missing in the log.
#[derive(Debug, Default, Clone)]
pub(super) struct Told {
    known: Arc<Mutex<HashSet<u64>>>,
    hasher: RandomState,
}

impl Told {
    /// Tells of what is left out in a reply about the object `asked`.
    pub(super) fn tell(&self, file: &ServedFile, asked: &str, left_out: &[LeftOut]) {
        for LeftOut {
            address,
            object,
            attributes,
            one,
        } in left_out
        {
            if self.is_new((&file.path, &file.version, *address)) {
                tracing::info!(
                    path = file.name(),
                    asked,
                    object,
                    "{attributes} of its attributes, {one:?} among them, are left out: protocol v1 has no form for them, or they are too large"
                );
            }
        }
    }

    fn is_new(&self, object: (&str, &str, u64)) -> bool {
        let hash = self.hasher.hash_one(object);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_object_is_new_once() {
        let told = Told::default();
        assert!(told.is_new(("a", "1", 7)) && !told.clone().is_new(("a", "1", 7)));
        assert!(told.is_new(("a", "1", 8)) && told.is_new(("a", "2", 7)) && told.is_new(("b", "1", 7)));
    }
}
