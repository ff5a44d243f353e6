//! What can be typed after `hdfstream`, and what it calls. Mistakes in the command itself end with
//! status 2, everything else that goes wrong with status 1.

mod environment;
mod failure;
mod listing;
mod output;
mod stubs;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

use failure::Failure;
use hdfstream::{Name, RemoteName, Settings};

/// Lets unmodified HDF5 programs open remote files by URL.
#[derive(Debug, Parser)]
#[command(name = "hdfstream", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a program that may open remote files, e.g.: hdfstream run -- h5ls https://host/hdfstream/a.h5
    Run {
        /// The program and its arguments.
        #[arg(
            required = true,
            trailing_var_arg = true,
            allow_hyphen_values = true,
            value_name = "COMMAND"
        )]
        command: Vec<OsString>,
    },
    /// Print what `run` sets, for a shell: eval "$(hdfstream env)"
    Env,
    /// List a remote directory, or show a remote file.
    Ls {
        /// Sizes and times of modification as well.
        #[arg(short, long)]
        long: bool,
        /// Directory or file.
        url: String,
    },
    /// Make a small local file that stands for a remote one, for programs that look before they open.
    /// For a remote directory, make a directory of them, with everything below it.
    Stub {
        /// Replace files that are not stubs, too.
        #[arg(long)]
        force: bool,
        /// The remote file or directory.
        url: String,
        /// The local file or directory to make.
        path: PathBuf,
    },
}

/// Parses the command line and does what it says.
pub(crate) fn run() -> Result<(), Failure> {
    match Arguments::parse().command {
        Command::Run { command } => environment::exec(&command),
        Command::Env => environment::print(),
        Command::Ls { long, url } => listing::print(&url, long),
        Command::Stub { force, url, path } => stubs::make(&url, &path, force),
    }
}

/// What the user named, and how to reach it. A stub stands for its file here too.
fn remote(name: &str) -> Result<(RemoteName, Settings), Failure> {
    match hdfstream::resolve_with_stub(name)? {
        Name::Remote(remote) => Ok((remote, Settings::load(None)?)),
        Name::Local => Err(Failure::NotRemote(name.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }

    #[test]
    fn everything_after_run_belongs_to_the_program() {
        for line in [
            &["hdfstream", "run", "--", "h5ls", "-r", "--help"][..],
            &["hdfstream", "run", "h5ls", "-r", "--help"],
        ] {
            let parsed = Arguments::try_parse_from(line).unwrap();
            let Command::Run { command } = parsed.command else {
                panic!("{parsed:?}")
            };
            assert_eq!(command, ["h5ls", "-r", "--help"]);
        }
        assert!(Arguments::try_parse_from(["hdfstream", "run"]).is_err());
    }
}
