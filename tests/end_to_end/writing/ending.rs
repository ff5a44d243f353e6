//! Ends of programs with files open, and forks.

use super::Scene;
use crate::harness::{Language, Program, compile};

/// Files that are open when a program ends are saved and closed, as HDF5 does with local ones.
#[test]
fn files_left_open_at_exit_are_saved() {
    for (number, ending) in ["", "sys.exit(0)", "sys.exit(3)", "raise ValueError"]
        .iter()
        .enumerate()
    {
        let scene = Scene::new();
        let script = format!(
            "f = h5py.File(name, 'w')\nf['x'] = 1\nf.flush()\nf['y'] = 2\nd = f.create_dataset('z', (5,), maxshape=(9,))\n\
             d[:] = 1\n{ending}"
        );
        let outcome = scene.program(&script).run();
        assert_eq!(outcome.status.success(), number < 2, "{outcome}");
        assert_eq!(scene.names("file.h5"), "x y z", "{outcome}");
        scene.serves_just(&["file.h5"]);
    }
}

/// A C program that never closes its file, and one whose HDF5 ends by `exit`, leave it saved; one that ends by `_exit` or
/// `abort` leaves its last flush.
#[test]
fn c_programs_that_end_with_a_file_open_leave_it_saved() {
    let scene = Scene::new();
    let source = scene.local("ends.c");
    std::fs::write(&source, include_str!("../programs/ends.c")).expect("a file");
    let program = compile(Language::C, &source);
    for (how, names) in [("return", "x y"), ("exit", "x y"), ("_exit", "x"), ("abort", "x")] {
        let path = format!("{how}.h5");
        let outcome = Program::new(&program)
            .arg(scene.server.url(&path))
            .arg(how)
            .plugin(crate::harness::Plugin::On)
            .run();
        assert!(!outcome.timed_out, "{outcome}");
        assert_eq!(scene.names(&path), names, "{outcome}");
    }
}

/// When a file that was left open cannot be saved at the program's end, a line on its standard error says so and names the
/// recovery file.
#[test]
fn what_cannot_be_saved_at_exit_is_told() {
    let mut scene = Scene::new();
    let script = "import atexit\nf = h5py.File(name, 'w')\nf['x'] = 1\nf.flush()\nf['y'] = 1\nstep('trouble')\n\
        kept = f.id.id";
    let program = scene.program(script).env("HDFSTREAM_RETRIES", "0");
    let running = scene.start(&program, "trouble");
    scene.server.kill();
    scene.go("trouble");
    let outcome = running.wait();
    assert!(outcome.stderr.contains("recovery"), "{outcome}");
    let kept = std::fs::read_dir(scene.local("state/hdfstream/recovery")).expect("the folder");
    assert_eq!(kept.count(), 1, "{outcome}");
}

/// A forked child never saves anything of a file that its parent has open for writing, neither when it closes it nor when
/// it ends; the parent goes on. Files that the child opens itself it writes like any program.
#[test]
fn a_forked_child_saves_nothing_of_its_parents_file() {
    let scene = Scene::new();
    let script = r#"
f = h5py.File(name, "w")
f["x"] = numpy.arange(10)
f.flush()
f["y"] = numpy.arange(10)
for ending in ("os._exit(0)", "f.close()", "f.flush()", "sys.exit(0)"):
    child = os.fork()
    if child == 0:
        try:
            f["child"] = 1
            exec(ending)
        except OSError: pass
        finally: os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert seen(name) == "x", seen(name)
child = os.fork()
if child == 0:
    with h5py.File(name.replace("file", "own"), "w") as own: own["child"] = 1
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
f["z"] = 1
f.close()
print(seen(name), seen(name.replace("file", "own")))
"#;
    let outcome = scene.run(script);
    assert_eq!(outcome.stdout, "x y z child\n", "{outcome}");
    scene.serves_just(&["file.h5", "own.h5"]);
}
