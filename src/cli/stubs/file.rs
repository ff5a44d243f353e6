//! One stub on the disk.

use std::path::Path;

pub(crate) use hdfstream::name::stub::Found;
use hdfstream::{RemoteName, Stub};

use super::super::Failure;

/// Writes one stub.
pub(crate) fn write(name: &RemoteName, path: &Path, force: bool) -> Result<(), Failure> {
    let bytes = Stub::encode(&name.url())?;
    if !force && !may_be_replaced(path)? {
        return Err(Failure::InTheWay(path.to_path_buf()));
    }
    Stub::write(&bytes, path).map_err(Failure::local(path))
}

/// Whether nothing is lost when `path` is written: nothing is there, or a stub.
pub(crate) fn may_be_replaced(path: &Path) -> Result<bool, Failure> {
    Ok(match look(path)? {
        Found::Nothing | Found::Stub(_) => true,
        Found::Other => false,
    })
}

/// Looks at `path`.
pub(crate) fn look(path: &Path) -> Result<Found, Failure> {
    Stub::look(path).map_err(Failure::local(path))
}

#[cfg(test)]
mod tests {
    use std::fs;

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
