//! One typed configuration: defaults, then the file, then the command line.

use std::path::{Path, PathBuf};

use crate::cli::Options;

/// What the server does and how much it takes on.
#[derive(Debug, Clone)]
pub struct Config {
    /// Directory to serve.
    pub root: PathBuf,
    /// Address and port; port 0 takes any free one. `127.0.0.1:7399` unless set.
    pub listen: String,
    /// Whether plain HTTP may be spoken beyond this machine. No unless set.
    pub insecure_http: bool,
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
    /// Writing is asked for.
    #[error("--writable: this version of the server cannot write; leave the option out to serve read-only")]
    Writable,
    /// A number that makes no sense.
    #[error("{0} must be at least 1")]
    Zero(&'static str),
}

impl Config {
    /// Serves `root` with all defaults.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            root: root.into(),
            listen: "127.0.0.1:7399".to_owned(),
            insecure_http: false,
            log: "info".to_owned(),
            max_requests: 256,
            max_connections: 4096,
            workers: cores.min(4),
            pack_cache_mib: 256,
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
        if options.writable.unwrap_or(false) {
            return Err(ConfigError::Writable);
        }
        let mut config = Self::new(options.root.ok_or(ConfigError::NoRoot)?);
        set(&mut config.listen, options.listen);
        set(&mut config.insecure_http, options.insecure_http);
        set(&mut config.log, options.log);
        set(&mut config.max_requests, options.max_requests);
        set(&mut config.max_connections, options.max_connections);
        set(&mut config.workers, options.workers);
        set(&mut config.pack_cache_mib, options.pack_cache_mib);
        if config.max_requests == 0 {
            return Err(ConfigError::Zero("max-requests"));
        }
        if config.max_connections == 0 {
            return Err(ConfigError::Zero("max-connections"));
        }
        Ok(config)
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
        let text = "root = '/data'\nlisten = '127.0.0.1:1'\nmax-requests = 7\ninsecure-http = true\n";
        let config = with_file(text, &["--listen", "127.0.0.1:2"]).unwrap();
        assert_eq!(config.root, Path::new("/data"));
        assert_eq!(config.listen, "127.0.0.1:2");
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
    fn writing_is_refused_clearly() {
        let message = with_file("root = '/data'\n", &["--writable"])
            .unwrap_err()
            .to_string();
        assert!(message.contains("read-only"), "{message}");
    }
}
