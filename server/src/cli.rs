//! The command line. The configuration file has the same keys.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use serde::Deserialize;

/// Serves a directory of HDF5 files to the hdfstream plugin.
///
/// When ready it prints one line on stdout: the URL to use.
#[derive(Debug, Clone, Parser)]
#[command(
    version,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
#[command(override_usage = "hdfstream-server --root DIR [OPTIONS]")]
pub struct Arguments {
    /// What to serve, and how.
    #[command(flatten)]
    pub options: Options,
    /// What this process is, if not the server.
    #[command(subcommand)]
    pub role: Option<Role>,
}

/// What the server starts copies of itself for.
#[derive(Debug, Clone, Subcommand)]
pub enum Role {
    /// Looks into HDF5 files; started by the server itself.
    #[command(hide = true)]
    Worker {
        /// The served directory.
        #[arg(long)]
        root: PathBuf,
    },
}

/// The server's options.
#[derive(Debug, Default, Clone, Args, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Options {
    /// Directory to serve
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// Address and port; port 0 takes any free one [default: 127.0.0.1:7399]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// Offer writing (not in this version)
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub writable: Option<bool>,
    /// Allow plain HTTP on addresses other than loopback: anybody on the way can read along
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub insecure_http: Option<bool>,
    /// What to log on stderr: error, warn, info, debug or trace [default: info]
    #[arg(long, env = "HDFSTREAM_LOG", value_name = "LEVEL")]
    pub log: Option<String>,
    /// Requests worked on at the same time [default: 256]
    #[arg(long, value_name = "N")]
    pub max_requests: Option<u32>,
    /// Open connections [default: 4096]
    #[arg(long, value_name = "N")]
    pub max_connections: Option<usize>,
    /// Processes that look into HDF5 files [default: number of cores, at most 4]
    #[arg(long, value_name = "N")]
    pub workers: Option<usize>,
    /// Memory for metadata that was gathered, in MiB [default: 256]
    #[arg(long, value_name = "MIB")]
    pub pack_cache_mib: Option<usize>,
    /// TOML file with the same keys as these options, without the dashes in front
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub config: Option<PathBuf>,
}

impl Options {
    /// These options; where one is not given, that of `other`.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            root: self.root.or(other.root),
            listen: self.listen.or(other.listen),
            writable: self.writable.or(other.writable),
            insecure_http: self.insecure_http.or(other.insecure_http),
            log: self.log.or(other.log),
            max_requests: self.max_requests.or(other.max_requests),
            max_connections: self.max_connections.or(other.max_connections),
            workers: self.workers.or(other.workers),
            pack_cache_mib: self.pack_cache_mib.or(other.pack_cache_mib),
            config: self.config.or(other.config),
        }
    }
}
