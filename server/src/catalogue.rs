//! A list of the files that are offered, and under which names: the CSV that servers of the older protocol are set
//! up with. With one, nothing else below the root is offered.
//!
//! Looking something up touches no disk.

mod load;
mod row;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::access::Viewer;
use crate::store::RuleMismatch;

pub use load::CatalogueError;
pub(crate) use load::load;

/// All directories and files.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    root: Directory,
    /// All files, sorted by where they are.
    by_real: Vec<Arc<Listed>>,
    /// For whom the files themselves are opened, once it is known that they may be seen.
    pub(crate) everybody: Viewer,
}

/// A file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    /// The path by which it is asked for.
    pub(crate) name: String,
    /// Where it is, below the root.
    pub(crate) real: String,
    /// Bytes, as the list says.
    pub(crate) size: u64,
    /// Last modification, seconds since 1970-01-01 UTC, as the list says.
    pub(crate) modified: i64,
    pub(crate) media_type: Arc<str>,
}

/// A directory.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    pub(crate) files: BTreeMap<String, Arc<Listed>>,
    directories: BTreeMap<String, Directory>,
    /// Roles that a user needs to see it.
    roles: BTreeSet<String>,
    pub(crate) words: Words,
    /// Bytes of the files in it.
    own: u64,
    /// Bytes of all files below, if none of these is hidden from anybody.
    total: Option<u64>,
}

/// What is said about a directory to people.
#[derive(Debug, Default, Clone, PartialEq, Eq, serde::Deserialize)]
pub(crate) struct Words {
    /// Markdown.
    #[serde(default)]
    pub(crate) description: Option<String>,
    /// By name of what is in the directory.
    #[serde(default)]
    pub(crate) labels: Option<BTreeMap<String, String>>,
}

/// What a name stands for.
#[derive(Debug)]
pub(crate) enum Found<'a> {
    Directory(&'a Directory),
    File(&'a Arc<Listed>),
}

impl Catalogue {
    /// What `name`, empty for the root, stands for, if `viewer` may see it.
    pub(crate) fn find(&self, name: &str, viewer: &Viewer) -> Option<Found<'_>> {
        let may = viewer.may_read(Path::new(name));
        self.walk(name, |directory| viewer.has(&directory.roles))
            .filter(|_| may)
    }

    fn walk(&self, name: &str, sees: impl Fn(&Directory) -> bool) -> Option<Found<'_>> {
        let mut directory = &self.root;
        if name.is_empty() {
            return Some(Found::Directory(directory));
        }
        let mut components = name.split('/');
        let last = components.next_back()?;
        for component in components {
            let below = directory.directories.get(component);
            directory = below.filter(|below| sees(below))?;
        }
        if let Some(file) = directory.files.get(last) {
            return Some(Found::File(file));
        }
        let below = directory.directories.get(last);
        below.filter(|below| sees(below)).map(Found::Directory)
    }

    /// The file that is at `real` below the root, under a name that `viewer` may see.
    pub(crate) fn find_real(&self, real: &str, viewer: &Viewer) -> Option<&Arc<Listed>> {
        let first = self.by_real.partition_point(|file| file.real.as_str() < real);
        let same = self.by_real[first..].iter().take_while(|file| file.real == real);
        same.into_iter()
            .find(|file| matches!(self.find(&file.name, viewer), Some(Found::File(_))))
    }

    /// Compares the directories that have rules with those of the list.
    pub(crate) fn check_ruled(&self, paths: &[PathBuf]) -> Result<(), RuleMismatch> {
        for path in paths {
            match path.to_str().and_then(|name| self.walk(name, |_| true)) {
                Some(Found::File(_)) => return Err(RuleMismatch::File(path.clone())),
                Some(Found::Directory(_)) => {}
                None => tracing::warn!("[directories.{path:?}]: the catalogue has no such directory (yet)"),
            }
        }
        Ok(())
    }

    /// Sums up, when all is entered.
    fn finish(mut self) -> Self {
        self.root.sum_up(&mut self.by_real);
        self.by_real.sort_by(|one, other| one.real.cmp(&other.real));
        self
    }
}

impl Directory {
    /// The directories in it that `viewer` may see; it is at `path` itself.
    pub(crate) fn directories<'a>(
        &'a self,
        path: &'a Path,
        viewer: &'a Viewer,
    ) -> impl Iterator<Item = (&'a String, &'a Directory, PathBuf)> {
        self.directories.iter().filter_map(move |(name, below)| {
            let path = path.join(name);
            (viewer.has(&below.roles) && viewer.may_read(&path)).then_some((name, below, path))
        })
    }

    /// Bytes of all files below that `viewer` may see; it is at `path`.
    pub(crate) fn size(&self, path: &Path, viewer: &Viewer) -> u64 {
        match self.total {
            Some(total) if viewer.sees_everything() => total,
            _ => self
                .directories(path, viewer)
                .map(|(_, below, path)| below.size(&path, viewer))
                .fold(self.own, u64::saturating_add),
        }
    }

    fn sum_up(&mut self, all: &mut Vec<Arc<Listed>>) {
        let sizes = self.files.values().map(|file| file.size);
        self.own = sizes.fold(0, u64::saturating_add);
        all.extend(self.files.values().cloned());
        let mut total = Some(self.own);
        for below in self.directories.values_mut() {
            below.sum_up(all);
            let open = below.roles.is_empty();
            total = total
                .zip(below.total.filter(|_| open))
                .map(|(total, below)| total.saturating_add(below));
        }
        self.total = total;
    }
}
