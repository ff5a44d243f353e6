//! What the user's names stand for.

use hdfstream::settings::Progress;
use hdfstream::{Name, RemoteName, Settings};

use super::Failure;

/// What the user named, and how to reach it. A stub stands for its file here too, and an alias alone for
/// the root of its server.
pub(crate) fn remote(name: &str) -> Result<(RemoteName, Settings), Failure> {
    remote_for(name, false)
}

/// The same, for output that a program reads (`json`) or a person.
pub(crate) fn remote_for(name: &str, json: bool) -> Result<(RemoteName, Settings), Failure> {
    let found = find(name)?;
    let settings = settings(json)?;
    let found = found.or_else(|| settings.file.aliases().get(name).map(|entry| entry.base.clone()));
    match found {
        Some(remote) => Ok((remote, settings)),
        None => Err(Failure::NotRemote(name.to_owned())),
    }
}

/// The user's settings. A program that reads the output is shown no bar.
pub(crate) fn settings(json: bool) -> Result<Settings, Failure> {
    let mut settings = Settings::load(None)?;
    if json {
        settings.progress = Progress::Never;
    }
    Ok(settings)
}

/// Whether `name` is remote by its form, an alias alone not included: as the last of several names it is more
/// likely to be that of a local file.
pub(crate) fn is_remote(name: &str) -> Result<bool, Failure> {
    match name.contains("://") {
        // One that cannot be used is a mistake, and no local name.
        true => Ok(find(name)?.is_some()),
        false => Ok(matches!(hdfstream::resolve(name), Name::Remote(_))),
    }
}

fn find(name: &str) -> Result<Option<RemoteName>, Failure> {
    match hdfstream::resolve_with_stub(name)? {
        Name::Remote(remote) => Ok(Some(remote)),
        Name::Local => Ok(None),
    }
}
