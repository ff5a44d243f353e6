//! Ways to open a file for writing, and what the program itself then sees.

use super::Scene;
use crate::harness::assert_same;

/// Runs a script with a local file's name and with a remote one's; both must print the same.
#[track_caller]
fn same_as_local(script: &str) {
    let scene = Scene::new();
    let local = scene.local("file.h5").display().to_string();
    let expected = scene.program_at(&local, script).run().success();
    assert!(expected.stdout.lines().count() > 2, "{expected}");
    let remote = scene.run(script);
    assert_same(&expected.stdout, &remote.stdout);
    assert!(remote.stats().requests > 0, "{remote}");
}

/// `w` makes a file or replaces one, `x` makes one that is not there (errno 17 if it is), `a` opens or makes one, and
/// `r+` opens one that is there (errno 2 if it is not).
#[test]
fn every_mode_does_what_it_does_locally() {
    same_as_local(
        r#"
def attempt(mode, key):
    try:
        with h5py.File(name, mode) as f:
            f[key] = [1, 2, 3]
            print(mode, sorted(f), f.mode)
    except Exception as error:
        print(mode, type(error).__name__, getattr(error, "errno", None))
for number, mode in enumerate(["r", "r+", "a", "x", "a", "r+", "w", "x", "r+", "w-", "r"]):
    attempt(mode, f"k{number}")
with h5py.File(name) as f: print(sorted(f))
"#,
    );
}

/// A program that opens a file which it has open already gets the same file, and HDF5's own errors where that cannot be:
/// it sees at once what it wrote.
#[test]
fn a_second_open_in_one_program_is_the_same_file() {
    same_as_local(
        r#"
def attempt(what, call):
    try: print(what, call())
    except Exception as error: print(what, type(error).__name__, error)
f = h5py.File(name, "w")
f["x"] = 1
attempt("w", lambda: h5py.File(name, "w"))
attempt("x", lambda: h5py.File(name, "x"))
attempt("r", lambda: sorted(h5py.File(name, "r")))
second = h5py.File(name, "r+")
second["y"] = 2
print(sorted(f), f == second)
f.close()
second["z"] = 3
second.close()
reading = h5py.File(name, "r")
for mode in ("r+", "w", "x", "a"): attempt(mode, lambda: h5py.File(name, mode))
print(sorted(reading))
"#,
    );
}

/// The data that a program wrote reads back as it was written, from the server's file and before it gets there.
#[test]
fn what_is_written_reads_back() {
    same_as_local(
        r#"
rng = numpy.random.default_rng(3)
data = rng.integers(0, 1 << 40, (700, 300))
with h5py.File(name, "w") as f:
    d = f.create_dataset("x", data=data, chunks=(64, 64), compression="gzip")
    print((d[...] == data).all(), (d[5:600:7, 3] == data[5:600:7, 3]).all())
    f.flush()
    d[100:200, 50:60] = -1
    data[100:200, 50:60] = -1
    print((d[...] == data).all())
with h5py.File(name, "r+") as f:
    d = f["x"]
    print((d[...] == data).all())
    d[0] = 5
    data[0] = 5
    print((d[...] == data).all())
print((h5py.File(name)["x"][...] == data).all())
"#,
    );
}

/// A file that HDF5 could not make leaves nothing behind, and one that it could not open for writing is as it was.
#[test]
fn a_file_that_cannot_be_made_leaves_nothing() {
    let scene = Scene::new();
    std::fs::write(scene.served("text.txt"), "no HDF5").expect("a file");
    let script = r#"
base = name.rsplit("/", 1)[0] + "/"
fcpl = h5py.h5p.create(h5py.h5p.FILE_CREATE)
fcpl.set_userblock(512)
fapl = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
fapl.set_alignment(0, 7)
print(error_of(h5py.h5f.create, name.encode(), h5py.h5f.ACC_TRUNC, fcpl, fapl)[0])
for mode in ("r+", "a"): print(error_of(h5py.File, base + "text.txt", mode)[0])
print(error_of(h5py.File, base + "no/such/directory.h5", "w")[:2])
with h5py.File(base + "good.h5", "x") as f: f["x"] = 1
"#;
    let outcome = scene.run(script);
    assert_eq!(
        outcome.stdout, "OSError\nOSError\nOSError\n('FileNotFoundError', 2)\n",
        "{outcome}"
    );
    scene.serves_just(&["good.h5", "text.txt"]);
    let text = std::fs::read_to_string(scene.served("text.txt")).expect("the file");
    assert_eq!(text, "no HDF5");
}
