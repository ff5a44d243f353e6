//! `hdfstream rm` and `mv`: what a server has is removed or renamed, and with it the stub by which it was named.

use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use clap::Args;
use hdfstream::protocol::EntryKind;
use hdfstream::{Error, RemoteName, Settings};

use super::stubs::file::{self, Found};
use super::{Failure, names};

/// Remove remote files; a stub is removed with its file.
#[derive(Debug, Args)]
pub(crate) struct Remove {
    /// Remove directories with everything below them.
    #[arg(short, long)]
    recursive: bool,
    /// Remote files or directories.
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
}

/// Rename a remote file or directory, or move it into another directory of its server. A stub moves with its file.
#[derive(Debug, Args)]
pub(crate) struct Move {
    /// Replace a file that has the new name already.
    #[arg(long)]
    force: bool,
    /// What it is called now.
    from: String,
    /// What it is to be called, or the directory to move it into. When the first is a stub this may be a local name:
    /// the file then goes where the stub goes.
    to: String,
}

pub(crate) fn remove(arguments: &Remove) -> Result<(), Failure> {
    // A name that makes no sense is told before anything is done.
    let mut all = Vec::new();
    for name in &arguments.names {
        all.push((names::remote(name)?, stub(name)?));
    }
    for ((remote, settings), stub) in all {
        match remove_one(&remote, arguments.recursive, &settings) {
            // Then only the stub is left of it.
            Err(Failure::Remote(Error::NotFound { .. })) if stub.is_some() => {}
            result => result?,
        }
        if let Some(stub) = stub {
            fs::remove_file(&stub).map_err(Failure::local(&stub))?;
        }
    }
    Ok(())
}

fn remove_one(remote: &RemoteName, recursive: bool, settings: &Settings) -> Result<(), Failure> {
    if recursive {
        return Ok(hdfstream::remove_tree(remote, settings)?);
    }
    if hdfstream::stat(remote, settings)?.entry.kind == EntryKind::Directory {
        return Err(Failure::RemoteDirectory(remote.url()));
    }
    Ok(hdfstream::remove(remote, settings)?)
}

pub(crate) fn rename(arguments: &Move) -> Result<(), Failure> {
    let (from, settings) = names::remote(&arguments.from)?;
    let stub = stub(&arguments.from)?;
    match (names::is_remote(&arguments.to)?, stub) {
        (false, Some(stub)) => move_with_stub(&from, &stub, arguments, &settings),
        (_, stub) => {
            let (to, _) = names::remote(&arguments.to)?;
            let to = target(&from, to, arguments, &settings)?;
            hdfstream::rename(&from, &to, &settings, arguments.force)?;
            match stub {
                // It stays where it is, and goes on to stand for the file.
                Some(stub) => file::write(&to, &stub, false),
                None => Ok(()),
            }
        }
    }
}

/// The new name, which may be that of a directory to move it into.
fn target(
    from: &RemoteName,
    to: RemoteName,
    arguments: &Move,
    settings: &Settings,
) -> Result<RemoteName, Failure> {
    if to.server() != from.server() {
        // The core library says so.
        return Ok(to);
    }
    let into = arguments.to.ends_with('/')
        || match hdfstream::stat(&to, settings) {
            Ok(reply) => reply.entry.kind == EntryKind::Directory,
            Err(Error::NotFound { .. }) => false,
            Err(error) => return Err(error.into()),
        };
    match (into, from.file_name()) {
        (true, Some(name)) => Ok(to.join(&format!("./{name}"))?),
        _ => Ok(to),
    }
}

/// Moves a stub to a local name, and its file by the same way on the server.
fn move_with_stub(
    from: &RemoteName,
    stub: &Path,
    arguments: &Move,
    settings: &Settings,
) -> Result<(), Failure> {
    let mut local = PathBuf::from(&arguments.to);
    if local.is_dir() {
        local.push(stub.file_name().unwrap_or_default());
    }
    if !arguments.force && file::look(&local)? != Found::Nothing {
        return Err(Failure::MoveInTheWay(local));
    }
    let to = from.parent().join(&way(stub, &local)?)?;
    hdfstream::rename(from, &to, settings, arguments.force)?;
    file::write(&to, &local, arguments.force)?;
    fs::remove_file(stub).map_err(Failure::local(stub))
}

/// How one gets from the directory of `from` to `to`.
fn way(from: &Path, to: &Path) -> Result<String, Failure> {
    let directory = |path: &Path| {
        let parent = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        parent.canonicalize().map_err(Failure::local(parent))
    };
    let (start, end) = (directory(from)?, directory(to)?);
    let common = start
        .components()
        .zip(end.components())
        .take_while(|(one, other)| one == other)
        .count();
    let up = start.components().skip(common).map(|_| Component::ParentDir);
    let name = to.file_name().map(Component::Normal);
    let way: PathBuf = [Component::CurDir]
        .into_iter()
        .chain(up)
        .chain(end.components().skip(common))
        .chain(name)
        .collect();
    way.into_os_string()
        .into_string()
        .map_err(|name| Failure::NotStorable(name.into(), "its name is not UTF-8"))
}

/// The local stub that is called `name`.
fn stub(name: &str) -> Result<Option<PathBuf>, Failure> {
    let path = PathBuf::from(name);
    match hdfstream::Stub::look(&path) {
        Ok(Found::Stub(_)) => Ok(Some(path)),
        Ok(_) => Ok(None),
        // Names of remote files are often none of local ones.
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::NotADirectory | ErrorKind::InvalidFilename
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(Failure::local(&path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_of_a_stub_is_that_of_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        fs::create_dir_all(at("a/b")).unwrap();
        fs::create_dir_all(at("c")).unwrap();
        for (from, to, expected) in [
            ("a/x.h5", "a/y.h5", "./y.h5"),
            ("a/x.h5", "a/b/x.h5", "./b/x.h5"),
            ("a/b/x.h5", "c/z.h5", "./../../c/z.h5"),
            ("a/b/x.h5", "a/b/../z.h5", "./../z.h5"),
        ] {
            assert_eq!(way(&at(from), &at(to)).unwrap(), expected);
        }
        assert!(way(&at("a/x.h5"), &at("none/x.h5")).is_err());
    }
}
