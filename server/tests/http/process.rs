//! The program itself: its one line of output, its end, and what a broken-off answer looks like.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hdfstream::protocol::{self, Begin, CommitRequest, LeaseName};
use serde::Serialize;

use crate::harness::noise;
use crate::writer::Writer;

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
        Self::start_with(root, &[])
    }

    fn start_with(root: &Path, arguments: &[&str]) -> Self {
        let arguments = [&["--listen", "127.0.0.1:0"], arguments].concat();
        let mut child = program(root, &arguments).spawn().unwrap();
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

    /// Calls an endpoint of protocol v2, and returns the status and the body.
    fn post(&self, endpoint: &str, message: &impl Serialize) -> (u16, Vec<u8>) {
        let body = protocol::encode(message).unwrap();
        let mut stream = self.connect();
        write!(
            stream,
            "POST /hdfstream/v2/{endpoint} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        )
        .unwrap();
        stream.write_all(&body).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .unwrap();
        let status = String::from_utf8_lossy(&answer[9..12]).parse().unwrap();
        (status, answer[end + 4..].to_vec())
    }

    fn good(&self, endpoint: &str, message: &impl Serialize) {
        let (status, body) = self.post(endpoint, message);
        assert_eq!(status, 200, "{endpoint}: {}", String::from_utf8_lossy(&body));
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
fn a_writer_goes_on_after_the_server_was_killed() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("old.h5"), noise(100_000)).unwrap();
    let (old, new) = (Writer::new("old.h5", 1), Writer::new("new.h5", 2));
    let mut program = Program::start_with(root.path(), &["--writable"]);
    let mut expected = noise(100_000);
    program.good("lease", &old.lease_request(Begin::Existing));
    program.good("lease", &new.lease_request(Begin::Create));
    for number in 1..=6u64 {
        let mark = vec![number as u8; 30_000];
        let end = expected.len() as u64;
        program.good(
            "stage",
            &old.stage_request(number, 0, &[(end, &mark), (end + 40_000, &mark)]),
        );
        program.good(
            "stage",
            &new.stage_request(1, number - 1, &[((number - 1) * 30_000, &mark)]),
        );
        program.signal("KILL");
        program.child.wait().unwrap();
        program = Program::start_with(root.path(), &["--writable"]);
        let commit = CommitRequest {
            parts: 1,
            ..old.commit_request(number, end + 50_000, &[(number * 1_000, &mark[..100])])
        };
        program.good("commit", &commit);
        expected.extend(&mark);
        expected.resize(end as usize + 40_000, 0);
        expected.extend(&mark[..10_000]);
        expected[number as usize * 1_000..][..100].copy_from_slice(&mark[..100]);
    }
    let commit = CommitRequest {
        parts: 6,
        release: true,
        ..new.commit_request(1, 180_000, &[])
    };
    program.good("commit", &commit);
    program.good(
        "release",
        &LeaseName {
            path: old.path.clone(),
            lease: old.lease.clone(),
        },
    );
    assert!(std::fs::read(root.path().join("old.h5")).unwrap() == expected);
    let made = std::fs::read(root.path().join("new.h5")).unwrap();
    assert!((0..180_000).all(|at| made[at] as usize == at / 30_000 + 1));
    // The two, and what tells of leases that are over.
    assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 3);
    program.signal("TERM");
    let (good, log) = program.end();
    assert!(good && log.contains("commit 1 of \"new.h5\""), "{log}");
    assert!(!log.contains(&old.lease) && !log.contains(&new.lease), "{log}");
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
