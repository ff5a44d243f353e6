//! `hdfstream put`: local files, or trees of them, onto a server.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::thread;

use clap::Args;
use hdfstream::progress::Progress;
use hdfstream::protocol::EntryKind;
use hdfstream::{Error, RemoteName, Settings, UploadError};
use indicatif::HumanBytes;
use serde::Serialize;

use super::stubs::file::{self, Found};
use super::{Failure, names, output};

/// Files that are sent at the same time: each takes two answers, for which the next need not wait.
const PARALLEL: usize = 4;

/// Store local files on a server. A file is there when all of it is.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Store directories with everything below them.
    #[arg(short, long)]
    recursive: bool,
    /// Replace remote files that are there already.
    #[arg(long)]
    force: bool,
    /// Print one JSON array of what was stored.
    #[arg(long)]
    json: bool,
    /// Local files or directories.
    #[arg(required = true, value_name = "LOCAL")]
    local: Vec<PathBuf>,
    /// The remote file, or the directory to store them in. A single local directory becomes that remote one.
    name: String,
}

/// Something to be stored.
struct Item {
    local: PathBuf,
    remote: RemoteName,
    /// `None` for a directory that would otherwise not be there.
    size: Option<u64>,
}

/// What became of a file, as JSON has it.
#[derive(Debug, Serialize)]
struct Outcome<'a> {
    path: &'a Path,
    url: String,
    size: u64,
    /// `stored` or `failed`.
    outcome: &'static str,
}

/// Stores what is named.
pub(crate) fn put(arguments: &Arguments) -> Result<(), Failure> {
    let (target, settings) = names::remote_for(&arguments.name, arguments.json)?;
    let mut items = Vec::new();
    let mut unfit = 0;
    let into = is_directory(&target, arguments, &settings)?;
    for local in &arguments.local {
        let metadata = fs::metadata(local).map_err(Failure::local(local))?;
        let alone = metadata.is_dir() && arguments.local.len() == 1;
        let remote = match (into && !alone, own_name(local)) {
            (true, Some(name)) => below(&target, name)?,
            (true, None) => {
                return Err(Failure::NotStorable(local.clone(), "this has no name of its own"));
            }
            (false, _) => target.clone(),
        };
        if metadata.is_dir() {
            if !arguments.recursive {
                return Err(Failure::LocalDirectory(local.clone()));
            }
            tree(local, remote, &mut items, &mut unfit)?;
        } else {
            items.push(item(local.clone(), remote, &metadata)?);
        }
    }
    let outcomes = store(&items, arguments.force, &settings)?;
    let failed = unfit + outcomes.iter().filter(|one| one.outcome == "failed").count();
    match arguments.json {
        true => output::json(&outcomes)?,
        false => output::write(summary(&outcomes).as_bytes())?,
    }
    match failed {
        0 => Ok(()),
        failed => Err(Failure::NotStored {
            failed,
            of: outcomes.len() + unfit,
        }),
    }
}

/// Whether what is stored goes into the directory `target`.
fn is_directory(target: &RemoteName, arguments: &Arguments, settings: &Settings) -> Result<bool, Failure> {
    if arguments.name.ends_with('/') {
        return Ok(true);
    }
    match hdfstream::stat(target, settings) {
        Ok(reply) if reply.entry.kind == EntryKind::Directory => Ok(true),
        Ok(_) | Err(Error::NotFound { .. }) if arguments.local.len() > 1 => {
            Err(Failure::NotARemoteDirectory(target.url()))
        }
        Ok(_) | Err(Error::NotFound { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The last component of a local name; of `.` and the like that of the directory itself.
fn own_name(local: &Path) -> Option<String> {
    let name = match local.file_name() {
        Some(name) => name.to_owned(),
        None => local.canonicalize().ok()?.file_name()?.to_owned(),
    };
    name.into_string().ok()
}

fn below(directory: &RemoteName, name: String) -> Result<RemoteName, Failure> {
    // As a path it can only be relative now, and it may look like a URL (`https:`).
    Ok(directory.join(&format!("./{name}"))?)
}

fn item(local: PathBuf, remote: RemoteName, metadata: &fs::Metadata) -> Result<Item, Failure> {
    if !metadata.is_file() {
        return Err(Failure::NotStorable(local, "this is no ordinary file"));
    }
    if let Found::Stub(url) = file::look(&local)? {
        return Err(Failure::IsStub { path: local, url });
    }
    Ok(Item {
        local,
        remote,
        size: Some(metadata.len()),
    })
}

/// Adds everything below the local directory `path`; tells what cannot be stored, and counts it.
fn tree(path: &Path, remote: RemoteName, items: &mut Vec<Item>, unfit: &mut usize) -> Result<(), Failure> {
    let broken = |error| Failure::local(path)(error);
    let mut entries = fs::read_dir(path)
        .and_then(|entries| entries.collect::<Result<Vec<_>, _>>())
        .map_err(broken)?;
    if entries.is_empty() {
        items.push(Item {
            local: path.to_path_buf(),
            remote,
            size: None,
        });
        return Ok(());
    }
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let local = entry.path();
        let found = match entry.file_name().into_string() {
            Err(_) => Err(Failure::NotStorable(local, "its name is not UTF-8")),
            Ok(name) => {
                let remote = below(&remote, name)?;
                let kind = entry.file_type().map_err(Failure::local(&local))?;
                // A link may lead anywhere, also to where it is.
                let metadata = fs::metadata(&local).map_err(Failure::local(&local));
                match metadata {
                    Ok(metadata) if metadata.is_dir() && kind.is_symlink() => Err(Failure::NotStorable(
                        local,
                        "this is a link to a directory, which is not followed",
                    )),
                    Ok(metadata) if metadata.is_dir() => {
                        tree(&local, remote, items, unfit)?;
                        continue;
                    }
                    Ok(metadata) => item(local, remote, &metadata),
                    Err(failure) => Err(failure),
                }
            }
        };
        match found {
            Ok(item) => items.push(item),
            Err(failure) => {
                eprintln!("hdfstream: {failure}");
                *unfit += 1;
            }
        }
    }
    Ok(())
}

fn store<'a>(items: &'a [Item], force: bool, settings: &Settings) -> Result<Vec<Outcome<'a>>, Failure> {
    let files = items.iter().filter(|item| item.size.is_some()).count();
    let total = items.iter().filter_map(|item| item.size).sum();
    let label = match (items, files) {
        ([only], _) => own_name(&only.local).unwrap_or_default(),
        (_, files) => output::counted(files as u64, "file"),
    };
    let progress = Progress::start(settings.progress, Some(total), &label);
    hdfstream::end_uploads_at_interrupt()?;
    let (next, ended) = (AtomicUsize::new(0), AtomicBool::new(false));
    let done = Mutex::new((Vec::new(), None));
    let work = || {
        while !ended.load(Relaxed) {
            let at = next.fetch_add(1, Relaxed);
            let Some(item) = items.get(at) else { break };
            let outcome = store_one(item, items.len() > 1, force, settings, &progress);
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            match outcome {
                Ok(outcome) => done.0.push((at, outcome)),
                Err(failure) => {
                    ended.store(true, Relaxed);
                    done.1.get_or_insert(failure);
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..PARALLEL.min(items.len()) {
            scope.spawn(work);
        }
    });
    let (mut outcomes, failure) = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(failure) = failure {
        return Err(failure);
    }
    outcomes.sort_by_key(|(at, _)| *at);
    Ok(outcomes.into_iter().filter_map(|(_, outcome)| outcome).collect())
}

/// Stores one file, which may be one of several, or makes a directory.
fn store_one<'a>(
    item: &'a Item,
    of_several: bool,
    force: bool,
    settings: &Settings,
    progress: &Progress,
) -> Result<Option<Outcome<'a>>, Failure> {
    let Some(size) = item.size else {
        hdfstream::make_directory(&item.remote, settings, true)?;
        return Ok(None);
    };
    let mut outcome = Outcome {
        path: &item.local,
        url: item.remote.url(),
        size,
        outcome: "stored",
    };
    match hdfstream::upload(&item.local, &item.remote, settings, force, progress) {
        Ok(size) => outcome.size = size,
        Err(error) if of_several && concerns_one(&error) => {
            eprintln!("hdfstream: {error}");
            outcome.outcome = "failed";
        }
        Err(error) => return Err(error.into()),
    }
    Ok(Some(outcome))
}

/// Whether the next file may fare better.
fn concerns_one(error: &UploadError) -> bool {
    match error {
        UploadError::Remote(error) => matches!(
            error,
            Error::Exists { .. }
                | Error::Locked { .. }
                | Error::Forbidden { .. }
                | Error::IsDirectory { .. }
                | Error::InvalidName { .. }
                | Error::NotFound { .. }
                | Error::Rejected { .. }
                | Error::ServerFailed { .. }
        ),
        UploadError::Local { .. } | UploadError::Changed(_) => true,
        UploadError::Interrupted(_) => false,
    }
}

fn summary(outcomes: &[Outcome<'_>]) -> String {
    let stored: Vec<_> = outcomes.iter().filter(|one| one.outcome == "stored").collect();
    let bytes: u64 = stored.iter().map(|one| one.size).sum();
    let files = output::counted(stored.len() as u64, "file");
    format!("stored {files}, {}\n", HumanBytes(bytes))
}
