//! C programs written for old releases of HDF5, and Fortran, compiled today, run unchanged.

use std::path::Path;

use crate::harness::corpus;
use crate::harness::{Language, Plugin, Program, Server, assert_same, built, compile};

/// Compiles a program of `tests/corpus`, runs it on `file` there and remotely, and compares.
fn same(language: Language, source: &str) {
    let directory = tempfile::tempdir().expect("a directory");
    corpus::write_with(
        "import write_files; write_files.mixed('mixed.h5')",
        directory.path(),
    );
    let server = Server::over(directory.path());
    let program = compile(language, &built::checkout().join("tests/corpus").join(source));
    let run = |name: &str, plugin| {
        let run = Program::new(&program).arg(name).plugin(plugin).run().success();
        run.stdout.replace(name, "FILE")
    };
    let path: &Path = &directory.path().join("mixed.h5");
    let local = run(&path.display().to_string(), Plugin::Off);
    assert!(local.lines().count() > 5, "{local}");
    assert_same(&local, &run(&server.url("mixed.h5"), Plugin::On));
    // HDF5 itself asks no plugin in H5Fis_hdf5 unless one is named, so that answer is left out.
    let after_check = |text: &str| {
        text.split_inclusive('\n')
            .filter(|line| !line.starts_with("is HDF5:"))
            .collect::<String>()
    };
    assert_same(
        &after_check(&local),
        &after_check(&run(&server.url("mixed.h5"), Plugin::Discovery)),
    );
}

#[test]
fn a_c_program_with_the_calls_of_1_6_and_1_8() {
    same(Language::C, "old_calls.c");
}

#[test]
fn a_fortran_program() {
    same(Language::Fortran, "read_fortran.f90");
}
