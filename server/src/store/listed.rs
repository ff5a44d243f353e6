//! The tree as a catalogue has it: names are looked up there, and only what it lists is opened.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;

use hdfstream::protocol::{Entry, EntryKind, ListReply, StatReply};

use super::listing::{Described, PAGE};
use super::tree::{Below, File, MAX_ENTRIES, Tree};
use super::{ServedFile, StoreError, View, path};
use crate::catalogue::{Catalogue, Directory, Found, Listed};

/// A view through a catalogue.
#[derive(Debug, Clone, Copy)]
pub(super) struct ListedView<'a> {
    pub(super) view: View<'a>,
    pub(super) catalogue: &'a Catalogue,
}

impl<'a> ListedView<'a> {
    /// The files themselves, for whoever has found a name that may be seen.
    fn real(&self) -> View<'a> {
        View {
            viewer: &self.catalogue.everybody,
            catalogue: None,
            ..self.view
        }
    }

    fn find(&self, name: &str) -> Result<Found<'a>, StoreError> {
        let found = self.catalogue.find(name, self.view.viewer);
        found.ok_or(StoreError::Missing)
    }

    /// The file at a full path of the server, as HDF5 files name others.
    fn find_absolute(&self, name: &str) -> Result<&'a Arc<Listed>, StoreError> {
        let name = path::absolute(name).ok_or(StoreError::Outside)?;
        let below = Path::new(&name).strip_prefix(&self.view.store.root).ok();
        let below = below.and_then(Path::to_str);
        let found = below.and_then(|below| self.catalogue.find_real(below, self.view.viewer));
        found.ok_or(StoreError::Outside)
    }

    fn open_listed(&self, listed: &Arc<Listed>) -> Result<ServedFile, StoreError> {
        let file = self.real().open(&listed.real)?;
        Ok(file.known_as(Arc::clone(listed)))
    }

    pub(super) fn open(&self, name: &str) -> Result<ServedFile, StoreError> {
        if name.starts_with('/') {
            return self.open_listed(self.find_absolute(name)?);
        }
        match self.find(name)? {
            Found::File(listed) => self.open_listed(listed),
            Found::Directory(_) => Err(StoreError::Directory),
        }
    }

    pub(super) fn open_beside(&self, origin: &ServedFile, name: &str) -> Result<ServedFile, StoreError> {
        if name.starts_with('/') {
            return self.open_listed(self.find_absolute(name)?);
        }
        let real = origin.listed.as_ref().map_or(&origin.path, |listed| &listed.real);
        let real = path::beside(real, name).ok_or(StoreError::Outside)?;
        let found = self.catalogue.find_real(&real, self.view.viewer);
        self.open_listed(found.ok_or(StoreError::Outside)?)
    }

    /// What is on the disk for a file, under its name here.
    fn entry(&self, listed: &Listed) -> Result<Described, StoreError> {
        let real = self.real();
        let resolved = real.resolve(Path::new(&listed.real))?;
        let (parent, last) = real.store.parent(&resolved)?;
        real.entry(&resolved, &parent, last, last_of(&listed.name))
    }

    pub(super) fn stat(&self, name: &str) -> Result<StatReply, StoreError> {
        let (entry, version) = match self.find(name)? {
            Found::File(listed) => self.entry(listed)?,
            Found::Directory(_) => (directory(last_of(name)), None),
        };
        Ok(StatReply { entry, version })
    }

    pub(super) fn list(&self, name: &str, after: Option<&str>) -> Result<ListReply, StoreError> {
        let Found::Directory(found) = self.find(name)? else {
            return Err(StoreError::NotDirectory);
        };
        let later = |name: &String| after.is_none_or(|after| name.as_str() > after);
        let below = found.directories(Path::new(name), self.view.viewer);
        let below = below
            .filter(|(name, ..)| later(name))
            .map(|(name, ..)| (name, None));
        let files = found.files.iter().filter(|(name, _)| later(name));
        let mut both: Vec<_> = below
            .chain(files.map(|(name, listed)| (name, Some(listed))))
            .collect();
        both.sort_unstable_by_key(|(name, _)| *name);
        let mut entries = Vec::new();
        let mut both = both.into_iter();
        for (name, listed) in both.by_ref() {
            match listed.map(|listed| self.entry(listed)) {
                None => entries.push(directory(name.clone())),
                Some(Ok((entry, _))) => entries.push(entry),
                // Listed, but not there.
                Some(Err(_)) => continue,
            }
            if entries.len() == PAGE {
                break;
            }
        }
        Ok(ListReply {
            entries,
            more: both.len() > 0,
        })
    }

    pub(super) fn tree(&self, name: &str, depth: u32) -> Result<Tree, StoreError> {
        match self.find(name)? {
            Found::Directory(found) => Ok(self.shown(found, Path::new(name), depth)),
            Found::File(_) => Err(StoreError::NotDirectory),
        }
    }

    fn shown(&self, found: &Directory, path: &Path, depth: u32) -> Tree {
        let viewer = self.view.viewer;
        let files = found
            .files
            .iter()
            .map(|(name, listed)| (name.clone(), listed.shown()));
        let below = found.directories(path, viewer).map(|(name, below, path)| {
            let deeper = depth.checked_sub(1).map(|depth| self.shown(below, &path, depth));
            (name.clone(), deeper)
        });
        let directories: Vec<_> = below.collect();
        // A label could give away what is hidden.
        let labels = found.words.labels.as_ref().map(|labels| {
            let seen = |name: &String| {
                let of_directory = || directories.binary_search_by_key(&name, |(name, _)| name);
                found.files.contains_key(name) || of_directory().is_ok()
            };
            labels
                .iter()
                .filter(|(name, _)| seen(name))
                .map(|(name, label)| (name.clone(), label.clone()))
                .collect()
        });
        Tree {
            size: found.size(path, viewer),
            files: files.collect(),
            directories,
            description: found.words.description.clone(),
            labels,
        }
    }

    /// See [`View::files_below`].
    pub(super) fn files_below(&self, name: &str) -> Result<Option<Vec<Below>>, (String, StoreError)> {
        let Found::Directory(found) = self.find(name).map_err(|error| (name.to_owned(), error))? else {
            return Err((name.to_owned(), StoreError::NotDirectory));
        };
        let mut all = Vec::new();
        let fits = self.collect(found, Path::new(name), &mut all)?;
        Ok(Some(all).filter(|_| fits))
    }

    /// Adds all files below a directory; tells whether they are few enough.
    fn collect(
        &self,
        found: &Directory,
        path: &Path,
        all: &mut Vec<Below>,
    ) -> Result<bool, (String, StoreError)> {
        if (all.len() + found.files.len()) as u64 > MAX_ENTRIES {
            return Ok(false);
        }
        for listed in found.files.values() {
            // An archive without one that is listed would seem complete.
            let (entry, _) = self.entry(listed).map_err(|error| (listed.name.clone(), error))?;
            all.push(Below {
                path: listed.name.clone(),
                size: entry.size,
                modified: entry.modified / 1_000_000_000,
            });
        }
        for (_, below, path) in found.directories(path, self.view.viewer) {
            if !self.collect(below, &path, all)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Listed {
    /// As listings show it.
    pub(super) fn shown(&self) -> File {
        File {
            media_type: Cow::Owned(self.media_type.to_string()),
            size: self.size,
            modified: self.modified,
        }
    }
}

fn last_of(name: &str) -> String {
    let last = Path::new(name).file_name().and_then(OsStr::to_str);
    last.unwrap_or_default().to_owned()
}

fn directory(name: String) -> Entry {
    Entry {
        name,
        kind: EntryKind::Directory,
        size: 0,
        modified: 0,
    }
}
