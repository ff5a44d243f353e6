//! `hdfstream stub`: one stub, or a tree of them, made or brought up to date.

pub(crate) mod file;
mod refresh;

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use hdfstream::protocol::EntryKind;
use serde::Serialize;

use super::{Failure, names, output, tree};

/// Make a small local file that stands for a remote one, for programs that look before they open.
/// For a remote directory, make a directory of them, with everything below it.
#[derive(Debug, Args)]
#[command(override_usage = "hdfstream stub [--force] [--json] NAME PATH\n       \
                            hdfstream stub [--prune] [--json] --refresh PATH...")]
pub(crate) struct Arguments {
    /// Replace files that are not stubs, too.
    #[arg(long)]
    force: bool,
    /// Bring stubs, and trees of them, up to date: make those of new remote files, and tell which stand for nothing
    /// any more.
    #[arg(long, num_args = 1.., value_name = "PATH", conflicts_with_all = ["name", "path", "force"])]
    refresh: Vec<PathBuf>,
    /// Remove stubs that stand for nothing any more.
    #[arg(long, requires = "refresh", conflicts_with = "name")]
    prune: bool,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
    /// The remote file or directory.
    #[arg(required_unless_present = "refresh")]
    name: Option<String>,
    /// The local file or directory to make.
    #[arg(required_unless_present = "refresh")]
    path: Option<PathBuf>,
}

/// What was made, as JSON has it.
#[derive(Debug, Serialize)]
struct Made<'a> {
    url: String,
    path: &'a Path,
    stubs: u64,
}

/// Makes stubs, or brings them up to date.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    match (&arguments.name, &arguments.path) {
        (Some(name), Some(path)) => make(name, path, arguments),
        _ => {
            let settings = names::settings(arguments.json)?;
            let mut reports = Vec::new();
            for path in &arguments.refresh {
                reports.push(refresh::refresh(path, arguments.prune, &settings)?);
            }
            match arguments.json {
                true => output::json(&reports),
                false => {
                    let text: String = reports.iter().map(ToString::to_string).collect();
                    output::write(text.as_bytes())
                }
            }
        }
    }
}

/// Makes the path stand for what the name names.
fn make(name: &str, path: &Path, arguments: &Arguments) -> Result<(), Failure> {
    let (name, settings) = names::remote_for(name, arguments.json)?;
    let mut made = Made {
        url: name.url(),
        path,
        stubs: 0,
    };
    let directory = hdfstream::stat(&name, &settings)?.entry.kind == EntryKind::Directory;
    if directory {
        fs::create_dir_all(path).map_err(Failure::local(path))?;
        tree::walk(&name, &settings, &mut |found| {
            let local = path.join(&found.path);
            match found.entry.kind {
                EntryKind::Directory => fs::create_dir_all(&local).map_err(Failure::local(&local)),
                EntryKind::Hdf5 => {
                    made.stubs += 1;
                    file::write(&found.remote, &local, arguments.force)
                }
                // Other files get no stub: whatever reads them does not do it through HDF5.
                EntryKind::File => Ok(()),
            }
        })?;
    } else {
        file::write(&name, path, arguments.force)?;
        made.stubs = 1;
    }
    match (arguments.json, directory) {
        (true, _) => output::json(&made),
        (false, true) => output::write(
            format!("{} in {}\n", output::counted(made.stubs, "stub"), path.display()).as_bytes(),
        ),
        (false, false) => Ok(()),
    }
}
