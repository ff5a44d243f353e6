//! The names given: remote files, stubs and folders of stubs, local files.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Instant;

use hdfstream::name::stub;
use hdfstream::protocol::EntryKind;
use hdfstream::{Error, Name, RemoteFile, RemoteName, Settings, Stub};

use super::report::Finding;
use super::servers::{failure, hasty};
use super::{remedy, settings::counted};

/// Most stubs below a folder that are looked at.
const MOST: usize = 1000;
/// Most stubs of a folder that are named.
const NAMED: usize = 20;
/// Deepest folder that is looked into.
const DEEPEST: usize = 32;

/// What a name given stands for, if that is remote: an alias alone is the root of its server.
pub(super) fn remote(settings: &Settings, name: &str) -> Option<RemoteName> {
    if let Some(entry) = settings.file.aliases().get(name) {
        return Some(entry.base.clone());
    }
    match hdfstream::resolve_with_stub(name) {
        Ok(Name::Remote(remote)) => Some(remote),
        _ => None,
    }
}

/// Looks at each name; `silent` are the servers that are known not to answer, which has been said.
pub(super) fn check(
    settings: Option<&Settings>,
    given: &[String],
    silent: &BTreeSet<String>,
    end: Instant,
) -> Vec<Finding> {
    let settings = settings.map(hasty);
    given
        .iter()
        .flat_map(|name| one(settings.as_ref(), name, silent, end))
        .collect()
}

fn one(settings: Option<&Settings>, name: &str, silent: &BTreeSet<String>, end: Instant) -> Vec<Finding> {
    let subject = hdfstream::name::without_login(name);
    let Some(settings) = settings else {
        return vec![Finding::fail(
            subject,
            "not looked at, since the settings cannot be understood",
        )];
    };
    let path = Path::new(name);
    match (remote(settings, name), hdfstream::resolve_with_stub(name)) {
        (_, Err(error)) => vec![Finding::fail(subject, error.to_string())],
        (Some(remote), _) if silent.contains(&remote.server()) => Vec::new(),
        (Some(remote), _) if matches!(hdfstream::resolve(name), Name::Local) && path.is_file() => {
            vec![stub(path, &remote, &reach(settings, &remote))]
        }
        (Some(remote), _) => vec![file(settings, &subject, &remote)],
        (None, _) if path.is_dir() => folder(settings, path, silent, end),
        (None, _) => vec![local(&subject, path)],
    }
}

/// What is at a remote name.
enum Reached {
    /// An HDF5 file of this many bytes, which opens.
    File(u64),
    Directory,
    Other,
}

/// Goes as far as a program would get.
fn reach(settings: &Settings, name: &RemoteName) -> Result<Reached, Error> {
    Ok(match hdfstream::stat(name, settings)?.entry.kind {
        EntryKind::Hdf5 => Reached::File(RemoteFile::open(name, settings, false)?.size()),
        EntryKind::Directory => Reached::Directory,
        EntryKind::File => Reached::Other,
    })
}

/// A remote file or directory.
fn file(settings: &Settings, subject: &str, name: &RemoteName) -> Finding {
    match reach(settings, name) {
        Ok(Reached::File(size)) => Finding::ok(subject, format!("opens, {size} bytes")),
        Ok(Reached::Directory) => Finding::ok(subject, "a directory, which can be listed"),
        Ok(Reached::Other) => Finding::warn(subject, "it is on the server, but is no HDF5 file"),
        Err(error) => failure(subject, name, subject, &error),
    }
}

/// A stub that the user names.
fn stub(path: &Path, target: &RemoteName, reached: &Result<Reached, Error>) -> Finding {
    let finding = below(path, target, reached);
    match is_gone(reached) {
        true => finding.mend(refresh(path)),
        false => finding,
    }
}

/// A stub, wherever it is.
fn below(path: &Path, target: &RemoteName, reached: &Result<Reached, Error>) -> Finding {
    let subject = path.display().to_string();
    match reached {
        Ok(Reached::File(_)) => Finding::ok(subject, format!("a stub of {target}, which opens")),
        Ok(_) => Finding::fail(
            subject,
            format!("this stub stands for {target}, which is no HDF5 file any more"),
        ),
        Err(Error::NotFound { .. }) => Finding::fail(
            subject,
            format!("this stub stands for {target}, which is not on the server any more"),
        ),
        Err(error) => failure(&subject, target, &target.url(), error),
    }
}

fn is_gone(reached: &Result<Reached, Error>) -> bool {
    matches!(
        reached,
        Ok(Reached::Directory | Reached::Other) | Err(Error::NotFound { .. })
    )
}

/// Makes stubs of what is new on the server, and removes those of what is gone.
fn refresh(path: &Path) -> String {
    format!("{} stub --prune --refresh {}", remedy::tool(), remedy::word(path))
}

/// A folder, whose stubs are looked at. A server that does not answer is asked once.
fn folder(settings: &Settings, path: &Path, silent: &BTreeSet<String>, end: Instant) -> Vec<Finding> {
    let subject = path.display().to_string();
    let mut found = Vec::new();
    collect(path, 0, &mut found);
    let (mut good, mut unknown, mut bad) = (0, 0, Vec::new());
    let mut down = silent.clone();
    let mut gone = false;
    for (stub_path, target) in found.iter().take(MOST) {
        if Instant::now() >= end || down.contains(&target.server()) {
            unknown += 1;
            continue;
        }
        let reached = reach(settings, target);
        gone |= is_gone(&reached);
        match &reached {
            Ok(Reached::File(_)) => good += 1,
            Err(error) if !is_about_the_file(error) => {
                down.insert(target.server());
                bad.push(below(stub_path, target, &reached));
            }
            _ => bad.push(below(stub_path, target, &reached)),
        }
    }
    unknown += found.len().saturating_sub(MOST);
    let mut message = match found.len() {
        0 => "no stubs in it".to_owned(),
        number if number == good => format!("{} that open", counted(number, "stub", "stubs")),
        number => format!("{good} of {} open", counted(number, "stub", "stubs")),
    };
    if unknown > 0 {
        message.push_str(&format!(", {unknown} not looked at"));
    }
    if bad.len() > NAMED {
        message.push_str(&format!("; the first {NAMED} that do not:"));
    }
    let summary = match (bad.is_empty(), gone) {
        (true, _) => Finding::ok(subject, message),
        (false, true) => Finding::fail(subject, message).mend(refresh(path)),
        (false, false) => Finding::fail(subject, message),
    };
    std::iter::once(summary)
        .chain(bad.into_iter().take(NAMED))
        .collect()
}

/// Whether another file of the same server may be reached all the same.
fn is_about_the_file(error: &Error) -> bool {
    matches!(
        error,
        Error::NotFound { .. } | Error::Forbidden { .. } | Error::IsDirectory { .. } | Error::Rejected { .. }
    )
}

/// Finds stubs, in the order of their names. Links to folders are not followed: they may lead round in circles.
fn collect(folder: &Path, depth: usize, found: &mut Vec<(PathBuf, RemoteName)>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if found.len() > MOST {
            return;
        }
        if std::fs::symlink_metadata(&path).is_ok_and(|it| it.is_dir()) {
            if depth < DEEPEST {
                collect(&path, depth + 1, found);
            }
        } else if let Some(target) = target(&path) {
            found.push((path, target));
        }
    }
}

/// What a stub stands for.
fn target(path: &Path) -> Option<RemoteName> {
    if !std::fs::metadata(path).is_ok_and(|it| it.is_file() && it.len() == stub::SIZE as u64) {
        return None;
    }
    let url = Stub::decode(&std::fs::read(path).ok()?)?;
    RemoteName::parse(&url).ok()
}

/// A name that is not remote.
fn local(subject: &str, path: &Path) -> Finding {
    match is_hdf5(path) {
        Ok(true) => Finding::ok(subject, "a local HDF5 file: nothing remote is needed for it"),
        Ok(false) => Finding::fail(subject, "a local file, and no HDF5 file"),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let message = "neither a local file nor a remote name: a URL, an alias of the settings file before a \
                           colon, or a path below one of its mounts";
            Finding::fail(subject, message).mend(format!("{} alias", remedy::tool()))
        }
        Err(error) => Finding::fail(subject, format!("a local file, which cannot be read: {error}")),
    }
}

/// HDF5's signature stands at the beginning, or behind a user block of 512 bytes doubled some times.
fn is_hdf5(path: &Path) -> std::io::Result<bool> {
    let metadata = std::fs::metadata(path)?;
    // Opening anything else may block.
    if !metadata.is_file() {
        return Ok(false);
    }
    let mut file = File::open(path)?;
    let behind = (0..).map(|power| 512u64 << power);
    for offset in std::iter::once(0).chain(behind) {
        if offset + 8 > metadata.len() {
            break;
        }
        let mut start = [0; 8];
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(&mut start)?;
        if &start == b"\x89HDF\r\n\x1a\n" {
            return Ok(true);
        }
    }
    Ok(false)
}
