//! `hdfstream get`: remote files, or trees of them, into local ones.

mod local;

use std::path::{Path, PathBuf};

use clap::Args;
use hdfstream::progress::Progress;
use hdfstream::protocol::{Entry, EntryKind};
use hdfstream::{Download, DownloadError, Error, RemoteName, Settings};
use indicatif::HumanBytes;
use serde::Serialize;

use super::{Failure, names, output, tree};
use local::Present;

/// Fetch remote files. What was fetched in part is continued; what is there already with the same size and
/// time is left alone.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Fetch directories with everything below them.
    #[arg(short, long)]
    recursive: bool,
    /// Fetch again what is there already, and replace other files that are in the way.
    #[arg(long)]
    force: bool,
    /// Do not compare what arrived with the server's digests.
    #[arg(long)]
    no_checksum: bool,
    /// Print one JSON array of what was fetched.
    #[arg(long)]
    json: bool,
    /// Remote files or directories; after them perhaps a local name to fetch to, else it is the working directory.
    /// Files go into a directory that is there; a single remote directory becomes that local one.
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
}

/// A file to be fetched.
struct Item {
    remote: RemoteName,
    local: PathBuf,
    entry: Entry,
    present: Present,
}

/// What became of a file, as JSON has it.
#[derive(Debug, Serialize)]
struct Outcome<'a> {
    url: String,
    path: &'a Path,
    size: u64,
    /// `fetched`, `present` (it was there already) or `failed`.
    outcome: &'static str,
    /// Bytes that an earlier attempt had left.
    resumed: u64,
    /// Whether it was compared with the server's digests.
    checked: bool,
}

/// Fetches what is named.
pub(crate) fn get(arguments: &Arguments) -> Result<(), Failure> {
    let (names, target) = split(&arguments.names)?;
    let settings = names::settings(arguments.json)?;
    let mut items = Vec::new();
    for name in names {
        let (remote, _) = names::remote(name)?;
        plan(
            &remote,
            target.as_deref(),
            names.len() > 1,
            arguments,
            &settings,
            &mut items,
        )?;
    }
    for item in &mut items {
        item.present = local::look(&item.local, &item.entry)?;
        match item.present {
            Present::Other if !arguments.force => return Err(Failure::Exists(item.local.clone())),
            Present::Same if arguments.force => item.present = Present::Other,
            _ => {}
        }
    }
    let outcomes = fetch(&items, arguments, &settings)?;
    let failed = outcomes.iter().filter(|one| one.outcome == "failed").count();
    match arguments.json {
        true => output::json(&outcomes)?,
        false => output::write(summary(&outcomes).as_bytes())?,
    }
    match failed {
        0 => Ok(()),
        failed => Err(Failure::NotAll {
            failed,
            of: items.len(),
        }),
    }
}

/// Remote names, and the local one that may follow them.
fn split(names: &[String]) -> Result<(&[String], Option<PathBuf>), Failure> {
    match names {
        [remote @ .., last] if !remote.is_empty() && !names::is_remote(last)? => {
            Ok((remote, Some(PathBuf::from(last))))
        }
        _ => Ok((names, None)),
    }
}

/// Adds the files that `remote` stands for.
fn plan(
    remote: &RemoteName,
    target: Option<&Path>,
    several: bool,
    arguments: &Arguments,
    settings: &Settings,
    items: &mut Vec<Item>,
) -> Result<(), Failure> {
    let entry = hdfstream::stat(remote, settings)?.entry;
    let own = remote.file_name().unwrap_or_default();
    let directory = entry.kind == EntryKind::Directory;
    let local = match target {
        None => PathBuf::from(own),
        // As `stub` has it, so that the same command again goes on where it was.
        Some(target) if directory && !several => target.to_path_buf(),
        Some(target) if target.is_dir() || target.as_os_str().as_encoded_bytes().ends_with(b"/") => {
            target.join(own)
        }
        Some(target) if several => return Err(Failure::NotADirectory(target.to_path_buf())),
        Some(target) => target.to_path_buf(),
    };
    let mut add = |remote: RemoteName, local: PathBuf, entry: Entry| {
        items.push(Item {
            remote,
            local,
            entry,
            present: Present::Nothing,
        });
    };
    if !directory {
        add(remote.clone(), local, entry);
        return Ok(());
    }
    if !arguments.recursive {
        return Err(Failure::IsDirectory(remote.url()));
    }
    tree::walk(remote, settings, &mut |found| {
        // Its components are plain names, so that it stays below.
        if found.entry.kind != EntryKind::Directory {
            add(found.remote, local.join(found.path), found.entry);
        }
        Ok(())
    })
}

fn fetch<'a>(
    items: &'a [Item],
    arguments: &Arguments,
    settings: &Settings,
) -> Result<Vec<Outcome<'a>>, Failure> {
    let mut wanted = items.iter().filter(|item| item.present != Present::Same);
    let total = wanted.clone().map(|item| item.entry.size).sum();
    let label = match (wanted.next(), wanted.count()) {
        (Some(only), 0) => only.entry.name.clone(),
        (_, others) => format!("{} files", others + 1),
    };
    let progress = Progress::start(settings.progress, Some(total), &label);
    let mut outcomes = Vec::new();
    for item in items {
        let mut outcome = Outcome {
            url: item.remote.url(),
            path: &item.local,
            size: item.entry.size,
            outcome: "present",
            resumed: 0,
            checked: false,
        };
        if item.present != Present::Same {
            match fetch_one(item, !arguments.no_checksum, settings, &progress) {
                Ok((size, arrival)) => {
                    outcome.outcome = "fetched";
                    outcome.size = size;
                    outcome.resumed = arrival.resumed;
                    outcome.checked = arrival.checked;
                }
                Err(failure) if items.len() > 1 && concerns_one(&failure) => {
                    eprintln!("hdfstream: {failure}");
                    outcome.outcome = "failed";
                }
                Err(failure) => return Err(failure),
            }
        }
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

fn fetch_one(
    item: &Item,
    check: bool,
    settings: &Settings,
    progress: &Progress,
) -> Result<(u64, hdfstream::Arrival), Failure> {
    let download = Download::new(&item.remote, settings)?;
    if let Some(folder) = item.local.parent() {
        std::fs::create_dir_all(folder).map_err(Failure::local(folder))?;
    }
    let arrival = download.to_file(&item.local, check, progress)?;
    Ok((download.size(), arrival))
}

/// Whether the next file may fare better.
fn concerns_one(failure: &Failure) -> bool {
    match failure {
        Failure::Remote(error) | Failure::Download(DownloadError::Remote(error)) => matches!(
            error,
            Error::NotFound { .. }
                | Error::IsDirectory { .. }
                | Error::Forbidden { .. }
                | Error::Changed { .. }
                | Error::ServerFailed { .. }
        ),
        Failure::Download(error) => matches!(
            error,
            DownloadError::Changed { .. } | DownloadError::Differs { .. } | DownloadError::InUse(_)
        ),
        _ => false,
    }
}

fn summary(outcomes: &[Outcome<'_>]) -> String {
    let fetched: Vec<_> = outcomes.iter().filter(|one| one.outcome == "fetched").collect();
    let bytes: u64 = fetched.iter().map(|one| one.size).sum();
    let resumed: u64 = fetched.iter().map(|one| one.resumed).sum();
    let present = outcomes.iter().filter(|one| one.outcome == "present").count();
    let files = output::counted(fetched.len() as u64, "file");
    let mut text = format!("fetched {files}, {}", HumanBytes(bytes));
    if resumed > 0 {
        text += &format!(
            ", of which {} were here from an earlier attempt",
            HumanBytes(resumed)
        );
    }
    if present > 0 {
        text += &format!("; there already: {present}");
    }
    text + "\n"
}
