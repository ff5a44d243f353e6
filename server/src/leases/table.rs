//! Who writes what, and until when. Pure: the time is given in.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Most leases at the same time.
pub(super) const MOST: usize = 4096;
/// Most of one user, or of one machine without a login.
pub(super) const MOST_OF_ONE: usize = 1024;

/// A lease's name as it is kept here: its SHA-256.
pub(super) type Digest = [u8; 32];

/// What is asked for.
#[derive(Debug, Clone)]
pub(super) struct Claim<O> {
    /// The file, below the root, without links.
    pub(super) path: String,
    /// None for a lease that was found on the disk, until its owner comes.
    pub(super) lease: Option<Digest>,
    /// Whose share of leases it is taken from; nobody's for one that was found.
    pub(super) owner: Option<O>,
    /// Whether nobody else may write the file.
    pub(super) exclusive: bool,
}

/// Why there is no lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// Somebody else writes the file.
    Locked,
    /// The same lease, but for something else.
    Different,
    /// There are too many.
    TooMany,
}

/// Live leases by path, each with what it holds.
#[derive(Debug)]
pub(super) struct Table<O, T> {
    period: Duration,
    leases: HashMap<String, Vec<Entry<O, T>>>,
    next: u64,
}

#[derive(Debug)]
struct Entry<O, T> {
    number: u64,
    claim: Claim<O>,
    expires: Instant,
    held: T,
}

impl<O: PartialEq, T: Clone> Table<O, T> {
    /// Leases live for `period` after each word of their owners.
    pub(super) fn new(period: Duration) -> Self {
        Self {
            period,
            leases: HashMap::new(),
            next: 0,
        }
    }

    /// Grants a lease, or finds the same one. `make` makes what it holds, given its number.
    pub(super) fn begin(
        &mut self,
        now: Instant,
        claim: Claim<O>,
        make: impl FnOnce(u64) -> T,
    ) -> Result<T, Refused> {
        let expires = now + self.period;
        if let Some(lease) = &claim.lease
            && let Some(entry) = self.entry(&claim.path, lease)
        {
            if entry.claim.exclusive != claim.exclusive {
                return Err(Refused::Different);
            }
            entry.expires = entry.expires.max(expires);
            return Ok(entry.held.clone());
        }
        let there = self.leases.get(&claim.path);
        if there.is_some_and(|there| there.iter().any(|entry| entry.claim.exclusive || claim.exclusive)) {
            return Err(Refused::Locked);
        }
        let of_one = |entry: &&Entry<O, T>| claim.owner.is_some() && entry.claim.owner == claim.owner;
        if claim.owner.is_some() && (self.len() >= MOST || self.all().filter(of_one).count() >= MOST_OF_ONE) {
            return Err(Refused::TooMany);
        }
        let number = self.next;
        self.next += 1;
        let held = make(number);
        let entry = Entry {
            number,
            expires,
            held: held.clone(),
            claim,
        };
        self.leases
            .entry(entry.claim.path.clone())
            .or_default()
            .push(entry);
        Ok(held)
    }

    /// A word of a lease's owner: it lives for another period. `None` if there is no such lease.
    pub(super) fn find(&mut self, now: Instant, path: &str, lease: &Digest) -> Option<T> {
        let expires = now + self.period;
        let entry = self.entry(path, lease)?;
        entry.expires = entry.expires.max(expires);
        Some(entry.held.clone())
    }

    /// The same for a lease by its number.
    pub(super) fn touch(&mut self, now: Instant, path: &str, number: u64) {
        let expires = now + self.period;
        let there = self.leases.get_mut(path).into_iter().flatten();
        for entry in there.filter(|entry| entry.number == number) {
            entry.expires = entry.expires.max(expires);
        }
    }

    /// What leases of a path hold whose owners have not come yet.
    pub(super) fn found(&self, path: &str) -> Vec<T> {
        let there = self.leases.get(path).into_iter().flatten();
        let nameless = there.filter(|entry| entry.claim.lease.is_none());
        nameless.map(|entry| entry.held.clone()).collect()
    }

    /// The owner of a lease that was found has come.
    pub(super) fn claim(&mut self, path: &str, number: u64, lease: Digest) {
        let there = self.leases.get_mut(path).into_iter().flatten();
        for entry in there.filter(|entry| entry.number == number) {
            entry.claim.lease = Some(lease);
        }
    }

    /// The leases whose time is over; they stay until they are removed.
    pub(super) fn expired(&self, now: Instant) -> Vec<T> {
        let over = self.all().filter(|entry| entry.expires <= now);
        over.map(|entry| entry.held.clone()).collect()
    }

    /// Whether a lease's time is over, or it is no more.
    pub(super) fn is_over(&self, now: Instant, path: &str, number: u64) -> bool {
        let mut there = self.leases.get(path).into_iter().flatten();
        there.all(|entry| entry.number != number || entry.expires <= now)
    }

    /// Ends a lease.
    pub(super) fn remove(&mut self, path: &str, number: u64) {
        if let Some(there) = self.leases.get_mut(path) {
            there.retain(|entry| entry.number != number);
            if there.is_empty() {
                self.leases.remove(path);
            }
        }
    }

    /// Whether somebody writes this file.
    pub(super) fn is_leased(&self, path: &str) -> bool {
        self.leases.contains_key(path)
    }

    /// Whether somebody writes this file, or one below this directory.
    pub(super) fn is_written(&self, path: &str) -> bool {
        let below = |other: &String| {
            other
                .strip_prefix(path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.leases.keys().any(below)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.all().count()
    }

    fn all(&self) -> impl Iterator<Item = &Entry<O, T>> {
        self.leases.values().flatten()
    }

    fn entry(&mut self, path: &str, lease: &Digest) -> Option<&mut Entry<O, T>> {
        let there = self.leases.get_mut(path)?;
        there
            .iter_mut()
            .find(|entry| entry.claim.lease.as_ref() == Some(lease))
    }
}
