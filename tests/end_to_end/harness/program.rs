//! Runs a program as a child process: with a clean environment, with or without the plugin, and never
//! for ever.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::{Stats, built, host};

/// How the child meets the plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plugin {
    /// Not at all: native HDF5.
    Off,
    /// `HDF5_PLUGIN_PATH` alone: HDF5 asks the plugin about files that it cannot open itself.
    Discovery,
    /// `HDF5_VOL_CONNECTOR` as well.
    On,
}

/// A command about to be run.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    executable: PathBuf,
    arguments: Vec<OsString>,
    variables: BTreeMap<OsString, OsString>,
    directory: Option<PathBuf>,
    input: Option<String>,
    limit: Duration,
}

/// What became of it.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    shown: String,
    pub(crate) status: ExitStatus,
    pub(crate) timed_out: bool,
    pub(crate) stdout: String,
    /// Without the line of statistics.
    pub(crate) stderr: String,
    stats: Option<Stats>,
}

impl Program {
    pub(crate) fn new(executable: impl Into<PathBuf>) -> Self {
        let variables = [
            ("PATH", "/usr/local/bin:/usr/bin:/bin"),
            ("LANG", "C.UTF-8"),
            // Programs that make files in a home need one of their own: as root this could be made, for all others.
            ("HOME", "/nonexistent"),
            ("PYTHONNOUSERSITE", "1"),
            ("PYTHONFAULTHANDLER", "1"),
            ("PYTHONWARNINGS", "ignore"),
            // A cache on disk would let one test help another.
            ("HDFSTREAM_CACHE_DIR", "off"),
        ];
        Self {
            executable: executable.into(),
            arguments: Vec::new(),
            variables: variables.map(|(k, v)| (k.into(), v.into())).into(),
            directory: None,
            input: None,
            // Generous, because machines are slow; a hang is still found.
            limit: Duration::from_secs(120),
        }
        .plugin(Plugin::Off)
    }

    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    pub(crate) fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments
            .extend(arguments.into_iter().map(|a| a.as_ref().to_owned()));
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.variables.insert(name.into(), value.as_ref().to_owned());
        self
    }

    pub(crate) fn env_remove(mut self, name: &str) -> Self {
        self.variables.remove(OsStr::new(name));
        self
    }

    pub(crate) fn directory(mut self, directory: impl AsRef<Path>) -> Self {
        self.directory = Some(directory.as_ref().to_path_buf());
        self
    }

    /// What it reads from its standard input; nothing at all otherwise.
    pub(crate) fn input(mut self, text: &str) -> Self {
        self.input = Some(text.to_owned());
        self
    }

    /// The same, run by another program that takes a command behind its own arguments.
    pub(crate) fn inside<A: AsRef<OsStr>>(
        mut self,
        outer: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        let inner = std::mem::replace(&mut self.executable, outer.into()).into_os_string();
        let outer = arguments.into_iter().map(|argument| argument.as_ref().to_owned());
        self.arguments = outer.chain([inner]).chain(self.arguments).collect();
        self
    }

    pub(crate) fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Sets HDF5's two variables. The folder of filter plugins is in the path either way: local and
    /// remote files are to be decoded by the same filters.
    pub(crate) fn plugin(mut self, plugin: Plugin) -> Self {
        let mut path = Vec::new();
        if plugin != Plugin::Off {
            path.push(built::plugin_directory());
            self = self.env("HDFSTREAM_STATS", "1");
        }
        path.push(host::filters());
        let path = std::env::join_paths(path).expect("folders without colons");
        self = self.env("HDF5_PLUGIN_PATH", path);
        if plugin == Plugin::On {
            self.env("HDF5_VOL_CONNECTOR", "hdfstream")
        } else {
            self.env_remove("HDF5_VOL_CONNECTOR")
        }
    }

    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.executable);
        command
            .args(&self.arguments)
            .env_clear()
            .envs(&self.variables)
            // A group of its own, so that its children can be ended with it.
            .process_group(0)
            .stdin(if self.input.is_some() {
                Stdio::piped()
            } else {
                Stdio::null()
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        command
    }

    /// The command as one could type it, for messages.
    fn shown(&self) -> String {
        let mut shown = self.executable.display().to_string();
        for argument in &self.arguments {
            shown.push(' ');
            shown.push_str(&argument.to_string_lossy());
        }
        shown
    }

    /// Starts it, for tests that act while it runs.
    pub(crate) fn start(&self) -> Running {
        let mut child = self
            .command()
            .spawn()
            .unwrap_or_else(|error| panic!("{} cannot be started: {error}", self.executable.display()));
        if let (Some(text), Some(mut pipe)) = (self.input.clone(), child.stdin.take()) {
            // A program may end without reading what it is given.
            std::thread::spawn(move || drop(pipe.write_all(text.as_bytes())));
        }
        let stdout = collect(child.stdout.take().expect("a pipe"));
        let stderr = collect(child.stderr.take().expect("a pipe"));
        Running {
            shown: self.shown(),
            group: Group(child.id()),
            child,
            stdout,
            stderr,
            end: Instant::now() + self.limit,
        }
    }

    /// Runs it to its end, or to its limit.
    pub(crate) fn run(&self) -> Outcome {
        self.start().wait()
    }

    /// Runs it and insists that it succeeds; returns what it printed.
    pub(crate) fn output(&self) -> String {
        self.run().success().stdout
    }
}

/// A child that has not ended yet; it is killed when dropped.
#[derive(Debug)]
pub(crate) struct Running {
    shown: String,
    child: Child,
    group: Group,
    stdout: std::thread::JoinHandle<Vec<u8>>,
    stderr: std::thread::JoinHandle<Vec<u8>>,
    end: Instant,
}

impl Running {
    /// Sends it a signal, such as `INT`.
    pub(crate) fn signal(&self, signal: &str) {
        signal_process(signal, &self.child.id().to_string());
    }

    pub(crate) fn wait(mut self) -> Outcome {
        let mut timed_out = false;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("the state of a child") {
                break status;
            }
            if Instant::now() >= self.end {
                timed_out = true;
                signal_group("KILL", self.child.id());
                break self.child.wait().expect("the end of a child");
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        // What it left behind would keep the pipes open.
        drop(self.group);
        let stdout = text(self.stdout);
        let (stderr, stats) = Stats::split(&text(self.stderr));
        Outcome {
            shown: self.shown,
            status,
            timed_out,
            stdout,
            stderr,
            stats,
        }
    }
}

/// A child's group of processes, which ends when dropped.
#[derive(Debug)]
struct Group(u32);

impl Drop for Group {
    fn drop(&mut self) {
        signal_group("KILL", self.0);
    }
}

fn collect(mut pipe: impl Read + Send + 'static) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // An error here means that the writer was killed; what came before it still counts.
        let _ = pipe.read_to_end(&mut bytes);
        bytes
    })
}

fn text(thread: std::thread::JoinHandle<Vec<u8>>) -> String {
    let bytes = thread.join().expect("a thread that only reads");
    // Not every name in an HDF5 file is UTF-8; a lossy comparison is enough, as both sides lose alike.
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Sends a signal to a process group through the command, since this crate has no unsafe code.
pub(crate) fn signal_group(signal: &str, group: u32) {
    signal_process(signal, &format!("-{group}"));
}

/// Sends a signal to `target`, a process or with a minus sign a group. One that has ended is no error.
pub(crate) fn signal_process(signal: &str, target: &str) {
    Command::new("kill")
        .args(["-s", signal, "--", target])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("the command kill");
}

impl Outcome {
    /// Panics with all that the program said unless it ended with status 0.
    #[track_caller]
    pub(crate) fn success(self) -> Self {
        assert!(!self.timed_out && self.status.success(), "{self}");
        self
    }

    /// Panics unless the program ended by itself, with a status other than 0 and not by a signal.
    #[track_caller]
    pub(crate) fn failure(self) -> Self {
        assert!(
            !self.timed_out && self.status.code().is_some_and(|code| code != 0),
            "{self}"
        );
        self
    }

    /// Counts of requests; only known of programs that ran with the plugin.
    #[track_caller]
    pub(crate) fn stats(&self) -> Stats {
        self.stats
            .unwrap_or_else(|| panic!("no line of statistics; was the plugin loaded?\n{self}"))
    }

    /// What a user would see of the end: status, or signal.
    pub(crate) fn ending(&self) -> String {
        if self.timed_out {
            "took too long".to_owned()
        } else if let Some(signal) = self.status.signal() {
            format!("died of signal {signal}")
        } else {
            format!("ended with status {}", self.status.code().unwrap_or(-1))
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{} {}", self.shown, self.ending())?;
        writeln!(f, "---- stdout\n{}", shorten(&self.stdout))?;
        write!(f, "---- stderr\n{}", shorten(&self.stderr))
    }
}

fn shorten(text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    if lines.len() <= 80 {
        return text.to_owned();
    }
    let (head, tail) = (&lines[..20], &lines[lines.len() - 60..]);
    format!(
        "{}\n… {} lines …\n{}",
        head.join("\n"),
        lines.len() - 80,
        tail.join("\n")
    )
}
