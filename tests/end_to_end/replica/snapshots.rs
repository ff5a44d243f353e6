//! Snapshots of two simulations, as a server has them whose recordings the Python client comes with.

use super::shows_the_same;
use crate::harness::{Plugin, Program, Server, Stats, python, tool};
use crate::v1::tree;

const EAGLE: &str = "EAGLE/Fiducial_models/RefL0012N0188/snapshot_000_z020p000/snap_000_z020p000.0.hdf5";
const SWIFT: &str = "Tests/SWIFT/IOExamples/ssio_ci_04_2025/EagleSingle.hdf5";

fn server() -> Server {
    Server::with(tree(), &["--protocol", "v1"])
}

#[track_caller]
fn both_show_the_same(program: &Program) {
    let server = server();
    for snapshot in [EAGLE, SWIFT] {
        shows_the_same(&tree().join(snapshot), &server.url(snapshot), program);
    }
}

#[test]
fn h5py_walks_and_reads_the_same() {
    // All but how it is stored, which the older protocol does not say.
    let script = r#"
import sys, h5py
from read_h5py import attributes
from shown import shown
def visit(path, item):
    print(path, item.name, *(() if isinstance(item, h5py.Group) else (item.shape, item.dtype, shown(item[()]))))
    print(*attributes(path, item), sep="\n")
with h5py.File(sys.argv[1]) as file:
    visit("/", file)
    file.visititems(visit)
    file.visititems_links(lambda path, link: print(path, type(link), getattr(link, "path", None)))
"#;
    both_show_the_same(&python(script));
}

#[test]
fn h5ls_shows_the_same() {
    both_show_the_same(&tool("h5ls").arg("-r"));
}

#[test]
fn h5dump_shows_the_same() {
    both_show_the_same(&tool("h5dump").arg("-A"));
    let rows = ["-d", "/PartType1/Coordinates", "-s", "0,0", "-c", "200,3"];
    let server = server();
    shows_the_same(
        &tree().join(EAGLE),
        &server.url(EAGLE),
        &tool("h5dump").args(rows),
    );
    let names = ["-d", "/Header/PartTypeNames", "-g", "/PartType5"];
    shows_the_same(
        &tree().join(SWIFT),
        &server.url(SWIFT),
        &tool("h5dump").args(names),
    );
}

fn count(name: &str, read: &str) -> Stats {
    let script = format!("import sys, h5py\nwith h5py.File(sys.argv[1]) as file:\n{read}");
    let server = server();
    let program = python(&script).arg(server.url(name)).plugin(Plugin::On);
    program.run().success().stats()
}

#[test]
fn requests_are_few() {
    let listed = count(EAGLE, "    assert len(list(file)) == 9");
    assert!(listed.requests <= 2, "{listed:?}");
    let walk = "
    found = {h5py.Group: 1, h5py.Dataset: 0}
    attributes = len(dict(file.attrs))
    def visit(path, item):
        global attributes
        found[type(item)] += 1
        attributes += len(dict(item.attrs))
    file.visititems(visit)
    assert (*found.values(), attributes) == (15, 48, 508), (found, attributes)
";
    let walked = count(EAGLE, walk);
    assert!(walked.requests <= 16, "{walked:?}");
    // The other has 23 groups in its root, and groups of 41, 52 and 60 datasets.
    let walked = count(
        SWIFT,
        "    file.visititems(lambda path, item: print(path, dict(item.attrs)))",
    );
    assert!(walked.requests <= 16, "{walked:?}");
}
