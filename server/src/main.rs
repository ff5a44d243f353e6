//! Starts and ends the server.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use hdfstream_server::cli::{Arguments, Command, Options};
use hdfstream_server::tls::Tls;
use hdfstream_server::{BASE, Config, app, serve, telemetry, worker};

/// Threads that wait for disks; more would only compete.
const DISK_THREADS: usize = 64;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let ended = match arguments.command {
        Some(Command::Worker { root }) => worker::main_loop(&root).map_err(Into::into),
        Some(Command::User(command)) => command.run(),
        Some(Command::Token(arguments)) => arguments.run(),
        None => start(arguments.options),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hdfstream-server: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start(options: Options) -> Result<(), Box<dyn Error + Send + Sync>> {
    let config = Config::from_options(options)?;
    telemetry::install(&config.log)?;
    // Each connection and each file being sent needs a descriptor.
    if let Err(error) = rlimit::increase_nofile_limit(rlimit::INFINITY) {
        tracing::warn!("cannot raise the limit on open files: {error}");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(DISK_THREADS)
        .build()?;
    let ended = runtime.block_on(async {
        let listener = serve::listen(&config).await?;
        let tls = config.tls.clone().map(Tls::open).transpose()?;
        let app = app(&config)?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let address = listener.local_addr()?;
        let mut out = std::io::stdout();
        writeln!(out, "listening on {scheme}://{address}{BASE}")?;
        out.flush()?;
        Ok(serve::run(listener, tls, app, config.max_connections).await?)
    });
    // A read that hangs on a dead disk does not keep the server from ending.
    runtime.shutdown_timeout(Duration::from_secs(1));
    ended
}
