//! What others see of a file that is being written.

use super::Scene;

/// Nobody sees anything of what a program writes before it flushes or closes the file: a new file is not there, one
/// that is replaced still has its old content.
#[test]
fn nothing_is_seen_before_a_flush() {
    let scene = Scene::new();
    let script = r#"
f = h5py.File(name, "x")
f["first"] = numpy.arange(100000)
print(seen(name))
f.close()
f = h5py.File(name, "w")
f["second"] = 1
print(seen(name))
f.close()
f = h5py.File(name, "r+")
f["third"] = 1
del f["second"]
print(seen(name))
f.close()
print(seen(name))
"#;
    let outcome = scene.run(script);
    let lines: Vec<_> = outcome.stdout.lines().collect();
    assert!(lines[0].starts_with("FileNotFoundError 2 "), "{outcome}");
    assert_eq!(lines[1..], ["first", "second", "third"], "{outcome}");
}

/// When a flush of the file returns, its content on the server is all that was written before, at once: whoever opens it
/// sees that, and nothing of what comes after.
#[test]
fn all_is_seen_after_a_flush() {
    for libver in ["earliest", "latest"] {
        let scene = Scene::new();
        let script = format!(
            r#"
f = h5py.File(name, "w", libver="{libver}")
for number in range(4):
    f[f"x{{number}}"] = numpy.full(1000, number)
    f.attrs["count"] = number
    f.flush()
    f["later"] = 1
    print(other("with h5py.File(a) as f: print(*sorted(f), f.attrs['count'], f['x' + b][5])", name, number))
    del f["later"]
"#
        );
        let outcome = scene.run(&script);
        assert_eq!(
            outcome.stdout, "x0 0 0\nx0 x1 1 1\nx0 x1 x2 2 2\nx0 x1 x2 x3 3 3\n",
            "{outcome}"
        );
    }
}

/// A flush of one dataset (`H5Dflush`; other objects alike) saves the whole file, because less would not be a sound one.
#[test]
fn a_flush_of_one_object_saves_the_file() {
    let scene = Scene::new();
    let script = r#"
f = h5py.File(name, "w")
f["x"] = numpy.arange(10)
f["y"] = 1
f["x"].flush()
print(seen(name))
f["z"] = 1
f.create_dataset("c", (5,), maxshape=(None,), chunks=(2,), dtype="i4")[:] = 7
f["c"].flush()
print(seen(name), other("with h5py.File(a) as f: print(f['c'][:])", name))
"#;
    let outcome = scene.run(script);
    assert_eq!(outcome.stdout, "x y\nc x y z [7 7 7 7 7]\n", "{outcome}");
}

/// Who has a file open for reading goes on seeing it as it was when they opened it, whatever is flushed meanwhile.
#[test]
fn readers_keep_what_they_opened() {
    let scene = Scene::new();
    let script = r#"
import subprocess
size = 1 << 18
with h5py.File(name, "w") as f:
    f.create_dataset("x", data=numpy.zeros(size), chunks=(1 << 12,))
    f.create_dataset("y", data=numpy.zeros(size))
reader = subprocess.Popen([sys.executable, "-c", """
import sys, h5py
f = h5py.File(sys.argv[1])
print("open", flush=True)
sys.stdin.readline()
print(f["x"][:].sum(), f["y"][:].sum(), sorted(f))
f.close()
with h5py.File(sys.argv[1]) as f: print(f["x"][:].sum() / f["x"].size, f["y"][5], sorted(f))
""", name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
assert reader.stdout.readline() == "open\n"
with h5py.File(name, "r+") as f:
    for number in range(1, 51):
        f["x"][:] = number
        f["y"][number] = number
        f[f"z{number:02}"] = number
        f.flush()
    f["y"][:] = 9
    for number in range(1, 51): del f[f"z{number:02}"]
print(reader.communicate("go\n", timeout=60)[0], end="")
"#;
    let outcome = scene.run(script);
    assert_eq!(
        outcome.stdout, "0.0 0.0 ['x', 'y']\n50.0 9.0 ['x', 'y']\n",
        "{outcome}"
    );
}
