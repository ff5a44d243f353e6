//! A directory that lies on a server: programs make files below it, and each leaves a stub there.

use std::path::{Path, PathBuf};

use super::{Plugin, Program, Server};

/// A writable server, and a local directory that the settings file makes a mount of it.
#[derive(Debug)]
pub(crate) struct Mounted {
    server: Server,
    directory: tempfile::TempDir,
}

impl Mounted {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        for name in ["served", "mounted", "plain", "work"] {
            std::fs::create_dir(directory.path().join(name)).expect("a directory");
        }
        let server = Server::with(directory.path().join("served"), &["--writable"]);
        let mounted = Self { server, directory };
        let text = format!(
            "aliases: {{}}\nmounts:\n  {}: {}\n",
            mounted.path().display(),
            mounted.server.base()
        );
        std::fs::write(mounted.directory.path().join("config.yml"), text).expect("a file");
        mounted
    }

    /// The directory that is a mount.
    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("mounted")
    }

    /// One that is not, for the same with local files.
    pub(crate) fn plain(&self) -> PathBuf {
        self.directory.path().join("plain")
    }

    /// What the server serves, as files of its own disk.
    pub(crate) fn served(&self) -> PathBuf {
        self.directory.path().join("served")
    }

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// The program with a home and a working directory that go with this.
    fn at_home(&self, program: Program) -> Program {
        let work = self.directory.path().join("work");
        program.env("HOME", &work).directory(work)
    }

    /// Runs with local files, below [`Self::plain`].
    pub(crate) fn native(&self, program: Program) -> Program {
        self.at_home(program)
            .plugin(Plugin::Off)
            .env("TMPDIR", self.plain())
    }

    /// Runs with remote files, below [`Self::path`].
    pub(crate) fn remote(&self, program: Program) -> Program {
        self.at_home(program)
            .plugin(Plugin::On)
            .env("TMPDIR", self.path())
            .env("HDFSTREAM_CONFIG", self.directory.path().join("config.yml"))
    }

    /// Path of a script of this run's own.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

/// Every file below a directory, but for the server's own.
pub(crate) fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for name in super::served_names(directory) {
        let path = directory.join(name);
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files
}
