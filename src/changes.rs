//! Changes of a server's tree: files and directories that are removed, renamed and made.

use crate::protocol::{DirectoryRequest, Done, RemoveRequest, RenameRequest};
use crate::server::Server;
use crate::server::discovery::{Place, discover_either};
use crate::{Error, RemoteName, Settings};

/// Removes the file, or the empty directory, `name`.
///
/// # Errors
/// Any of [`Error`]'s about the network and the server; [`Error::Locked`] while somebody writes it.
pub fn remove(name: &RemoteName, settings: &Settings) -> Result<(), Error> {
    remove_at(&Server::new(name, settings)?, name, false)
}

/// Removes the directory `name` with all that is below it.
///
/// # Errors
/// As [`remove`].
pub fn remove_tree(name: &RemoteName, settings: &Settings) -> Result<(), Error> {
    remove_at(&Server::new(name, settings)?, name, true)
}

/// Renames the file or directory `from`; with `replace` also in place of a file that is called `to` already.
///
/// # Errors
/// As [`remove`]; [`Error::InvalidName`] when the two are not on one server.
pub fn rename(from: &RemoteName, to: &RemoteName, settings: &Settings, replace: bool) -> Result<(), Error> {
    rename_at(&Server::new(from, settings)?, from, to, replace)
}

/// Makes the directory `name`, with `parents` also those that are missing above it. One that exists is no error.
///
/// # Errors
/// As [`remove`].
pub fn make_directory(name: &RemoteName, settings: &Settings, parents: bool) -> Result<(), Error> {
    let server = Server::new(name, settings)?;
    change(&server, name, "directory", |place| {
        Ok(DirectoryRequest {
            path: place.path.clone(),
            parents,
        })
    })
}

fn remove_at(server: &Server, name: &RemoteName, recursive: bool) -> Result<(), Error> {
    change(server, name, "remove", |place| {
        Ok(RemoveRequest {
            path: place.path.clone(),
            recursive,
        })
    })
}

fn rename_at(server: &Server, from: &RemoteName, to: &RemoteName, replace: bool) -> Result<(), Error> {
    change(server, from, "rename", |place| {
        let to = place.beside(from, to).ok_or_else(|| Error::InvalidName {
            name: to.url(),
            reason: format!("it is not on the server of {from}, and files cannot be moved between servers"),
        })?;
        Ok(RenameRequest {
            from: place.path.clone(),
            to,
            replace,
        })
    })
}

/// Sends what `question` makes of the place where `name` is.
fn change<Q: serde::Serialize>(
    server: &Server,
    name: &RemoteName,
    operation: &'static str,
    question: impl Fn(&Place) -> Result<Q, Error>,
) -> Result<(), Error> {
    let url = name.url();
    let ask = |target: crate::server::Target<'_>, place: &Place| {
        server.ask::<_, Done>(target, &question(place)?).map(drop)
    };
    let older = |_: &Place| {
        Err(Error::ReadOnly {
            url: url.clone(),
            server: server.name().to_owned(),
        })
    };
    discover_either(server, name, &url, operation, ask, older).map(drop)
}
