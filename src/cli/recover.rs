//! `hdfstream recover`: what programs wrote and could not save, listed, sent again or dropped.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use hdfstream::recovery::{self, Recovery};
use indicatif::HumanBytes;
use jiff::Timestamp;
use serde::Serialize;

use super::{Failure, names, output};

/// List, send or drop what programs wrote to remote files and could not save.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
    /// Print one JSON array.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List what there is.
    List {
        /// Print one JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Make the changes on their servers, and remove them here.
    Send {
        /// Also when the remote file has changed since, or when some of the bytes are missing here.
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        which: Which,
    },
    /// Remove recovery files, with what is in them.
    Drop {
        #[command(flatten)]
        which: Which,
    },
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// All of them.
    #[arg(long)]
    all: bool,
    /// Recovery files, as 'hdfstream recover' lists them, or by their path.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// A recovery file as JSON has it.
#[derive(Debug, Serialize)]
struct Shown {
    path: PathBuf,
    url: Option<String>,
    written: Option<String>,
    bytes: Option<u64>,
    missing: Option<u64>,
    /// Why it cannot be read.
    error: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.action {
        None => list(arguments.json),
        Some(Action::List { json }) => list(*json || arguments.json),
        Some(Action::Send { force, which }) => {
            let settings = names::settings(false)?;
            for_each(which, |path| {
                let kept = Recovery::read(path)?;
                kept.send(&settings, *force)?;
                Ok(format!("sent {}\n", output::printable(kept.url())))
            })
        }
        // Also what cannot be read.
        Some(Action::Drop { which }) => for_each(which, |path| {
            std::fs::remove_file(path).map_err(Failure::local(path))?;
            Ok(format!("dropped {}\n", path.display()))
        }),
    }
}

fn list(json: bool) -> Result<(), Failure> {
    let found = recovery::list()?;
    if json {
        let shown: Vec<_> = found.into_iter().map(|(path, kept)| shown(path, kept)).collect();
        return output::json(&shown);
    }
    if found.is_empty() {
        return output::write(b"nothing to recover\n");
    }
    let text: String = found
        .iter()
        .map(|(path, kept)| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            match kept {
                Ok(kept) => line(&name, kept),
                Err(error) => format!("{name}  cannot be read: {error}\n"),
            }
        })
        .collect();
    output::write(text.as_bytes())
}

fn line(name: &str, kept: &Recovery) -> String {
    let missing = match kept.missing() {
        0 => String::new(),
        bytes => format!(", {} more are missing", HumanBytes(bytes)),
    };
    format!(
        "{name}  {}  {}  {}{missing}\n",
        time(kept.written()).map_or_else(
            || "?".to_owned(),
            |time| time.strftime("%Y-%m-%d %H:%M:%S").to_string()
        ),
        output::printable(kept.url()),
        HumanBytes(kept.bytes()),
    )
}

fn shown(path: PathBuf, kept: Result<Recovery, hdfstream::Error>) -> Shown {
    match kept {
        Ok(kept) => Shown {
            path,
            url: Some(kept.url().to_owned()),
            written: time(kept.written()).map(|time| time.to_string()),
            bytes: Some(kept.bytes()),
            missing: Some(kept.missing()),
            error: None,
        },
        Err(error) => Shown {
            path,
            url: None,
            written: None,
            bytes: None,
            missing: None,
            error: Some(error.to_string()),
        },
    }
}

fn time(seconds: i64) -> Option<Timestamp> {
    Timestamp::from_second(seconds).ok()
}

/// Does something with each file, and says what was done; what fails does not stop the others.
fn for_each(which: &Which, act: impl Fn(&Path) -> Result<String, Failure>) -> Result<(), Failure> {
    let there: Vec<PathBuf> = recovery::list()?.into_iter().map(|(path, _)| path).collect();
    let chosen = match which.all {
        true => there,
        false => {
            let find = |file: &PathBuf| {
                let listed = |path: &&PathBuf| path.file_name() == Some(file.as_os_str());
                match there.iter().find(listed) {
                    Some(path) => Ok(path.clone()),
                    // Nothing else is ever removed.
                    None => Recovery::read(file).map(|kept| kept.path().to_path_buf()),
                }
            };
            which
                .files
                .iter()
                .map(find)
                .collect::<Result<_, hdfstream::Error>>()?
        }
    };
    let mut failed = 0;
    for path in &chosen {
        match act(path) {
            Ok(done) => output::write(done.as_bytes())?,
            Err(failure) if chosen.len() == 1 => return Err(failure),
            Err(failure) => {
                eprintln!("hdfstream: {failure}");
                failed += 1;
            }
        }
    }
    match failed {
        0 => Ok(()),
        failed => Err(Failure::NotRecovered {
            failed,
            of: chosen.len(),
        }),
    }
}
