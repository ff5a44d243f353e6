//! Stubs brought up to date with what the server has now. Nothing is touched but stubs, and directories that stubs
//! leave empty.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use hdfstream::protocol::EntryKind;
use hdfstream::{Error, RemoteName, Settings};
use serde::Serialize;

use super::super::{Failure, tree};
use super::file::{self, Found};

/// What was found and done.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    path: PathBuf,
    /// URL that the path stands for.
    url: String,
    /// Stubs that are right.
    kept: u64,
    /// Stubs made for new remote files.
    new: Vec<PathBuf>,
    /// Stubs whose file is not there any more.
    gone: Vec<PathBuf>,
    /// Those of them that were removed.
    removed: Vec<PathBuf>,
    /// Where a stub of a new remote file would stand, but something else does.
    in_the_way: Vec<PathBuf>,
    /// Stubs of files that are elsewhere.
    others: u64,
}

/// A stub on the disk.
struct Local {
    path: PathBuf,
    /// From the top of the tree; none for names that no server has.
    inner: Option<String>,
    remote: RemoteName,
    url: String,
}

/// Brings the stub or tree of stubs at `path` up to date.
pub(super) fn refresh(path: &Path, prune: bool, settings: &Settings) -> Result<Report, Failure> {
    if fs::metadata(path).map_err(Failure::local(path))?.is_dir() {
        return refresh_tree(path, prune, settings);
    }
    let Found::Stub(url) = file::look(path)? else {
        return Err(Failure::NoStub(path.to_path_buf()));
    };
    let remote = RemoteName::parse(&url)?;
    let mut report = Report::new(path, &remote);
    match hdfstream::stat(&remote, settings) {
        Ok(reply) if reply.entry.kind != EntryKind::Directory => report.kept = 1,
        Ok(_) | Err(Error::NotFound { .. }) => report.lose(path, &url, prune)?,
        Err(error) => return Err(error.into()),
    }
    Ok(report)
}

fn refresh_tree(top: &Path, prune: bool, settings: &Settings) -> Result<Report, Failure> {
    let mut stubs = Vec::new();
    collect(top, Some(""), &mut stubs)?;
    let Some(root) = root(&stubs) else {
        return Err(Failure::NoStub(top.to_path_buf()));
    };
    let mut there: BTreeMap<String, RemoteName> = BTreeMap::new();
    tree::walk(&root, settings, &mut |found| {
        if found.entry.kind == EntryKind::Hdf5 {
            there.insert(found.path, found.remote);
        }
        Ok(())
    })?;
    let names: BTreeSet<&RemoteName> = there.values().collect();
    let mut report = Report::new(top, &root);
    for stub in &stubs {
        if names.contains(&stub.remote) {
            report.kept += 1;
        } else if is_below(&stub.remote, &root) {
            report.lose(&stub.path, &stub.url, prune)?;
            if prune {
                remove_empty(&stub.path, top);
            }
        } else {
            report.others += 1;
        }
    }
    for (inner, remote) in &there {
        let path = top.join(inner);
        let found = match has_room(top, inner)? {
            true => file::look(&path)?,
            false => Found::Other,
        };
        match found {
            Found::Nothing => {
                if let Some(folder) = path.parent() {
                    fs::create_dir_all(folder).map_err(Failure::local(folder))?;
                }
                file::write(remote, &path, false)?;
                report.new.push(path);
            }
            Found::Stub(url) if url == remote.url() => {}
            Found::Stub(_) | Found::Other => report.in_the_way.push(path),
        }
    }
    Ok(report)
}

/// Finds the stubs below `folder`, without following links.
fn collect(folder: &Path, inner: Option<&str>, stubs: &mut Vec<Local>) -> Result<(), Failure> {
    let failed = |error| Failure::local(folder)(error);
    let mut entries: Vec<_> = fs::read_dir(folder)
        .and_then(Iterator::collect::<std::io::Result<_>>)
        .map_err(failed)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let name = entry.file_name();
        let inner = inner.and_then(|inner| match inner {
            "" => name.to_str().map(str::to_owned),
            _ => Some(format!("{inner}/{}", name.to_str()?)),
        });
        if entry.file_type().map_err(Failure::local(&path))?.is_dir() {
            collect(&path, inner.as_deref(), stubs)?;
        } else if let Found::Stub(url) = file::look(&path)?
            && let Ok(remote) = RemoteName::parse(&url)
        {
            stubs.push(Local {
                path,
                inner,
                remote,
                url,
            });
        }
    }
    Ok(())
}

/// The remote directory that the tree stands for: the one that most stubs agree on by their places and URLs.
fn root(stubs: &[Local]) -> Option<RemoteName> {
    let mut votes: BTreeMap<RemoteName, usize> = BTreeMap::new();
    for stub in stubs {
        let Some(inner) = &stub.inner else { continue };
        let inner: Vec<String> = inner.split('/').map(str::to_owned).collect();
        if stub.remote.components().ends_with(&inner) {
            let root = inner.iter().fold(stub.remote.clone(), |name, _| name.parent());
            *votes.entry(root).or_default() += 1;
        }
    }
    let most = votes.into_iter().max_by_key(|(_, votes)| *votes)?;
    Some(most.0)
}

fn is_below(name: &RemoteName, root: &RemoteName) -> bool {
    name.server() == root.server() && name.components().starts_with(root.components())
}

/// Whether the directories on the way to `inner` are directories of the tree itself, or not there yet: a link would
/// lead out of it.
fn has_room(top: &Path, inner: &str) -> Result<bool, Failure> {
    let mut path = top.to_path_buf();
    let mut parts: Vec<&str> = inner.split('/').collect();
    parts.pop();
    for part in parts {
        path.push(part);
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => return Ok(false),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(true),
            Err(error) => return Err(Failure::local(&path)(error)),
        }
    }
    Ok(true)
}

/// Removes the directories that a removed stub left empty, below `top`.
fn remove_empty(path: &Path, top: &Path) {
    let mut folder = path.parent();
    while let Some(now) = folder.filter(|now| *now != top && now.starts_with(top)) {
        // It fails for a directory that holds anything.
        if fs::remove_dir(now).is_err() {
            return;
        }
        folder = now.parent();
    }
}

impl Report {
    fn new(path: &Path, remote: &RemoteName) -> Self {
        Self {
            path: path.to_path_buf(),
            url: remote.url(),
            kept: 0,
            new: Vec::new(),
            gone: Vec::new(),
            removed: Vec::new(),
            in_the_way: Vec::new(),
            others: 0,
        }
    }

    /// The stub at `path` stands for nothing any more.
    fn lose(&mut self, path: &Path, url: &str, prune: bool) -> Result<(), Failure> {
        self.gone.push(path.to_path_buf());
        // Looked at again, lest something else is removed that came there meanwhile.
        if prune && file::look(path)? == Found::Stub(url.to_owned()) {
            fs::remove_file(path).map_err(Failure::local(path))?;
            self.removed.push(path.to_path_buf());
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let removed: BTreeSet<&PathBuf> = self.removed.iter().collect();
        let left = self.gone.iter().filter(|path| !removed.contains(path));
        let left: Vec<PathBuf> = left.cloned().collect();
        for (word, paths) in [
            ("new", &self.new),
            ("removed", &self.removed),
            ("gone from the server", &left),
            ("left alone, no stub", &self.in_the_way),
        ] {
            for path in paths {
                writeln!(f, "{word}: {}", path.display())?;
            }
        }
        write!(
            f,
            "{}: {} as before, {} new, {} gone",
            self.path.display(),
            self.kept,
            self.new.len(),
            self.gone.len()
        )?;
        match (left.len(), self.others) {
            (0, 0) => writeln!(f),
            (0, others) => writeln!(f, "; {others} of other servers or directories"),
            _ => writeln!(f, " (--prune removes them)"),
        }
    }
}
