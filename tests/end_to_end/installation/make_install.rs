//! `make install`: all that a user looks for is there, and works from where it was put.

use std::path::{Path, PathBuf};

use super::make;
use crate::harness::corpus;
use crate::harness::{Program, Server, built};

/// Runs `make install` into a new directory.
fn install() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let prefix = directory.path().join("with space");
    make("install", &[("PREFIX", &prefix)]);
    (directory, prefix)
}

fn run_installed(prefix: &Path) {
    let scene = tempfile::tempdir().expect("a directory");
    corpus::write_with(
        "import write_files; write_files.small('small.h5', 5)",
        scene.path(),
    );
    let server = Server::over(scene.path());
    let outcome = Program::new(prefix.join("bin/hdfstream"))
        .args(["run", "--"])
        .arg(built::tools().join("hdf5-1.14/bin/h5ls"))
        .arg(server.url("small.h5"))
        .run()
        .success();
    assert!(outcome.stdout.contains("Dataset {1000}"), "{outcome}");
    let version = Program::new(prefix.join("bin/hdfstream-server"))
        .arg("--version")
        .output();
    assert!(version.contains(env!("CARGO_PKG_VERSION")), "{version}");
}

#[test]
fn an_installation_works_where_it_is() {
    let (_directory, prefix) = install();
    run_installed(&prefix);
    // And after it was moved as a whole.
    let moved = prefix.with_file_name("moved");
    std::fs::rename(&prefix, &moved).expect("a move");
    run_installed(&moved);
}

#[test]
fn destdir_comes_before_the_prefix_and_is_nowhere_written_down() {
    let stage = tempfile::tempdir().expect("a directory");
    make(
        "install",
        &[("DESTDIR", stage.path()), ("PREFIX", Path::new("/opt/hdfstream"))],
    );
    let prefix = stage.path().join("opt/hdfstream");
    let unit = prefix.join("lib/systemd/system/hdfstream-server.service");
    let unit = std::fs::read_to_string(unit).expect("the unit");
    assert!(
        unit.contains("ExecStart=/opt/hdfstream/bin/hdfstream-server --config"),
        "{unit}"
    );
    for file in [
        "bin/hdfstream",
        "bin/hdfstream-server",
        "lib/hdfstream/libhdfstream_vol.so",
        "lib/cmake/hdfstream/hdfstream-config.cmake",
        "share/doc/hdfstream-server/server.toml",
        "share/man/man1/hdfstream.1",
        "share/man/man1/hdfstream-stub.1",
        "share/man/man8/hdfstream-server.8",
        "share/zsh/site-functions/_hdfstream",
        "share/fish/vendor_completions.d/hdfstream.fish",
    ] {
        let size = std::fs::metadata(prefix.join(file)).map_or(0, |file| file.len());
        assert!(size > 0, "{file} is not installed");
    }
    let completion = prefix.join("share/bash-completion/completions/hdfstream");
    let known = Program::new("/bin/bash")
        .args(["-c", "source \"$0\" && complete -p hdfstream"])
        .arg(completion)
        .output();
    assert!(known.contains("hdfstream"), "{known}");
}
