//! Directories and servers, for the command line.

use crate::protocol::{Capabilities, Entry, EntryKind, ListReply, ListRequest, StatReply, StatRequest};
use crate::server::discovery::{Place, discover, discover_either};
use crate::server::{Server, Target};
use crate::v1::{self, File, Found, Question};
use crate::{Error, RemoteName, Settings};

/// Most entries of one directory that are collected; a server that sends more is not sane.
const MOST: usize = 10_000_000;

/// All entries of the directory `name`, sorted by name.
///
/// # Errors
/// Any of [`Error`]'s about the network and the server.
pub fn list(name: &RemoteName, settings: &Settings) -> Result<Vec<Entry>, Error> {
    list_at(&Server::new(name, settings)?, name)
}

/// What `name` is.
///
/// # Errors
/// Any of [`Error`]'s about the network and the server.
pub fn stat(name: &RemoteName, settings: &Settings) -> Result<StatReply, Error> {
    let server = Server::new(name, settings)?;
    let ask = |target: Target<'_>, place: &Place| {
        let path = place.path.clone();
        server.ask(target, &StatRequest { path })
    };
    let older = |place: &Place| {
        let answer = v1::ask(&server, &place.base, &place.path, &Question::default())?;
        let last = place.path.rsplit('/').next().unwrap_or_default();
        let entry = match answer.found()? {
            Found::Directory(_) => older_directory(last),
            Found::File(file) => older_file(last, file),
            _ => return Err(answer.garbage("neither a file nor a directory".to_owned())),
        };
        Ok(StatReply { entry, version: None })
    };
    let (_, reply) = discover_either(&server, name, &name.url(), "stat", ask, older)?;
    Ok(reply)
}

/// A directory as the older protocol has it.
fn older_directory(name: &str) -> Entry {
    Entry {
        name: name.to_owned(),
        kind: EntryKind::Directory,
        size: 0,
        modified: 0,
    }
}

/// A file as the older protocol has it, whose times are in milliseconds.
fn older_file(name: &str, file: File) -> Entry {
    Entry {
        name: name.to_owned(),
        kind: match file.is_hdf5 {
            true => EntryKind::Hdf5,
            false => EntryKind::File,
        },
        size: file.size,
        modified: i64::try_from(file.modified)
            .unwrap_or(i64::MAX)
            .saturating_mul(1_000_000),
    }
}

/// All entries of a directory, by the older protocol, which has no pages.
fn list_older(server: &Server, place: &Place) -> Result<ListReply, Error> {
    let answer = v1::ask(server, &place.base, &place.path, &Question::default())?;
    let Found::Directory(directory) = answer.found()? else {
        return Err(Error::Rejected {
            url: format!("{}{}/{}", server.name(), place.base, place.path),
            server: server.name().to_owned(),
            reason: "this is no directory".to_owned(),
        });
    };
    let directories = directory.directories.iter().map(|name| older_directory(name));
    let files = directory.files.iter().map(|(name, file)| older_file(name, *file));
    let mut entries: Vec<_> = directories.chain(files).collect();
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(ListReply { entries, more: false })
}

/// The base URL of the server of `name`, and what this server can do.
///
/// # Errors
/// Any of [`Error`]'s about the network and the server.
pub fn capabilities(name: &RemoteName, settings: &Settings) -> Result<(RemoteName, Capabilities), Error> {
    let server = Server::new(name, settings)?;
    let (place, reply) = discover(&server, name, &name.url(), "", |target, _| {
        server.capabilities(target)
    })?;
    let base = RemoteName::parse(&format!("{}{}", server.name(), place.base))?;
    Ok((base, reply))
}

/// Base URL of the server of `name`, whichever protocol it speaks.
///
/// # Errors
/// Any of [`Error`]'s about the network and the server.
pub fn base(name: &RemoteName, settings: &Settings) -> Result<RemoteName, Error> {
    let server = Server::new(name, settings)?;
    let ask = |target: Target<'_>, _: &Place| server.capabilities(target).map(drop);
    let older = |place: &Place| match v1::ask(&server, &place.base, &place.path, &Question::default()) {
        // Who says so speaks the protocol, too.
        Ok(_) | Err(Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(error),
    };
    let (place, ()) = discover_either(&server, name, &name.url(), "", ask, older)?;
    RemoteName::parse(&format!("{}{}", server.name(), place.base))
}

fn list_at(server: &Server, name: &RemoteName) -> Result<Vec<Entry>, Error> {
    let url = name.url();
    let mut entries: Vec<Entry> = Vec::new();
    loop {
        let after = entries.last().map(|entry| entry.name.clone());
        let ask = |target: Target<'_>, place: &Place| {
            let question = ListRequest {
                path: place.path.clone(),
                after: after.clone(),
            };
            server.ask::<_, ListReply>(target, &question)
        };
        let older = |place: &Place| list_older(server, place);
        let (_, page) = discover_either(server, name, &url, "list", ask, older)?;
        let more = page.more;
        // Ascending names, so that a confused server cannot keep us here for ever.
        let ascending = page.entries.iter().map(|entry| Some(&entry.name)).is_sorted()
            && page
                .entries
                .first()
                .is_none_or(|first| Some(&first.name) > after.as_ref())
            && (!more || !page.entries.is_empty());
        entries.extend(page.entries);
        if !ascending || entries.len() > MOST {
            return Err(Error::Garbage {
                url,
                server: server.name().to_owned(),
                reason: "the pages of its listing do not follow each other".to_owned(),
            });
        }
        if !more {
            return Ok(entries);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::EntryKind;
    use crate::testing::{Memory, settings};

    #[test]
    fn pages_are_followed() {
        let memory = Memory::new(Vec::new());
        let entry = |name: &str| Entry {
            name: name.to_owned(),
            kind: EntryKind::File,
            size: 1,
            modified: 0,
        };
        let names = ["a", "b", "c", "d", "e"];
        memory.edit(|state| state.entries = names.map(entry).to_vec());
        let name = RemoteName::parse("https://pages/hdfstream").unwrap();
        let server = memory.server("https://pages", &settings());
        let found: Vec<_> = list_at(&server, &name)
            .unwrap()
            .into_iter()
            .map(|entry| entry.name)
            .collect();
        assert_eq!(found, names);
        assert_eq!(memory.operations().len(), 3);
        memory.edit(|state| state.entries.reverse());
        assert!(matches!(list_at(&server, &name), Err(Error::Garbage { .. })));
    }
}
