//! Directories, for the command line.

use crate::protocol::{Entry, StatReply};
use crate::{Error, RemoteName, Settings};

/// All entries of the directory `name`, sorted by name.
///
/// # Errors
/// Any of [`Error`]'s about the network and the server.
pub fn list(name: &RemoteName, settings: &Settings) -> Result<Vec<Entry>, Error> {
    let _ = settings;
    Err(Error::Engine {
        reason: format!("{name} cannot be listed yet"),
    })
}

/// What `name` is.
///
/// # Errors
/// Any of [`Error`]'s about the network and the server.
pub fn stat(name: &RemoteName, settings: &Settings) -> Result<StatReply, Error> {
    let _ = settings;
    Err(Error::Engine {
        reason: format!("{name} cannot be looked at yet"),
    })
}
