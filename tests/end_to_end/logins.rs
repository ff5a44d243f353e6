//! Which login goes to which server, and that it is seen nowhere else.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::harness::{
    Accounts, Outcome, Plugin, Program, Server, Service, corpus, hdfstream, python, python_file,
};

const PASSWORD: &str = "joes-own-secret";
const WRONG: &str = "not-joes-secret";

/// A server with an account, and the home of its user.
struct Scene {
    home: tempfile::TempDir,
    accounts: Accounts,
    server: Server,
}

fn scene() -> Scene {
    let home = tempfile::tempdir().expect("a directory");
    let served = home.path().join("served");
    std::fs::create_dir(&served).expect("a directory");
    corpus::write_with("import write_files; write_files.small('small.h5', 5)", &served);
    let accounts = Accounts::new("anonymous = false\n");
    accounts.add("joe", PASSWORD, &[]);
    let server = accounts.serve(&served, &[]);
    Scene {
        home,
        accounts,
        server,
    }
}

impl Scene {
    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Writes a file below the user's home that only they can read.
    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(&path, text).expect("a file");
        set_mode(&path, 0o600);
    }

    fn netrc(&self, password: &str) {
        self.write(
            ".netrc",
            &format!("machine 127.0.0.1 login joe password {password}\n"),
        );
    }

    fn tokens(&self, entry: &str) {
        let text = format!("{{{:?}: {entry}}}", self.server.base());
        self.write(".config/hdfstream/tokens.json", &text);
    }

    fn at_home(&self, program: Program) -> Program {
        program.env("HOME", self.home.path())
    }

    /// h5py opens the protected file.
    fn open(&self) -> Program {
        let script = "import h5py, sys; print('opened', sorted(h5py.File(sys.argv[1])))";
        self.at_home(python(script).arg(self.server.url("small.h5")).plugin(Plugin::On))
    }

    fn login(&self) -> Program {
        self.at_home(hdfstream().args(["login", self.server.base()]))
    }
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("a mode");
}

#[track_caller]
fn opens(program: Program) -> Outcome {
    let outcome = program.run().success();
    assert!(outcome.stdout.starts_with("opened"), "{outcome}");
    outcome
}

/// It fails in words that hold all of `said`, and no secret.
#[track_caller]
fn fails(program: Program, said: &[&str]) {
    let outcome = program.run().failure();
    for words in said {
        assert!(outcome.stderr.contains(words), "{words:?} is missing: {outcome}");
    }
    assert!(!outcome.stderr.contains("secret"), "{outcome}");
}

fn given(program: Program, password: &str) -> Program {
    program
        .env("HDFSTREAM_USER", "joe")
        .env("HDFSTREAM_PASSWORD", password)
}

#[test]
fn each_place_of_a_login_opens_a_protected_file() {
    let scene = scene();
    fails(
        scene.open(),
        &[
            "none was sent",
            "hdfstream login http://127.0.0.1",
            "HDFSTREAM_TOKEN",
        ],
    );
    opens(given(scene.open(), PASSWORD));
    let info = format!("hdfstream user=joe;password={PASSWORD}");
    opens(scene.open().env("HDF5_VOL_CONNECTOR", info));
    scene.netrc(PASSWORD);
    opens(scene.open());
    std::fs::rename(scene.path(".netrc"), scene.path("logins")).expect("a file");
    opens(scene.open().env("NETRC", scene.path("logins")));
    fails(scene.open(), &["none was sent"]);
    scene.tokens(&format!("{{\"user\": \"joe\", \"password\": {PASSWORD:?}}}"));
    opens(scene.open());
    std::fs::remove_file(scene.path(".config/hdfstream/tokens.json")).expect("a file");
    let token = scene.accounts.token("joe");
    opens(scene.open().env("HDFSTREAM_TOKEN", token));
}

#[test]
fn a_token_is_kept_by_logging_in() {
    let scene = scene();
    let said = scene
        .login()
        .args(["--user", "joe", "--password-stdin"])
        .input(PASSWORD)
        .run()
        .success();
    opens(scene.open());
    let file = scene.path(".config/hdfstream/tokens.json");
    let text = std::fs::read_to_string(&file).expect("the token file");
    assert!(!text.contains(PASSWORD) && text.contains("expires"), "{said}");
    let mode = std::fs::metadata(&file)
        .expect("the token file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    set_mode(&file, 0o644);
    fails(scene.open(), &["chmod 600", "tokens.json"]);
    set_mode(&file, 0o600);
    scene
        .at_home(hdfstream().args(["logout", scene.server.base()]))
        .run()
        .success();
    fails(scene.open(), &["none was sent"]);
}

#[test]
fn the_earlier_place_counts_and_no_other_is_tried() {
    let scene = scene();
    let password = |password: &str| format!("{{\"user\": \"joe\", \"password\": {password:?}}}");
    // What is given, before netrc.
    scene.netrc(PASSWORD);
    fails(
        given(scene.open(), WRONG),
        &["of the environment or the info string is not accepted"],
    );
    scene.netrc(WRONG);
    opens(given(scene.open(), PASSWORD));
    // Netrc, before the token file.
    scene.tokens(&password(PASSWORD));
    fails(scene.open(), &[".netrc is not accepted", "correct it there"]);
    scene.netrc(PASSWORD);
    scene.tokens(&password(WRONG));
    opens(scene.open());
    std::fs::remove_file(scene.path(".netrc")).expect("a file");
    fails(scene.open(), &["tokens.json is not accepted", "hdfstream login"]);
    // A user who is named passes over the logins of others.
    scene.netrc(PASSWORD);
    scene.write(
        ".config/hdfstream/config.yml",
        &format!("servers:\n  {}: {{user: ann}}\n", scene.server.base()),
    );
    fails(scene.open(), &["none was sent"]);
}

#[test]
fn tokens_that_have_expired_are_not_sent() {
    let scene = scene();
    scene.tokens("{\"user\": \"joe\", \"token\": \"a-secret\", \"expires\": 1000000000}");
    let base = scene.server.base().to_owned();
    fails(scene.open(), &["has expired", &format!("hdfstream login {base}")]);
    scene.write(
        ".config/hdfstream/config.yml",
        &format!("aliases:\n  mine: {{url: {base:?}}}\n"),
    );
    fails(scene.open(), &["has expired", "hdfstream login mine"]);
    let log = scene.server.log();
    assert!(!log.contains("small.h5"), "{log}");
}

#[test]
fn a_netrc_file_that_others_can_read_is_used_with_a_warning() {
    let scene = scene();
    scene.netrc(PASSWORD);
    set_mode(&scene.path(".netrc"), 0o644);
    let outcome = opens(scene.open().env("HDFSTREAM_LOG", "warn"));
    assert!(outcome.stderr.contains("chmod 600"), "{outcome}");
    let outcome = opens(scene.open());
    assert!(!outcome.stderr.contains("netrc"), "{outcome}");
}

#[test]
fn a_login_is_not_sent_in_the_open() {
    let scene = scene();
    // On Linux this is the machine itself, but not by a name that says so.
    let url = scene.server.url("small.h5").replace("127.0.0.1", "0.0.0.0");
    let script = "import h5py, sys; h5py.File(sys.argv[1])";
    let open = scene.at_home(python(script).arg(url).plugin(Plugin::On));
    fails(given(open, PASSWORD), &["was not sent", "use https"]);
}

/// What a web server saw.
struct Recorder {
    service: Service,
    seen: PathBuf,
}

impl Recorder {
    fn new(scene: &Scene, name: &str, location: Option<&str>) -> Self {
        let seen = scene.path(name);
        std::fs::write(&seen, "").expect("a file");
        let program = python_file("end_to_end/programs/recorder.py")
            .arg(&seen)
            .args(location);
        Self {
            service: Service::start(&program),
            seen,
        }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hdfstream", self.service.line())
    }

    fn seen(&self) -> String {
        std::fs::read_to_string(&self.seen).expect("what was seen")
    }
}

#[test]
fn what_is_given_for_a_program_does_not_follow_a_files_links_to_other_servers() {
    let scene = scene();
    let other = Recorder::new(&scene, "seen", None);
    corpus::write_with(
        &format!(
            "import h5py\n\
             with h5py.File('links.h5', 'w') as f:\n\
             \x20   f['away'] = h5py.ExternalLink('{other}/x.h5', '/x')\n\
             \x20   f['here'] = h5py.ExternalLink('{here}/small.h5', '/x')\n\
             \x20   layout = h5py.VirtualLayout((4,), 'i8')\n\
             \x20   layout[:] = h5py.VirtualSource('{other}/y.h5', 'x', (4,))\n\
             \x20   f.create_virtual_dataset('virtual', layout)",
            other = other.url(),
            here = scene.server.base(),
        ),
        &scene.path("served"),
    );
    let script = "import h5py, sys\n\
                  f = h5py.File(sys.argv[1])\n\
                  print('opened', f['here'][0])\n\
                  for name in 'away', 'virtual':\n\
                  \x20   try: print(f[name][:])\n\
                  \x20   except Exception as error: print('refused', error)";
    let read = || {
        let program = python(script)
            .arg(scene.server.url("links.h5"))
            .plugin(Plugin::On);
        let outcome = opens(given(scene.at_home(program), PASSWORD));
        assert_eq!(outcome.stdout.matches("refused").count(), 2, "{outcome}");
    };
    read();
    let seen = other.seen();
    assert!(seen.contains("no login") && !seen.contains("Basic"), "{seen}");
    // Named by the user as well, it is trusted.
    scene.write(
        ".config/hdfstream/config.yml",
        &format!("servers: {{{:?}: {{}}}}\n", other.url()),
    );
    read();
    let seen = other.seen();
    assert!(seen.contains("Basic"), "{seen}");
}

#[test]
fn a_redirect_takes_nothing_along() {
    let scene = scene();
    let target = Recorder::new(&scene, "target", None);
    let front = Recorder::new(&scene, "front", Some(&target.url()));
    let script = "import h5py, sys; h5py.File(sys.argv[1])";
    let program = scene.at_home(
        python(script)
            .arg(format!("{}/x.h5", front.url()))
            .plugin(Plugin::On),
    );
    fails(given(program, PASSWORD), &["redirects to", "not followed"]);
    assert!(front.seen().contains("Basic"), "{}", front.seen());
    assert_eq!(target.seen(), "");
}

#[test]
fn secrets_are_seen_nowhere() {
    let scene = scene();
    let log = |program: Program| program.env("HDFSTREAM_LOG", "trace");
    let login = || log(scene.login().args(["--user", "joe", "--password-stdin"]));
    let script = "import h5py, sys, time\n\
                  try: f = h5py.File(sys.argv[1]); print(f.id.get_access_plist().get_driver(), f.filename)\n\
                  except Exception as error: print(error)\n\
                  time.sleep(0.3)";
    let read = || {
        log(scene.at_home(
            python(script)
                .arg(scene.server.url("small.h5"))
                .plugin(Plugin::On),
        ))
    };
    for (program, right) in [
        (given(read(), PASSWORD), true),
        (given(read(), WRONG), false),
        (login().input(WRONG), false),
        (login().input(PASSWORD), true),
        // With the token.
        (read(), true),
    ] {
        let running = program.start();
        let shown = command_lines();
        let outcome = running.wait();
        let tokens = std::fs::read_to_string(scene.path(".config/hdfstream/tokens.json")).unwrap_or_default();
        let token = tokens.split('"').find(|text| text.len() > 40).unwrap_or("secret");
        for text in [&shown, &outcome.stdout, &outcome.stderr] {
            assert!(!text.contains("secret") && !text.contains(token), "{outcome}");
        }
        assert!(!right || outcome.status.success(), "{outcome}");
    }
}

/// The command lines of all processes.
fn command_lines() -> String {
    let processes = std::fs::read_dir("/proc").expect("processes").flatten();
    let lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    lines
        .map(|line| String::from_utf8_lossy(&line).into_owned() + "\n")
        .collect()
}
