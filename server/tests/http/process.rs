//! The program itself: its one line of output, its end, and what a broken-off answer looks like.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::noise;

struct Program {
    child: Child,
    address: String,
}

fn program(root: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hdfstream-server"));
    command
        .arg("--root")
        .arg(root)
        .args(arguments)
        .env_remove("HDFSTREAM_LOG")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

impl Program {
    fn start(root: &Path) -> Self {
        let mut child = program(root, &["--listen", "127.0.0.1:0"]).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line
            .strip_prefix("listening on http://")
            .and_then(|rest| rest.strip_suffix("/hdfstream\n"))
            .unwrap()
            .to_owned();
        Self { child, address }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    fn get(&self, page: &str) -> TcpStream {
        let mut stream = self.connect();
        write!(
            stream,
            "GET /hdfstream{page} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
        )
        .unwrap();
        stream
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", name, &pid])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Waits for the end and returns whether it was a good one, and what was logged.
    fn end(mut self) -> (bool, String) {
        let status = self.child.wait().unwrap();
        let mut log = String::new();
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut log)
            .unwrap();
        (status.success(), log)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Already gone, unless a test failed.
        let _ = self.child.kill();
    }
}

fn refusal(root: &Path, arguments: &[&str]) -> String {
    let output = program(root, arguments).output().unwrap();
    assert!(!output.status.success());
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn running_requests_finish_when_the_server_ends() {
    for signal in ["TERM", "INT"] {
        let root = tempfile::tempdir().unwrap();
        let content = noise(40 << 20);
        std::fs::write(root.path().join("big"), &content).unwrap();
        let program = Program::start(root.path());
        let idle = program.connect();
        let mut stream = program.get("/download/big");
        let mut received = vec![0u8; 100_000];
        stream.read_exact(&mut received).unwrap();
        program.signal(signal);
        std::thread::sleep(Duration::from_millis(200));
        assert!(TcpStream::connect(&program.address).is_err());
        stream.read_to_end(&mut received).unwrap();
        assert!(received.ends_with(&content));
        let begin = Instant::now();
        let (good, log) = program.end();
        assert!(good, "{log}");
        assert!(
            begin.elapsed() < Duration::from_secs(5),
            "an idle connection delays the end"
        );
        drop(idle);
    }
}

#[test]
fn a_change_on_the_way_cuts_the_connection() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("big");
    std::fs::write(&path, noise(40 << 20)).unwrap();
    let program = Program::start(root.path());
    let mut stream = program.get("/download/big");
    let mut received = vec![0u8; 100_000];
    stream.read_exact(&mut received).unwrap();
    std::fs::write(&path, b"replaced").unwrap();
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    assert!(received.len() + rest.len() < 40 << 20);
    // The server goes on.
    let mut answer = String::new();
    program.get("/download/big").read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("replaced"));
    program.signal("TERM");
    let (good, log) = program.end();
    assert!(good && log.contains("broken off"), "{log}");
}

#[test]
fn requests_are_logged_without_forged_lines() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("a.h5"), b"0123456789").unwrap();
    let program = Program::start(root.path());
    for page in ["/download/a.h5", "/download/x%0aINFO%20forged"] {
        let mut answer = Vec::new();
        program.get(page).read_to_end(&mut answer).unwrap();
    }
    program.signal("TERM");
    let (_, log) = program.end();
    let line = log.lines().find(|line| line.contains("path=\"a.h5\"")).unwrap();
    assert!(
        line.contains("GET") && line.contains(" 200 10 bytes ") && line.contains(" ms"),
        "{line}"
    );
    assert!(log.lines().all(|line| !line.starts_with("INFO forged")), "{log}");
}

#[test]
fn what_cannot_be_served_is_said() {
    let root = tempfile::tempdir().unwrap();
    let listen = ["--listen", "127.0.0.1:0"];
    let message = refusal(root.path(), &[&listen[..], &["--lease-seconds", "4"]].concat());
    assert!(message.contains("lease-seconds"), "{message}");
    let message = refusal(root.path(), &["--listen", "0.0.0.0:0"]);
    assert!(message.contains("--insecure-http"), "{message}");
    let message = refusal(&root.path().join("none"), &listen);
    assert!(message.contains("none"), "{message}");
    let config = root.path().join("server.toml");
    std::fs::write(&config, "# settings\nlog = 'info'\nfoo = 1\n").unwrap();
    let message = refusal(root.path(), &["--config", config.to_str().unwrap()]);
    assert!(message.contains("line 3") && message.contains("foo"), "{message}");
}

#[test]
fn a_second_signal_cuts_running_requests_short() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("big"), noise(40 << 20)).unwrap();
    let program = Program::start(root.path());
    let mut stream = program.get("/download/big");
    stream.read_exact(&mut [0u8; 1_000]).unwrap();
    program.signal("TERM");
    std::thread::sleep(Duration::from_millis(300));
    let begin = Instant::now();
    program.signal("TERM");
    let (good, log) = program.end();
    assert!(good && begin.elapsed() < Duration::from_secs(5), "{log}");
}

#[test]
fn many_clients_that_take_nothing_cost_little() {
    let root = tempfile::tempdir().unwrap();
    let content = noise(40 << 20);
    std::fs::write(root.path().join("big"), &content).unwrap();
    let program = Program::start(root.path());
    let mut stalled: Vec<_> = (0..100).map(|_| program.get("/download/big")).collect();
    for stream in &mut stalled {
        stream.read_exact(&mut [0u8; 1]).unwrap();
    }
    // Neither threads nor memory are exhausted: the next client is served.
    let mut received = Vec::new();
    program.get("/download/big").read_to_end(&mut received).unwrap();
    assert!(received.ends_with(&content));
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.child.id())).unwrap();
    let number = |name: &str| -> u64 {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    assert!(number("VmRSS:") < 400 << 10, "{status}");
    assert!(number("Threads:") < 100, "{status}");
    drop(stalled);
}
