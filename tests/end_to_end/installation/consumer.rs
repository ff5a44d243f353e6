//! A CMake project that opens a URL in one of its tests.

use std::path::Path;

use super::make;
use crate::harness::corpus;
use crate::harness::{Outcome, Program, Server, built};

/// Configures the consumer with what is installed below `prefix`.
fn configure(prefix: &Path, build: &Path, definitions: &[String]) -> Outcome {
    Program::new(built::tools().join("python/bin/cmake"))
        .arg("-S")
        .arg(built::checkout().join("tests/end_to_end/programs/cmake_consumer"))
        .arg("-B")
        .arg(build)
        .arg(format!(
            "-DCMAKE_PREFIX_PATH={};{}",
            prefix.display(),
            built::tools().join("hdf5-1.14").display()
        ))
        .args(definitions)
        .run()
}

fn cmake_build(build: &Path) {
    Program::new(built::tools().join("python/bin/cmake"))
        .arg("--build")
        .arg(build)
        .run()
        .success();
}

fn ctest(build: &Path) -> Outcome {
    Program::new(built::tools().join("python/bin/ctest"))
        .args(["--output-on-failure", "--no-tests=error", "--test-dir"])
        .arg(build)
        .env_remove("HDF5_PLUGIN_PATH")
        .run()
}

#[test]
fn a_cmake_project_opens_a_url_in_its_tests() {
    let directory = tempfile::tempdir().expect("a directory");
    let prefix = directory.path().join("with space");
    // The side of the programs alone is enough.
    make("install-client", &[("PREFIX", &prefix)]);
    corpus::write_with(
        "import write_files; write_files.small('small.h5', 5)",
        directory.path(),
    );
    let server = Server::over(directory.path());
    let build = directory.path().join("build");
    let url = server.url("small.h5");
    let configured = configure(&prefix, &build, &[format!("-DURL={url}")]).success();
    assert!(configured.stdout.contains("server: none"), "{configured}");
    cmake_build(&build);
    ctest(&build).success();
    // The test is one that can fail.
    drop(server);
    let outcome = ctest(&build).failure();
    assert!(outcome.stdout.contains(&url), "{outcome}");
}

#[test]
fn an_installation_that_is_too_old_or_incomplete_is_not_taken() {
    let directory = tempfile::tempdir().expect("a directory");
    let prefix = directory.path().join("prefix");
    make("install", &[("PREFIX", &prefix)]);
    let build = directory.path().join("build");
    let newer = configure(&prefix, &build, &["-DWANTED=99.0".to_owned()]).failure();
    assert!(
        newer.stderr.contains("99.0") && newer.stderr.contains(env!("CARGO_PKG_VERSION")),
        "{newer}"
    );
    let found = configure(
        &prefix,
        &build,
        &[format!("-DWANTED={}", env!("CARGO_PKG_VERSION"))],
    )
    .success();
    let server = prefix.join("bin/hdfstream-server");
    assert!(
        found.stdout.contains(&format!("server: {}", server.display())),
        "{found}"
    );
    let plugin = prefix.join("lib/hdfstream/libhdfstream_vol.so");
    std::fs::remove_file(&plugin).expect("the plugin");
    let incomplete = configure(&prefix, &build, &[]).failure();
    assert!(
        incomplete.stderr.contains(&plugin.display().to_string()),
        "{incomplete}"
    );
}

#[test]
fn the_cmake_package_has_the_version_of_the_workspace() {
    let path = built::checkout().join("cmake/hdfstream-config-version.cmake");
    let text = std::fs::read_to_string(path).expect("the package's version file");
    let line = format!("set(PACKAGE_VERSION \"{}\")", env!("CARGO_PKG_VERSION"));
    assert!(text.contains(&line), "expected {line}");
}
