//! Do the rules fit the tree? A rule that guards something else than it seems to is refused at the
//! start, rather than found out later.

use std::io;
use std::path::{Path, PathBuf};

use cap_fs_ext::MetadataExt;

use super::Store;

/// Why a rule cannot guard what it names.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RuleMismatch {
    /// A file.
    #[error("[directories.{0:?}]: this is a file; rules are for directories, put it into one")]
    File(PathBuf),
    /// A link: the same files would be there under the real name without a rule.
    #[error(
        "[directories.{path:?}]: a link is on this path; name the real directory{}",
        real(to)
    )]
    Link {
        /// As configured.
        path: PathBuf,
        /// Below the root, if it leads there.
        to: Option<PathBuf>,
    },
    /// Other spellings lead to the same directory.
    #[error(
        "[directories.{0:?}]: this file system takes upper and lower case for the same, so other spellings \
         would get around the rule; serve from one that does not"
    )]
    Case(PathBuf),
}

fn real(to: &Option<PathBuf>) -> String {
    to.as_ref().map_or_else(String::new, |to| format!(", {to:?}"))
}

impl Store {
    /// Compares the directories that have rules with what is there. One that is missing is only warned
    /// about: it may come.
    pub(crate) fn check_ruled(&self, paths: &[PathBuf]) -> Result<(), RuleMismatch> {
        for path in paths.iter().filter(|path| !path.as_os_str().is_empty()) {
            let link = |to| RuleMismatch::Link {
                path: path.clone(),
                to,
            };
            match self.directory.canonicalize(path) {
                Ok(real) if real != *path => return Err(link(Some(real))),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    tracing::warn!("[directories.{path:?}]: there is no such directory (yet)");
                    continue;
                }
                // A way out, even if it leads back in.
                Err(error) if error.raw_os_error().is_none() => return Err(link(None)),
                Err(error) => {
                    tracing::warn!("[directories.{path:?}]: cannot be looked at: {error}");
                    continue;
                }
            }
            if self.directory.metadata(path).is_ok_and(|found| !found.is_dir()) {
                return Err(RuleMismatch::File(path.clone()));
            }
            if self.ignores_case(path) {
                return Err(RuleMismatch::Case(path.clone()));
            }
        }
        Ok(())
    }

    /// Whether the directory answers to its name with the cases swapped, too.
    fn ignores_case(&self, path: &Path) -> bool {
        let Some(name) = path.to_str() else { return false };
        let swap = |letter: char| match letter {
            letter if letter.is_ascii_lowercase() => letter.to_ascii_uppercase(),
            letter => letter.to_ascii_lowercase(),
        };
        let other: String = name.chars().map(swap).collect();
        let found = |name: &str| self.directory.metadata(name).ok().map(|at| (at.dev(), at.ino()));
        other != name && found(&other).is_some() && found(&other) == found(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn rules_must_name_real_directories() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("root");
        std::fs::create_dir_all(root.join("real/below")).unwrap();
        std::fs::create_dir(directory.path().join("out")).unwrap();
        std::fs::write(root.join("file"), "").unwrap();
        symlink("real", root.join("link")).unwrap();
        symlink("../out", root.join("out")).unwrap();
        symlink(root.join("real"), root.join("absolute")).unwrap();
        let store = Store::new(&root).unwrap();
        let check = |path: &str| store.check_ruled(&[PathBuf::from(path)]);
        for good in ["", "real", "real/below", "missing", "file/x"] {
            assert!(check(good).is_ok(), "{good}");
        }
        assert!(matches!(check("file"), Err(RuleMismatch::File(_))));
        let message = check("link/below").unwrap_err().to_string();
        assert!(
            message.contains("link/below") && message.contains("real/below"),
            "{message}"
        );
        for out in ["out", "absolute"] {
            assert!(
                matches!(check(out), Err(RuleMismatch::Link { to: None, .. })),
                "{out}"
            );
        }
    }
}
