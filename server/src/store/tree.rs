//! Directories as protocol v1 lists them: with files, subdirectories and the bytes of everything below.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cap_std::fs::{Dir, Metadata, MetadataExt};

use super::{StoreError, View, exact, media, path, utf8};

/// After so many entries subdirectories are not looked into any more: sizes then count what was seen.
pub(super) const MAX_ENTRIES: u64 = 200_000;
/// The same after so long.
const MAX_TIME: Duration = Duration::from_secs(5);

/// A directory.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    /// Bytes of all files below.
    pub(crate) size: u64,
    /// Sorted by the bytes of their names.
    pub(crate) files: Vec<(String, File)>,
    /// The same; those at the end of the depth without what is in them.
    pub(crate) directories: Vec<(String, Option<Tree>)>,
    /// What it is, in Markdown, if somebody has said so.
    pub(crate) description: Option<String>,
    /// The same for what is in it, by name.
    pub(crate) labels: Option<BTreeMap<String, String>>,
}

/// A file in a directory.
#[derive(Debug)]
pub(crate) struct File {
    /// What it is.
    pub(crate) media_type: Cow<'static, str>,
    /// Bytes.
    pub(crate) size: u64,
    /// Last modification, seconds since 1970-01-01 UTC.
    pub(crate) modified: i64,
}

/// A file somewhere below a directory.
#[derive(Debug)]
pub(crate) struct Below {
    /// Path below the root.
    pub(crate) path: String,
    /// Bytes.
    pub(crate) size: u64,
    /// Last modification, seconds since 1970-01-01 UTC.
    pub(crate) modified: i64,
}

struct Look<'a> {
    view: View<'a>,
    left: u64,
    deadline: Instant,
    /// All files, if they are wanted one by one.
    flat: Option<Vec<Below>>,
}

impl View<'_> {
    /// The directory `name`, empty for the root, and `depth` levels of directories below.
    pub(crate) fn tree(&self, name: &str, depth: u32) -> Result<Tree, StoreError> {
        if let Some(listed) = self.by_catalogue() {
            return listed.tree(name, depth);
        }
        let (mut look, path) = self.begin(name)?;
        look.directory(&path, Some(depth), &mut vec![path.clone()])
    }

    /// All files below the directory `name`, in the order of listings; `None` when there are too many. An error
    /// comes with the path that it is about.
    pub(crate) fn files_below(&self, name: &str) -> Result<Option<Vec<Below>>, (String, StoreError)> {
        if let Some(listed) = self.by_catalogue() {
            return listed.files_below(name);
        }
        let failed = |error| (name.to_owned(), error);
        let (mut look, path) = self.begin(name).map_err(failed)?;
        look.flat = Some(Vec::new());
        look.directory(&path, None, &mut vec![path.clone()])
            .map_err(failed)?;
        Ok(look.flat.take().filter(|_| !look.over()))
    }

    fn begin(&self, name: &str) -> Result<(Look<'_>, PathBuf), StoreError> {
        if !name.is_empty() && !path::is_below_root(name) {
            return Err(StoreError::Missing);
        }
        let look = Look {
            view: *self,
            left: MAX_ENTRIES,
            deadline: Instant::now() + MAX_TIME,
            flat: None,
        };
        Ok((look, self.resolve(Path::new(name))?))
    }
}

impl Look<'_> {
    fn over(&self) -> bool {
        self.left == 0 || Instant::now() >= self.deadline
    }

    /// What is in a directory; `shown` is how many more levels are, `None` if only the size counts.
    fn directory(
        &mut self,
        path: &Path,
        shown: Option<u32>,
        above: &mut Vec<PathBuf>,
    ) -> Result<Tree, StoreError> {
        let directory = self.view.store.open_directory(path)?;
        let mut names = Vec::new();
        for entry in directory.entries()? {
            if let Some(name) = utf8(&entry?.file_name())
                && !name.starts_with('.')
                && self.view.viewer.may_read(&path.join(name))
            {
                names.push(name.to_owned());
            }
        }
        names.sort_unstable();
        let mut tree = Tree::default();
        for name in names {
            self.left = self.left.saturating_sub(1);
            let Some((real, parent, metadata)) = self.find(path, &directory, &name) else {
                continue;
            };
            if metadata.is_dir() {
                let below = match above.contains(&real) || self.over() {
                    true => None,
                    false => {
                        above.push(real.clone());
                        let depth = shown.and_then(|depth| depth.checked_sub(1));
                        let below = self.directory(&real, depth, above);
                        above.pop();
                        below.ok()
                    }
                };
                tree.size += below.as_ref().map_or(0, |below| below.size);
                if let Some(depth) = shown {
                    tree.directories.push((name, below.filter(|_| depth > 0)));
                }
            } else if metadata.is_file() {
                let size = self.size(&real, &metadata);
                tree.size += size;
                if let (Some(flat), Some(path)) = (&mut self.flat, utf8(path.join(&name).as_os_str())) {
                    flat.push(Below {
                        path: path.to_owned(),
                        size,
                        modified: metadata.mtime(),
                    });
                }
                if shown.is_some() {
                    tree.files
                        .push((name.clone(), file(&parent, &real, &name, &metadata, size)));
                }
            }
        }
        Ok(tree)
    }

    /// Bytes of a file; while it is written, without those that are not committed.
    fn size(&self, real: &Path, metadata: &Metadata) -> u64 {
        let inode = (metadata.dev(), metadata.ino());
        let written = self.view.store.written(real, inode, "");
        written.map_or(metadata.len(), |content| content.size)
    }

    /// The real path of an entry, the directory in which it is, and what it is; none for what leads nowhere.
    fn find(&self, path: &Path, directory: &Dir, name: &str) -> Option<(PathBuf, Dir, Metadata)> {
        let metadata = directory.symlink_metadata(name).ok()?;
        if !metadata.is_symlink() {
            return Some((path.join(name), directory.try_clone().ok()?, metadata));
        }
        let real = self.view.resolve_entry(path, OsStr::new(name)).ok()?;
        let (parent, last) = self.view.store.parent(&real).ok()?;
        let metadata = parent.symlink_metadata(last).ok()?;
        Some((real, parent, metadata))
    }
}

fn file(parent: &Dir, real: &Path, name: &str, metadata: &Metadata, size: u64) -> File {
    let open = || {
        let file = parent.open_with(real.file_name()?, &exact::reading()).ok()?;
        Some((file.into_std(), size))
    };
    File {
        media_type: media::of(name, open).into(),
        size,
        modified: metadata.mtime(),
    }
}
