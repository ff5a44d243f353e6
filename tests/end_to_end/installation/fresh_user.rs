//! The whole story of a new user with an account: install, log in, run a script. No variable is set by hand.

use super::wheel;
use super::wheel::Environment;
use crate::harness::accounts::Accounts;
use crate::harness::host::interpreter;
use crate::harness::{assert_same, built, corpus};

const PASSWORD: &str = "correct horse";

#[test]
fn install_log_in_and_run_a_script() {
    // The server, of which only users with a role see the file.
    let files = tempfile::tempdir().expect("a directory");
    std::fs::create_dir(files.path().join("EAGLE")).expect("a directory");
    corpus::write_with(
        "import write_files; write_files.plain('EAGLE/snap.hdf5')",
        files.path(),
    );
    let accounts = Accounts::new("[directories.EAGLE]\nread = [\"virgo\"]\n");
    accounts.add("alice", PASSWORD, &["virgo"]);
    let server = accounts.serve(files.path(), &[]);

    // The user: a home with a script in it, and an environment with the packages that the script imports.
    let user = Environment::with_pip().with_hdf5_packages();
    let programs = built::checkout().join("tests/end_to_end/programs");
    for file in ["read_h5py.py", "shown.py"] {
        std::fs::copy(programs.join(file), user.path("home").join(file)).expect("a copy");
    }

    let install = user.program("pip").args(["install", "--no-index", "--no-deps"]);
    install.arg(wheel()).run().success();
    user.program("hdfstream")
        .args(["alias", "add", "cosma", server.base(), "--user", "alice"])
        .run()
        .success();
    let script = |name: &str| user.python().args(["read_h5py.py", name]);
    let before = script("cosma:EAGLE/snap.hdf5").run().failure();
    assert!(before.stderr.contains("FileNotFoundError"), "{before}");
    // On a terminal, as people do.
    let login = user
        .clean(interpreter())
        .arg(programs.join("type_password.py"))
        .args([PASSWORD.as_ref(), user.path("venv/bin/hdfstream").as_os_str()])
        .args(["login", "cosma"])
        .run()
        .success();
    assert!(login.stdout.contains("as alice"), "{login}");
    assert!(!login.stdout.contains(PASSWORD), "{login}");

    let remote = script("cosma:EAGLE/snap.hdf5").run().success();
    let local = script(&files.path().join("EAGLE/snap.hdf5").display().to_string()).output();
    assert!(local.lines().count() > 5, "{local}");
    assert_same(&local, &remote.stdout);
    assert_eq!(remote.stderr, "");

    user.program("hdfstream")
        .args(["logout", "cosma"])
        .run()
        .success();
    let after = script("cosma:EAGLE/snap.hdf5").run().failure();
    assert!(after.stderr.contains("FileNotFoundError"), "{after}");
}
