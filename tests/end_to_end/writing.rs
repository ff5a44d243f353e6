//! Programs write remote files: what docs/semantics.md says under "Writing". Its sentences stand above the tests that
//! prove them.

mod clocks;
mod contents;
mod ending;
mod failures;
mod locking;
mod manual;
mod modes;
mod names;
mod others;
mod programs;
mod refusals;
mod requests;
mod swmr;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::harness::comparison::without_addresses;
use crate::harness::{Outcome, Plugin, Program, Running, Server, python, served_names, tool};

/// A directory whose content a server lets everybody change, and a place for local files.
struct Scene {
    directory: tempfile::TempDir,
    server: Server,
}

/// Options of a server with leases so short that a test can wait until one is over.
const SHORT_LEASES: [&str; 2] = ["--lease-seconds", "5"];

impl Scene {
    fn new() -> Self {
        Self::with(&[])
    }

    /// With further options of the server.
    fn with(options: &[&str]) -> Self {
        let options = [&["--writable"], options].concat();
        Self::served_by(|root| Server::with(root, &options))
    }

    fn served_by(serve: impl FnOnce(&Path) -> Server) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        for name in ["served", "steps"] {
            std::fs::create_dir(directory.path().join(name)).expect("a directory");
        }
        let server = serve(&directory.path().join("served"));
        Self { directory, server }
    }

    /// Starts the server again where it was.
    fn serve_again(&mut self) {
        let address = self.server.address().to_string();
        self.server.kill();
        self.server = Server::started(self.served(""), &address, &["--writable"]);
    }

    /// A path below what is served.
    fn served(&self, path: &str) -> PathBuf {
        self.directory.path().join("served").join(path)
    }

    /// A path that is not served.
    fn local(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    /// A Python program that finds in `name` the URL of `file.h5`.
    fn program(&self, script: &str) -> Program {
        self.program_at(&self.server.url("file.h5"), script)
    }

    fn program_at(&self, name: &str, script: &str) -> Program {
        let script = format!(
            "import os, sys, h5py, numpy\nfrom together import *\nname, local = sys.argv[1:]\n{script}"
        );
        python(&script)
            .arg(name)
            .arg(self.directory.path())
            .env("STEPS", self.local("steps"))
            .env("XDG_STATE_HOME", self.local("state"))
            .env("HDFSTREAM_CONNECT_TIMEOUT", "2")
            .env("HDFSTREAM_READ_TIMEOUT", "2")
            .plugin(Plugin::On)
    }

    /// Runs such a program to its end.
    #[track_caller]
    fn run(&self, script: &str) -> Outcome {
        self.program(script).run().success()
    }

    /// Waits until a program calls `step(name)`.
    #[track_caller]
    fn reached(&self, name: &str) {
        let path = self.local("steps").join(format!("{name}.reached"));
        wait_until(&format!("step {name}"), || path.exists());
    }

    /// Lets the program go on after `step(name)`.
    fn go(&self, name: &str) {
        std::fs::write(self.local("steps").join(format!("{name}.go")), "").expect("a file");
    }

    /// Starts a program and waits until it calls `step(name)`.
    #[track_caller]
    fn start(&self, program: &Program, name: &str) -> Running {
        let running = program.start();
        self.reached(name);
        running
    }

    /// What HDF5 of this machine shows of a served file.
    #[track_caller]
    fn dump(&self, path: &str) -> String {
        dump(&self.served(path))
    }

    /// Names in the root group of a served file, by native HDF5 on the server's own disk.
    #[track_caller]
    fn names(&self, path: &str) -> String {
        let script = "import sys, h5py\nwith h5py.File(sys.argv[1]) as f: print(*sorted(f))";
        // The lock of a writer that was killed lasts as long as its lease.
        let output = python(script)
            .arg(self.served(path))
            .env("HDF5_USE_FILE_LOCKING", "FALSE")
            .output();
        output.trim().to_owned()
    }

    /// That nothing but these is in the served directory: no part of a file that was not finished.
    #[track_caller]
    fn serves_just(&self, names: &[&str]) {
        assert_eq!(served_names(&self.served("")), names);
    }
}

/// What h5dump of this machine shows of a local file, whatever its name.
#[track_caller]
fn dump(path: &Path) -> String {
    let shown = tool("h5dump")
        .arg(path)
        .env("HDF5_USE_FILE_LOCKING", "FALSE")
        .output();
    without_addresses(&shown.replace(&path.display().to_string(), "FILE"))
}

/// Waits until `condition` holds; every wait of a test ends.
#[track_caller]
fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < end, "{what} did not come");
        std::thread::sleep(Duration::from_millis(10));
    }
}
