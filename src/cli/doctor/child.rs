//! Runs somebody else's program: without input, for a limited time, keeping a limited amount of what it
//! says.

use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

/// Most output that is kept, bytes; the rest is read and dropped.
const KEPT: usize = 256 << 10;
/// How long after its end a program's output is waited for.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// What became of a program.
#[derive(Debug)]
pub(super) struct Outcome {
    /// `None` when it took too long.
    pub(super) status: Option<ExitStatus>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Outcome {
    /// How it ended, after "it".
    pub(super) fn ending(&self) -> String {
        match self.status {
            None => "took too long".to_owned(),
            Some(status) => match status.signal() {
                Some(signal) => format!("died of signal {signal}"),
                None => format!("ended with status {}", status.code().unwrap_or(-1)),
            },
        }
    }
}

/// Runs `command` until its end, or until `end`.
pub(super) fn run(command: &mut Command, end: Instant) -> std::io::Result<Outcome> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A group of its own, so that what it starts ends with it.
        .process_group(0)
        .spawn()?;
    let stdout = child.stdout.take().map(Listener::new);
    let stderr = child.stderr.take().map(Listener::new);
    let status = wait(&mut child, end)?;
    let until = Instant::now() + LAST_WORDS;
    let text = |listener: Option<Listener>| listener.map(|it| it.text(until)).unwrap_or_default();
    Ok(Outcome {
        status,
        stdout: text(stdout),
        stderr: text(stderr),
    })
}

/// Waits, then ends the whole group. The child is left unreaped until then: its id, and so that of the
/// group, cannot be anybody else's.
fn wait(child: &mut Child, end: Instant) -> std::io::Result<Option<ExitStatus>> {
    let id = Pid::from_child(child);
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    let mut pause = Duration::from_millis(1);
    let ended = loop {
        if waitid(WaitId::Pid(id), look)?.is_some() {
            break true;
        }
        if Instant::now() >= end {
            break false;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    };
    // It fails only when there is nobody left in the group.
    let _ = kill_process_group(id, Signal::KILL);
    let status = child.wait()?;
    Ok(ended.then_some(status))
}

/// Reads a pipe in a thread of its own: a program that left the group may keep it open for ever.
struct Listener {
    heard: Arc<Mutex<Vec<u8>>>,
    done: mpsc::Receiver<()>,
}

impl Listener {
    fn new(mut pipe: impl Read + Send + 'static) -> Self {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (sender, done) = mpsc::channel();
        let into = Arc::clone(&heard);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = pipe.read(&mut buffer) {
                let mut heard = into.lock().unwrap_or_else(PoisonError::into_inner);
                let room = KEPT.saturating_sub(heard.len());
                heard.extend_from_slice(&buffer[..length.min(room)]);
            }
            // The receiver has gone when nobody waits any more.
            let _ = sender.send(());
        });
        Self { heard, done }
    }

    fn text(self, until: Instant) -> String {
        // Without the end of it, what was heard so far counts.
        let _ = self
            .done
            .recv_timeout(until.saturating_duration_since(Instant::now()));
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&heard).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str, limit: Duration) -> Outcome {
        let mut command = Command::new("/bin/sh");
        run(command.args(["-c", script]), Instant::now() + limit).unwrap()
    }

    #[test]
    fn output_and_status_are_kept() {
        let outcome = sh("echo a; echo b >&2; exit 3", Duration::from_secs(60));
        assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("a\n", "b\n"));
        assert_eq!(outcome.ending(), "ended with status 3");
        assert_eq!(
            sh("kill -9 $$", Duration::from_secs(60)).ending(),
            "died of signal 9"
        );
    }

    #[test]
    fn a_program_that_hangs_is_ended_with_its_children() {
        let outcome = sh("sleep 1000 & echo $!; wait", Duration::from_millis(300));
        assert_eq!(outcome.ending(), "took too long");
        let child = outcome.stdout.trim();
        // Killed, though perhaps not yet dead, or not collected by whoever took it over.
        let state = || std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        let end = Instant::now() + Duration::from_secs(60);
        while !state().is_empty() && !state().contains(") Z ") {
            assert!(Instant::now() < end, "{}", state());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn a_child_that_keeps_the_pipe_is_not_waited_for() {
        let outcome = sh("setsid sleep 20 & echo said", Duration::from_secs(60));
        assert_eq!(outcome.stdout, "said\n");
    }

    #[test]
    fn a_flood_is_cut() {
        let outcome = sh("head -c 10000000 /dev/zero", Duration::from_secs(60));
        assert_eq!(outcome.stdout.len(), KEPT);
        assert!(outcome.status.is_some());
    }
}
