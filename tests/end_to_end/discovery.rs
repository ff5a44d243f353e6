//! `HDF5_PLUGIN_PATH` alone is enough: HDF5 offers the plugin what it cannot open itself.

use std::path::Path;

use crate::harness::comparison::without_addresses;
use crate::harness::corpus;
use crate::harness::{Host, Plugin, Program, Server, assert_same, make_stub, tool};

/// A file that all three packages can read, and a server over it.
fn scene() -> (tempfile::TempDir, Server) {
    let directory = tempfile::tempdir().expect("a directory");
    corpus::write_with(
        "import write_files; write_files.plain('plain.h5')",
        directory.path(),
    );
    let server = Server::over(directory.path());
    (directory, server)
}

/// Reads the file with a package, natively and remotely, and compares.
fn reads_the_same(host: Host, plugin: Plugin) {
    let (directory, server) = scene();
    let local = host.reader().arg(directory.path().join("plain.h5")).output();
    assert!(local.lines().count() > 10, "{local}");
    let remote = host.reader().arg(name_for(host, &server, directory.path()));
    let remote = remote.plugin(plugin).run().success();
    assert!(remote.stats().requests > 0, "{remote}");
    assert_same(&local, &remote.stdout);
}

/// PyTables looks for the file before it opens it, and netCDF4 takes URLs for DAP: they get stubs.
fn name_for(host: Host, server: &Server, directory: &Path) -> String {
    let url = server.url("plain.h5");
    match host {
        Host::H5py => url,
        Host::Tables | Host::NetCdf4 => {
            let stub = directory.join("stub.h5");
            make_stub(&url, &stub);
            stub.display().to_string()
        }
    }
}

#[test]
fn h5py_finds_the_plugin() {
    reads_the_same(Host::H5py, Plugin::Discovery);
}

#[test]
fn pytables_finds_the_plugin() {
    reads_the_same(Host::Tables, Plugin::Discovery);
}

#[test]
fn netcdf4_finds_the_plugin() {
    reads_the_same(Host::NetCdf4, Plugin::Discovery);
}

#[test]
fn h5py_uses_the_named_plugin() {
    reads_the_same(Host::H5py, Plugin::On);
}

#[test]
fn pytables_uses_the_named_plugin() {
    reads_the_same(Host::Tables, Plugin::On);
}

#[test]
fn netcdf4_uses_the_named_plugin() {
    reads_the_same(Host::NetCdf4, Plugin::On);
}

/// NetCDF-C has a reader of byte ranges of its own, which the server's downloads serve; with the plugin
/// switched on it must not be in its way.
#[test]
fn netcdf4_reads_a_url_by_its_own_byte_ranges() {
    let (directory, server) = scene();
    let local = Host::NetCdf4
        .reader()
        .arg(directory.path().join("plain.h5"))
        .output();
    let url = server.url("download/plain.h5#mode=bytes");
    for plugin in [Plugin::Off, Plugin::Discovery, Plugin::On] {
        let remote = Host::NetCdf4.reader().arg(&url).plugin(plugin).output();
        assert_same(&local, &remote);
    }
}

#[test]
fn command_line_tools_find_the_plugin() {
    let (directory, server) = scene();
    let local = directory.path().join("plain.h5").display().to_string();
    for program in [tool("h5dump"), tool("h5ls").arg("-rv")] {
        let show = |program: Program, name: &str| {
            without_addresses(&program.arg(name).output().replace(name, "FILE"))
        };
        assert_same(
            &show(program.clone(), &local),
            &show(program.plugin(Plugin::Discovery), &server.url("plain.h5")),
        );
    }
}

#[test]
fn files_that_nobody_can_open_fail_as_before() {
    let directory = tempfile::tempdir().expect("a directory");
    let broken = directory.path().join("broken.h5");
    std::fs::write(&broken, "this is no HDF5 file").expect("a file");
    for name in [broken, directory.path().join("absent.h5")] {
        for host in Host::ALL {
            let read = |plugin| host.reader().arg(&name).plugin(plugin).run().failure();
            let (native, found) = (read(Plugin::Off), read(Plugin::Discovery));
            let last = |text: &str| text.lines().last().unwrap_or_default().to_owned();
            assert_eq!(last(&native.stderr), last(&found.stderr), "{native}\n{found}");
        }
    }
}
