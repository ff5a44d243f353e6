//! Everything below a remote directory.

use hdfstream::progress::Progress;
use hdfstream::protocol::{Entry, EntryKind};
use hdfstream::{RemoteName, Settings};

use super::Failure;

/// Deepest directory that is looked into: a server whose directories never end does not keep us for ever.
const DEEPEST: usize = 200;

/// A file or directory somewhere below the one that was asked for.
#[derive(Debug)]
pub(crate) struct Found {
    /// Its full name.
    pub(crate) remote: RemoteName,
    /// Its path from there, `/` between components, each of which is the plain name of a file.
    pub(crate) path: String,
    /// What the server says of it.
    pub(crate) entry: Entry,
}

/// Visits everything below `root`, directories before what is in them.
pub(crate) fn walk(
    root: &RemoteName,
    settings: &Settings,
    visit: &mut dyn FnMut(Found) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let label = format!("looking through {}", root.url());
    let progress = Progress::count(settings.progress, &label);
    below(root, "", 0, settings, &mut |found| {
        progress.add(1);
        visit(found)
    })
}

fn below(
    directory: &RemoteName,
    path: &str,
    depth: usize,
    settings: &Settings,
    visit: &mut dyn FnMut(Found) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if depth > DEEPEST {
        return Err(Failure::TooDeep(directory.url()));
    }
    for entry in hdfstream::list(directory, settings)? {
        if !is_file_name(&entry.name) {
            return Err(Failure::BadName {
                name: entry.name,
                directory: directory.url(),
            });
        }
        // As a path it can only be relative now, and it may look like a URL (`https:`).
        let remote = directory.join(&format!("./{}", entry.name))?;
        let path = match path {
            "" => entry.name.clone(),
            _ => format!("{path}/{}", entry.name),
        };
        let is_directory = entry.kind == EntryKind::Directory;
        visit(Found {
            remote: remote.clone(),
            path: path.clone(),
            entry,
        })?;
        if is_directory {
            below(&remote, &path, depth + 1, settings, visit)?;
        }
    }
    Ok(())
}

/// Whether a name from a server stays in the directory that it is put into.
fn is_file_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains(['/', '\0'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_cannot_choose_where_files_go() {
        for bad in ["", ".", "..", "/etc/passwd", "a/b", "nul\0"] {
            assert!(!is_file_name(bad), "{bad:?}");
        }
        for good in ["a", "...", "https:", "a b\n", "-rf", "ü"] {
            assert!(is_file_name(good), "{good:?}");
        }
    }
}
