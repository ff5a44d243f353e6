//! What `make install` installs works from where it was put, and CMake projects find it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::harness::corpus;
use crate::harness::{Program, Server, built};

/// Runs `make install` into a new directory.
fn install() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let prefix = directory.path().join("with space");
    let target = built::directory()
        .parent()
        .expect("the target directory")
        .to_path_buf();
    // Cargo needs more of the environment than the programs under test do.
    let mut make = Program::new("/usr/bin/make")
        .arg("install")
        .arg(format!("PREFIX={}", prefix.display()))
        .directory(built::checkout())
        .env("CARGO_TARGET_DIR", target)
        .env("HDFSTREAM_TOOLS", built::tools())
        .limit(Duration::from_secs(1200));
    for name in ["HOME", "PATH", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"] {
        if let Some(value) = std::env::var_os(name) {
            make = make.env(name, value);
        }
    }
    make.run().success();
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
    consumer(&moved);
}

/// A CMake project that opens a URL in one of its tests.
fn consumer(prefix: &Path) {
    let project = tempfile::tempdir().expect("a directory");
    corpus::write_with(
        "import write_files; write_files.small('small.h5', 5)",
        project.path(),
    );
    let server = Server::over(project.path());
    let cmake_lists = format!(
        "cmake_minimum_required(VERSION 3.22)\n\
         project(consumer NONE)\n\
         find_package(hdfstream {} REQUIRED)\n\
         if (NOT IS_DIRECTORY \"${{hdfstream_PLUGIN_DIR}}\")\n\
         \x20   message(FATAL_ERROR \"no folder ${{hdfstream_PLUGIN_DIR}}\")\n\
         endif ()\n\
         enable_testing()\n\
         add_test(NAME remote COMMAND \"{}\" \"{}\")\n\
         hdfstream_test_environment(remote)\n",
        env!("CARGO_PKG_VERSION"),
        built::tools().join("hdf5-1.14/bin/h5ls").display(),
        server.url("small.h5"),
    );
    std::fs::write(project.path().join("CMakeLists.txt"), cmake_lists).expect("a file");
    let bin = built::tools().join("python/bin");
    let build = project.path().join("build");
    Program::new(bin.join("cmake"))
        .arg("-S")
        .arg(project.path())
        .arg("-B")
        .arg(&build)
        .arg(format!("-DCMAKE_PREFIX_PATH={}", prefix.display()))
        .run()
        .success();
    Program::new(bin.join("ctest"))
        .args(["--output-on-failure", "--no-tests=error", "--test-dir"])
        .arg(&build)
        .env_remove("HDF5_PLUGIN_PATH")
        .run()
        .success();
}

#[test]
fn the_cmake_package_has_the_version_of_the_workspace() {
    let path = built::checkout().join("cmake/hdfstream-config-version.cmake");
    let text = std::fs::read_to_string(path).expect("the package's version file");
    let line = format!("set(PACKAGE_VERSION \"{}\")", env!("CARGO_PKG_VERSION"));
    assert!(text.contains(&line), "expected {line}");
}
