//! Links that could not be followed while a virtual dataset was read.
//!
//! HDF5 takes every source that does not open for a missing one and shows fill values. That is right when the
//! file is not there, and wrong when the network failed or the server refused: then the read must fail.

use std::sync::{Mutex, PoisonError};

use hdfstream::Error;

struct Failure {
    slot: usize,
    name: String,
    error: Error,
}

static FAILURES: Mutex<Vec<Failure>> = Mutex::new(Vec::new());

/// HDF5 looks for one target under several names, which all end alike.
fn target(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// Notes how the host in `slot` fared with a link's target.
pub(crate) fn note<T>(slot: usize, name: &str, opened: &Result<T, Error>) {
    let mut failures = FAILURES.lock().unwrap_or_else(PoisonError::into_inner);
    match opened {
        Ok(_) => failures.retain(|known| known.slot != slot || target(&known.name) != target(name)),
        Err(Error::NotFound { .. }) => {}
        Err(error) => failures.push(Failure {
            slot,
            name: name.to_owned(),
            error: error.clone(),
        }),
    }
}

/// Takes all failures of the host in `slot`; the first of them with its name.
pub(crate) fn take(slot: usize) -> Option<(String, Error)> {
    let mut failures = FAILURES.lock().unwrap_or_else(PoisonError::into_inner);
    let first = failures
        .iter()
        .position(|failure| failure.slot == slot)
        .map(|first| failures.swap_remove(first));
    failures.retain(|failure| failure.slot != slot);
    first.map(|failure| (failure.name, failure.error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_found_under_another_name_is_no_failure() {
        let slot = usize::MAX;
        let refused = || {
            Err::<(), _>(Error::Forbidden {
                url: String::new(),
                server: String::new(),
                reason: String::new(),
            })
        };
        let missing = Err::<(), _>(Error::NotFound {
            url: String::new(),
            server: String::new(),
        });
        note(slot, "/data/a.h5", &refused());
        note(slot, "https://host/a.h5", &Ok(()));
        note(slot, "https://host/b.h5", &missing);
        assert_eq!(take(slot), None);
        note(slot, "/data/c.h5", &refused());
        note(slot, "https://host/a.h5", &Ok(()));
        assert_eq!(take(slot).map(|failure| failure.0), Some("/data/c.h5".to_owned()));
        assert_eq!(take(slot), None);
    }
}
