//! Unmodified programs that write, other than h5py's.

use super::{Scene, dump};
use crate::harness::{Language, Plugin, Program, assert_same, compile, python, tool};

impl Scene {
    /// The scene with a mount at `mnt`, where there is a directory for stubs, and one beside it for local files.
    fn with_mount() -> Self {
        let scene = Self::new();
        for name in ["mnt", "here"] {
            std::fs::create_dir(scene.local(name)).expect("a directory");
        }
        let text = format!(
            "aliases:\n  far:\n    url: {}\n    user: null\n    use_keyring: false\nmounts:\n  {}: far\n",
            scene.server.base(),
            scene.local("mnt").display(),
        );
        std::fs::write(scene.local("config.yml"), text).expect("a file");
        scene
    }

    /// Runs a Python script on a local file, and on a remote one below the mount: both must look the same to h5dump.
    #[track_caller]
    fn same_file(&self, script: &str) {
        let script = format!("import sys; name = sys.argv[1]\n{script}");
        let (local, remote) = (self.local("here/file.h5"), self.local("mnt/file.h5"));
        let expected = python(&script).arg(&local).output();
        let outcome = python(&script)
            .arg(&remote)
            .env("HDFSTREAM_CONFIG", self.local("config.yml"))
            .plugin(Plugin::On)
            .run()
            .success();
        assert_same(&expected, &outcome.stdout);
        assert!(outcome.stats().requests > 0, "{outcome}");
        assert_same(&dump(&local), &self.dump("file.h5"));
        assert_eq!(std::fs::metadata(&remote).expect("the stub").len(), 1024);
    }
}

/// PyTables (HDF5 1.14) makes, appends to, changes, removes from and renames in remote files.
#[test]
fn pytables_writes() {
    Scene::with_mount().same_file(
        r#"
import tables, numpy
with tables.open_file(name, "w", title="a file") as f:
    table = f.create_table("/", "table", {"a": tables.Int32Col(), "b": tables.StringCol(8)}, track_times=False)
    for number in range(1000):
        table.row["a"] = number
        table.row["b"] = f"row {number}"
        table.row.append()
    table.flush()
    f.create_array("/", "array", numpy.arange(100.), track_times=False)
    grows = f.create_earray("/", "grows", tables.Float64Atom(), (0, 5), filters=tables.Filters(5, "zlib"), track_times=False)
    for number in range(10): grows.append(numpy.full((20, 5), number))
    f.create_group("/", "group")
with tables.open_file(name, "a") as f:
    f.root.table.cols.a[10:20] = numpy.arange(10)
    f.root.table.remove_rows(100, 200)
    f.root.table.cols.a.create_index()
    f.remove_node("/array")
    f.rename_node("/group", "renamed")
    f.root.table.attrs.units = "m"
    f.flush()
    print(f.root.table.nrows, [row["a"] for row in f.root.table.where("(a > 990) & (a < 995)")])
with tables.open_file(name) as f: print(f.root.grows[55], f.root.table[15])
"#,
    );
}

/// netCDF4 (HDF5 2.2) makes, extends and changes remote files.
#[test]
fn netcdf4_writes() {
    Scene::with_mount().same_file(
        r#"
import netCDF4, numpy
with netCDF4.Dataset(name, "w") as d:
    d.createDimension("time", None)
    d.createDimension("x", 50)
    v = d.createVariable("v", "f4", ("time", "x"), zlib=True)
    v.units = "K"
    for step in range(20): v[step] = numpy.arange(50) + step
    d.sync()
    d.title = "a file"
with netCDF4.Dataset(name, "a") as d:
    d["v"][20:25] = 7
    d["v"][3, 4] = -1
    group = d.createGroup("group")
    group.createVariable("s", str, ())[...] = "text"
    d.renameVariable("v", "w")
with netCDF4.Dataset(name) as d: print(d["w"].shape, d["w"][3, :6], d["group/s"][...])
"#,
    );
}

/// h5copy and h5repack of HDF5 1.14 write to remote names.
#[test]
fn h5copy_and_h5repack_write_to_remote_names() {
    let scene = Scene::new();
    let local = scene.local("local.h5");
    let script = "import sys, write_much\nwrite_much.begin(sys.argv[1])\nwrite_much.change(sys.argv[1])";
    python(script).arg(&local).run().success();
    let url = scene.server.url("file.h5");
    for (program, arguments) in [("h5repack", vec!["-f", "GZIP=5"]), ("h5repack", vec![])] {
        let expected = scene.local("expected.h5");
        tool(program)
            .args(&arguments)
            .arg(&local)
            .arg(&expected)
            .run()
            .success();
        tool(program)
            .args(&arguments)
            .arg(&local)
            .arg(&url)
            .plugin(Plugin::On)
            .run()
            .success();
        assert_same(&dump(&expected), &scene.dump("file.h5"));
    }
    for (path, to) in [
        ("/group", "/taken"),
        ("/grows", "/grows2"),
        ("/table", "/deep/table"),
    ] {
        let copy = |output: &std::ffi::OsStr| {
            tool("h5copy")
                .args(["-p", "-i"])
                .arg(&local)
                .arg("-o")
                .arg(output)
                .args(["-s", path, "-d", to])
        };
        copy(scene.local("expected.h5").as_os_str()).run().success();
        copy(url.as_ref()).plugin(Plugin::On).run().success();
    }
    assert_same(&dump(&scene.local("expected.h5")), &scene.dump("file.h5"));
    // And into a file that is not there yet.
    let new = scene.server.url("new.h5");
    tool("h5copy")
        .arg("-i")
        .arg(&local)
        .arg("-o")
        .arg(&new)
        .args(["-s", "/grows", "-d", "/grows"])
        .plugin(Plugin::On)
        .run()
        .success();
    assert_eq!(scene.names("new.h5"), "grows");
}

/// A C program makes, extends, flushes and removes (`H5Fdelete`) files; what it removes is gone on the server, with its stub.
#[test]
fn a_c_program_writes_and_deletes() {
    let scene = Scene::with_mount();
    let source = scene.local("writes.c");
    std::fs::write(&source, include_str!("../programs/writes.c")).expect("a file");
    let program = compile(Language::C, &source);
    let run = |name: &std::path::Path, what: &str, plugin| {
        Program::new(&program)
            .arg(name)
            .arg(what)
            .env("HDFSTREAM_CONFIG", scene.local("config.yml"))
            .plugin(plugin)
            .run()
            .success()
    };
    let (local, remote) = (scene.local("here/file.h5"), scene.local("mnt/file.h5"));
    for what in ["make", "extend"] {
        let expected = run(&local, what, Plugin::Off);
        let outcome = run(&remote, what, Plugin::On);
        assert_eq!(expected.stdout, outcome.stdout, "{outcome}");
        // C programs let HDF5 print its errors: there must be none.
        assert_eq!(outcome.stderr, "", "{outcome}");
    }
    assert_same(&dump(&local), &scene.dump("file.h5"));
    assert!(remote.exists());
    run(&remote, "delete", Plugin::On);
    assert!(!remote.exists());
    scene.serves_just(&[]);
}

/// Without `HDF5_VOL_CONNECTOR` files can be opened for writing, but not made: HDF5 asks no plugin about files that it is to
/// make. By URL that fails; over a stub HDF5 makes a local file, and the remote one stays.
#[test]
fn in_discovery_files_are_changed_but_not_made() {
    let scene = Scene::new();
    scene.run("with h5py.File(name, 'w') as f: f['x'] = 1");
    let script = r#"
with h5py.File(name, "r+") as f:
    f["y"] = 1
    f.flush()
    print(seen(name))
    f["z"] = 1
print(seen(name))
print(error_of(h5py.File, name, "x")[0])
stub = os.path.join(local, "stub.h5")
with h5py.File(stub, "r+") as f: f["w"] = 1
with h5py.File(stub, "w") as f: f["mine"] = 1
print(sorted(h5py.File(stub)), seen(name))
"#;
    crate::harness::make_stub(&scene.server.url("file.h5"), &scene.local("stub.h5"));
    let outcome = scene.program(script).plugin(Plugin::Discovery).run().success();
    assert_eq!(
        outcome.stdout, "x y\nx y z\nFileNotFoundError\n['mine'] w x y z\n",
        "{outcome}"
    );
}
