//! One stub on the disk.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use hdfstream::name::stub::SIZE;
use hdfstream::{RemoteName, Stub};

use super::super::Failure;

/// Writes one stub, beside its place and then into it: nobody ever sees half of one.
pub(crate) fn write(name: &RemoteName, path: &Path, force: bool) -> Result<(), Failure> {
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
pub(crate) fn may_be_replaced(path: &Path) -> Result<bool, Failure> {
    Ok(match look(path)? {
        Found::Nothing | Found::Stub(_) => true,
        Found::Other => false,
    })
}

/// What is at a path.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing.
    Nothing,
    /// A stub of this URL.
    Stub(String),
    /// Anything else; a link too, whatever it leads to.
    Other,
}

/// Looks at `path`.
pub(crate) fn look(path: &Path) -> Result<Found, Failure> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(Failure::local(path)(error)),
    };
    if !metadata.is_file() || metadata.len() != SIZE as u64 {
        return Ok(Found::Other);
    }
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(SIZE as u64 + 1).read_to_end(&mut bytes))
        .map_err(Failure::local(path))?;
    Ok(Stub::decode(&bytes).map_or(Found::Other, Found::Stub))
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
