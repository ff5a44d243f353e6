//! Logging in and out, at a terminal and without one, against a server with accounts.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use crate::harness::corpus;
use crate::harness::{Outcome, Plugin, Program, Server, built, hdfstream, python, python_file};

const PASSWORD: &str = "correct horse battery";

struct Scene {
    home: tempfile::TempDir,
    _served: tempfile::TempDir,
    server: Server,
}

/// A server that answers nobody without a login, and knows joe.
fn scene() -> Scene {
    scene_with(&[])
}

/// The same with further options of the server.
fn scene_with(options: &[&str]) -> Scene {
    let served = tempfile::tempdir().expect("a directory");
    corpus::write_with("import write_files; write_files.small('s.h5')", served.path());
    let home = tempfile::tempdir().expect("a directory");
    let users = home.path().join("users");
    let mut child = Command::new(built::server())
        .args(["user", "add", "joe", "--users"])
        .arg(&users)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("the server's program");
    let mut stdin = child.stdin.take().expect("a pipe");
    writeln!(stdin, "{PASSWORD}").expect("a password");
    drop(stdin);
    assert!(child.wait().expect("its end").success());
    let path = users.to_str().expect("UTF-8");
    Scene {
        server: Server::with(
            served.path(),
            &[&["--users", path, "--anonymous=false"], options].concat(),
        ),
        _served: served,
        home,
    }
}

impl Scene {
    fn at_home(&self, program: Program) -> Program {
        program.env("HOME", self.home.path())
    }

    fn tool(&self) -> Program {
        self.at_home(hdfstream())
    }

    /// Runs the tool with a line of input.
    fn with_input(&self, arguments: &[&str], line: &str) -> Outcome {
        self.at_home(Program::new("/bin/sh"))
            .args([
                "-c",
                r#"line=$1; shift; printf '%s\n' "$line" | "$@""#,
                "sh",
                line,
            ])
            .arg(built::command())
            .args(arguments)
            .run()
    }

    /// Runs the tool on a terminal, with answers to what it asks.
    fn on_terminal(&self, talk: &[&str], arguments: &[&str]) -> Outcome {
        self.at_home(python_file("end_to_end/programs/terminal.py"))
            .arg("60")
            .args(talk)
            .arg("--")
            .arg(built::command())
            .args(arguments)
            .run()
    }

    fn url(&self) -> &str {
        self.server.base()
    }
}

#[test]
fn a_login_at_the_terminal_serves_every_program_until_the_logout() {
    let scene = scene();
    let locked = scene.tool().arg("ls").arg(scene.url()).run().failure();
    assert!(locked.stderr.contains("login"), "{locked}");
    scene
        .tool()
        .args(["alias", "add", "--user", "joe", "here"])
        .arg(scene.url())
        .output();

    let outcome = scene
        .on_terminal(&["password of joe", PASSWORD], &["login", "here"])
        .success();
    assert!(outcome.stdout.contains("as joe; a token is kept in"), "{outcome}");
    assert!(!outcome.stdout.contains(PASSWORD), "{outcome}");
    assert!(outcome.stdout.contains(" until 20"), "{outcome}");
    for entry in walk(scene.home.path()) {
        let text = String::from_utf8_lossy(&fs::read(&entry).expect("a file")).into_owned();
        assert!(!text.contains(PASSWORD), "{} has the password", entry.display());
        if text.contains("\"token\"") || text.contains("token:") {
            let mode = fs::metadata(&entry).expect("a file").permissions().mode();
            assert_eq!(mode & 0o077, 0, "{}", entry.display());
        }
    }
    assert_eq!(scene.tool().args(["ls", "here:"]).output(), "s.h5\n");
    let script = "import h5py, sys; print(len(h5py.File(sys.argv[1])))";
    let read = || {
        scene
            .at_home(python(script))
            .arg("here:s.h5")
            .plugin(Plugin::On)
            .run()
    };
    read().success();

    let said = scene.tool().args(["logout", "here"]).output();
    assert!(said.contains("removed from"), "{said}");
    read().failure();
    let outcome = scene.tool().args(["logout", "here"]).run().failure();
    assert!(outcome.stderr.contains("no login is kept"), "{outcome}");
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a directory") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => files.extend(walk(&path)),
            false => files.push(path),
        }
    }
    files
}

#[test]
fn a_script_logs_in_by_standard_input() {
    let scene = scene();
    let url = scene.url().to_owned();
    let login = |arguments: &[&str], line: &str| {
        let mut all = vec!["login", "--password-stdin", "--json"];
        all.extend(arguments);
        all.push(&url);
        scene.with_input(&all, line)
    };
    let wrong = login(&["--user", "joe"], "wrong").failure();
    assert!(wrong.stderr.contains("login"), "{wrong}");
    let empty = login(&["--user", "joe"], "").failure();
    assert!(empty.stderr.contains("nothing was given"), "{empty}");
    let nobody = login(&[], PASSWORD).failure();
    assert!(nobody.stderr.contains("--user"), "{nobody}");
    assert!(!scene.home.path().join(".config").exists());

    let outcome = login(&["--user", "joe", "--days", "2"], PASSWORD).success();
    let report: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    assert_eq!(
        (&report["user"], &report["kept"]),
        (&"joe".into(), &"token".into()),
        "{outcome}"
    );
    assert!(report["expires"].is_string(), "{outcome}");
    assert_eq!(scene.tool().arg("ls").arg(&url).output(), "s.h5\n");
    let below = scene
        .tool()
        .args(["logout", "--json"])
        .arg(scene.server.url("s.h5"))
        .output();
    assert!(below.contains("removed_from"), "{below}");
}

#[test]
fn without_a_terminal_nobody_is_asked() {
    let scene = scene();
    let outcome = scene
        .tool()
        .args(["login", "--user", "joe"])
        .arg(scene.url())
        .run()
        .failure();
    assert!(outcome.stderr.contains("--password-stdin"), "{outcome}");
}

#[test]
fn a_token_that_somebody_gave_can_be_kept() {
    let scene = scene();
    let users = scene.home.path().join("users");
    let token = Program::new(built::server())
        .args(["token", "joe", "--users"])
        .arg(users)
        .output();
    let outcome = scene
        .with_input(
            &["login", "--token", "--password-stdin", scene.url()],
            token.trim(),
        )
        .success();
    assert!(outcome.stdout.contains("as joe"), "{outcome}");
    assert!(!outcome.stdout.contains(token.trim()), "{outcome}");
    assert_eq!(scene.tool().arg("ls").arg(scene.url()).output(), "s.h5\n");
    let outcome = scene
        .with_input(&["login", "--token", "--password-stdin", scene.url()], "nonsense")
        .failure();
    assert!(outcome.stderr.contains("login"), "{outcome}");
}

#[test]
fn no_password_is_sent_in_the_open() {
    let scene = scene();
    // Nobody is there, and nobody is asked.
    let outcome = scene
        .with_input(
            &["alias", "add", "--offline", "open", "http://192.0.2.1/hdfstream"],
            "",
        )
        .success();
    assert_eq!(outcome.stderr, "", "{outcome}");
    let outcome = scene
        .with_input(&["login", "--user", "joe", "--password-stdin", "open"], PASSWORD)
        .failure();
    assert!(outcome.stderr.contains("not encrypted"), "{outcome}");
}

#[test]
fn a_server_without_accounts_needs_no_login() {
    let served = tempfile::tempdir().expect("a directory");
    let open = Server::over(served.path());
    let scene = scene();
    let outcome = scene
        .with_input(&["login", "--user", "joe", "--password-stdin", open.base()], "x")
        .failure();
    assert!(outcome.stderr.contains("no accounts"), "{outcome}");
    assert!(!scene.home.path().join(".config").exists());
}

/// There is no token to be had, and so the password is kept; that it is right the server says all the same.
#[test]
fn servers_of_the_older_protocol_know_users_too() {
    let scene = scene_with(&["--protocol", "v1"]);
    let added = ["alias", "add", "old", scene.server.base(), "--user", "joe"];
    let said = scene.tool().args(added).output();
    assert!(
        said.contains("old is ") && said.contains("hdfstream login old"),
        "{said}"
    );
    let login = ["login", "old", "--password-stdin"];
    let refused = scene.with_input(&login, "wrong").failure();
    assert!(refused.stderr.contains("password or token is wrong"), "{refused}");
    scene.with_input(&login, PASSWORD).success();
    let read = "import h5py, sys\nwith h5py.File(sys.argv[1]) as file: assert len(file)";
    for name in ["old:s.h5", &scene.server.url("s.h5")] {
        let read = scene.at_home(python(read)).arg(name).plugin(Plugin::On);
        read.run().success();
    }
}
