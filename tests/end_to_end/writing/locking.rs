//! Two who want to write one file.

use super::{SHORT_LEASES, Scene};
use crate::harness::{Plugin, python};

/// One program at a time writes a file: a second one is refused at once, with errno 11 as locally, and may try again
/// when the first has closed it.
#[test]
fn a_second_writer_is_refused_at_once() {
    let scene = Scene::new();
    let script = r#"
attempt = "h5py.File(a, b).close(); print('opened')"
f = h5py.File(name, "w")
for mode in ("w", "r+", "a"): print(*other(attempt, name, mode).split()[:2])
f.flush()
for mode in ("w", "r+", "a"): print(*other(attempt, name, mode).split()[:2])
print(other(attempt, name, "r"))
f["x"] = 1
f.close()
print(other(attempt, name, "r+"))
print(seen(name))
"#;
    let outcome = scene.run(script);
    assert_eq!(
        outcome.stdout,
        // What is not there yet cannot be opened.
        format!(
            "BlockingIOError 11\nFileNotFoundError 2\n{}opened\nopened\nx\n",
            "BlockingIOError 11\n".repeat(4)
        ),
        "{outcome}"
    );
}

/// Readers are never locked out, and lock nobody out.
#[test]
fn readers_lock_nobody_out() {
    let scene = Scene::new();
    let script = r#"
with h5py.File(name, "w") as f: f["x"] = 1
reading = h5py.File(name)
print(other("with h5py.File(a, 'r+') as f: f['y'] = 2; f.flush(); print(sorted(f))", name))
print(sorted(reading), seen(name))
"#;
    assert_eq!(scene.run(script).stdout, "['x', 'y']\n['x'] x y\n");
}

/// Programs that switch file locking off (`HDF5_USE_FILE_LOCKING=FALSE`, or the access list) may open one file at once. The
/// first to flush wins: a flush of the other, who started from the older content, fails with errno 116.
#[test]
fn without_file_locking_the_first_flush_wins() {
    let scene = Scene::new();
    let script = r#"
with h5py.File(name, "w") as f: f["x"] = 1
f = h5py.File(name, "r+", locking=False)
f["mine"] = 1
print(other("with h5py.File(a, 'r+') as f: f['theirs'] = 1", name, HDF5_USE_FILE_LOCKING="FALSE"))
print(*error_of(f.flush)[:2])
print(seen(name))
try: f.close()
except Exception: pass
"#;
    let outcome = scene.run(script);
    assert_eq!(outcome.stdout, "\nRuntimeError 116\ntheirs x\n", "{outcome}");
}

/// Local programs on the server's machine and remote ones lock each other out as two local programs do.
#[test]
fn local_programs_on_the_server_are_locked_out() {
    let scene = Scene::new();
    let script = r#"
served = os.path.join(local, "served", "file.h5")
attempt = "h5py.File(a, 'r+').close(); print('opened')"
with h5py.File(name, "w") as f: f["x"] = 1
with h5py.File(name, "r+") as f: print(*other(attempt, served).split()[:2])
print(other(attempt, served))
with h5py.File(served, "r+") as f: print(*other(attempt, name).split()[:2])
print(other(attempt, name))
"#;
    let outcome = scene.run(script);
    assert_eq!(
        outcome.stdout, "BlockingIOError 11\nopened\nBlockingIOError 11\nopened\n",
        "{outcome}"
    );
}

/// The lock of a program that died, or whose network did, is given back when the server has heard nothing of it for the
/// time of a lease (30 s, `--lease-seconds`); what it had not flushed is gone then.
#[test]
fn the_lock_of_a_dead_writer_ends() {
    let scene = Scene::with(&SHORT_LEASES);
    let writer = scene.program("f = h5py.File(name, 'w')\nf['x'] = 1\nf.flush()\nf['y'] = 1\nstep('open')");
    let running = scene.start(&writer, "open");
    running.signal("KILL");
    running.wait();
    let script = "import sys, time\nfrom together import *\n\
        attempt = \"h5py.File(a, 'r+').close(); print('opened')\"\n\
        print(*other(attempt, sys.argv[1]).split()[:2])\n\
        wait_for(lambda: other(attempt, sys.argv[1]) == 'opened')";
    let outcome = python(script)
        .arg(scene.server.url("file.h5"))
        .plugin(Plugin::On)
        .run()
        .success();
    assert_eq!(outcome.stdout, "BlockingIOError 11\n", "{outcome}");
    assert_eq!(scene.names("file.h5"), "x");
    scene.serves_just(&["file.h5"]);
}
