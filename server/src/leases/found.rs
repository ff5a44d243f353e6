//! Leases that an earlier process left on the disk: they live again for a while, so that their clients can
//! go on as if nothing had happened.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use cap_fs_ext::DirExt;
use cap_std::fs::Dir;

use super::work::Work;
use super::{Claim, Leases, ROUND, Shared, Slot};
use crate::journal::{self, JournalError, Writer};
use crate::store::{Place, Recovery, StoreError};

impl Recovery for Leases {
    fn recover(&self, path: &str, directory: &Dir, name: &OsStr) -> Result<(), StoreError> {
        // Whoever looks at a journal that is just being made is in its maker's way.
        if self.table().is_leased(path) {
            return Ok(());
        }
        let _recovering = self.recovering();
        if !journal::needs_recovery(directory, name)? {
            return Ok(());
        }
        self.recover_now(path, directory, name)
    }
}

impl Leases {
    /// Adopts the lease that an earlier process left on a file, if there is one. Blocks.
    pub(super) fn recover_left(&self, place: &Place) -> Result<(), StoreError> {
        if !place.missing.is_empty() || self.table().is_leased(&place.path) {
            return Ok(());
        }
        let _recovering = self.recovering();
        self.recover_now(&place.path, &place.directory, &place.name)
    }

    /// Adopts this very lease, if an earlier process left it beside others of its file. Blocks.
    pub(super) fn recover_one(&self, place: &Place, lease: &str) -> Result<(), StoreError> {
        let Place {
            path,
            directory,
            name,
            ..
        } = place;
        if !place.missing.is_empty() {
            return Ok(());
        }
        let _recovering = self.recovering();
        let found = journal::recover_one_of_several(directory, name, lease);
        self.take(path, directory, name, found)
    }

    fn recovering(&self) -> MutexGuard<'_, ()> {
        self.0.recovering.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn recover_now(&self, path: &str, directory: &Dir, name: &OsStr) -> Result<(), StoreError> {
        self.take(path, directory, name, journal::recover(directory, name))
    }

    fn take(
        &self,
        path: &str,
        directory: &Dir,
        name: &OsStr,
        found: Result<Option<Writer>, JournalError>,
    ) -> Result<(), StoreError> {
        match found {
            Ok(Some(writer)) => self.adopt(path, directory, name, writer),
            // It lives, or somebody else has just recovered it.
            Ok(None) | Err(JournalError::Locked) => Ok(()),
            Err(error) => {
                tracing::error!("{path:?} cannot be recovered: {error}");
                Err(StoreError::Busy)
            }
        }
    }

    fn adopt(&self, path: &str, directory: &Dir, name: &OsStr, writer: Writer) -> Result<(), StoreError> {
        let (user, committed) = (writer.user().map(str::to_owned), writer.committed());
        tracing::info!("the lease of {path:?} by {user:?} was found: {committed} commits");
        let claim = Claim {
            path: path.to_owned(),
            lease: None,
            owner: None,
            exclusive: writer.is_exclusive(),
        };
        let place = Place {
            path: path.to_owned(),
            directory: directory.try_clone()?,
            missing: Vec::new(),
            name: name.to_owned(),
            exists: true,
        };
        let work = Work::found(place, writer, Arc::clone(&self.0.histories)).map_err(|error| {
            tracing::error!("{path:?}: {error}");
            StoreError::Busy
        })?;
        let mut work = Some(work);
        let made = self.table().begin(Instant::now(), claim, |number| {
            let slot = Slot::new(path, number, user);
            slot.committed.store(committed, Ordering::Relaxed);
            // Nobody else knows the slot yet.
            if let Ok(mut turn) = slot.work.try_lock() {
                *turn = work.take();
            }
            Arc::new(slot)
        });
        if let (Err(refused), Some(work)) = (made, work) {
            tracing::error!("{path:?}: {refused:?}");
            work.abandon();
        }
        Ok(())
    }

    fn scan_one(&self, path: &PathBuf, waiting: &mut Vec<PathBuf>) -> std::io::Result<()> {
        let mut directory = self.0.root.try_clone()?;
        for component in path {
            directory = directory.open_dir_nofollow(component)?;
        }
        let mut left = false;
        for entry in directory.entries()? {
            let entry = entry?;
            left |= journal::is_own(&entry.file_name());
            if entry.file_type()?.is_dir() {
                waiting.push(path.join(entry.file_name()));
            }
        }
        if !left {
            return Ok(());
        }
        let _recovering = self.recovering();
        for (name, recovered) in journal::recover_directory(&directory)? {
            let file = path.join(&name);
            match (recovered, file.to_str()) {
                (Ok(writer), Some(file)) => {
                    if let Err(error) = self.adopt(file, &directory, &name, writer) {
                        tracing::error!("{file:?}: {error}");
                    }
                }
                (Ok(_), None) | (Err(JournalError::Locked), _) => {}
                (Err(error), _) => tracing::error!("{file:?} cannot be recovered: {error}"),
            }
        }
        Ok(())
    }
}

/// Looks through the whole tree for what was left, as long as the server lives. Blocks.
fn scan(shared: &Weak<Shared>) {
    let mut waiting = vec![PathBuf::new()];
    while let (Some(path), Some(leases)) = (waiting.pop(), shared.upgrade().map(Leases)) {
        if let Err(error) = leases.scan_one(&path, &mut waiting) {
            tracing::debug!("{path:?} is not looked through: {error}");
        }
    }
}

/// Looks for leases that were left, and then for those whose time is over.
pub(super) async fn rounds(shared: Weak<Shared>) {
    let scanned = shared.clone();
    // It fails only when the server ends.
    let _ = tokio::task::spawn_blocking(move || scan(&scanned)).await;
    loop {
        tokio::time::sleep(ROUND).await;
        let Some(leases) = shared.upgrade().map(Leases) else {
            return;
        };
        leases.expire(None).await;
        let swept = tokio::task::spawn_blocking(move || leases.0.ended.sweep());
        // It fails only when the server ends.
        let _ = swept.await;
    }
}
