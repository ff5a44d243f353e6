//! `hdfstream cat`: remote files to standard output.

use std::fs::File;
use std::io::{ErrorKind, IsTerminal};
use std::os::fd::AsFd;

use clap::Args;
use hdfstream::progress::Progress;
use hdfstream::{Download, DownloadError, settings};

use super::{Failure, names};

/// Write remote files to standard output, one after the other.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Do not compare what arrived with the server's digests.
    #[arg(long)]
    no_checksum: bool,
    /// Remote files.
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
}

/// Writes what is named.
pub(crate) fn cat(arguments: &Arguments) -> Result<(), Failure> {
    let stdout = std::io::stdout();
    // Past the buffer of `Stdout`, which looks for ends of lines.
    let mut output = stdout
        .as_fd()
        .try_clone_to_owned()
        .map(File::from)
        .map_err(Failure::Output)?;
    for name in &arguments.names {
        let (remote, settings) = names::remote(name)?;
        let download = Download::new(&remote, &settings)?;
        let when = match stdout.is_terminal() {
            true => settings::Progress::Never,
            false => settings.progress,
        };
        let label = remote.file_name().unwrap_or_default();
        let progress = Progress::start(when, Some(download.size()), label);
        match download.to_sink(&mut output, !arguments.no_checksum, &progress) {
            // A reader that has gone (`| head`) is no failure.
            Err(DownloadError::Output(error)) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            result => result?,
        }
    }
    Ok(())
}
