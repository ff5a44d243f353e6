//! Forks, threads, exits with files open, and a library that is closed and opened again: no hang, no
//! crash, no wrong value.

use crate::harness::corpus;
use crate::harness::{Host, Language, Outcome, Plugin, Program, Server, compile, make_stub, python};

fn scene() -> (tempfile::TempDir, Server) {
    let directory = tempfile::tempdir().expect("a directory");
    corpus::write_with(
        "import write_files\n\
         write_files.chunked('file.h5', 64, 4096, datasets=4)\n\
         write_files.small('small.h5', 42)",
        directory.path(),
    );
    let server = Server::over(directory.path());
    (directory, server)
}

/// Runs a script with the file's URL in `name`, both ways of loading the plugin.
fn run(script: &str) -> [Outcome; 2] {
    let (_directory, server) = scene();
    let script = format!("import sys, h5py, numpy; name = sys.argv[1]\n{script}");
    [Plugin::On, Plugin::Discovery].map(|plugin| {
        let program = python(&script).arg(server.url("file.h5")).plugin(plugin);
        program.run().success()
    })
}

#[test]
fn forked_children_read_files_that_they_open() {
    for outcome in run(r#"
import multiprocessing
def total(dataset):
    with h5py.File(name) as f: return int(f[dataset][:].sum())
expected = [total(f"x{i}") for i in range(4)]
with multiprocessing.get_context("fork").Pool(3) as pool:
    assert pool.map(total, [f"x{i % 4}" for i in range(24)]) == expected * 6
print(total("x0") == expected[0])
"#)
    {
        assert_eq!(outcome.stdout, "True\n", "{outcome}");
    }
}

#[test]
fn a_forked_child_reads_a_file_that_its_parent_opened() {
    for outcome in run(r#"
import os
f = h5py.File(name)
first = f["x0"][:100]
child = os.fork()
if child == 0:
    ok = (f["x0"][:100] == first).all() and f["x1"][:].size == 64 * 4096
    f.close()
    os._exit(0 if ok else 1)
_, status = os.waitpid(child, 0)
assert os.waitstatus_to_exitcode(status) == 0, status
print(f["x2"][:].size, (f["x0"][:100] == first).all())
"#)
    {
        assert_eq!(outcome.stdout, "262144 True\n", "{outcome}");
    }
}

#[test]
fn spawned_processes_read() {
    let (directory, server) = scene();
    let script = directory.path().join("spawn.py");
    std::fs::write(
        &script,
        r#"
import multiprocessing, sys, h5py
def total(name):
    with h5py.File(name) as f: return int(f["x0"][:].sum())
if __name__ == "__main__":
    name = sys.argv[1]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        print(set(pool.map(total, [name] * 4)) == {total(name)})
"#,
    )
    .expect("a file");
    let outcome = Program::new(crate::harness::host::interpreter())
        .arg(&script)
        .arg(server.url("file.h5"))
        .plugin(Plugin::On)
        .run()
        .success();
    assert_eq!(outcome.stdout, "True\n", "{outcome}");
}

#[test]
fn four_threads_read_at_once() {
    for outcome in run(r#"
from concurrent.futures import ThreadPoolExecutor
with h5py.File(name) as f: expected = [f[f"x{i}"][:] for i in range(4)]
shared = h5py.File(name)
def work(number):
    rng = numpy.random.default_rng(number)
    for _ in range(20):
        which = int(rng.integers(4)); start, stop = sorted(rng.integers(0, 64 * 4096, 2))
        if rng.random() < 0.3:
            with h5py.File(name) as own: got = own[f"x{which}"][start:stop]
        else: got = shared[f"x{which}"][start:stop]
        assert (got == expected[which][start:stop]).all()
    return True
with ThreadPoolExecutor(4) as pool: print(all(pool.map(work, range(4))))
"#)
    {
        assert_eq!(outcome.stdout, "True\n", "{outcome}");
    }
}

#[test]
fn files_left_open_at_exit_do_no_harm() {
    for ending in ["", "sys.exit(0)", "import os; sys.stdout.flush(); os._exit(0)"] {
        let endings = run(&format!(
            "f = h5py.File(name); d = f['x0']; g = h5py.File(name); print(d[5] == g['x0'][5])\n{ending}"
        ));
        for outcome in endings {
            assert_eq!(outcome.stdout, "True\n", "{outcome}");
        }
    }
}

#[test]
fn every_host_may_exit_with_a_file_open() {
    let (directory, server) = scene();
    let stub = directory.path().join("stub.h5");
    make_stub(&server.url("small.h5"), &stub);
    for host in Host::ALL {
        let script = format!(
            "import sys, {reader}\nvalues = {reader}.values(sys.argv[1])\nprint(next(values, None) is not None)",
            reader = host.module_that_reads()
        );
        let outcome = python(&script).arg(&stub).plugin(Plugin::On).run().success();
        assert_eq!(outcome.stdout, "True\n", "{outcome}");
    }
}

#[test]
fn a_file_is_opened_while_the_program_ends() {
    let (directory, server) = scene();
    let source = directory.path().join("late.c");
    std::fs::write(&source, include_str!("programs/late.c")).expect("a file");
    let program = compile(Language::C, &source);
    let outcome = Program::new(program)
        .arg(server.url("small.h5"))
        .plugin(Plugin::On)
        .run()
        .success();
    assert_eq!(
        (&*outcome.stdout, &*outcome.stderr),
        ("early\nlate\n", ""),
        "{outcome}"
    );
}

#[test]
fn an_interrupt_ends_the_program() {
    let (_directory, server) = scene();
    let proxy = server.behind_proxy();
    proxy.set_fault(crate::harness::Fault::Stall { after: 0 });
    let outcome = python(
        "import sys, h5py, os, signal, threading\n\
         threading.Timer(1, lambda: os.kill(os.getpid(), signal.SIGINT)).start()\n\
         h5py.File(sys.argv[1])",
    )
    .arg(proxy.url("small.h5"))
    .env("HDFSTREAM_READ_TIMEOUT", "3")
    .env("HDFSTREAM_RETRIES", "0")
    .plugin(Plugin::On)
    .run();
    // Python acts on the signal when HDF5 returns, and then ends as the signal says.
    assert!(outcome.stderr.contains("KeyboardInterrupt"), "{outcome}");
    assert_eq!(outcome.ending(), "died of signal 2", "{outcome}");
}

#[test]
fn the_library_may_be_closed_and_opened_again() {
    let (directory, server) = scene();
    let source = directory.path().join("reopen.c");
    std::fs::write(&source, include_str!("programs/reopen.c")).expect("a file");
    let program = compile(Language::C, &source);
    for plugin in [Plugin::On, Plugin::Discovery] {
        let outcome = Program::new(&program)
            .arg(server.url("small.h5"))
            .arg(directory.path().join("small.h5"))
            .plugin(plugin)
            .run()
            .success();
        assert_eq!(outcome.stdout, "42\n42\n".repeat(5), "{outcome}");
        // C programs let HDF5 print its errors: there must be none.
        assert_eq!(outcome.stderr, "", "{outcome}");
    }
}
