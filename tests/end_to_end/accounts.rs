//! Logins to the real server, from programs, and what becomes of the secrets in them.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use crate::harness::corpus;
use crate::harness::{Accounts, Outcome, Plugin, Program, Server, built, python};

const PASSWORD: &str = "correct-horse-7391";

/// `served/small.h5`, and the account of ada.
struct Scene {
    directory: tempfile::TempDir,
    accounts: Accounts,
    server: Server,
}

fn scene(options: &[&str]) -> Scene {
    let directory = tempfile::tempdir().expect("a directory");
    corpus::write_with(
        "import write_files; write_files.small('small.h5', 5)",
        directory.path(),
    );
    let accounts = Accounts::new("");
    accounts.add("ada", PASSWORD, &["staff"]);
    let server = accounts.serve(directory.path(), options);
    Scene {
        directory,
        accounts,
        server,
    }
}

/// An HTTP client that knows nothing of hdfstream; prints the status, then the body.
fn curl(url: &str) -> Program {
    let shown = ["-sS", "--max-time", "60", "-w", "\n%{http_code}", "--output", "-"];
    Program::new("/usr/bin/curl").args(shown).arg(url)
}

fn status(outcome: &Outcome) -> &str {
    outcome.stdout.rsplit('\n').next().unwrap_or_default()
}

/// A program that opens the file, with a login in its environment.
fn read(scene: &Scene, login: &[(&str, &str)]) -> Outcome {
    let script = "import h5py, sys\ntry: print(sorted(h5py.File(sys.argv[1])))\n\
                  except Exception as error: print(type(error).__name__, error)";
    let program = python(script)
        .arg(scene.server.url("small.h5"))
        .plugin(Plugin::On);
    login
        .iter()
        .fold(program, |program, (name, value)| program.env(name, value))
        .run()
        .success()
}

#[test]
fn programs_log_in_by_password_and_token() {
    let scene = scene(&["--anonymous=false"]);
    let user = ("HDFSTREAM_USER", "ada");
    let good = read(&scene, &[user, ("HDFSTREAM_PASSWORD", PASSWORD)]);
    assert!(good.stdout.starts_with('['), "{good}");
    let token = scene.accounts.token("ada");
    let by_token = read(&scene, &[("HDFSTREAM_TOKEN", &token)]);
    assert_eq!(by_token.stdout, good.stdout);
    for wrong in [
        &[][..],
        &[user, ("HDFSTREAM_PASSWORD", "wrong")],
        &[("HDFSTREAM_TOKEN", "hdfs1.YWRh.9999999999.AAAA")],
    ] {
        let refused = read(&scene, wrong);
        assert!(refused.stdout.starts_with("PermissionError"), "{refused}");
    }
}

#[test]
fn a_login_ends_with_the_account() {
    let scene = scene(&["--anonymous=false"]);
    let token = scene.accounts.token("ada");
    let bearer = format!("Authorization: Bearer {token}");
    let page = scene.server.url("download/small.h5");
    let by_token = || status(&curl(&page).args(["-H", &bearer]).run().success()).to_owned();
    let by_password = || {
        let login = format!("ada:{PASSWORD}");
        status(&curl(&page).args(["-u", &login]).run().success()).to_owned()
    };
    assert_eq!((by_token(), by_password()), ("200".to_owned(), "200".to_owned()));
    scene
        .accounts
        .administer(&["token", "--revoke", "ada"])
        .run()
        .success();
    std::thread::sleep(Duration::from_millis(1_500));
    assert_eq!((by_token(), by_password()), ("401".to_owned(), "200".to_owned()));
    scene
        .accounts
        .administer(&["user", "remove", "ada"])
        .run()
        .success();
    std::thread::sleep(Duration::from_millis(1_500));
    assert_eq!((by_token(), by_password()), ("401".to_owned(), "401".to_owned()));
    assert!(scene.server.log().contains("loaded"), "{}", scene.server.log());
}

#[test]
fn nothing_of_logins_is_logged() {
    let scene = scene(&["--log", "trace"]);
    let token = scene.accounts.token("ada");
    let secrets = [
        PASSWORD.to_owned(),
        "wrong-horse-5526".to_owned(),
        token.clone(),
        format!("{token}x"),
    ];
    let [right, wrong, token, no_token] = &secrets;
    let mut statuses = Vec::new();
    for version in ["--http1.1", "--http2-prior-knowledge"] {
        for page in ["v2", "v2/token", "download/small.h5", "download/missing"] {
            let request = curl(&scene.server.url(page)).arg(version);
            let request = match page {
                // An empty map.
                "v2/token" => request.arg("--data-binary").arg(OsStr::from_bytes(b"\x80")),
                _ => request,
            };
            for login in [
                ["-u".to_owned(), format!("ada:{right}")],
                ["-u".to_owned(), format!("ada:{wrong}")],
                ["-H".to_owned(), format!("Authorization: Bearer {token}")],
                ["-H".to_owned(), format!("Authorization: Bearer {no_token}")],
                ["-H".to_owned(), format!("Authorization: {right}")],
            ] {
                let outcome = request.clone().args(login).run().success();
                statuses.push(status(&outcome).to_owned());
            }
        }
    }
    // Also by the plugin, whose own log says as little.
    for login in [
        &[("HDFSTREAM_USER", "ada"), ("HDFSTREAM_PASSWORD", right.as_str())][..],
        &[("HDFSTREAM_TOKEN", token.as_str())],
        &[("HDFSTREAM_TOKEN", no_token.as_str())],
    ] {
        let mut variables = vec![("HDFSTREAM_LOG", "trace")];
        variables.extend(login);
        let outcome = read(&scene, &variables);
        for secret in &secrets {
            assert!(
                !outcome.stderr.contains(secret) && !outcome.stdout.contains(secret),
                "{outcome}"
            );
        }
    }
    assert!(statuses.iter().any(|status| status == "200"), "{statuses:?}");
    assert!(
        statuses.iter().filter(|&status| status == "401").count() > 10,
        "{statuses:?}"
    );
    let log = scene.server.log();
    // That it is a log of everything.
    assert!(
        log.contains("TRACE") && log.contains("a wrong login from 127.0.0.1"),
        "{log}"
    );
    let encoded: Vec<String> = [right, wrong]
        .iter()
        .map(|password| {
            let encode = "import base64, sys; print(base64.b64encode(sys.argv[1].encode()).decode())";
            python(encode)
                .arg(format!("ada:{password}"))
                .output()
                .trim()
                .to_owned()
        })
        .collect();
    for secret in secrets.iter().chain(&encoded) {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    let hashes = std::fs::read_to_string(scene.accounts.users()).expect("the users file");
    let hash = hashes
        .split('"')
        .find(|part| part.starts_with("$argon2id$"))
        .expect("a hash");
    assert!(!log.contains(hash), "a hash is in the log");
    drop(scene.directory);
}

#[test]
fn accounts_that_cannot_be_used_are_said_at_start() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::create_dir(directory.path().join("root")).expect("a directory");
    std::fs::write(directory.path().join("root/file"), "x").expect("a file");
    let refusal = |accounts: &Accounts| {
        let program = Program::new(built::server())
            .args(["--listen", "127.0.0.1:0", "--config"])
            .arg(accounts.configuration())
            .arg("--root")
            .arg(directory.path().join("root"));
        program.run().failure().stderr
    };
    let none = Accounts::new("");
    assert!(refusal(&none).contains("user add"), "{}", refusal(&none));
    let open = Accounts::new("");
    open.add("ada", PASSWORD, &[]);
    let mode = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(open.users(), mode).expect("a mode");
    assert!(refusal(&open).contains("chmod"), "{}", refusal(&open));
    let file = Accounts::new("[directories.file]\nread = ['staff']\n");
    file.add("ada", PASSWORD, &[]);
    assert!(
        refusal(&file).contains("rules are for directories"),
        "{}",
        refusal(&file)
    );
}
