//! A child process that says on its first line where it serves, and goes on until it is dropped.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout};
use std::sync::mpsc;
use std::time::Duration;

use super::{Program, program};

/// A running one.
#[derive(Debug)]
pub(crate) struct Service {
    child: Child,
    line: String,
}

impl Service {
    pub(crate) fn start(program: &Program) -> Self {
        let mut child = program.command().spawn().expect("the service starts");
        let stdout = child.stdout.take().expect("a pipe");
        let line = first_line(stdout).expect("a first line");
        Self { child, line }
    }

    /// Its first line: a port, an address.
    pub(crate) fn line(&self) -> &str {
        self.line.trim()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        program::signal_group("KILL", self.child.id());
        // It may have ended by itself.
        let _ = self.child.wait();
    }
}

/// The first line, unless it takes absurdly long. Later output is read and dropped, lest a full pipe
/// stop the child.
pub(super) fn first_line(stdout: ChildStdout) -> Option<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            // Only the first is received.
            let _ = sender.send(line);
        }
    });
    receiver.recv_timeout(Duration::from_secs(60)).ok()
}
