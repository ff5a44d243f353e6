//! From a name to the real path below the root: links are followed here, one by one, so that what a
//! link leads to is checked before the disk is touched.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Component, Path, PathBuf};

use super::{StoreError, View, path};
use crate::journal;

/// Links followed for one name; Linux follows as many.
const MOST_LINKS: usize = 40;

impl View<'_> {
    /// The path below the root, without links, of something that exists; `path` is one below the root.
    pub(super) fn resolve(&self, path: &Path) -> Result<PathBuf, StoreError> {
        self.walk(self.store.root.clone(), self.masked(path))
    }

    /// The same for the entry `name` of a directory without links.
    pub(super) fn resolve_entry(&self, directory: &Path, name: &OsStr) -> Result<PathBuf, StoreError> {
        self.walk(self.store.root.join(directory), vec![name.to_owned()])
    }

    /// The same for a path of the server's own file system.
    pub(super) fn resolve_absolute(&self, name: &str) -> Result<PathBuf, StoreError> {
        let name = path::absolute(name).ok_or(StoreError::Outside)?;
        if let Ok(below) = Path::new(&name).strip_prefix(&self.store.root) {
            return self.resolve(below);
        }
        let components = Path::new(&name).iter().skip(1).map(OsStr::to_owned);
        self.walk(PathBuf::from("/"), components.collect())
    }

    /// The components of a path as it was asked for. The first that a rule hides becomes a decoy, also
    /// where the name is that of a link.
    fn masked(&self, path: &Path) -> Vec<OsString> {
        let visible = self.viewer.visible(path).unwrap_or(0);
        let mask = |(at, name): (usize, &OsStr)| self.decoy_if(at == visible, name);
        path.iter().enumerate().map(mask).collect()
    }

    /// `name`, or what stands for it when it is hidden. Takes the same time for both.
    fn decoy_if(&self, hidden: bool, name: &OsStr) -> OsString {
        if self.viewer.sees_everything() {
            return name.to_owned();
        }
        let decoy = self.store.decoys.of(name);
        if hidden { decoy } else { name.to_owned() }
    }

    /// Goes from the real absolute path `at` along `components`.
    fn walk(&self, mut at: PathBuf, components: Vec<OsString>) -> Result<PathBuf, StoreError> {
        let root = &self.store.root;
        let mut waiting = components;
        waiting.reverse();
        let mut links = 0;
        while let Some(name) = waiting.pop() {
            // Only targets of links hold it. From a real path it leads where the kernel would go.
            if name == ".." {
                at.pop();
                continue;
            }
            if journal::is_own(&name) {
                return Err(StoreError::Missing);
            }
            at.push(&name);
            let target = match at.strip_prefix(root) {
                Ok(below) if !below.as_os_str().is_empty() => {
                    let hidden = !self.viewer.may_read(below);
                    let below = below.with_file_name(self.decoy_if(hidden, &name));
                    self.store
                        .directory
                        .read_link_contents(below)
                        .map_err(Step::from)
                        .map_err(Step::inside)
                }
                _ => std::fs::read_link(&at).map_err(Step::from).map_err(Step::outside),
            };
            match target {
                Ok(target) => {
                    links += 1;
                    if links > MOST_LINKS {
                        return Err(StoreError::Missing);
                    }
                    at.pop();
                    follow(&mut at, &target, &mut waiting);
                }
                Err(None) => {}
                Err(Some(error)) => return Err(error),
            }
        }
        match at.strip_prefix(root) {
            // The root itself can be hidden, too.
            Ok(below) if below.as_os_str().is_empty() && !self.viewer.may_read(below) => {
                Err(StoreError::Missing)
            }
            Ok(below) => Ok(below.to_owned()),
            Err(_) => Err(StoreError::Outside),
        }
    }
}

/// What came of reading a link.
enum Step {
    /// It is none, but something that is there.
    Real,
    Failed(io::Error),
}

impl From<io::Error> for Step {
    fn from(error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(libc::EINVAL) => Self::Real,
            _ => Self::Failed(error),
        }
    }
}

impl Step {
    fn inside(self) -> Option<StoreError> {
        match self {
            Self::Real => None,
            Self::Failed(error) => Some(error.into()),
        }
    }

    /// What goes wrong outside is nobody's business.
    fn outside(self) -> Option<StoreError> {
        self.inside().map(|_| StoreError::Outside)
    }
}

/// Puts the target of a link before what is still to be walked.
fn follow(at: &mut PathBuf, target: &Path, waiting: &mut Vec<OsString>) {
    let mut names = Vec::new();
    for component in target.components() {
        match component {
            Component::RootDir => *at = PathBuf::from("/"),
            Component::CurDir | Component::Prefix(_) => {}
            Component::ParentDir => names.push(OsString::from("..")),
            Component::Normal(name) => names.push(name.to_owned()),
        }
    }
    names.reverse();
    waiting.append(&mut names);
}
