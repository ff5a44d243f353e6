//! Three libraries in one process, each with a private libhdf5 of another version, share the plugin.

use crate::harness::corpus;
use crate::harness::{Host, Plugin, Server, assert_same, make_stub, python};

/// Imports the packages in the order of the arguments, then reads the file with each, twice, the second
/// time while another library has it open.
const SCRIPT: &str = r#"
import importlib, sys
name, *order = sys.argv[1:]
readers = [importlib.import_module(module) for module in order]
for reader in readers:
    print(reader.__name__)
    for line in reader.values(name): print(line)
# Each generator holds the file open between its lines.
again = [reader.values(name) for reader in readers]
for values in again: next(values)
for values in again: print(sum(1 for _ in values))
"#;

#[test]
fn h5py_pytables_and_netcdf4_together_in_every_order() {
    let directory = tempfile::tempdir().expect("a directory");
    corpus::write_with(
        "import write_files; write_files.plain('plain.h5')",
        directory.path(),
    );
    let server = Server::over(directory.path());
    let stub = directory.path().join("stub.h5");
    make_stub(&server.url("plain.h5"), &stub);
    let [a, b, c] = Host::ALL.map(Host::module_that_reads);
    for order in [[a, b, c], [a, c, b], [b, a, c], [b, c, a], [c, a, b], [c, b, a]] {
        let read = |name: &std::path::Path, plugin| python(SCRIPT).arg(name).args(order).plugin(plugin).run();
        let local = read(&directory.path().join("plain.h5"), Plugin::Off).success();
        for plugin in [Plugin::On, Plugin::Discovery] {
            let remote = read(&stub, plugin).success();
            assert!(remote.stats().requests > 0, "{remote}");
            assert_same(&local.stdout, &remote.stdout);
        }
    }
}
