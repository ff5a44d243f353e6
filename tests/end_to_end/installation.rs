//! What `make install`, `make deb` and `make wheel` give works where it was put, in clean places. All of it
//! is made of the binaries that the other tests run; nothing is compiled again.

mod consumer;
mod fresh_user;
mod make_install;
mod newer_debian;
mod server_files;
mod wheel;
mod wheel_switch;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use crate::harness::{Program, built};

/// Runs `make TARGET` with variables of its own, taking what is built as it is.
fn make(target: &str, variables: &[(&str, &Path)]) {
    let folder = built::directory();
    let mut make = Program::new("/usr/bin/make")
        .args(["-o", "build", target])
        .directory(built::checkout())
        .env("CARGO_TARGET_DIR", folder.parent().expect("the target directory"))
        .env("HDFSTREAM_TOOLS", built::tools())
        .limit(Duration::from_secs(300));
    // Cargo, which knows the licences of what is compiled in, needs more than the programs under test do.
    for name in ["HOME", "PATH", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"] {
        if let Some(value) = std::env::var_os(name) {
            make = make.env(name, value);
        }
    }
    for (name, value) in variables {
        make = make.arg(format!("{name}={}", value.display()));
    }
    make.run().success();
}

/// What `make TARGET` puts among the packages, made once a run: the files with this extension.
fn packages(target: &str, extension: &str) -> Vec<PathBuf> {
    let folder = built::scratch().join("packages").join(target);
    // One of another version may be there from an earlier run.
    match std::fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => panic!("{}: {error}", folder.display()),
        _ => make(target, &[("PACKAGES", &folder)]),
    }
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut found: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    found.retain(|path| path.extension().is_some_and(|found| found == extension));
    found.sort();
    found
}

/// The Debian packages: that of the server and that of the programs' side.
fn debian_packages() -> &'static [PathBuf; 2] {
    static PACKAGES: OnceLock<[PathBuf; 2]> = OnceLock::new();
    PACKAGES.get_or_init(|| packages("deb", "deb").try_into().expect("two packages"))
}

/// The Python wheel.
fn wheel() -> &'static Path {
    static WHEEL: OnceLock<[PathBuf; 1]> = OnceLock::new();
    let [wheel] = WHEEL.get_or_init(|| packages("wheel", "whl").try_into().expect("one wheel"));
    wheel
}
