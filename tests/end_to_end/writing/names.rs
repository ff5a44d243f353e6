//! Names by which files are made: aliases, mounts, stubs.

use super::Scene;
use crate::harness::{Outcome, make_stub};

/// The scene with an alias `far` and a mount at `mnt`.
fn scene() -> Scene {
    let scene = Scene::new();
    let text = format!(
        "aliases:\n  far:\n    url: {}\n    user: null\n    use_keyring: false\nmounts:\n  {}: far\n",
        scene.server.base(),
        scene.local("mnt").display(),
    );
    std::fs::write(scene.local("config.yml"), text).expect("a file");
    scene
}

/// Runs a script that finds a name in `name`.
#[track_caller]
fn run(scene: &Scene, name: &str, script: &str) -> Outcome {
    let program = scene.program_at(name, script);
    program
        .env("HDFSTREAM_CONFIG", scene.local("config.yml"))
        .run()
        .success()
}

const MAKE: &str = "with h5py.File(name, 'w') as f: f['x'] = 1\nprint(h5py.File(name)['x'][()])";

/// A name below a mount that does not exist yet is remote: a file is made on the server. Where its directory exists on this
/// machine, too, a stub of it is left there, and directories that the server lacks are made.
#[test]
fn a_file_made_below_a_mount_leaves_a_stub() {
    let scene = scene();
    let name = |path: &str| scene.local("mnt").join(path).display().to_string();
    assert_eq!(run(&scene, &name("plain.h5"), MAKE).stdout, "1\n");
    assert!(!scene.local("mnt").exists());
    std::fs::create_dir_all(scene.local("mnt/run/seven")).expect("a directory");
    let look = format!("{MAKE}\nprint(os.path.getsize(name), h5py.is_hdf5(name))");
    assert_eq!(
        run(&scene, &name("run/seven/a.h5"), &look).stdout,
        "1\n1024 True\n"
    );
    scene.serves_just(&["plain.h5", "run"]);
    assert_eq!(scene.names("run/seven/a.h5"), "x");
    // What is no stub stays as it is.
    std::fs::write(name("run/b.h5"), "mine").expect("a file");
    run(&scene, &name("run/b.h5"), MAKE);
    assert_eq!(std::fs::read(name("run/b.h5")).expect("the file"), b"mine");
    assert_eq!(scene.names("run/b.h5"), "x");
}

/// A file written by the name of its stub is written on the server; the stub stays as it is, also with `w`.
#[test]
fn a_stub_is_never_overwritten_by_a_file() {
    let scene = scene();
    let stub = scene.local("stub.h5");
    scene.run("with h5py.File(name, 'w') as f: f['old'] = 1");
    make_stub(&scene.server.url("file.h5"), &stub);
    let before = std::fs::read(&stub).expect("the stub");
    let name = stub.display().to_string();
    run(&scene, &name, "with h5py.File(name, 'a') as f: f['appended'] = 1");
    assert_eq!(scene.names("file.h5"), "appended old");
    run(&scene, &name, MAKE);
    assert_eq!(scene.names("file.h5"), "x");
    // A stub of a file that is gone stands for the one that is made.
    std::fs::remove_file(scene.served("file.h5")).expect("the file");
    run(&scene, &name, "with h5py.File(name, 'x') as f: f['new'] = 1");
    assert_eq!(scene.names("file.h5"), "new");
    assert_eq!(std::fs::read(&stub).expect("the stub"), before);
}

/// Files are made by URL and alias as well.
#[test]
fn files_are_made_by_alias() {
    let scene = scene();
    assert_eq!(run(&scene, "far:by alias.h5", MAKE).stdout, "1\n");
    assert_eq!(scene.names("by alias.h5"), "x");
}

/// Links that leave the file are written like all else, and writing goes through them to other files of the same server.
#[test]
fn writing_goes_through_external_links() {
    let scene = Scene::new();
    std::fs::create_dir(scene.served("deep")).expect("a directory");
    let script = r#"
base = name.rsplit("/", 1)[0]
with h5py.File(base + "/deep/other.h5", "w") as f: f["x"] = numpy.zeros(5)
with h5py.File(name, "w") as f:
    f["away"] = h5py.ExternalLink("deep/other.h5", "/x")
    f["url"] = h5py.ExternalLink(base + "/deep/other.h5", "/x")
    f["away"][2] = 7
    f["url"][3] = 8
    print(f["away"][:])
with h5py.File(name) as f: print(f["away"][:], f["url"][:])
with h5py.File(name, "r+") as f: f["away"][4] = 9
with h5py.File(base + "/deep/other.h5") as f: print(f["x"][:])
"#;
    let outcome = scene.run(script);
    assert_eq!(
        outcome.stdout, "[0. 0. 7. 8. 0.]\n[0. 0. 7. 8. 0.] [0. 0. 7. 8. 0.]\n[0. 0. 7. 8. 9.]\n",
        "{outcome}"
    );
}
