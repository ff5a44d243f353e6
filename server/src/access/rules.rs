//! Roles by directory: a tree of names. A rule holds for its directory and for everything below, so a
//! rule further down can only ask for more.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::accounts::name::{self, NameError};
use crate::store::path::is_below_root;

/// What the configuration says about one directory.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Directory {
    /// Roles that a user needs to see it.
    #[serde(default)]
    pub read: BTreeSet<String>,
    /// Roles that a user needs besides to change it.
    #[serde(default)]
    pub write: BTreeSet<String>,
}

/// Why a rule is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum RuleError {
    /// Not a path below the root.
    #[error(
        "[directories.\"{0}\"]: name a directory below the root, without slashes at the ends, `.` or `..`; \
         \"\" is the root itself"
    )]
    Path(String),
    /// Not the name of a role.
    #[error("[directories.\"{directory}\"]: {source}")]
    Role {
        /// The directory.
        directory: String,
        /// What is wrong.
        source: NameError,
    },
}

/// The rules of all directories.
#[derive(Debug, Default, Clone)]
pub struct Rules {
    root: Node,
    any: bool,
}

#[derive(Debug, Default, Clone)]
struct Node {
    directory: Directory,
    below: HashMap<OsString, Node>,
}

impl Rules {
    /// Checks the rules of a configuration.
    ///
    /// # Errors
    /// See [`RuleError`].
    pub fn new(directories: BTreeMap<String, Directory>) -> Result<Self, RuleError> {
        let mut rules = Self::default();
        for (path, directory) in directories {
            if !path.is_empty() && !is_below_root(&path) {
                return Err(RuleError::Path(path));
            }
            for role in directory.read.iter().chain(&directory.write) {
                name::check("role", role).map_err(|source| RuleError::Role {
                    directory: path.clone(),
                    source,
                })?;
            }
            let node = path
                .split('/')
                .filter(|component| !component.is_empty())
                .fold(&mut rules.root, |node, component| {
                    node.below.entry(component.into()).or_default()
                });
            node.directory = directory;
            rules.any = true;
        }
        Ok(rules)
    }

    /// Whether there are none: then everybody sees everything.
    pub(crate) fn is_empty(&self) -> bool {
        !self.any
    }

    /// The directories with a rule, by their paths.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        let mut paths = Vec::new();
        let mut waiting = vec![(PathBuf::new(), &self.root)];
        while let Some((path, node)) = waiting.pop() {
            for (name, below) in &node.below {
                waiting.push((path.join(name), below));
            }
            if node.directory != Directory::default() {
                paths.push(path);
            }
        }
        paths.sort();
        paths
    }

    /// How many of `components` can be seen with `roles`; `None` if the root itself cannot.
    pub(super) fn visible<'a>(
        &self,
        roles: &BTreeSet<String>,
        components: impl Iterator<Item = &'a OsStr>,
    ) -> Option<usize> {
        if !self.root.directory.read.is_subset(roles) {
            return None;
        }
        let mut node = Some(&self.root);
        let mut count = 0;
        for component in components {
            node = node.and_then(|node| node.below.get(component));
            if node.is_some_and(|node| !node.directory.read.is_subset(roles)) {
                break;
            }
            count += 1;
        }
        Some(count)
    }

    /// Whether `roles` are all that the directories from the root to `path` ask of those who write.
    pub(super) fn writable(&self, roles: &BTreeSet<String>, path: &Path) -> bool {
        let mut node = &self.root;
        let mut components = path.iter();
        loop {
            if !node.directory.write.is_subset(roles) {
                return false;
            }
            match components.next().and_then(|component| node.below.get(component)) {
                Some(below) => node = below,
                None => return true,
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn rules(text: &str) -> Rules {
        Rules::new(toml::from_str(text).unwrap()).unwrap()
    }

    #[test]
    fn paths_and_roles_are_checked() {
        let refused = |path: &str, role: &str| {
            let directory = Directory {
                read: [role.to_owned()].into(),
                ..Directory::default()
            };
            Rules::new([(path.to_owned(), directory)].into()).unwrap_err()
        };
        for path in ["/", "a/", "/a", "a//b", "..", "a/../b", ".", "a\0b"] {
            assert_eq!(refused(path, "staff"), RuleError::Path(path.to_owned()));
        }
        let message = refused("private", "sta ff").to_string();
        assert!(
            message.contains("private") && message.contains("sta ff"),
            "{message}"
        );
        let text = toml::from_str::<BTreeMap<String, Directory>>("[x]\nraed = []\n")
            .unwrap_err()
            .to_string();
        assert!(text.contains("raed"), "{text}");
    }

    #[test]
    fn directories_with_rules_are_listed() {
        let rules = rules("['a/b']\nread = ['r']\n['']\nwrite = ['w']\n[c]\n");
        assert_eq!(rules.paths(), ["", "a/b"].map(PathBuf::from));
    }
}
