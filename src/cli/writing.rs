//! `hdfstream put`, `rm` and `mv`: they will change what a server has. Servers serve read-only as yet, and these
//! commands say so.

use std::path::PathBuf;

use clap::Args;

use super::{Failure, names};

/// Store local files on a server (not possible yet: servers are read-only).
#[derive(Debug, Args)]
pub(crate) struct Put {
    /// Store directories with everything below them.
    #[arg(short, long)]
    recursive: bool,
    /// Replace remote files that are there already.
    #[arg(long)]
    force: bool,
    /// Local files or directories.
    #[arg(required = true, value_name = "LOCAL")]
    local: Vec<PathBuf>,
    /// The remote file, or the directory to store them in.
    name: String,
}

/// Remove remote files (not possible yet: servers are read-only).
#[derive(Debug, Args)]
pub(crate) struct Remove {
    /// Remove directories with everything below them.
    #[arg(short, long)]
    recursive: bool,
    /// Remote files or directories.
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
}

/// Rename a remote file or directory (not possible yet: servers are read-only).
#[derive(Debug, Args)]
pub(crate) struct Move {
    /// What it is called now.
    from: String,
    /// What it is to be called.
    to: String,
}

pub(crate) fn put(arguments: &Put) -> Result<(), Failure> {
    refuse(&[&arguments.name])
}

pub(crate) fn remove(arguments: &Remove) -> Result<(), Failure> {
    let names: Vec<&str> = arguments.names.iter().map(String::as_str).collect();
    refuse(&names)
}

pub(crate) fn rename(arguments: &Move) -> Result<(), Failure> {
    refuse(&[&arguments.from, &arguments.to])
}

/// A name that makes no sense is told before anything else.
fn refuse(names: &[&str]) -> Result<(), Failure> {
    let mut first = None;
    for name in names {
        let (remote, _) = names::remote(name)?;
        first.get_or_insert(remote);
    }
    let (url, server) = first.map(|name| (name.url(), name.server())).unwrap_or_default();
    Err(Failure::ReadOnly { url, server })
}
