//! Directories and servers, for the command line.

use crate::protocol::{Capabilities, Entry, ListReply, ListRequest, StatReply, StatRequest};
use crate::server::Server;
use crate::server::discovery::discover;
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
    let (_, reply) = discover(&server, name, &name.url(), "stat", |target, place| {
        let path = place.path.clone();
        server.ask(target, &StatRequest { path })
    })?;
    Ok(reply)
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

fn list_at(server: &Server, name: &RemoteName) -> Result<Vec<Entry>, Error> {
    let url = name.url();
    let mut entries: Vec<Entry> = Vec::new();
    loop {
        let after = entries.last().map(|entry| entry.name.clone());
        let (_, page) = discover(server, name, &url, "list", |target, place| {
            let question = ListRequest {
                path: place.path.clone(),
                after: after.clone(),
            };
            server.ask::<_, ListReply>(target, &question)
        })?;
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
