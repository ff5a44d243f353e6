//! `hdfstream stub`: one stub, or a tree of them.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::Args;
use hdfstream::protocol::EntryKind;
use hdfstream::{RemoteName, Stub};

use super::{Failure, names, output, tree};

/// Make a small local file that stands for a remote one, for programs that look before they open.
/// For a remote directory, make a directory of them, with everything below it.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Replace files that are not stubs, too.
    #[arg(long)]
    force: bool,
    /// The remote file or directory.
    name: String,
    /// The local file or directory to make.
    path: PathBuf,
}

/// Makes the path stand for what the name names.
pub(crate) fn make(arguments: &Arguments) -> Result<(), Failure> {
    let (path, force) = (arguments.path.as_path(), arguments.force);
    let (name, settings) = names::remote(&arguments.name)?;
    if hdfstream::stat(&name, &settings)?.entry.kind != EntryKind::Directory {
        return write(&name, path, force);
    }
    fs::create_dir_all(path).map_err(Failure::local(path))?;
    let mut count = 0;
    tree::walk(&name, &settings, &mut |found| {
        let local = path.join(&found.path);
        match found.entry.kind {
            EntryKind::Directory => fs::create_dir_all(&local).map_err(Failure::local(&local)),
            EntryKind::Hdf5 => {
                count += 1;
                write(&found.remote, &local, force)
            }
            // Other files get no stub: whatever reads them does not do it through HDF5.
            EntryKind::File => Ok(()),
        }
    })?;
    output::write(format!("{count} stubs in {}\n", path.display()).as_bytes())
}

/// Writes one stub, beside its place and then into it: nobody ever sees half of one.
fn write(name: &RemoteName, path: &Path, force: bool) -> Result<(), Failure> {
    let bytes = Stub::encode(&name.url())?;
    if !force && !may_be_replaced(path)? {
        return Err(Failure::InTheWay(path.to_path_buf()));
    }
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    // Short, so that it fits beside the longest of names.
    let beside = folder.join(format!(".hdfstream-{}", std::process::id()));
    let result = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(&beside)
        .and_then(|mut file| file.write_all(&bytes))
        .and_then(|()| fs::rename(&beside, path));
    if result.is_err() {
        // Best effort: the first error is the one to report.
        let _ = fs::remove_file(&beside);
    }
    result.map_err(Failure::local(path))
}

/// Whether nothing is lost when `path` is written: nothing is there, or a stub.
pub(super) fn may_be_replaced(path: &Path) -> Result<bool, Failure> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(Failure::local(path)(error)),
    };
    if !metadata.is_file() || metadata.len() != hdfstream::name::stub::SIZE as u64 {
        return Ok(false);
    }
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|mut file| file.read_to_end(&mut bytes))
        .map_err(Failure::local(path))?;
    Ok(Stub::decode(&bytes).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(url: &str) -> RemoteName {
        RemoteName::parse(url).unwrap()
    }

    #[test]
    fn stubs_are_replaced_and_other_files_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.h5");
        for url in ["https://h/a", "https://h/b"] {
            write(&name(url), &path, false).unwrap();
            assert_eq!(Stub::decode(&fs::read(&path).unwrap()).as_deref(), Some(url));
        }
        fs::write(&path, "mine").unwrap();
        assert!(matches!(
            write(&name("https://h/a"), &path, false),
            Err(Failure::InTheWay(_))
        ));
        assert_eq!(fs::read(&path).unwrap(), b"mine");
        write(&name("https://h/a"), &path, true).unwrap();
        assert!(Stub::decode(&fs::read(&path).unwrap()).is_some());
        // A link is not followed, whatever it leads to.
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(write(&name("https://h/c"), &link, false).is_err());
        // Nothing else was left behind.
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn the_longest_names_have_room() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("é".repeat(127));
        write(&name("https://h/a"), &path, false).unwrap();
        assert!(path.exists());
    }
}
