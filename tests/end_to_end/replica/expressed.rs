//! What the older protocol has words for is shown as it is locally.

use std::time::Duration;

use super::{Scene, shows_the_same};
use crate::harness::{Host, Plugin, assert_same, make_stub, python, python_file, tool};

#[test]
fn h5dump_shows_the_same() {
    let scene = Scene::new("everything");
    shows_the_same(&scene.local(), &scene.url(), &tool("h5dump"));
}

#[test]
fn h5ls_shows_the_same() {
    let scene = Scene::new("everything");
    for options in ["-r", "-rd"] {
        shows_the_same(&scene.local(), &scene.url(), &tool("h5ls").arg(options));
    }
}

#[test]
fn h5py_reads_the_same() {
    for write in ["everything", "ten_thousand"] {
        let scene = Scene::new(write);
        shows_the_same(&scene.local(), &scene.url(), &Host::H5py.reader());
    }
}

#[test]
fn pytables_and_netcdf4_read_the_same_through_stubs() {
    let scene = Scene::new("numbers");
    for host in [Host::Tables, Host::NetCdf4] {
        let stub = scene.directory.path().join(format!("{}.h5", host.module()));
        make_stub(&scene.url(), &stub);
        let local = host.reader().arg(scene.local()).output();
        let remote = host.reader().arg(&stub).plugin(Plugin::On).output();
        assert!(local.lines().count() > 4, "{local}");
        assert_same(&local, &remote);
    }
}

#[test]
fn h5diff_and_h5copy_work() {
    let scene = Scene::new("everything");
    let (local, url) = (scene.local(), scene.url());
    tool("h5diff")
        .arg(&local)
        .arg(&url)
        .plugin(Plugin::On)
        .run()
        .success();
    let copied = scene.directory.path().join("copied.h5");
    for object in ["many", "numbers", "many_words"] {
        tool("h5copy")
            .args(["-s", object, "-d", object, "-i"])
            .arg(&url)
            .arg("-o")
            .arg(&copied)
            .plugin(Plugin::On)
            .run()
            .success();
        tool("h5diff")
            .arg(&local)
            .arg(&copied)
            .arg(object)
            .arg(object)
            .run()
            .success();
    }
}

#[test]
fn deprecated_calls_are_served() {
    let scene = Scene::new("everything");
    let script = r#"
import h5py, sys
with h5py.File(sys.argv[1]) as f:
    names = []
    h5py.h5g.iterate(f.id, names.append)
    print(names, h5py.h5g.get_objinfo(f.id, b"numbers/i4").type, h5py.h5g.get_objinfo(f["thirty"].id, b"member03").type)
    print(f.id.get_num_objs(), f["level0"].id.get_num_objs(), f["level0/level1/level2"].id.get_objname_by_idx(0))
    print([f["thirty"].id.get_objtype_by_idx(i) for i in range(3)])
"#;
    shows_the_same(&scene.local(), &scene.url(), &python(script));
}

#[test]
fn any_selection_and_conversion_is_that_of_native_hdf5() {
    let scene = Scene::new("selectable");
    let outcome = python_file("end_to_end/programs/read_selections.py")
        .arg(scene.local())
        .arg(scene.url())
        .arg("400")
        .plugin(Plugin::On)
        .run()
        .success();
    assert_eq!(outcome.stdout.trim(), "400");
}

#[test]
fn elements_are_the_same_however_they_are_stored() {
    let read = |scene: &Scene, boxes: &str| {
        let read = python_file("end_to_end/programs/read_boxes.py")
            .arg(scene.local())
            .arg(scene.url())
            .arg(boxes)
            .plugin(Plugin::On)
            .limit(Duration::from_secs(300));
        let compared: usize = read.output().trim().parse().expect("a number");
        compared
    };
    for texts in ["texts", "texts_behind_a_block"] {
        assert_eq!(read(&Scene::new(texts), "5"), 9 * 6);
    }
    let scene = Scene::new("selectable");
    for (seed, format) in [("11", "earliest"), ("12", "v110")] {
        python_file("end_to_end/programs/layouts.py")
            .arg(scene.local())
            .args([seed, format])
            .run()
            .success();
        assert!(read(&scene, "20") > 30 * 21);
    }
}
