//! Removing, renaming, making directories: what the table and the rules have to say to that. All of it blocks.

use std::io;
use std::path::Path;

use rustix::fs::RenameFlags;
use rustix::io::Errno;

use super::{Leases, check_access};
use crate::access::Viewer;
use crate::error::Error;
use crate::history::Content;
use crate::store::{Place, Recovery, View, sync_directory};

impl Leases {
    /// Removes a file, a link, or a directory.
    pub(crate) fn remove(
        &self,
        view: View<'_>,
        viewer: &Viewer,
        path: &str,
        recursive: bool,
    ) -> Result<(), Error> {
        let place = self.entry(view, viewer, path)?;
        let Place { directory, name, .. } = &place;
        let failed = |source| failure(path, source);
        let there = directory.symlink_metadata(name).map_err(failed)?;
        if !there.is_dir() {
            let old = self.present(&place, there.is_file())?;
            directory.remove_file(name).map_err(failed)?;
            self.gone(&place, old, None);
            tracing::info!("{path:?} removed by {:?}", viewer.name());
            return Ok(());
        }
        // Whoever may not change what is below may not do so from above either.
        let below = viewer.ruled_below(Path::new(&place.path));
        if below.iter().any(|ruled| !viewer.may_write(ruled)) {
            return Err(guarded(path));
        }
        let removed = match recursive {
            true => directory.remove_dir_all(name),
            false => directory.remove_dir(name),
        };
        removed.map_err(failed)?;
        sync_directory(directory).map_err(failed)?;
        tracing::info!("directory {path:?} removed by {:?}", viewer.name());
        Ok(())
    }

    /// Gives a file, a link or a directory another name.
    pub(crate) fn rename(
        &self,
        view: View<'_>,
        viewer: &Viewer,
        from: &str,
        to: &str,
        replace: bool,
    ) -> Result<(), Error> {
        let old = self.entry(view, viewer, from)?;
        let new = view.place_of_entry(to).map_err(|error| Error::at(to, error))?;
        check_access(viewer, &new.path)?;
        let failed = |source| failure(from, source);
        let there = old.directory.symlink_metadata(&old.name).map_err(failed)?;
        if there.is_dir() {
            // A rule is for a name: what it guards would lie open under another one.
            if !viewer.ruled_below(Path::new(&old.path)).is_empty() {
                return Err(guarded(from));
            }
            if Path::new(&new.path).starts_with(&old.path) {
                return Err(Error::Invalid(format!("`{to}` is `{from}`, or below it")));
            }
            if new.exists {
                return Err(Error::Exists(to.to_owned()));
            }
        }
        if self.is_written(&new.path) {
            return Err(Error::Locked(to.to_owned()));
        }
        let moved = self.present(&old, there.is_file())?;
        let mut replaced = None;
        if replace && new.exists {
            let there = new.directory.symlink_metadata(&new.name);
            let there = there.map_err(|source| failure(to, source))?;
            if there.is_dir() {
                return Err(Error::IsDirectory(to.to_owned()));
            }
            replaced = self.present(&new, there.is_file())?;
        }
        let renamed = if replace {
            old.directory.rename(&old.name, &new.directory, &new.name)
        } else {
            no_replace(&old, &new)
        };
        renamed.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Error::Exists(to.to_owned()),
            _ => failed(error),
        })?;
        if old.path != new.path {
            self.gone(&old, moved, Some(&new));
            self.gone(&new, replaced, None);
        }
        tracing::info!("{from:?} renamed to {to:?} by {:?}", viewer.name());
        Ok(())
    }

    /// Makes a directory; one that is there already is good, too.
    pub(crate) fn make_directory(
        &self,
        view: View<'_>,
        viewer: &Viewer,
        path: &str,
        parents: bool,
    ) -> Result<(), Error> {
        if path.is_empty() {
            return check_access(viewer, path);
        }
        let place = view
            .place(path, parents)
            .map_err(|error| Error::at(path, error))?;
        check_access(viewer, &place.path)?;
        let failed = |source| failure(path, source);
        let parent = place.parent().map_err(failed)?;
        match parent.create_dir(&place.name) {
            Ok(()) => tracing::info!("directory {path:?} made by {:?}", viewer.name()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if !parent.symlink_metadata(&place.name).map_err(failed)?.is_dir() {
                    return Err(Error::Exists(path.to_owned()));
                }
            }
            Err(error) => return Err(failed(error)),
        }
        sync_directory(&parent).map_err(failed)
    }

    /// Something that is there and that this user may take away, written by nobody.
    fn entry(&self, view: View<'_>, viewer: &Viewer, path: &str) -> Result<Place, Error> {
        if path.is_empty() {
            return Err(Error::Forbidden(
                "the server's root can be neither removed nor renamed".to_owned(),
            ));
        }
        let place = view
            .place_of_entry(path)
            .map_err(|error| Error::at(path, error))?;
        if !place.exists {
            return Err(Error::NotFound(path.to_owned()));
        }
        check_access(viewer, &place.path)?;
        if self.is_written(&place.path) {
            return Err(Error::Locked(path.to_owned()));
        }
        Ok(place)
    }

    /// The content of a file that is about to lose its name; none of a link.
    fn present(&self, place: &Place, is_file: bool) -> Result<Option<Content>, Error> {
        if !is_file {
            return Ok(None);
        }
        let recovered = self.recover(&place.path, &place.directory, &place.name);
        recovered.map_err(|error| Error::at(&place.path, error))?;
        if self.is_written(&place.path) {
            return Err(Error::Locked(place.path.clone()));
        }
        // One that cannot be read has no readers.
        Ok(Content::of_entry(&place.directory, &place.name).unwrap_or_default())
    }

    /// A name is gone; whoever reads what it stood for goes on doing so.
    fn gone(&self, place: &Place, content: Option<Content>, other: Option<&Place>) {
        for place in [Some(place), other].into_iter().flatten() {
            if let Err(error) = sync_directory(&place.directory) {
                tracing::warn!(
                    "{:?}: a change of names is not on the disk yet: {error}",
                    place.path
                );
            }
        }
        if content.is_some() {
            self.histories().replaced(&place.path, content, None);
        }
    }
}

fn no_replace(old: &Place, new: &Place) -> io::Result<()> {
    let renamed = rustix::fs::renameat_with(
        &old.directory,
        &old.name,
        &new.directory,
        &new.name,
        RenameFlags::NOREPLACE,
    );
    match renamed {
        // A file system that does not know this; between the look and the change somebody else may come.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            match new.directory.symlink_metadata(&new.name) {
                Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
                Err(_) => old.directory.rename(&old.name, &new.directory, &new.name),
            }
        }
        other => Ok(other?),
    }
}

fn guarded(path: &str) -> Error {
    Error::Forbidden(format!(
        "`{path}`: the server's configuration guards what is below"
    ))
}

fn failure(path: &str, source: io::Error) -> Error {
    let path = path.to_owned();
    match source.raw_os_error() {
        Some(libc::ENOENT) => Error::NotFound(path),
        Some(libc::ENOTEMPTY) => Error::Invalid(format!("the directory `{path}` is not empty")),
        Some(libc::EXDEV) => Error::Invalid(format!("`{path}` cannot be moved to another file system")),
        Some(libc::ENAMETOOLONG) => Error::Invalid(format!("a name in `{path}` is too long")),
        Some(libc::ENOSPC | libc::EDQUOT) => Error::NoSpace(path),
        Some(libc::EROFS) => Error::ReadOnly(path),
        Some(libc::EACCES | libc::EPERM) => {
            Error::Forbidden(format!("the server has no permission to change `{path}`"))
        }
        _ => Error::Write { path, source },
    }
}
