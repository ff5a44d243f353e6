//! Programs that look at a file before they open it work through stubs.

use std::path::PathBuf;

use crate::harness::corpus;
use crate::harness::{Host, Language, Plugin, Server, assert_same, compile, hdfstream, make_stub, python};

/// The same file locally, and as a stub of the remote one, under the same name.
struct Pair {
    _directory: tempfile::TempDir,
    server: Server,
    local: PathBuf,
    stub: PathBuf,
}

fn pair(name: &str, script: &str) -> Pair {
    let directory = tempfile::tempdir().expect("a directory");
    let served = directory.path().join("served");
    std::fs::create_dir(&served).expect("a directory");
    corpus::write_with(script, &served);
    let server = Server::over(&served);
    let stub = directory.path().join(name);
    make_stub(&server.url(name), &stub);
    Pair {
        local: served.join(name),
        stub,
        server,
        _directory: directory,
    }
}

const WEATHER: &str = "import write_netcdf; write_netcdf.weather('weather.nc')";

fn weather() -> Pair {
    pair("weather.nc", WEATHER)
}

impl Pair {
    /// Runs a script on the local file and on the stub; it finds the name in `name`.
    #[track_caller]
    fn same(&self, script: &str) {
        let script = format!("import sys; name = sys.argv[1]\n{script}");
        let local = python(&script).arg(&self.local).output();
        assert!(!local.trim().is_empty(), "the script prints nothing");
        let remote = python(&script).arg(&self.stub).plugin(Plugin::On).run().success();
        assert_same(&local, &remote.stdout);
        assert!(remote.stats().requests > 0, "{remote}");
    }
}

#[test]
fn every_host_reads_through_a_stub() {
    let pair = pair("plain.h5", "import write_files; write_files.plain('plain.h5')");
    for host in Host::ALL {
        pair.same(&format!(
            "import {reader}\nfor line in {reader}.values(name): print(line)",
            reader = host.module_that_reads()
        ));
    }
}

#[test]
fn pytables_checks_the_file_first() {
    weather().same(
        "import tables\n\
         assert tables.is_hdf5_file(name)\n\
         with tables.open_file(name) as f: print(f.root.temperature[3, 4, 5:9], f.root.temperature.attrs.units)",
    );
}

#[test]
fn pandas_reads_its_tables() {
    let pair = pair(
        "frame.h5",
        "import pandas, numpy\n\
         frame = pandas.DataFrame({'a': numpy.arange(500.), 'b': [f'word {i % 7}' for i in range(500)]})\n\
         frame.to_hdf('frame.h5', key='fixed')\n\
         frame.to_hdf('frame.h5', key='table', format='table', data_columns=True)",
    );
    pair.same(
        "import pandas\n\
         print(pandas.read_hdf(name, 'fixed').to_csv())\n\
         print(pandas.read_hdf(name, 'table', where='a > 123 & a < 140').to_csv())\n\
         with pandas.HDFStore(name, 'r') as store: print(store.keys())",
    );
}

#[test]
fn xarray_chooses_an_engine_by_itself() {
    weather().same(
        "import xarray\n\
         with xarray.open_dataset(name) as d:\n\
         \x20   print(d)\n\
         \x20   print(d.temperature.sel(lat=40, method='nearest').mean('time').values.tolist())",
    );
}

#[test]
fn h5netcdf_reads() {
    weather().same(
        "import h5netcdf\n\
         with h5netcdf.File(name, 'r') as f:\n\
         \x20   print(dict(f.attrs), list(f.variables), f.variables['temperature'][2, :3, 4].tolist())",
    );
}

#[test]
fn a_look_before_opening_finds_a_file() {
    weather().same(
        "import os, pathlib\n\
         print(os.path.exists(name), os.path.isfile(name), os.access(name, os.R_OK), pathlib.Path(name).is_file())\n\
         print(open(name, 'rb').read(8))\n\
         import h5py\n\
         print(h5py.is_hdf5(name), list(h5py.File(name)))",
    );
}

#[test]
fn a_c_program_that_checks_the_magic_bytes_reads() {
    let pair = weather();
    let source = pair.stub.with_file_name("looks_first.c");
    std::fs::write(&source, include_str!("programs/looks_first.c")).expect("a file");
    let program = compile(Language::C, &source);
    let run = |path: &PathBuf, plugin| {
        crate::harness::Program::new(&program)
            .arg(path)
            .plugin(plugin)
            .output()
    };
    let local = run(&pair.local, Plugin::Off);
    assert!(local.contains("temperature"), "{local}");
    assert_eq!(local, run(&pair.stub, Plugin::On));
    assert_eq!(local, run(&pair.stub, Plugin::Discovery));
}

#[test]
fn without_the_plugin_a_stub_is_an_error_not_an_empty_file() {
    let pair = weather();
    for host in Host::ALL {
        host.reader().arg(&pair.stub).plugin(Plugin::Off).run().failure();
    }
}

#[test]
fn a_stub_of_a_file_that_is_gone_says_which() {
    let pair = weather();
    std::fs::remove_file(&pair.local).expect("the file");
    let outcome = python("import sys, h5py; h5py.File(sys.argv[1])")
        .arg(&pair.stub)
        .plugin(Plugin::On)
        .run()
        .failure();
    assert!(outcome.stderr.contains("FileNotFoundError"), "{outcome}");
    assert!(
        outcome.stderr.contains(&pair.server.url("weather.nc")),
        "{outcome}"
    );
}

#[test]
fn a_tree_of_stubs_mirrors_a_directory() {
    let directory = tempfile::tempdir().expect("a directory");
    let served = directory.path().join("served");
    let names = [
        "a.h5",
        "deep/er/b.h5",
        "odd/ space # % ? é.h5",
        "odd/https:",
        "odd/line\nbreak.h5",
        "-rf",
    ];
    for (number, name) in names.iter().enumerate() {
        let path = served.join(name);
        std::fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        corpus::write_with(
            &format!("import write_files; write_files.small('file', {number})"),
            path.parent().expect("a directory"),
        );
        std::fs::rename(path.with_file_name("file"), &path).expect("the file");
    }
    std::fs::write(served.join("notes.txt"), "not for HDF5").expect("a file");
    let server = Server::over(&served);
    let tree = directory.path().join("tree");
    make_stub(server.base(), &tree);
    assert!(!tree.join("notes.txt").exists());
    for (number, name) in names.iter().enumerate() {
        let value = python("import sys, h5py; print(h5py.File(sys.argv[1]).attrs['value'])")
            .arg(tree.join(name))
            .plugin(Plugin::On)
            .output();
        assert_eq!(value.trim(), number.to_string(), "{name:?}");
    }
    // Again: stubs are replaced, and nothing else is.
    make_stub(server.base(), &tree);
    std::fs::remove_file(tree.join("a.h5")).expect("the stub");
    std::fs::write(tree.join("a.h5"), "mine").expect("a file");
    let outcome = hdfstream()
        .arg("stub")
        .arg(server.base())
        .arg(&tree)
        .run()
        .failure();
    assert!(outcome.stderr.contains("a.h5"), "{outcome}");
    assert_eq!(std::fs::read(tree.join("a.h5")).expect("the file"), b"mine");
    hdfstream()
        .args(["stub", "--force"])
        .arg(server.base())
        .arg(&tree)
        .run()
        .success();
    assert_ne!(std::fs::read(tree.join("a.h5")).expect("the file"), b"mine");
}
