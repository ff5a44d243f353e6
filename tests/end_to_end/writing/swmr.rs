//! One process writes while others follow (HDF5's single writer, multiple readers).

use super::Scene;

/// A writer in SWMR mode saves at every flush, of the file or of a dataset; a reader that opened the file for SWMR sees that
/// when it refreshes the dataset, without opening the file again.
#[test]
fn a_reader_follows_a_writer_in_another_process() {
    let scene = Scene::new();
    let script = r#"
import subprocess
f = h5py.File(name, "w", libver="latest")
d = f.create_dataset("x", (0,), "i8", maxshape=(None,), chunks=(64,))
e = f.create_dataset("y", (100, 0), "i8", maxshape=(100, None), chunks=(10, 10), compression="gzip")
f.swmr_mode = True
reader = subprocess.Popen([sys.executable, "-c", """
import sys, h5py
f = h5py.File(sys.argv[1], swmr=True)
d, e = f["x"], f["y"]
for line in iter(sys.stdin.readline, ""):
    d.refresh(), e.refresh()
    print(d.shape, d[:].sum(), e.shape, e[:].sum(), flush=True)
""", name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
def ask():
    reader.stdin.write("now\n")
    reader.stdin.flush()
    return reader.stdout.readline().strip()
for number in range(1, 21):
    d.resize((number * 100,))
    d[-100:] = number
    e.resize((100, number))
    e[:, -1] = number
    d.flush(), e.flush()
    total = 100 * number * (number + 1) // 2
    assert ask() == f"({number * 100},) {total} (100, {number}) {total}", number
d[:] = 0
before = ask()
f.flush()
print(before != ask())
print(error_of(h5py.File, name.replace("file.h5", "none.h5"), swmr=True)[1])
print(other("h5py.File(a)", name).split()[0])
f.close()
reader.stdin.close()
assert reader.wait(60) == 0
print(seen(name))
"#;
    let outcome = scene.run(script);
    assert_eq!(outcome.stdout, "True\n2\nOSError\nx y\n", "{outcome}");
}

/// A reader that falls behind goes on with the newest state, and never fails because the server has its own no longer.
#[test]
fn a_reader_that_falls_behind_goes_on() {
    let scene = Scene::with(&["--retained-mib", "0"]);
    let script = r#"
import subprocess
f = h5py.File(name, "w", libver="latest")
d = f.create_dataset("x", (1 << 19,), "i8", chunks=(1 << 14,))
d[:] = 1
f.swmr_mode = True
reader = subprocess.Popen([sys.executable, "-c", """
import sys, h5py
f = h5py.File(sys.argv[1], swmr=True)
d = f["x"]
print(d[0], flush=True)
sys.stdin.readline()
print(set(d[1 << 15:].tolist()))
""", name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
print(reader.stdout.readline(), end="")
for number in range(2, 6):
    d[:] = number
    d.flush()
print(reader.communicate("go\n", timeout=60)[0], end="")
f.close()
"#;
    let outcome = scene.run(script);
    assert_eq!(outcome.stdout, "1\n{5}\n", "{outcome}");
}

/// A file whose SWMR writer was killed is as at its last flush; as with local files HDF5 wants it cleared (`h5clear -s`)
/// before it opens it without SWMR.
#[test]
fn a_killed_writer_leaves_what_it_flushed() {
    let scene = Scene::new();
    let script = r#"
f = h5py.File(name, "w", libver="latest")
d = f.create_dataset("x", (0,), "i8", maxshape=(None,), chunks=(64,))
f.swmr_mode = True
for number in range(5):
    d.resize((number + 1,))
    d[number] = number
    d.flush()
d.resize((100,))
step("open")
"#;
    let running = scene.start(&scene.program(script), "open");
    running.signal("KILL");
    running.wait();
    let script = "print(h5py.File(name, swmr=True)['x'][:])\nprint(error_of(h5py.File, name)[0])";
    assert_eq!(scene.run(script).stdout, "[0 1 2 3 4]\nOSError\n");
}
