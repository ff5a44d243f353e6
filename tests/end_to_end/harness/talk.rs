//! A child process that says things line by line while it runs, and may be told things.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{Program, program};

/// A running one; it is killed when dropped.
#[derive(Debug)]
pub(crate) struct Talk {
    child: Child,
    lines: Receiver<String>,
    reading: Option<JoinHandle<()>>,
    errors: tempfile::NamedTempFile,
}

impl Talk {
    pub(crate) fn with(program: &Program) -> Self {
        let errors = tempfile::NamedTempFile::new().expect("a file");
        let mut child = program
            .command()
            .stdin(Stdio::piped())
            .stderr(errors.reopen().expect("the file"))
            .spawn()
            .expect("the program starts");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let (sender, lines): (Sender<String>, _) = channel();
        let reading = std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                // Nobody may listen any more.
                let _ = sender.send(line);
            }
        });
        Self {
            child,
            lines,
            reading: Some(reading),
            errors,
        }
    }

    /// The next line, unless it does not come in time or the program has ended.
    pub(crate) fn line(&self, limit: Duration) -> Option<String> {
        self.lines.recv_timeout(limit).ok()
    }

    /// Says a line to it, and waits for the answer.
    pub(crate) fn ask(&mut self, question: &str) -> Option<String> {
        let stdin = self.child.stdin.as_mut().expect("a pipe");
        writeln!(stdin, "{question}").and_then(|()| stdin.flush()).ok()?;
        self.line(Duration::from_secs(120))
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("the state of a child").is_some()
    }

    pub(crate) fn signal(&self, signal: &str) {
        program::signal_group(signal, self.child.id());
    }

    /// Kills it, and waits until all that it has said can be read.
    pub(crate) fn kill(&mut self) {
        self.signal("KILL");
        self.child.wait().expect("the end of a child");
        self.finish_reading();
    }

    /// Waits for its end; `false` if it takes too long.
    pub(crate) fn wait(&mut self, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        while !self.has_ended() {
            if Instant::now() > end {
                return false;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.finish_reading();
        true
    }

    fn finish_reading(&mut self) {
        if let Some(reading) = self.reading.take() {
            reading.join().expect("a thread that only reads");
        }
    }

    /// What it wrote on its standard error.
    pub(crate) fn errors(&self) -> String {
        std::fs::read_to_string(self.errors.path()).unwrap_or_default()
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        self.signal("KILL");
        // It may have been waited for.
        let _ = self.child.wait();
    }
}
