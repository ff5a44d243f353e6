//! Where the older protocol ends: what it cannot express is left out, and what cannot be done is refused.

use super::Scene;
use crate::harness::{Plugin, Program, python};

fn h5py(scene: &Scene, script: &str) -> Program {
    python(&format!("import sys, h5py; name = sys.argv[1]\n{script}")).arg(scene.url())
}

#[test]
fn what_has_no_words_is_left_out_and_the_rest_is_there() {
    let scene = Scene::new("dimensions");
    let script = r#"
with h5py.File(name) as f:
    assert {"x", "y", "flags"} <= set(f), list(f)
    assert list(f["y"][:]) == [4, 5, 6] and f["y"].attrs["unit"] == "m"
    assert list(f["flags"][:]) == [1, 0] and f["flags"].dtype == "i1"
"#;
    h5py(&scene, script).plugin(Plugin::On).run().success();
}

#[test]
fn nothing_can_be_changed() {
    let scene = Scene::new("snapshot");
    let script = r#"
for mode in ("r+", "a", "w"):
    try:
        h5py.File(name, mode)
    except OSError as error:
        assert error.errno == 30, error
    else:
        raise AssertionError(mode)
with h5py.File(name) as f:
    assert f.mode == "r"
    def change(): f["Header"].attrs["attribute00"] = 1
    def add(): f["new"] = 1
    def group(): f.create_group("g")
    def write(): f["PartType1/Data0"][0] = 1
    def delete(): del f["Header"]
    def delete_attribute(): del f["Header"].attrs["attribute00"]
    def link(): f["again"] = f["Header"]
    def move(): f.move("Header", "Footer")
    def copy(): f.copy("Header", "Copy")
    def commit(): f["type"] = __import__("numpy").dtype("f8")
    for what in (change, add, group, write, delete, delete_attribute, link, move, copy, commit):
        try:
            what()
        except (OSError, KeyError, ValueError, RuntimeError, TypeError) as error:
            assert "read-only" in str(error) or "errno = 30" in str(error), (what, error)
        else:
            raise AssertionError(what)
    assert set(f) >= {"Header", "PartType0"} and "new" not in f and f["Header"].attrs["attribute00"] == 0
"#;
    h5py(&scene, script).plugin(Plugin::On).run().success();
}

#[test]
fn a_missing_file_is_a_file_not_found_error() {
    let scene = Scene::new("snapshot");
    let script = r#"
for name in (name + ".absent", name.replace("file.h5", "a/b/c.h5")):
    try:
        h5py.File(name)
    except FileNotFoundError:
        pass
    else:
        raise AssertionError(name)
"#;
    h5py(&scene, script).plugin(Plugin::On).run().success();
}

#[test]
fn found_by_discovery_a_small_file_is_read_and_a_large_one_refused() {
    let scene = Scene::new("selectable");
    let script = "with h5py.File(name) as f: assert f['cube'][3, 4, 5] == f['cube'][:][3, 4, 5]; print(f['line'].shape)";
    h5py(&scene, script).plugin(Plugin::Discovery).run().success();
    let large = r#"
import numpy
with h5py.File(sys.argv[2], "w") as f: f.create_dataset("x", (1 << 26,), "f8", chunks=(1 << 20,))
try:
    h5py.File(name)
except OSError as error:
    assert "HDF5_VOL_CONNECTOR" in str(error), error
else:
    raise AssertionError("opened")
"#;
    h5py(&scene, large)
        .arg(scene.local())
        .plugin(Plugin::Discovery)
        .run()
        .success();
}

#[test]
fn objects_outlive_their_file_and_files_can_be_opened_again() {
    let scene = Scene::new("everything");
    let script = r#"
f = h5py.h5f.open(name.encode(), h5py.h5f.ACC_RDONLY)
group = h5py.h5g.open(f, b"level0")
del f
group = h5py.Group(group)
assert group["level1/level2/level3/level4/level5/level6/level7/level8/bottom"][:].tolist() == [1, 2, 3]
del group
for _ in range(20):
    with h5py.File(name) as one, h5py.File(name) as two:
        assert one["many"][5, 1] == two["many"][5, 1] and one.filename == name
assert h5py.h5f.get_obj_count(h5py.h5f.OBJ_ALL, h5py.h5f.OBJ_FILE) == 0
"#;
    h5py(&scene, script).plugin(Plugin::On).run().success();
}
