//! The command-line tool `hdfstream`.
#![forbid(unsafe_code)]

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    let result = cli::run();
    hdfstream::disk_cache::finish();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("hdfstream: {failure}");
            failure.status()
        }
    }
}
