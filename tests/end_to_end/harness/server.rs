//! The real server as a child process on a port of its own.

use std::ffi::OsString;
use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::service::first_line;
use super::{Clock, Proxy, built, program};

/// What a writable server keeps in its root of leases that are over.
const ENDED: &str = ".hdfstream-ended";

/// The names in a served directory, sorted; without what the server keeps of leases that are over.
#[track_caller]
pub(crate) fn served_names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(directory)
        .expect("a directory")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .filter(|name| name != ENDED)
        .collect();
    names.sort();
    names
}

/// A server; it ends when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    base: String,
    log: tempfile::NamedTempFile,
}

impl Server {
    /// Serves `root` read-only.
    pub(crate) fn over(root: impl AsRef<Path>) -> Self {
        Self::on(root, "127.0.0.1:0")
    }

    /// Serves `root` on a given address, so that a server can come back where another one was.
    pub(crate) fn on(root: impl AsRef<Path>, listen: &str) -> Self {
        Self::started(root, listen, &[])
    }

    /// Serves `root` with further options.
    pub(crate) fn with(root: impl AsRef<Path>, options: &[&str]) -> Self {
        Self::started(root, "127.0.0.1:0", options)
    }

    /// Serves `root` with further options, by a wall clock of its own.
    pub(crate) fn by_clock(root: impl AsRef<Path>, options: &[&str], clock: &Clock) -> Self {
        Self::launched(root, "127.0.0.1:0", options, &clock.variables())
    }

    /// Serves `root` on a given address with further options.
    pub(crate) fn started(root: impl AsRef<Path>, listen: &str, options: &[&str]) -> Self {
        Self::launched(root, listen, options, &[])
    }

    fn launched(
        root: impl AsRef<Path>,
        listen: &str,
        options: &[&str],
        variables: &[(&str, OsString)],
    ) -> Self {
        let log = tempfile::NamedTempFile::new().expect("a file for the log");
        let stderr = log.reopen().expect("the log");
        let mut child = Command::new(built::server())
            .args(["--listen", listen, "--root"])
            .arg(root.as_ref())
            .args(options)
            .envs(variables.iter().cloned())
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .expect("the server starts");
        let stdout = child.stdout.take().expect("a pipe");
        let line = first_line(stdout).unwrap_or_else(|| {
            program::signal_group("KILL", child.id());
            let text = std::fs::read_to_string(log.path()).unwrap_or_default();
            panic!("the server did not say that it listens; its log:\n{text}")
        });
        let base = line
            .trim_end()
            .strip_prefix("listening on ")
            .unwrap_or_else(|| panic!("unexpected first line of the server: {line:?}"))
            .to_owned();
        let address = base
            .strip_prefix("http://")
            .or_else(|| base.strip_prefix("https://"))
            .and_then(|rest| rest.strip_suffix("/hdfstream"))
            .and_then(|address| address.parse().ok())
            .unwrap_or_else(|| panic!("unexpected address of the server: {base:?}"));
        Self {
            child,
            address,
            base,
            log,
        }
    }

    /// `http://127.0.0.1:PORT/hdfstream`, or with `https`.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// URL of a file; `path` is used as it is.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.base)
    }

    /// A proxy before this server; its URLs name the proxy.
    pub(crate) fn behind_proxy(&self) -> Proxy {
        Proxy::before(self.address)
    }

    /// What it wrote so far: its log.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.log.path()).expect("the log")
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it at once, workers included, as a crash of the machine would.
    pub(crate) fn kill(&mut self) {
        program::signal_group("KILL", self.child.id());
        self.child.wait().expect("the end of the server");
    }

    /// Asks it to end, and waits; `None` when it does not.
    pub(crate) fn terminate(&mut self) -> Option<ExitStatus> {
        program::signal_process("TERM", &self.child.id().to_string());
        let end = Instant::now() + Duration::from_secs(30);
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait().expect("the state of the server") {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        None
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<_> = log.lines().collect();
            let tail = &lines[lines.len().saturating_sub(30)..];
            eprintln!("---- end of the server's log\n{}", tail.join("\n"));
        }
        program::signal_group("KILL", self.child.id());
        // It may have been waited for already.
        let _ = self.child.wait();
    }
}

/// Copies `from` into a new directory, for tests that change or add files.
pub(crate) fn directory_with(files: &[&Path]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    for file in files {
        let name = file.file_name().expect("a file's name");
        std::fs::copy(file, directory.path().join(name))
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }
    directory
}

/// An empty file at `path`, with the directories that it needs.
pub(crate) fn create(path: &Path) -> File {
    std::fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
    File::create(path).expect("a file")
}
