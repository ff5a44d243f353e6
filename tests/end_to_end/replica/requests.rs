//! Requests to servers of the older protocol are few.

use super::Scene;
use crate::harness::{Plugin, Stats, python};

fn count(write: &str, read: &str) -> Stats {
    let scene = Scene::new(write);
    let outcome = python(&format!("import sys, h5py; name = sys.argv[1]\n{read}"))
        .arg(scene.url())
        .plugin(Plugin::On)
        .run()
        .success();
    outcome.stats()
}

#[test]
fn opening_and_listing_the_root() {
    let stats = count("snapshot", "with h5py.File(name) as f: assert len(list(f)) == 9");
    assert!(stats.requests <= 2, "{stats:?}");
}

#[test]
fn walking_a_snapshot_with_all_attributes() {
    let walk = r#"
attributes = 0
def visit(path, item):
    global attributes
    attributes += len(dict(item.attrs))
with h5py.File(name) as f:
    attributes += len(dict(f.attrs))
    f.visititems(visit)
assert attributes == 368, attributes
"#;
    let stats = count("snapshot", walk);
    assert!(stats.requests <= 16, "{stats:?}");
}

#[test]
fn reading_a_dataset_takes_one_request_for_64_mebibytes() {
    let stats = count(
        "large",
        "with h5py.File(name) as f: assert f['large'][:].nbytes == 200 << 20",
    );
    // Two to find out what the server speaks and to open the file, and four.
    assert!(stats.requests <= 2 + 4, "{stats:?}");
}
