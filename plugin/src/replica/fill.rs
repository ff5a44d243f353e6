//! Asks the server for what a replica lacks, in few large requests, and puts it there.

use hdfstream::Error;
use hdfstream::protocol::{Entry, EntryKind};
use hdfstream::v1::{Answer, Dataset, Found, Group, INLINE, LEVELS, Object, Question};

use super::build;
use super::remote::RemoteDataset;
use super::tree::{GroupId, Link, Place, Tree};
use super::{Replica, Source};
use crate::dataset;
use crate::ffi;
use crate::handle::Handle;

/// Names that HDF5 can give to a link.
fn is_usable(name: &[u8]) -> bool {
    !name.is_empty() && name != b"." && !name.contains(&b'/') && !name.contains(&0)
}

/// Errors of one object, not of the network or the login: others may be there all the same.
pub(super) fn is_about_object(error: &Error) -> bool {
    matches!(
        error,
        Error::NotFound { .. }
            | Error::Forbidden { .. }
            | Error::Rejected { .. }
            | Error::ServerFailed { .. }
            | Error::Garbage { .. }
    )
}

impl Replica {
    /// Fills the group `id`.
    pub(super) fn fill(&self, tree: &mut Tree, id: GroupId) -> Result<(), Error> {
        if tree.group(id).filled {
            return Ok(());
        }
        match tree.group(id).place.clone() {
            Place::Directory(path) => match &self.source {
                Source::Objects(server) => {
                    let answer = server.ask(&path, &Question::default())?;
                    self.fill_with(tree, id, &answer)
                }
                Source::Files(files) => self.fill_listed(tree, id, &files.list(&path)?),
            },
            Place::File(path) => self.mount(tree, id, &path),
            Place::Object { file, object } => {
                let server = self.server()?;
                let whole = server
                    .ask(&file, &Question::object(&object, LEVELS, INLINE))
                    .and_then(|answer| self.fill_with(tree, id, &answer));
                match whole {
                    // One object below that the server cannot express spoils its answer, or the answer is too large:
                    // what lies below is then asked for piece by piece.
                    Err(error @ (Error::ServerFailed { .. } | Error::Garbage { .. })) => {
                        log::debug!("{error}; asking for less");
                        let answer = server.ask(&file, &Question::object(&object, 0, 0))?;
                        self.fill_with(tree, id, &answer)
                    }
                    other => other,
                }
            }
            Place::Nameless => Err(Error::Rejected {
                url: self.url.clone(),
                server: self.source.name(),
                reason: "the older protocol cannot ask for a group whose name is no text".to_owned(),
            }),
        }
    }

    /// Fills the group `id` with what the server says of it.
    pub(super) fn fill_with(&self, tree: &mut Tree, id: GroupId, answer: &Answer) -> Result<(), Error> {
        let found = answer.found()?;
        build::quietly(self.host, || {
            let path = tree.group(id).path.clone();
            let group = build::open_group(self.host, self.file.id(), &path).ok_or_else(|| self.full())?;
            match found {
                Found::Directory(directory) => {
                    if !matches!(tree.group(id).place, Place::Directory(_)) {
                        return Err(answer.garbage("a directory where a group belongs".to_owned()));
                    }
                    for name in &directory.directories {
                        let place = tree.group(id).place.member(name.as_bytes());
                        self.add_group(tree, id, &group, name.as_bytes(), place)?;
                    }
                    for (name, file) in &directory.files {
                        if !file.is_hdf5 {
                            log::info!("{}: {name} is no HDF5 file", self.shown(tree, id));
                            continue;
                        }
                        let Place::Directory(file) = tree.group(id).place.member(name.as_bytes()) else {
                            continue;
                        };
                        let object = "/".to_owned();
                        self.add_group(tree, id, &group, name.as_bytes(), Place::Object { file, object })?;
                    }
                    tree.set_described(id);
                    tree.set_filled(id);
                    Ok(())
                }
                Found::Object(Object::Group(found)) => self.populate(tree, id, &group, &found, true),
                Found::Object(Object::Unsupported(why)) => Err(answer.garbage(why)),
                _ => Err(answer.garbage("no group, where one was asked for".to_owned())),
            }
        })
    }

    /// Fills the group `id` with the entries of a directory.
    fn fill_listed(&self, tree: &mut Tree, id: GroupId, entries: &[Entry]) -> Result<(), Error> {
        build::quietly(self.host, || {
            let path = tree.group(id).path.clone();
            let group = build::open_group(self.host, self.file.id(), &path).ok_or_else(|| self.full())?;
            for entry in entries {
                let name = entry.name.as_bytes();
                let place = match (entry.kind, tree.group(id).place.member(name)) {
                    (EntryKind::Directory, place) => place,
                    (EntryKind::Hdf5, Place::Directory(path)) => Place::File(path),
                    _ => {
                        log::info!("{}: {} is no HDF5 file", self.shown(tree, id), entry.name);
                        continue;
                    }
                };
                self.add_group(tree, id, &group, name, place)?;
            }
            tree.set_described(id);
            tree.set_filled(id);
            Ok(())
        })
    }

    /// Mounts the file `path` on the group `id`: what is below it is then HDF5's own matter.
    fn mount(&self, tree: &mut Tree, id: GroupId, path: &str) -> Result<(), Error> {
        let Source::Files(files) = &self.source else {
            return Ok(());
        };
        let place = tree.group(id).path.clone();
        let mounted = build::quietly(self.host, || {
            files.mount(self.host, self.file.id(), &place, path, self.degree)
        })?;
        if !mounted {
            return Err(Error::Rejected {
                url: format!("{}{}", self.url, String::from_utf8_lossy(&place)),
                server: self.source.name(),
                reason: "HDF5 cannot open this file".to_owned(),
            });
        }
        tree.set_described(id);
        tree.set_filled(id);
        Ok(())
    }

    /// Puts attributes and members into the group `id`, which is open as `group`. Members of which nothing is
    /// known yet are asked for only if the group was `asked` for; otherwise it waits until it is.
    fn populate(
        &self,
        tree: &mut Tree,
        id: GroupId,
        group: &Handle,
        found: &Group<'_>,
        asked: bool,
    ) -> Result<(), Error> {
        if !tree.group(id).described {
            build::attributes(self.host, group.id(), &found.attributes, &self.shown(tree, id));
            tree.set_described(id);
        }
        let unknown: Vec<&[u8]> = found
            .members
            .iter()
            .filter(|(name, member)| member.is_none() && is_usable(name) && tree.link(id, name).is_none())
            .map(|(name, _)| *name)
            .collect();
        if !asked && !unknown.is_empty() {
            return Ok(());
        }
        for (name, member) in &found.members {
            if let Some(member) = member {
                self.add_member(tree, id, group, name, member)?;
            }
        }
        self.add_unknown(tree, id, group, &unknown)?;
        tree.set_filled(id);
        Ok(())
    }

    /// Asks for members by name, and puts them into the group `id`.
    fn add_unknown(
        &self,
        tree: &mut Tree,
        id: GroupId,
        group: &Handle,
        names: &[&[u8]],
    ) -> Result<(), Error> {
        let Place::Object { file, .. } = tree.group(id).place.clone() else {
            return Ok(());
        };
        let place = &tree.group(id).place;
        let askable: Vec<(&[u8], String)> = names
            .iter()
            .filter_map(|name| match place.member(name) {
                Place::Object { object, .. } => Some((*name, object)),
                Place::Directory(_) | Place::File(_) | Place::Nameless => {
                    self.leave_out(tree, id, name, "its name is no text");
                    None
                }
            })
            .collect();
        for some in askable.chunks(64) {
            let questions: Vec<_> = some
                .iter()
                .map(|(_, object)| Question::object(object, LEVELS, INLINE))
                .collect();
            let answers = self.server()?.ask_all(&file, &questions)?;
            for ((name, object), answer) in some.iter().zip(answers) {
                let added = answer.and_then(|answer| match answer.found()? {
                    Found::Object(member) => self.add_member(tree, id, group, name, &member),
                    _ => Err(answer.garbage("no object, where one was asked for".to_owned())),
                });
                let added = match added {
                    // A group may be readable by itself, without what lies below.
                    Err(Error::ServerFailed { .. } | Error::Garbage { .. }) => self
                        .server()?
                        .ask(&file, &Question::object(object, 0, 0))
                        .and_then(|answer| match answer.found()? {
                            Found::Object(member) => self.add_member(tree, id, group, name, &member),
                            _ => Err(answer.garbage("no object, where one was asked for".to_owned())),
                        }),
                    other => other,
                };
                match added {
                    Err(error) if is_about_object(&error) => {
                        self.leave_out(tree, id, name, &error.to_string());
                    }
                    other => other?,
                }
            }
        }
        Ok(())
    }

    fn add_member(
        &self,
        tree: &mut Tree,
        id: GroupId,
        group: &Handle,
        name: &[u8],
        member: &Object<'_>,
    ) -> Result<(), Error> {
        if tree.link(id, name).is_some() {
            return Ok(());
        }
        if !is_usable(name) {
            self.leave_out(tree, id, name, "HDF5 has no such names");
            return Ok(());
        }
        match member {
            Object::Group(found) => {
                let place = tree.group(id).place.member(name);
                let Some((inner, handle)) = self.add_group(tree, id, group, name, place)? else {
                    return Ok(());
                };
                self.populate(tree, inner, &handle, found, false)?;
            }
            Object::Dataset(found) => self.add_dataset(tree, id, group, name, found),
            Object::SoftLink(target) => {
                let target = match target.starts_with(b"/") {
                    true => [&tree.group(id).root[..], target].concat(),
                    false => target.to_vec(),
                };
                match build::soft_link(self.host, group.id(), name, &target) {
                    Some(()) => tree.add_link(id, name, Link::Soft(target)),
                    None => self.leave_out(tree, id, name, "HDF5 does not take this link"),
                }
            }
            Object::Unsupported(why) => self.leave_out(tree, id, name, why),
        }
        Ok(())
    }

    /// Makes a group that has yet to be described and filled.
    fn add_group(
        &self,
        tree: &mut Tree,
        id: GroupId,
        parent: &Handle,
        name: &[u8],
        place: Place,
    ) -> Result<Option<(GroupId, Handle)>, Error> {
        if tree.link(id, name).is_some() {
            return Ok(None);
        }
        let group = build::group(self.host, parent.id(), name).ok_or_else(|| self.full())?;
        let address = self.address(&group, ffi::H5I_GROUP).ok_or_else(|| self.full())?;
        Ok(Some((tree.add_group(id, name, place, address), group)))
    }

    fn add_dataset(&self, tree: &mut Tree, id: GroupId, group: &Handle, name: &[u8], found: &Dataset<'_>) {
        let remote = match tree.group(id).place.member(name) {
            Place::Object { file, object } => Some((file, object)),
            Place::Directory(_) | Place::File(_) | Place::Nameless => None,
        };
        if remote.is_none() && found.data.is_none() {
            self.leave_out(tree, id, name, "its name is no text");
            return;
        }
        let Some(made) = build::dataset(self.host, group.id(), name, found) else {
            self.leave_out(tree, id, name, "this HDF5 has no such type or shape");
            return;
        };
        let shown = format!("{}/{}", self.shown(tree, id), String::from_utf8_lossy(name));
        build::attributes(self.host, made.id(), &found.attributes, &shown);
        if let (None, Some((file, object))) = (&found.data, remote)
            && let Some(address) = self.address(&made, ffi::H5I_DATASET)
        {
            let path = [&tree.group(id).path[..], b"/", name].concat();
            let dataset = RemoteDataset {
                file,
                object,
                path,
                element: found.element.clone(),
                shape: found.shape.clone(),
            };
            self.remember_dataset(address, dataset);
        }
        tree.add_link(id, name, Link::Dataset);
    }

    /// Address of the object header of an object of the replica.
    fn address(&self, object: &Handle, kind: ffi::H5I_type_t) -> Option<u64> {
        // SAFETY: an open object.
        let native = unsafe { (self.host.h5.H5VLobject)(object.id()) };
        dataset::identity(self.host, native, kind).map(|(_, address)| address)
    }

    fn leave_out(&self, tree: &Tree, id: GroupId, name: &[u8], why: &str) {
        let name = String::from_utf8_lossy(name);
        log::warn!("{}: {name:?} is left out: {why}", self.shown(tree, id));
    }

    /// A group as the user knows it.
    fn shown(&self, tree: &Tree, id: GroupId) -> String {
        format!("{}{}", self.url, String::from_utf8_lossy(&tree.group(id).path))
    }

    /// The error when HDF5 does not take what should be put into the replica.
    fn full(&self) -> Error {
        Error::Garbage {
            url: self.url.clone(),
            server: self.source.name(),
            reason: "this HDF5 cannot hold the groups that it tells of".to_owned(),
        }
    }
}
