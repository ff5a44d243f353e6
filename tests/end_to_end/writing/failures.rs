//! Crashes, lost networks, full disks: what was flushed stays, and what could not be saved is not lost.

use std::path::PathBuf;

use super::{SHORT_LEASES, Scene};
use crate::harness::{Fault, Outcome, Plugin, python};

/// Opens the file, flushes once, writes on, and tries to flush while there is trouble.
const FLUSH_IN_TROUBLE: &str = r#"
f = h5py.File(name, "w")
f["x"] = numpy.arange(1000)
f.flush()
f["y"] = numpy.arange(1000)
step("trouble")
kind, number, text = error_of(f.flush)
print(kind, number)
print(text, file=sys.stderr)
f["z"] = numpy.arange(1000)
step("mended")
f.flush()
f.close()
"#;

impl Scene {
    /// Makes trouble while a program flushes, looks what is `seen` then, mends it, and lets the program flush again.
    fn through_trouble(
        &mut self,
        url: &str,
        make: impl FnOnce(&mut Self),
        seen: &[&str],
        mend: impl FnOnce(&mut Self),
    ) -> Outcome {
        let program = self
            .program_at(url, FLUSH_IN_TROUBLE)
            .env("HDFSTREAM_RETRIES", "1");
        let running = self.start(&program, "trouble");
        make(self);
        self.go("trouble");
        self.reached("mended");
        let names = self.names("file.h5");
        assert!(seen.contains(&&*names), "{names}");
        mend(self);
        self.go("mended");
        running.wait().success()
    }

    /// The recovery files of programs that ran here.
    fn recovery_files(&self) -> Vec<PathBuf> {
        let folder = self.local("state/hdfstream/recovery");
        let Ok(entries) = std::fs::read_dir(folder) else {
            return Vec::new();
        };
        entries.map(|entry| entry.expect("an entry").path()).collect()
    }
}

/// A flush that fails because the network does may have come to the server or not: others see the file as at the flush before
/// or as at this one, and nothing in between; the program may flush again when the network is back, while its lease lasts.
#[test]
fn a_flush_without_network_can_be_repeated() {
    let mut scene = Scene::new();
    let proxy = scene.server.behind_proxy();
    let outcome = scene.through_trouble(
        &proxy.url("file.h5"),
        |_| proxy.set_fault(Fault::Cut { after: 0 }),
        &["x", "x y"],
        |_| proxy.set_fault(Fault::None),
    );
    assert_eq!(outcome.stdout, "RuntimeError 5\n", "{outcome}");
    assert_eq!(scene.names("file.h5"), "x y z");
    assert!(scene.recovery_files().is_empty());
}

/// When the answer to a flush is lost, it is asked again, and what was saved already is not saved twice.
#[test]
fn a_lost_answer_is_asked_for_again() {
    let scene = Scene::new();
    let proxy = scene.server.behind_proxy();
    let script = r#"
f = h5py.File(name, "w")
f["x"] = numpy.arange(1000)
step("ready")
f.flush()
f["y"] = numpy.arange(1000)
f.close()
"#;
    let running = scene.start(&scene.program_at(&proxy.url("file.h5"), script), "ready");
    proxy.set_fault(Fault::CutOnce { after: 20 });
    scene.go("ready");
    running.wait().success();
    assert_eq!(scene.names("file.h5"), "x y");
    scene.serves_just(&["file.h5"]);
}

/// When the server is killed, all that was flushed is on its disk; when it is there again, the program goes on writing as
/// if nothing had happened.
#[test]
fn a_server_that_was_killed_and_came_back_is_not_noticed() {
    let mut scene = Scene::new();
    let script = r#"
f = h5py.File(name, "w")
f["x"] = numpy.arange(1 << 17)
f.flush()
f["y"] = numpy.arange(1 << 17)
f["x"][5] = -1
step("first")
f.flush()
print(f["x"][:7], f["y"][12345])
f["z"] = 1
step("second")
f.close()
"#;
    let running = scene.start(&scene.program(script), "first");
    scene.serve_again();
    scene.go("first");
    scene.reached("second");
    scene.serve_again();
    scene.go("second");
    let outcome = running.wait().success();
    assert_eq!(outcome.stdout, "[ 0  1  2  3  4 -1  6] 12345\n", "{outcome}");
    assert_eq!(scene.names("file.h5"), "x y z");
    scene.serves_just(&["file.h5"]);
}

/// While the server is down a flush fails with errno 111, and can be repeated.
#[test]
fn a_flush_to_a_server_that_is_down_can_be_repeated() {
    let mut scene = Scene::new();
    let url = scene.server.url("file.h5");
    let outcome = scene.through_trouble(&url, |scene| scene.server.kill(), &["x"], Scene::serve_again);
    assert_eq!(outcome.stdout, "RuntimeError 111\n", "{outcome}");
    assert_eq!(scene.names("file.h5"), "x y z");
}

/// When the program is killed, at whatever moment, the file is as at its last flush.
#[test]
fn a_killed_program_leaves_its_last_flush() {
    let scene = Scene::new();
    for round in 0..5 {
        let script = format!(
            r#"
import time
f = h5py.File(name, "w")
d = f.create_dataset("x", (1 << 16,), "i8", chunks=(1 << 10,))
d[:] = 0
f.flush()
open(os.path.join(os.environ["STEPS"], "round{round}.reached"), "w").close()
for number in range(1, 1000000):
    d[:] = number
    f.attrs["number"] = number
    f.flush()
"#
        );
        let name = scene.server.url(&format!("file{round}.h5"));
        let running = scene.start(&scene.program_at(&name, &script), &format!("round{round}"));
        std::thread::sleep(std::time::Duration::from_millis(100 + 37 * round));
        running.signal("KILL");
        running.wait();
        let check = "import sys, h5py\n\
            with h5py.File(sys.argv[1]) as f: \n\
            \x20   values = set(f['x'][:].tolist())\n\
            \x20   print(len(values), values == {f.attrs.get('number', 0)})";
        let shown = python(check).arg(&name).plugin(Plugin::On).run().success();
        assert_eq!(shown.stdout, "1 True\n", "{shown}");
    }
}

/// When the server's disk is full, a flush fails with errno 28 and the file stays as it was; the program still has what it
/// wrote.
#[test]
fn a_full_disk_changes_nothing() {
    let scene = Scene::with(&["--min-free-mib", "1000000000"]);
    std::fs::write(scene.served("file.h5"), "as it was").expect("a file");
    let script = r#"
f = h5py.File(name, "w")
f["x"] = numpy.arange(1000)
print(*error_of(f.flush)[:2])
print(*error_of(f.flush)[:2])
print(f["x"][999])
print(*error_of(f.close)[:2])
"#;
    let outcome = scene.run(script);
    assert_eq!(
        outcome.stdout, "RuntimeError 28\nRuntimeError 28\n999\nRuntimeError 28\n",
        "{outcome}"
    );
    let left = std::fs::read_to_string(scene.served("file.h5")).expect("the file");
    assert_eq!(left, "as it was");
    scene.serves_just(&["file.h5"]);
}

/// What cannot be saved when the file is closed goes to a recovery file on this machine, which the error names.
#[test]
fn what_cannot_be_saved_at_close_is_kept() {
    let mut scene = Scene::new();
    let script = r#"
f = h5py.File(name, "w")
f["x"] = 1
f.flush()
f["y"] = numpy.arange(1000)
step("trouble")
kind, number, text = error_of(f.close)
print(kind, number)
print("recover" in text, file=sys.stderr)
print(text)
"#;
    let program = scene.program(script).env("HDFSTREAM_RETRIES", "0");
    let running = scene.start(&program, "trouble");
    scene.server.kill();
    scene.go("trouble");
    let outcome = running.wait().success();
    assert!(outcome.stdout.starts_with("RuntimeError 111\n"), "{outcome}");
    let files = scene.recovery_files();
    assert_eq!(files.len(), 1, "{files:?}: {outcome}");
    assert!(
        outcome.stdout.contains(&files[0].display().to_string()),
        "{outcome}"
    );
}

/// A program that the server has not heard of for longer than a lease lasts loses the file to others: if somebody else wrote it
/// meanwhile, its next flush fails with errno 116 and what it wrote is kept.
#[test]
fn a_writer_that_was_away_too_long_does_not_overwrite_others() {
    let scene = Scene::with(&SHORT_LEASES);
    let proxy = scene.server.behind_proxy();
    let script = r#"
f = h5py.File(name, "w")
f["x"] = 1
f.flush()
f["y"] = numpy.arange(1000)
step("away")
print(*error_of(f.flush)[:2])
print(*error_of(f.close)[:2])
"#;
    let program = scene
        .program_at(&proxy.url("file.h5"), script)
        .env("HDFSTREAM_RETRIES", "1");
    let running = scene.start(&program, "away");
    proxy.set_fault(Fault::Stall { after: 0 });
    let other = "import sys\nfrom together import *\n\
        attempt = \"with h5py.File(a, 'r+') as f: f['theirs'] = 1; print('written')\"\n\
        wait_for(lambda: other(attempt, sys.argv[1]) == 'written')";
    python(other)
        .arg(scene.server.url("file.h5"))
        .plugin(Plugin::On)
        .run()
        .success();
    proxy.set_fault(Fault::None);
    scene.go("away");
    let outcome = running.wait().success();
    assert_eq!(
        outcome.stdout, "RuntimeError 116\nRuntimeError 116\n",
        "{outcome}"
    );
    assert_eq!(scene.names("file.h5"), "theirs x");
    assert_eq!(scene.recovery_files().len(), 1, "{outcome}");
}
