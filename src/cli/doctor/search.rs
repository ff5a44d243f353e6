//! Programs as a shell would find them.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Folders of the PATH, full paths only: what lies in a working directory is nobody's standing program.
fn folders() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .collect()
}

/// The first program of this name.
pub(super) fn on_path(name: &str) -> Option<PathBuf> {
    let mut candidates = folders().into_iter().map(|folder| folder.join(name));
    candidates.find(|path| is_program(path))
}

/// Names of programs on the PATH that `wanted` accepts.
pub(super) fn names(wanted: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let entries = folders().into_iter().filter_map(|it| std::fs::read_dir(it).ok());
    entries
        .flat_map(|entries| entries.flatten())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| wanted(name))
        .collect()
}

/// Whether this can be run, as far as its mode tells.
pub(super) fn is_program(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}
