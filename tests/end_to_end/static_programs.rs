//! Programs that carry HDF5 inside themselves: with exported symbols they read remote files like others, without
//! them they are told why they cannot.

use std::path::{Path, PathBuf};

use crate::harness::corpus;
use crate::harness::{Plugin, Program, Server, built};

const SOURCE: &str = r#"
#include <hdf5.h>
#include <stdio.h>

int main(int count, char **arguments)
{
    hid_t file = H5Fopen(arguments[count - 1], H5F_ACC_RDONLY, H5P_DEFAULT);
    printf("%s\n", file > 0 ? "opened" : "not opened");
    return file > 0 && H5Fclose(file) >= 0 ? 0 : 1;
}
"#;

/// The static HDF5 that the server was built with, and the zlib for it.
fn libraries() -> (PathBuf, PathBuf) {
    let build = built::directory().join("build");
    let find = |file: &str| {
        std::fs::read_dir(&build)
            .expect("the build directory")
            .map(|entry| entry.expect("an entry").path().join("out").join(file))
            .find(|path| path.exists())
    };
    let hdf5 = find("lib/libhdf5.a").expect("a static HDF5: build the server first");
    let zlib = find("lib/libz.a").or_else(|| find("libz.a"));
    (hdf5, zlib.unwrap_or_else(|| PathBuf::from("-lz")))
}

pub(crate) fn link(directory: &Path, options: &[&str]) -> PathBuf {
    let (hdf5, zlib) = libraries();
    let source = directory.join("open.c");
    std::fs::write(&source, SOURCE).expect("a source file");
    let program = directory.join("open");
    let include = hdf5.ancestors().nth(2).expect("an installation").join("include");
    Program::new("/usr/bin/cc")
        .arg("-I")
        .arg(include)
        .arg(&source)
        .arg("-o")
        .arg(&program)
        .args(options)
        .arg("-Wl,--whole-archive")
        .arg(&hdf5)
        .arg("-Wl,--no-whole-archive")
        .arg(&zlib)
        .args(["-lm", "-ldl", "-lpthread"])
        .run()
        .success();
    program
}

fn open_remotely(options: &[&str]) -> crate::harness::Outcome {
    let directory = tempfile::tempdir().expect("a directory");
    corpus::write_with(
        "import write_files; write_files.mixed('mixed.h5')",
        directory.path(),
    );
    let server = Server::over(directory.path());
    Program::new(link(directory.path(), options))
        .arg(server.url("mixed.h5"))
        .plugin(Plugin::On)
        .run()
}

#[test]
fn a_program_that_exports_its_hdf5_reads() {
    let outcome = open_remotely(&["-rdynamic"]).success();
    assert_eq!(outcome.stdout, "opened\n", "{outcome}");
}

#[test]
fn a_program_that_hides_its_hdf5_is_told() {
    let outcome = open_remotely(&[]).failure();
    let told: Vec<&str> = outcome
        .stderr
        .lines()
        .filter(|line| line.starts_with("hdfstream: "))
        .collect();
    assert_eq!(told.len(), 1, "{outcome}");
    assert!(told[0].contains("statically linked"), "{outcome}");
}
