//! What somebody at a terminal sees of a long fetch, and what nobody else does.

use std::time::Duration;

use crate::harness::{Outcome, Program, Proxy, Server, built, hdfstream, python_file};

struct Scene {
    directory: tempfile::TempDir,
    _server: Server,
    proxy: Proxy,
}

/// A server that is so far away that a bar is due.
fn scene() -> Scene {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("large.bin"), vec![7; 8 << 20]).expect("a file");
    let server = Server::over(directory.path());
    let proxy = server.behind_proxy();
    proxy.set_one_way(Duration::from_millis(300));
    Scene {
        directory,
        _server: server,
        proxy,
    }
}

impl Scene {
    fn get(&self, program: Program) -> Outcome {
        program
            .args(["get", "--force"])
            .arg(self.proxy.url("large.bin"))
            .arg("copy")
            .directory(self.directory.path())
            .run()
            .success()
    }
}

#[test]
fn a_bar_is_shown_on_a_terminal_and_cleared() {
    let scene = scene();
    let terminal = || {
        python_file("end_to_end/programs/terminal.py")
            .args(["60", "--"])
            .arg(built::command())
            .env("TERM", "xterm")
    };
    let seen = scene.get(terminal());
    assert!(
        seen.stdout.contains("large.bin") && seen.stdout.contains("8.00 MiB"),
        "{seen}"
    );
    assert!(seen.stdout.contains("\u{1b}[2K"), "{seen}");
    assert!(seen.stdout.ends_with("fetched 1 file, 8.00 MiB\r\n"), "{seen}");
    for quiet in [
        terminal().env("HDFSTREAM_PROGRESS", "never"),
        terminal().env("TERM", "dumb"),
    ] {
        assert_eq!(scene.get(quiet).stdout, "fetched 1 file, 8.00 MiB\r\n");
    }
}

#[test]
fn a_long_look_through_directories_is_counted() {
    let scene = scene();
    std::fs::create_dir_all(scene.directory.path().join("a/b")).expect("a directory");
    let program = hdfstream()
        .args(["ls", "-R"])
        .arg(scene.proxy.url(""))
        .env("HDFSTREAM_PROGRESS", "always");
    let outcome = program.run().success();
    assert!(outcome.stderr.contains("looking through http"), "{outcome}");
    assert_eq!(outcome.stdout, "a/\na/b/\nlarge.bin\n");
    let quiet = program.arg("--json").run().success();
    assert_eq!(quiet.stderr, "", "{quiet}");
}

#[test]
fn no_bar_in_logs_unless_asked_for() {
    let scene = scene();
    let quiet = scene.get(hdfstream());
    assert_eq!(
        (quiet.stdout.as_str(), quiet.stderr.as_str()),
        ("fetched 1 file, 8.00 MiB\n", "")
    );
    let always = scene.get(hdfstream().env("HDFSTREAM_PROGRESS", "always"));
    assert!(
        always.stderr.contains("8.00 MiB") && always.stdout == quiet.stdout,
        "{always}"
    );
}
