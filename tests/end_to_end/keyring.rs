//! The keyring of the desktop: a real daemon on a real bus, shared with Python's `keyring`.

use std::path::PathBuf;

use crate::harness::{Accounts, Outcome, Plugin, Program, Server, built, corpus, python_file};

const PASSWORD: &str = "joes-own-secret";

/// A bus that starts nobody by itself: whether there is a keyring is for the test to say.
const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=/tmp</listen>
  <auth>EXTERNAL</auth>
  <policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy>
</busconfig>"#;

struct Scene {
    home: tempfile::TempDir,
    _accounts: Accounts,
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
    let scene = Scene {
        home,
        _accounts: accounts,
        server,
    };
    std::fs::write(scene.path("bus.xml"), BUS).expect("a file");
    // With a slash at its end, as people write it; neither we nor the Python client count it.
    scene.settings(&format!(
        "aliases:\n  mine: {{url: '{}/', user: joe, use_keyring: true}}\n",
        scene.server.base()
    ));
    scene
}

impl Scene {
    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn settings(&self, text: &str) {
        std::fs::write(self.path("config.yml"), text).expect("a file");
    }

    /// A script in a session; it finds `service`, the tool `hdfstream`, `run` and `names`, what is in the file.
    fn session(&self, keyring: &str, script: &str) -> Program {
        let session = python_file("end_to_end/programs/keyring_session.py");
        let preamble = format!(
            "import subprocess\nservice = {:?}\n\
             def run(*command, **more):\n\
             \x20   return subprocess.run(command, capture_output=True, text=True, **more)\n\
             def names():\n    import h5py; return sorted(h5py.File('mine:small.h5'))\n",
            self.server.base()
        );
        session
            .arg(keyring)
            .arg(preamble + script)
            .arg(built::command())
            .inside(
                "/usr/bin/dbus-run-session",
                ["--config-file", &self.path("bus.xml").display().to_string(), "--"],
            )
            .plugin(Plugin::On)
            .env("HOME", self.home.path())
            .env("XDG_RUNTIME_DIR", self.home.path())
            .env("HDFSTREAM_CONFIG", self.path("config.yml"))
    }

    #[track_caller]
    fn prints(&self, keyring: &str, script: &str, expected: &str) {
        let outcome = self.session(keyring, script).run().success();
        assert_eq!(outcome.stdout, expected, "{outcome}");
        hides(&outcome);
    }
}

#[track_caller]
fn hides(outcome: &Outcome) {
    assert!(
        !outcome.stdout.contains("secret") && !outcome.stderr.contains("secret"),
        "{outcome}"
    );
}

#[test]
fn what_python_stored_is_found() {
    let script = format!("keyring.set_password(service, 'joe', {PASSWORD:?}); print(names())");
    scene().prints("unlocked", &script, "['x']\n");
}

#[test]
fn what_is_stored_as_keepassxc_has_it_is_found() {
    let script = format!(
        "keyring.get_keyring().scheme = 'KeePassXC'\n\
         keyring.set_password(service, 'joe', {PASSWORD:?}); print(names())"
    );
    scene().prints("unlocked", &script, "['x']\n");
}

#[test]
fn what_logging_in_stores_is_found_by_python_and_forgotten_by_logging_out() {
    let script = format!(
        "keyring.set_password(service, 'joe', 'an older one')\n\
         tool = sys.argv[1]\n\
         run(tool, 'login', 'mine', '--password-stdin', input={PASSWORD:?}, check=True)\n\
         print(keyring.get_password(service, 'joe') == {PASSWORD:?}, names())\n\
         run(tool, 'logout', 'mine', check=True)\n\
         print(keyring.get_password(service, 'joe'))"
    );
    let scene = scene();
    scene.prints("unlocked", &script, "True ['x']\nNone\n");
    assert!(!scene.path(".config/hdfstream/tokens.json").exists());
}

#[test]
fn netrc_counts_before_the_keyring_and_the_keyring_before_the_token_file() {
    let scene = scene();
    let attempt = "try: print(names())\nexcept OSError as error: print('keyring' in str(error), 'netrc' in str(error))\n";
    let script = format!("keyring.set_password(service, 'joe', {PASSWORD:?})\n{attempt}");
    let folder = scene.path(".config/hdfstream");
    std::fs::create_dir_all(&folder).expect("a folder");
    let tokens = |password: &str| {
        let text = format!(
            "{{{:?}: {{\"user\": \"joe\", \"password\": {password:?}}}}}",
            scene.server.base()
        );
        std::fs::write(folder.join("tokens.json"), text).expect("a file");
        set_private(&folder.join("tokens.json"));
    };
    tokens("wrong");
    scene.prints("unlocked", &script, "['x']\n");
    tokens(PASSWORD);
    let wrong = format!("keyring.set_password(service, 'joe', 'wrong')\n{attempt}");
    scene.prints("unlocked", &wrong, "True False\n");
    let netrc = |password: &str| {
        let text = format!("machine 127.0.0.1 login joe password {password}\n");
        std::fs::write(scene.path(".netrc"), text).expect("a file");
        set_private(&scene.path(".netrc"));
    };
    netrc("wrong");
    scene.prints("unlocked", &script, "False True\n");
    netrc(PASSWORD);
    scene.prints("unlocked", &wrong, "['x']\n");
}

fn set_private(path: &std::path::Path) {
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(path, mode).expect("a mode");
}

#[test]
fn a_forked_child_asks_anew() {
    let script = format!(
        "import os\nkeyring.set_password(service, 'joe', {PASSWORD:?})\n\
         print(names(), flush=True)\n\
         child = os.fork()\n\
         if child == 0:\n    print(names(), flush=True); os._exit(0)\n\
         os.waitpid(child, 0)"
    );
    scene().prints("unlocked", &script, "['x']\n['x']\n");
}

#[test]
fn a_keyring_that_stays_locked_is_told_in_bounded_time() {
    let script = format!(
        "keyring.set_password(service, 'joe', {PASSWORD:?}); lock()\n\
         try: names()\nexcept OSError as error: print(error)"
    );
    let outcome = scene().session("unlocked", &script).run().success();
    assert!(
        outcome.stdout.contains("locked") && outcome.stdout.contains("hdfstream login mine"),
        "{outcome}"
    );
    hides(&outcome);
}

#[test]
fn where_there_is_no_keyring_the_error_says_what_to_do_and_other_places_are_tried() {
    let scene = scene();
    let script = "try: print(names())\nexcept OSError as error: print(error)";
    let outcome = scene.session("none", script).run().success();
    assert!(outcome.stdout.contains("no Secret Service"), "{outcome}");
    // dbus-run-session sets the variable anew.
    let alone =
        format!("import os; os.environ['DBUS_SESSION_BUS_ADDRESS'] = 'unix:path=/nonexistent'\n{script}");
    let outcome = scene.session("none", &alone).run().success();
    assert!(outcome.stdout.contains("no session bus"), "{outcome}");
    assert!(outcome.stdout.contains("set use_keyring to false"), "{outcome}");
    std::fs::write(
        scene.path(".netrc"),
        format!("machine 127.0.0.1 login joe password {PASSWORD}\n"),
    )
    .expect("a file");
    scene.prints("none", script, "['x']\n");
}

#[test]
fn without_the_setting_the_keyring_is_left_alone() {
    let scene = scene();
    scene.settings(&format!(
        "aliases:\n  mine: {{url: '{}', user: joe}}\n",
        scene.server.base()
    ));
    let script = format!(
        "keyring.set_password(service, 'joe', {PASSWORD:?})\n\
         try: print(names())\nexcept OSError as error: print('none was sent' in str(error))"
    );
    scene.prints("unlocked", &script, "True\n");
}
