//! One typed configuration: defaults, then the file, then the command line.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum;
use serde::Deserialize;

use crate::access::{RuleError, Rules};
use crate::cli::Options;
use crate::client::Proxy;
use crate::limits::Share;
use crate::tls::TlsFiles;

/// What the server does and how much it takes on.
#[derive(Debug, Clone)]
pub struct Config {
    /// Directory to serve.
    pub root: PathBuf,
    /// List of the files to serve; everything below the directory unless set.
    pub catalogue: Option<PathBuf>,
    /// Address and port; port 0 takes any free one. `127.0.0.1:7399` unless set.
    pub listen: String,
    /// Whether plain HTTP may be spoken beyond this machine. No unless set.
    pub insecure_http: bool,
    /// Which protocols are spoken; both unless set.
    pub protocol: Protocol,
    /// What to log, `info` unless set.
    pub log: String,
    /// Requests worked on at the same time, 256 unless set; those with large bodies count as several.
    pub max_requests: u32,
    /// Open connections, 4096 unless set.
    pub max_connections: usize,
    /// Processes that look into HDF5 files; as many as cores, at most 4, unless set. With 0 clients get
    /// no metadata in advance.
    pub workers: usize,
    /// Memory for metadata that was gathered, in MiB; 256 unless set.
    pub pack_cache_mib: usize,
    /// Accounts. Without a users file everybody sees everything.
    pub users: Option<PathBuf>,
    /// Whether requests without a login are answered. Yes unless set; then they see what needs no role.
    pub anonymous: bool,
    /// Longest life of a token that is given for a login; 30 days unless set.
    pub token_days: u32,
    /// Roles of directories.
    pub rules: Arc<Rules>,
    /// Certificate and key; plain HTTP is spoken unless set.
    pub tls: Option<TlsFiles>,
    /// What one client may have in a minute; no limit unless set.
    pub share: Share,
    /// Proxies whose `X-Forwarded-For` is believed; none unless set.
    pub trusted_proxies: Vec<Proxy>,
    /// Whether files can be written. No unless set.
    pub writable: bool,
    /// How long somebody who writes a file keeps it without a word, in seconds; 30 unless set.
    pub lease_seconds: u64,
    /// Most of what is kept for readers of earlier versions, in MiB; 1024 unless set.
    pub retained_mib: u64,
    /// What is left free on the disk, in MiB; 256 unless set.
    pub min_free_mib: u64,
}

/// Shortest life of a lease: clients renew it at a third of the time.
const LEAST_LEASE: u64 = 5;

/// Which protocols are spoken.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// Objects of files, for the Python client.
    V1,
    /// Bytes of files, for the plugin.
    V2,
    /// Either.
    #[default]
    Both,
}

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The file is not TOML, or has a key that does not exist or a value of the wrong type.
    #[error("the configuration {} is wrong: {text}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Line, key and what is wrong.
        text: String,
    },
    /// No directory to serve.
    #[error("which directory is to be served? Say --root DIR")]
    NoRoot,
    /// Leases that would be over before they can be renewed.
    #[error("lease-seconds must be at least {LEAST_LEASE}")]
    ShortLease,
    /// A number that makes no sense.
    #[error("{0} must be at least 1")]
    Zero(&'static str),
    /// A rule is wrong.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// Something that means nothing as long as everybody sees everything.
    #[error("{0} needs accounts: say which file has them with users = \"FILE\" or --users FILE")]
    NoUsers(&'static str),
    /// What is written would not be in the list.
    #[error("a server that is writable takes no catalogue: what is written would not be in {}", .0.display())]
    WritableCatalogue(PathBuf),
    /// Half a pair.
    #[error("tls-cert and tls-key are needed both; {0} is missing")]
    HalfTls(&'static str),
}

impl Config {
    /// Serves `root` with all defaults.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            root: root.into(),
            catalogue: None,
            listen: "127.0.0.1:7399".to_owned(),
            insecure_http: false,
            protocol: Protocol::Both,
            log: "info".to_owned(),
            max_requests: 256,
            max_connections: 4096,
            workers: cores.min(4),
            pack_cache_mib: 256,
            users: None,
            anonymous: true,
            token_days: 30,
            rules: Arc::default(),
            tls: None,
            share: Share::default(),
            trusted_proxies: Vec::new(),
            writable: false,
            lease_seconds: 30,
            retained_mib: 1024,
            min_free_mib: 256,
        }
    }

    /// From the command line and the file that it names.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn from_options(options: Options) -> Result<Self, ConfigError> {
        let file = match &options.config {
            Some(path) => read(path)?,
            None => Options::default(),
        };
        let options = options.or(file);
        let mut config = Self::new(options.root.ok_or(ConfigError::NoRoot)?);
        config.catalogue = options.catalogue;
        set(&mut config.listen, options.listen);
        set(&mut config.insecure_http, options.insecure_http);
        set(&mut config.protocol, options.protocol);
        set(&mut config.log, options.log);
        set(&mut config.max_requests, options.max_requests);
        set(&mut config.max_connections, options.max_connections);
        set(&mut config.workers, options.workers);
        set(&mut config.pack_cache_mib, options.pack_cache_mib);
        if options.users.is_none() {
            let idle = [
                ("[directories]", options.directories.is_some()),
                ("anonymous", options.anonymous.is_some()),
                ("token-days", options.token_days.is_some()),
            ];
            if let Some((what, _)) = idle.iter().find(|(_, given)| *given) {
                return Err(ConfigError::NoUsers(what));
            }
        }
        config.users = options.users;
        set(&mut config.anonymous, options.anonymous);
        set(&mut config.token_days, options.token_days);
        config.rules = Arc::new(Rules::new(options.directories.unwrap_or_default())?);
        config.tls = match (options.tls_cert, options.tls_key) {
            (Some(cert), Some(key)) => Some(TlsFiles { cert, key }),
            (None, None) => None,
            (Some(_), None) => return Err(ConfigError::HalfTls("tls-key")),
            (None, Some(_)) => return Err(ConfigError::HalfTls("tls-cert")),
        };
        config.share = Share {
            requests: options.client_requests,
            mib: options.client_mib,
            seconds: options.client_seconds,
        };
        set(&mut config.trusted_proxies, options.trusted_proxies);
        set(&mut config.writable, options.writable);
        if let (true, Some(catalogue)) = (config.writable, &config.catalogue) {
            return Err(ConfigError::WritableCatalogue(catalogue.clone()));
        }
        set(&mut config.lease_seconds, options.lease_seconds);
        set(&mut config.retained_mib, options.retained_mib);
        set(&mut config.min_free_mib, options.min_free_mib);
        if config.lease_seconds < LEAST_LEASE {
            return Err(ConfigError::ShortLease);
        }
        let zeros = [
            ("max-requests", config.max_requests == 0),
            ("max-connections", config.max_connections == 0),
            ("token-days", config.token_days == 0),
            ("client-requests", config.share.requests == Some(0)),
            ("client-mib", config.share.mib == Some(0)),
            ("client-seconds", config.share.seconds == Some(0)),
        ];
        match zeros.iter().find(|(_, zero)| *zero) {
            Some((what, _)) => Err(ConfigError::Zero(what)),
            None => Ok(config),
        }
    }
}

fn set<T>(value: &mut T, option: Option<T>) {
    if let Some(option) = option {
        *value = option;
    }
}

fn read(path: &Path) -> Result<Options, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    toml::from_str(&text).map_err(|error| ConfigError::Malformed {
        path: path.to_owned(),
        text: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Arguments;
    use clap::Parser;

    fn with_file(text: &str, arguments: &[&str]) -> Result<Config, ConfigError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("server.toml");
        std::fs::write(&path, text).unwrap();
        let mut all = vec!["hdfstream-server", "--config", path.to_str().unwrap()];
        all.extend(arguments);
        Config::from_options(Arguments::try_parse_from(all).unwrap().options)
    }

    #[test]
    fn the_command_line_wins_over_the_file() {
        let text = "root = '/data'\nlisten = '127.0.0.1:1'\nprotocol = 'v1'\nmax-requests = 7\ninsecure-http = true\n";
        let config = with_file(text, &["--listen", "127.0.0.1:2"]).unwrap();
        assert_eq!(config.root, Path::new("/data"));
        assert_eq!(config.listen, "127.0.0.1:2");
        assert_eq!(config.protocol, Protocol::V1);
        assert_eq!(config.max_requests, 7);
        assert!(config.insecure_http);
    }

    #[test]
    fn a_wrong_key_is_named_with_its_line() {
        let message = with_file("root = '/data'\nlitsen = 'x'\n", &[])
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("line 2") && message.contains("litsen"),
            "{message}"
        );
        let message = with_file("root = '/data'\nmax-requests = 'many'\n", &[])
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("line 2") && message.contains("max-requests"),
            "{message}"
        );
    }

    #[test]
    fn accounts_and_limits_are_read() {
        let text = "root = '/data'\nusers = '/etc/users'\nanonymous = false\ntoken-days = 7\n\
                    tls-cert = 'c.pem'\ntls-key = 'k.pem'\n\
                    client-requests = 60\nclient-mib = 5\nclient-seconds = 9\n\
                    trusted-proxies = ['127.0.0.1', '10.0.0.0/8']\n\
                    [directories.'private/virgo']\nread = ['virgo']\nwrite = ['staff']\n";
        let config = with_file(
            text,
            &[
                "--anonymous",
                "--client-mib",
                "6",
                "--trusted-proxies",
                "::1,10.0.0.1",
            ],
        );
        let config = config.unwrap();
        assert_eq!(config.users.as_deref(), Some(Path::new("/etc/users")));
        assert!(config.anonymous);
        assert_eq!(config.token_days, 7);
        assert_eq!(config.tls.unwrap().key, Path::new("k.pem"));
        let share = Share {
            requests: Some(60),
            mib: Some(6),
            seconds: Some(9),
        };
        assert_eq!(config.share, share);
        assert_eq!(config.trusted_proxies.len(), 2);
        assert_eq!(config.rules.paths(), [Path::new("private/virgo")]);
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (text, parts) in [
            ("[directories.x]\nread = ['a']", &["directories", "--users"][..]),
            ("anonymous = false", &["anonymous", "--users"]),
            ("users = 'u'\n[directories.x]\nraed = ['a']", &["line 4", "raed"]),
            ("users = 'u'\n[directories.'/x']\nread = ['a']", &["/x"]),
            ("users = 'u'\n[directories.x]\nread = ['a b']", &["a b"]),
            ("tls-cert = 'c'", &["tls-key"]),
            ("tls-key = 'c'", &["tls-cert"]),
            (
                "writable = true\ncatalogue = 'list.csv'",
                &["writable", "list.csv"],
            ),
            ("client-mib = 0", &["client-mib"]),
            ("trusted-proxies = ['proxy']", &["line 2", "proxy"]),
        ] {
            let message = with_file(&format!("root = '/data'\n{text}\n"), &[])
                .unwrap_err()
                .to_string();
            assert!(parts.iter().all(|part| message.contains(part)), "{message}");
        }
    }

    #[test]
    fn writing_is_asked_for() {
        assert!(!with_file("root = '/data'\n", &[]).unwrap().writable);
        let text = "root = '/data'\nlease-seconds = 5\nretained-mib = 0\nmin-free-mib = 1\n";
        let config = with_file(text, &["--writable", "--lease-seconds", "6"]).unwrap();
        assert!(config.writable);
        let numbers = (config.lease_seconds, config.retained_mib, config.min_free_mib);
        assert_eq!(numbers, (6, 0, 1));
        assert!(
            !with_file("root = '/data'\nwritable = true\n", &["--writable=false"])
                .unwrap()
                .writable
        );
        let message = with_file("root = '/data'\nlease-seconds = 4\n", &[])
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("lease-seconds") && message.contains('5'),
            "{message}"
        );
    }
}
