//! Tries a program with the plugin on a file that is nowhere: the plugin's own counters then say that it was
//! asked, and no server is needed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use hdfstream::Stub;

use super::child::{self, Outcome};
use crate::cli::environment::{self as switch, CONNECTOR, PLUGIN_PATH};

/// Nobody listens there, and the answer comes at once.
const NOWHERE: &str = "http://127.0.0.1:1/hdfstream/doctor.h5";
/// Longest time for one program.
const LIMIT: Duration = Duration::from_secs(20);

/// What a program made of the plugin.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It loaded it and asked it for the file.
    Works,
    /// The plugin says why it cannot serve this HDF5.
    Refused(String),
    /// Something else, which comes after "it".
    Fails(String),
}

/// A folder with a stub, for programs that look at a file before they open it.
pub(super) struct Probe {
    folder: tempfile::TempDir,
    plugin: Option<PathBuf>,
}

impl Probe {
    pub(super) fn new(plugin: Option<&Path>) -> std::io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("hdfstream-doctor-").tempdir()?;
        let stub = Stub::encode(NOWHERE).map_err(std::io::Error::other)?;
        fs::write(folder.path().join("stub.h5"), stub)?;
        fs::write(folder.path().join("config.yml"), "")?;
        Ok(Self {
            folder,
            plugin: plugin.map(Path::to_path_buf),
        })
    }

    /// The file to open.
    pub(super) fn file(&self) -> PathBuf {
        self.folder.path().join("stub.h5")
    }

    /// A name for what the program may write.
    pub(super) fn scratch(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn has_plugin(&self) -> bool {
        self.plugin.is_some()
    }

    /// `program` in the user's environment, without anything that is said of HDF5 and of us there: mistakes in
    /// it are another topic, and logins are not for this.
    pub(super) fn plain(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("HDFSTREAM_") || text.starts_with("HDF5_") {
                command.env_remove(&name);
            }
        }
        command.current_dir(self.folder.path());
        command
    }

    /// The same with the plugin, as `hdfstream run` has it.
    pub(super) fn switched_on(&self, program: &Path) -> Command {
        let mut command = self.plain(program);
        if let Some(folder) = &self.plugin
            && let Ok(path) = switch::search_path(folder, std::env::var_os(PLUGIN_PATH))
        {
            command.env(PLUGIN_PATH, path).env(CONNECTOR, "hdfstream");
        }
        command
            .env("HDFSTREAM_CONFIG", self.folder.path().join("config.yml"))
            .env("HDFSTREAM_CACHE_DIR", "off")
            .env("HDFSTREAM_PROXY", "off")
            .env("HDFSTREAM_RETRIES", "0")
            .env("HDFSTREAM_STATS", "1");
        command
    }
}

/// Runs a program that should end soon.
pub(super) fn run(command: &mut Command, end: Instant) -> std::io::Result<Outcome> {
    child::run(command, end.min(Instant::now() + LIMIT))
}

/// What the program made of the plugin.
pub(super) fn judge(outcome: &Outcome) -> Verdict {
    let requests = |line: &str| {
        let counters: serde_json::Value = serde_json::from_str(line).ok()?;
        counters.get("requests")?.as_u64()
    };
    let mut lines = outcome.stderr.lines();
    if outcome
        .stderr
        .lines()
        .filter_map(requests)
        .any(|requests| requests > 0)
    {
        return Verdict::Works;
    }
    let refusal = "hdfstream: the plugin cannot be used by this program: ";
    if let Some(why) = lines.find_map(|line| line.strip_prefix(refusal)) {
        return Verdict::Refused(why.to_owned());
    }
    let last = |text: &str| {
        let line = text.lines().rev().find(|line| !line.trim().is_empty())?;
        Some(line.trim().chars().take(300).collect::<String>())
    };
    let said = last(&outcome.stderr).or_else(|| last(&outcome.stdout));
    let ending = outcome.ending();
    Verdict::Fails(match said {
        Some(said) => format!("{ending}, saying: {said}"),
        None => ending,
    })
}
