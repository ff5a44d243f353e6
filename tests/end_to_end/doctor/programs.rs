//! Programs that are too old, static, hidden in scripts, or that misbehave.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::{about, doctor, findings, links};
use crate::harness::{Program, built};
use crate::static_programs;

/// Debian 12's own tools, and the folder of their library.
fn old_tools() -> (PathBuf, PathBuf) {
    let root = built::tools().join("hdf5-1.10/usr");
    let folders = std::fs::read_dir(root.join("lib")).expect("Debian 12's tools: run tests/tools/provision");
    let library = folders
        .flatten()
        .map(|entry| entry.path())
        .next()
        .expect("its libraries");
    (root.join("bin"), library)
}

fn with_old_tools() -> Program {
    let (bin, library) = old_tools();
    doctor().env("PATH", bin).env("LD_LIBRARY_PATH", library)
}

#[test]
fn an_hdf5_that_is_too_old() {
    let all = findings(&with_old_tools());
    for tool in ["h5dump", "h5ls", "h5repack"] {
        let words = ["HDF5 1.10.8", "libhdf5_serial.so.103", "too old", "1.14"];
        about(&all, tool).says("warn", &words, "conda install");
    }
    // Nothing else is there that would open remote files.
    about(&all, "programs").says("fail", &["can open remote files"], "pip install h5py");
    // Beside a newer one it is no failure, unless the user asks for it.
    let (bin, _) = old_tools();
    let folder = links(&[("h5ls", &built::tools().join("hdf5-1.14/bin/h5ls"))]);
    let path = std::env::join_paths([folder.path(), bin.as_path()]).expect("a path");
    let program = with_old_tools().env("PATH", path);
    let all = findings(&program);
    about(&all, "h5ls").says("ok", &["HDF5 1.14", "the plugin works"], "");
    about(&all, "h5dump").says("warn", &["too old"], "conda install");
    assert!(!all.iter().any(|it| it.level == "fail"), "{all:#?}");
    let old = bin.join("h5stat").display().to_string();
    let all = findings(&program.args(["--program", &old]));
    about(&all, &old).says("fail", &["too old", "HDF5 1.10.8"], "1.14 or newer");
}

#[test]
fn a_static_hdf5() {
    let folder = tempfile::tempdir().expect("a directory");
    let program = static_programs::link(folder.path(), &[]);
    let shown = program.display().to_string();
    let all = findings(&doctor().args(["--program", &shown]));
    let words = ["HDF5 2.", "linked in", "without exporting"];
    about(&all, &shown).says("fail", &words, "-rdynamic");
    // A program that is known to open files is run, and the plugin says it.
    let folder = links(&[("h5dump", &program)]);
    let all = findings(&doctor().env("PATH", folder.path()));
    about(&all, "h5dump").says("fail", &["statically linked", "HDF5 2."], "-rdynamic");
}

#[test]
fn a_static_hdf5_that_is_exported() {
    let folder = tempfile::tempdir().expect("a directory");
    let program = static_programs::link(folder.path(), &["-rdynamic"]);
    let shown = program.display().to_string();
    let all = findings(&doctor().args(["--program", &shown]));
    about(&all, &shown).says("ok", &["HDF5 2.", "linked in", "not run"], "");
    let folder = links(&[("h5dump", &program)]);
    let all = findings(&doctor().env("PATH", folder.path()));
    about(&all, "h5dump").says("ok", &["the plugin works"], "");
}

#[test]
fn programs_that_the_user_names() {
    let folder = tempfile::tempdir().expect("a directory");
    let python = built::tools().join("python/bin/python3");
    let script = |name: &str, first: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("{first}\nimport h5py\n")).expect("a script");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("permissions");
        path.display().to_string()
    };
    let plain = script("plain.py", &format!("#!{}", python.display()));
    let through_env = script("env.py", "#!/usr/bin/env -S python3 -u");
    let shell = script("shell", "#!/bin/sh");
    for name in [&plain, &through_env] {
        let path = python.parent().expect("a folder");
        let all = findings(&doctor().env("PATH", path).args(["--program", name]));
        let subject = format!("h5py of {}", python.display());
        let found = all.iter().find(|it| it.subject == subject).expect("h5py");
        found.says("ok", &["the plugin works"], "");
    }
    for (name, level, word) in [
        (shell.as_str(), "warn", "name the HDF5 program"),
        ("/usr/bin/env", "warn", "no HDF5"),
        ("no-such-program", "fail", "there is no such program"),
        ("/etc/passwd", "fail", "there is no such program"),
        ("/tmp", "fail", "there is no such program"),
    ] {
        let all = findings(&doctor().args(["--program", name]));
        about(&all, name).says(level, &[word], "");
    }
}

#[test]
fn a_path_full_of_rubbish() {
    let folder = tempfile::tempdir().expect("a directory");
    let path = |name: &str| folder.path().join(name);
    let executable = |name: &str, text: &[u8]| {
        std::fs::write(path(name), text).expect("a file");
        std::fs::set_permissions(path(name), std::fs::Permissions::from_mode(0o755)).expect("permissions");
    };
    std::fs::create_dir(path("h5dump")).expect("a directory");
    let made = Command::new("mkfifo").arg(path("h5ls")).status().expect("mkfifo");
    assert!(made.success());
    executable("h5repack", b"\x7fELF and nothing else");
    // It does not end, and has started another.
    let pids = path("pids").display().to_string();
    let hang = format!("#!/bin/sh\n/bin/sleep 1000 &\necho $! $$ > '{pids}'\nexec /bin/sleep 1000\n");
    executable("ncdump", hang.as_bytes());
    executable("nccopy", b"#!/bin/sh\n/usr/bin/yes\n");
    executable("gdalinfo", b"");
    executable("python", b"#!/bin/sh\necho '{\"prefix\": 1}'\n");
    executable("python3", b"#!/bin/sh\nprintf '\\377\\033[2J'; kill -9 $$\n");
    symlink("python3.9", path("python3.9")).expect("a link to itself");
    std::fs::write(path("python3.8"), "not executable").expect("a file");
    executable("python3.7", b"#!/nonexistent/interpreter\n");
    let rubbish = format!(
        "{}:::.:relative:/dev/null:/proc/self/mem:/nonexistent",
        folder.path().display()
    );
    let program = doctor().env("PATH", rubbish).directory(folder.path());
    let all = findings(&program);
    about(&all, "programs").says("warn", &["nothing on the PATH uses HDF5"], "pip install h5py");
    // Nothing of it goes on.
    let pids = std::fs::read_to_string(pids).expect("what the program said of itself");
    assert_eq!(pids.split_whitespace().count(), 2, "{pids}");
    for pid in pids.split_whitespace() {
        let state = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let end = Instant::now() + Duration::from_secs(60);
        while !state().is_empty() && !state().contains(") Z ") {
            assert!(Instant::now() < end, "{}", state());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn a_wrapper_is_tried() {
    let folder = tempfile::tempdir().expect("a directory");
    let real = built::tools().join("hdf5-1.14/bin/h5ls");
    let wrapper = folder.path().join("h5ls");
    wrap(&wrapper, &format!("exec '{}' \"$@\"", real.display()));
    let all = findings(&doctor().env("PATH", folder.path()));
    about(&all, "h5ls").says("ok", &["the plugin works"], "");
}

fn wrap(path: &Path, command: &str) {
    std::fs::write(path, format!("#!/bin/sh\n{command}\n")).expect("a script");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("permissions");
}
