//! The command-line tool `hdfstream`.
#![forbid(unsafe_code)]

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("hdfstream: {failure}");
            ExitCode::FAILURE
        }
    }
}
