//! What packages install beside the tool, made from its own definition: manual pages and completions.

use std::path::{Path, PathBuf};

use clap::Args;
use clap_complete::Shell;

use super::{Failure, definition, output};

/// Write the manual pages of this tool and all its commands.
#[derive(Debug, Args)]
pub(crate) struct Pages {
    /// Folder to write them to; made when it is not there.
    folder: PathBuf,
}

/// Print what makes a shell complete the commands and options of this tool.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// Which shell.
    shell: Shell,
}

pub(crate) fn pages(arguments: &Pages) -> Result<(), Failure> {
    let folder: &Path = &arguments.folder;
    std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(definition().disable_help_subcommand(true), folder))
        .map_err(Failure::local(folder))
}

pub(crate) fn completions(arguments: &Completions) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut definition(), "hdfstream", &mut script);
    output::write(&script)
}
