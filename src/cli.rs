//! What can be typed after `hdfstream`, and what it calls. Mistakes in the command itself end with
//! status 2, everything else that goes wrong with status 1. A command is a module, with its arguments.

mod alias;
mod cache;
mod cat;
mod changes;
mod doctor;
mod environment;
mod failure;
mod get;
mod listing;
mod login;
mod manual;
mod names;
mod output;
mod put;
mod recover;
mod stubs;
mod tree;

use clap::{CommandFactory, Parser, Subcommand};

use failure::Failure;

/// Lets unmodified HDF5 programs open remote files by URL.
#[derive(Debug, Parser)]
#[command(name = "hdfstream", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

// What a command does is told where its arguments are.
#[derive(Debug, Subcommand)]
enum Command {
    Run(environment::Arguments),
    /// Print what `run` sets, for a shell: eval "$(hdfstream env)"
    Env,
    Ls(listing::Arguments),
    Get(get::Arguments),
    Cat(cat::Arguments),
    Put(put::Arguments),
    Rm(changes::Remove),
    Mv(changes::Move),
    Recover(recover::Arguments),
    Stub(stubs::Arguments),
    Alias(alias::Arguments),
    Login(login::Login),
    Logout(login::Logout),
    Cache(cache::Arguments),
    Doctor(doctor::Arguments),
    Completions(manual::Completions),
    #[command(hide = true)]
    Man(manual::Pages),
}

/// Parses the command line and does what it says.
pub(crate) fn run() -> Result<(), Failure> {
    match Arguments::parse().command {
        Command::Run(arguments) => environment::exec(&arguments),
        Command::Env => environment::print(),
        Command::Ls(arguments) => listing::print(&arguments),
        Command::Get(arguments) => get::get(&arguments),
        Command::Cat(arguments) => cat::cat(&arguments),
        Command::Put(arguments) => put::put(&arguments),
        Command::Rm(arguments) => changes::remove(&arguments),
        Command::Mv(arguments) => changes::rename(&arguments),
        Command::Recover(arguments) => recover::run(&arguments),
        Command::Stub(arguments) => stubs::run(&arguments),
        Command::Alias(arguments) => alias::run(&arguments),
        Command::Login(arguments) => login::login(&arguments),
        Command::Logout(arguments) => login::logout(&arguments),
        Command::Cache(arguments) => cache::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Completions(arguments) => manual::completions(&arguments),
        Command::Man(arguments) => manual::pages(&arguments),
    }
}

/// The whole command line as it is defined.
fn definition() -> clap::Command {
    Arguments::command()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        definition().debug_assert();
    }

    #[test]
    fn everything_after_run_belongs_to_the_program() {
        for line in [
            &["hdfstream", "run", "--", "h5ls", "-r", "--help"][..],
            &["hdfstream", "run", "h5ls", "-r", "--help"],
        ] {
            let parsed = Arguments::try_parse_from(line).unwrap();
            let Command::Run(arguments) = parsed.command else {
                panic!("{parsed:?}")
            };
            assert_eq!(arguments.command, ["h5ls", "-r", "--help"]);
        }
        assert!(Arguments::try_parse_from(["hdfstream", "run"]).is_err());
    }
}
