//! `hdfstream cache`: what is kept from one program to the next.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use hdfstream::disk_cache::{self, KeptFile};
use hdfstream::{Settings, settings::CacheDir};
use indicatif::HumanBytes;
use serde::Serialize;

use super::{Failure, output};

/// Show what is kept from one program to the next, check it, or delete it.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Print one JSON object.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
enum Action {
    /// Read all that is kept, and delete what is damaged.
    Verify,
    /// Delete what is kept.
    Clear,
}

/// What the client keeps in its cache folder beside what it has read of files. Only these are counted and deleted: the
/// setting may name a folder with other things in it.
const KEPT: [&str; 1] = ["servers.json"];

/// The cache, as JSON has it.
#[derive(Debug, Default, Serialize)]
struct Report {
    folder: Option<PathBuf>,
    /// On this disk.
    files: u64,
    bytes: u64,
    /// Most bytes that are kept of remote files.
    limit: u64,
    cleared: bool,
    /// What was found damaged, and is deleted; only when that was looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    damaged: Option<Vec<PathBuf>>,
    /// The last used one first.
    remote: Vec<Remote>,
}

/// A remote file.
#[derive(Debug, Serialize)]
struct Remote {
    url: String,
    size: u64,
    kept: u64,
    used: String,
}

impl From<KeptFile> for Remote {
    fn from(file: KeptFile) -> Self {
        Self {
            url: file.url,
            size: file.size,
            kept: file.kept,
            used: jiff::Timestamp::try_from(file.used)
                .map(|time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
                .unwrap_or_default(),
        }
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let settings = Settings::load(None)?;
    let Some(folder) = settings.cache_dir.folder() else {
        return nothing(arguments, &settings);
    };
    let mut report = Report {
        limit: settings.cache_disk,
        cleared: arguments.action == Some(Action::Clear),
        ..Report::default()
    };
    if arguments.action == Some(Action::Verify) {
        report.damaged = Some(disk_cache::verify(&folder).damaged);
    }
    if !report.cleared {
        report.remote = disk_cache::files(&folder).into_iter().map(Remote::from).collect();
    }
    for name in KEPT {
        count(&folder.join(name), &mut report)?;
    }
    let counted = disk_cache::clear(&folder, report.cleared).map_err(Failure::local(&folder))?;
    report.files += counted.0;
    report.bytes += counted.1;
    let text = text(&report, &folder);
    report.folder = Some(folder);
    match arguments.json {
        true => output::json(&report),
        false => output::write(text.as_bytes()),
    }
}

fn nothing(arguments: &Arguments, settings: &Settings) -> Result<(), Failure> {
    let why = match settings.cache_dir {
        CacheDir::Off => "cache_dir is off",
        _ => "there is no folder for it; set cache_dir",
    };
    match arguments.json {
        true => output::json(&Report::default()),
        false => output::write(format!("nothing is kept: {why}\n").as_bytes()),
    }
}

fn text(report: &Report, folder: &Path) -> String {
    let (files, bytes) = (output::counted(report.files, "file"), HumanBytes(report.bytes));
    let folder = folder.display();
    if report.cleared {
        return format!("deleted {files}, {bytes}, in {folder}\n");
    }
    let mut text = format!(
        "{folder}: {files}, {bytes} of at most {}\n",
        HumanBytes(report.limit)
    );
    match &report.damaged {
        None => {
            for file in &report.remote {
                let (kept, size) = (HumanBytes(file.kept), HumanBytes(file.size));
                text.push_str(&format!("{}  {kept} of {size}  {}\n", file.used, file.url));
            }
        }
        Some(damaged) if damaged.is_empty() => text.push_str("all of it is sound\n"),
        Some(damaged) => {
            let damaged = output::counted(damaged.len() as u64, "file");
            text.push_str(&format!(
                "deleted {damaged} that were damaged; all else is sound\n"
            ));
        }
    }
    text
}

/// Counts one thing that is kept, and deletes it if it is to be cleared.
fn count(path: &Path, report: &mut Report) -> Result<(), Failure> {
    let absent =
        |error: &std::io::Error| matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory);
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if absent(&error) => return Ok(()),
        Err(error) => return Err(Failure::local(path)(error)),
    };
    report.files += 1;
    report.bytes += metadata.len();
    match report.cleared.then(|| fs::remove_file(path)) {
        Some(Err(error)) if !absent(&error) => Err(Failure::local(path)(error)),
        _ => Ok(()),
    }
}
