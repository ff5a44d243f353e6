//! `hdfstream cache`: what is kept from one program to the next.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use hdfstream::Settings;
use indicatif::HumanBytes;
use serde::Serialize;

use super::{Failure, output};

/// Show what is kept from one program to the next, or delete it.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Print one JSON object.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Delete what is kept.
    Clear,
}

/// What the client keeps in its cache folder. Only this is counted and deleted: the setting may name a folder with
/// other things in it.
const KEPT: [&str; 1] = ["servers.json"];

/// The cache, as JSON has it.
#[derive(Debug, Default, Serialize)]
struct Report {
    folder: Option<PathBuf>,
    files: u64,
    bytes: u64,
    cleared: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let folder = Settings::load(None)?.cache_dir.folder();
    let clear = arguments.action.is_some();
    let mut report = Report {
        cleared: clear,
        ..Report::default()
    };
    for name in KEPT {
        if let Some(folder) = &folder {
            count(&folder.join(name), clear, &mut report)?;
        }
    }
    report.folder = folder;
    if arguments.json {
        return output::json(&report);
    }
    let (files, bytes) = (output::counted(report.files, "file"), HumanBytes(report.bytes));
    let text = match &report.folder {
        None => "nothing is kept: cache_dir is off\n".to_owned(),
        Some(folder) if clear => format!("deleted {files}, {bytes}, in {}\n", folder.display()),
        Some(folder) => format!("{}: {files}, {bytes}\n", folder.display()),
    };
    output::write(text.as_bytes())
}

/// Counts one thing that is kept, and deletes it if it is to be cleared.
fn count(path: &Path, clear: bool, report: &mut Report) -> Result<(), Failure> {
    let absent =
        |error: &std::io::Error| matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory);
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if absent(&error) => return Ok(()),
        Err(error) => return Err(Failure::local(path)(error)),
    };
    report.files += 1;
    report.bytes += metadata.len();
    match clear.then(|| fs::remove_file(path)) {
        Some(Err(error)) if !absent(&error) => Err(Failure::local(path)(error)),
        _ => Ok(()),
    }
}
