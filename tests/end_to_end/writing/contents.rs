//! The file that comes out on the server's disk.

use super::Scene;
use crate::harness::{assert_same, python};

/// The file on the server's disk is an ordinary HDF5 file, byte for byte the one that the program would have written on
/// its own disk, apart from times, and unless it flushes single objects.
#[test]
fn the_file_is_byte_for_byte_what_it_would_be_locally() {
    // Newer formats keep the times at which groups were made.
    let kinds = [
        ("libver='earliest'", true),
        ("libver='earliest', userblock_size=1024", true),
        ("libver='v114'", false),
        ("libver='v110', userblock_size=512", false),
        (
            "libver='v110', fs_strategy='page', fs_persist=True, fs_page_size=4096",
            false,
        ),
        ("track_order=True, meta_block_size=1 << 16", false),
    ];
    let scene = Scene::new();
    for (options, timeless) in kinds {
        let local = scene.local("expected.h5");
        let script = format!("import write_much\nwrite_much.begin(name, {options})\nwrite_much.change(name)");
        for name in [&local.display().to_string(), &scene.server.url("file.h5")] {
            scene.program_at(name, &script).run().success();
        }
        assert_same(&super::dump(&local), &scene.dump("file.h5"));
        let bytes = |path| std::fs::read(path).expect("a file");
        let (expected, found) = (bytes(local), bytes(scene.served("file.h5")));
        assert_eq!(expected.len(), found.len(), "{options}");
        assert!(!timeless || expected == found, "{options}: other bytes");
    }
    scene.serves_just(&["file.h5"]);
}

/// At every flush the bytes on the server's disk are those that the program would have on its own disk then.
#[test]
fn at_every_flush_the_bytes_are_those_of_a_local_file() {
    let scene = Scene::new();
    let script = r#"
import write_at_random
for seed in range(12):
    served = os.path.join(local, "served", f"file{seed}.h5")
    remote = name.replace("file.h5", f"file{seed}.h5")
    write_at_random.Pair(os.path.join(local, "local.h5"), remote, served, seed).change(250)
"#;
    scene.run(script);
}

/// A file written over keeps nothing of the one before, and none of its size.
#[test]
fn a_replaced_file_keeps_nothing_of_the_one_before() {
    let scene = Scene::new();
    scene.run("with h5py.File(name, 'w') as f: f['x'] = numpy.arange(1 << 20)");
    scene.run("with h5py.File(name, 'w') as f: f['y'] = 1");
    assert_eq!(scene.names("file.h5"), "y");
    let size = std::fs::metadata(scene.served("file.h5"))
        .expect("the file")
        .len();
    assert!(size < 1 << 14, "{size}");
}

/// A large file goes to the server while it is written, and does not fill the program's memory; nobody sees it there before it
/// is flushed.
#[test]
fn a_large_file_needs_little_memory() {
    let scene = Scene::new();
    let script = r#"
import resource
with h5py.File(name, "w") as f:
    d = f.create_dataset("x", (192 << 17,), "f8", chunks=(1 << 17,))
    e = f.create_dataset("y", (128 << 17,), "f8")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for start in range(0, d.size, 1 << 20): d[start:start + (1 << 20)] = numpy.arange(start, start + (1 << 20))
    for start in range(0, e.size, 1 << 20): e[start:start + (1 << 20)] = numpy.arange(start, start + (1 << 20))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print("MiB:", (after - before) >> 10, file=sys.stderr)
    assert after - before < 200 << 10, (after - before) >> 10
    assert d[12345678] == 12345678
"#;
    scene
        .program(script)
        .env("HDFSTREAM_WRITE_MEMORY", "16 MiB")
        .run()
        .success();
    let check = "import sys, h5py, numpy\n\
        with h5py.File(sys.argv[1]) as f:\n\
        \x20   for name in ('x', 'y'):\n\
        \x20       for start in range(0, f[name].size, 1 << 20):\n\
        \x20           assert (f[name][start:start + (1 << 20)] == numpy.arange(start, start + (1 << 20))).all()";
    python(check).arg(scene.served("file.h5")).run().success();
}
