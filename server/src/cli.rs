//! The command line. The configuration file has the same keys.

mod accounts;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use serde::Deserialize;

use crate::access::Directory;
use crate::client::Proxy;
use crate::config::Protocol;

pub use accounts::{TokenArguments, UserCommand};

/// Serves a directory of HDF5 files to the hdfstream plugin.
///
/// When ready it prints one line on stdout: the URL to use.
#[derive(Debug, Clone, Parser)]
#[command(
    version,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
#[command(override_usage = "hdfstream-server --root DIR [OPTIONS]\n       hdfstream-server user|token ...")]
pub struct Arguments {
    /// What to serve, and how.
    #[command(flatten)]
    pub options: Options,
    /// What to do, if not serve.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What the program does besides serving.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Adds, removes, lists accounts, and sets passwords
    #[command(subcommand)]
    User(UserCommand),
    /// Prints a token that stands for a user's password, or ends all tokens of a user
    Token(TokenArguments),
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
    /// CSV of the files to serve and their names; without it everything below the directory
    #[arg(long, value_name = "FILE")]
    pub catalogue: Option<PathBuf>,
    /// Address and port; port 0 takes any free one [default: 127.0.0.1:7399]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// Let files be written, by everybody or by those whose accounts allow it
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub writable: Option<bool>,
    /// Allow plain HTTP on addresses other than loopback: anybody on the way can read along
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub insecure_http: Option<bool>,
    /// What to speak: objects with the Python client (v1), bytes with the plugin (v2) [default: both]
    #[arg(long, value_name = "PROTOCOL", hide_possible_values = true)]
    pub protocol: Option<Protocol>,
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
    /// File with accounts, made with `hdfstream-server user add`; without it everybody may do everything
    #[arg(long, value_name = "FILE")]
    pub users: Option<PathBuf>,
    /// Answer requests without a login, as far as no role is needed [default: true]
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub anonymous: Option<bool>,
    /// Longest life of tokens that are given for a login, in days [default: 30]
    #[arg(long, value_name = "N")]
    pub token_days: Option<u32>,
    /// Certificate, with those that lead to a known authority, PEM: speak TLS
    #[arg(long, value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// Private key of the certificate, PEM
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// Requests a minute for one client [default: no limit]
    #[arg(long, value_name = "N")]
    pub client_requests: Option<u32>,
    /// MiB a minute for one client [default: no limit]
    #[arg(long, value_name = "MIB")]
    pub client_mib: Option<u32>,
    /// Seconds of work a minute for one client [default: no limit]
    #[arg(long, value_name = "SECONDS")]
    pub client_seconds: Option<u32>,
    /// Addresses or networks of proxies whose X-Forwarded-For is believed
    #[arg(long, value_name = "ADDRESS,...", value_delimiter = ',')]
    pub trusted_proxies: Option<Vec<Proxy>>,
    /// How long somebody who writes a file keeps it without a word, in seconds [default: 30]
    #[arg(long, value_name = "SECONDS")]
    pub lease_seconds: Option<u64>,
    /// Most of what is kept for readers of earlier versions of files, in MiB [default: 1024]
    #[arg(long, value_name = "MIB")]
    pub retained_mib: Option<u64>,
    /// What writers leave free on the disk, in MiB [default: 256]
    #[arg(long, value_name = "MIB")]
    pub min_free_mib: Option<u64>,
    /// Roles of directories; only in the file.
    #[arg(skip)]
    pub directories: Option<BTreeMap<String, Directory>>,
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
            catalogue: self.catalogue.or(other.catalogue),
            listen: self.listen.or(other.listen),
            writable: self.writable.or(other.writable),
            insecure_http: self.insecure_http.or(other.insecure_http),
            protocol: self.protocol.or(other.protocol),
            log: self.log.or(other.log),
            max_requests: self.max_requests.or(other.max_requests),
            max_connections: self.max_connections.or(other.max_connections),
            workers: self.workers.or(other.workers),
            pack_cache_mib: self.pack_cache_mib.or(other.pack_cache_mib),
            users: self.users.or(other.users),
            anonymous: self.anonymous.or(other.anonymous),
            token_days: self.token_days.or(other.token_days),
            tls_cert: self.tls_cert.or(other.tls_cert),
            tls_key: self.tls_key.or(other.tls_key),
            client_requests: self.client_requests.or(other.client_requests),
            client_mib: self.client_mib.or(other.client_mib),
            client_seconds: self.client_seconds.or(other.client_seconds),
            trusted_proxies: self.trusted_proxies.or(other.trusted_proxies),
            lease_seconds: self.lease_seconds.or(other.lease_seconds),
            retained_mib: self.retained_mib.or(other.retained_mib),
            min_free_mib: self.min_free_mib.or(other.min_free_mib),
            directories: self.directories.or(other.directories),
            config: self.config.or(other.config),
        }
    }
}
