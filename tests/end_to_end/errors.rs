//! When something is wrong, the message says what, which file and which server; it comes in bounded
//! time; and the user's process lives on, with its local files open.

use std::path::Path;
use std::time::Duration;

use crate::harness::corpus;
use crate::harness::{Fault, Outcome, Plugin, Program, Server, python};

/// Opens a local file, then does `trouble` with the remote `name`, prints what it raised, and shows that
/// the process and the local file are well.
fn script(trouble: &str) -> Program {
    let indented = trouble.replace('\n', "\n    ");
    python(&format!(
        r#"
import os, sys, tempfile, h5py
name = sys.argv[1]
folder = tempfile.mkdtemp()
local = h5py.File(os.path.join(folder, "local.h5"), "w")
local["x"] = list(range(1000))
try:
    {indented}
    print("nothing was raised")
except Exception as error:
    print(type(error).__name__, "|", error)
assert local["x"][999] == 999
local["y"] = 1
local.close()
with h5py.File(os.path.join(folder, "local.h5")) as again: assert again["y"][()] == 1
print("alive")
"#
    ))
    .plugin(Plugin::On)
    // Short, so that the tests are; retries included, the limit of the child is far away.
    .env("HDFSTREAM_CONNECT_TIMEOUT", "2")
    .env("HDFSTREAM_READ_TIMEOUT", "2")
    .env("HDFSTREAM_RETRIES", "1")
}

/// The error is of this kind, and its text has all these words.
#[track_caller]
fn raises(outcome: &Outcome, kind: &str, words: &[&str]) {
    let outcome = outcome.clone().success();
    let (raised, rest) = outcome.stdout.split_once('\n').unwrap_or_default();
    assert!(
        raised.starts_with(&format!("{kind} | ")),
        "expected {kind}: {outcome}"
    );
    for word in words {
        assert!(raised.contains(word), "expected {word:?}: {outcome}");
    }
    assert_eq!(rest, "alive\n", "{outcome}");
}

/// A directory with one file of 32 MiB, read in pieces, and a small one.
fn scene() -> (tempfile::TempDir, Server) {
    let directory = tempfile::tempdir().expect("a directory");
    corpus::write_with(
        "import write_files; write_files.small('small.h5'); write_files.contiguous('big.h5', 32 << 20)",
        directory.path(),
    );
    let server = Server::over(directory.path());
    (directory, server)
}

const OPEN: &str = "h5py.File(name)";
/// Opens, reports on standard error that it did, waits for a line's worth of trouble, and reads on.
const READ_ON: &str = "f = h5py.File(name)
first = f['x'][:1000]
print('opened', file=sys.stderr, flush=True)
open(os.environ['GATE'], 'rb').read()
for start in range(0, f['x'].size, 1 << 18): f['x'][start:start + (1 << 18)]";

#[test]
fn a_missing_file_is_a_file_not_found_error() {
    let (_directory, server) = scene();
    for path in ["absent.h5", "no/such/directory/absent.h5"] {
        let url = server.url(path);
        raises(
            &script(OPEN).arg(&url).run(),
            "FileNotFoundError",
            &["errno = 2", &url],
        );
    }
}

#[test]
fn a_directory_is_not_a_file() {
    let (directory, server) = scene();
    std::fs::create_dir(directory.path().join("folder")).expect("a directory");
    let url = server.url("folder");
    let outcome = script(OPEN).arg(&url).run();
    raises(&outcome, "IsADirectoryError", &[&url]);
}

#[test]
fn a_directory_cannot_be_written() {
    let (directory, server) = scene();
    std::fs::create_dir(directory.path().join("folder")).expect("a directory");
    let url = server.url("folder");
    let outcome = script("h5py.File(name, 'r+')").arg(&url).run();
    raises(&outcome, "OSError", &["errno = 30", &url]);
}

#[test]
fn an_unknown_host_is_named() {
    let name = "http://no-such-host.invalid/hdfstream/x.h5";
    raises(
        &script(OPEN).arg(name).run(),
        "OSError",
        &["no-such-host.invalid", "x.h5"],
    );
}

#[test]
fn a_refused_connection_names_the_server() {
    let (_directory, mut server) = scene();
    server.kill();
    let url = server.url("small.h5");
    let address = server.address().to_string();
    raises(
        &script(OPEN).arg(&url).run(),
        "ConnectionRefusedError",
        &["errno = 111", &address, "small.h5"],
    );
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    let (_directory, server) = scene();
    let proxy = server.behind_proxy();
    proxy.set_fault(Fault::Stall { after: 0 });
    let outcome = script(OPEN).arg(proxy.url("small.h5")).run();
    raises(&outcome, "TimeoutError", &["errno = 110", "small.h5"]);
}

#[test]
fn garbage_is_recognised() {
    let (_directory, server) = scene();
    for garbage in [
        &b"\x16\x03\x01\x02\x00this is not HTTP at all\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nhdfstream-protocol: 2\r\ncontent-type: application/x-msgpack\r\ncontent-length: 3\r\n\r\n\xc1\xc1\xc1",
        b"HTTP/1.1 200 OK\r\nhdfstream-protocol: 2\r\ncontent-type: application/x-msgpack\r\ncontent-length: 5\r\n\r\n\xdf\xff\xff\xff\xff",
        b"",
    ] {
        let proxy = server.behind_proxy();
        proxy.set_fault(Fault::Answer(garbage.to_vec()));
        let url = proxy.url("small.h5");
        let outcome = script(OPEN).arg(&url).run();
        raises(&outcome, "OSError", &[&url]);
    }
}

/// Runs [`READ_ON`], does `trouble` when the file is open, and lets it go on.
fn amid_reading(url: &str, directory: &Path, trouble: impl FnOnce()) -> Outcome {
    amid(READ_ON, url, directory, trouble)
}

/// Runs `program`, does `trouble` when it reads from its gate, and lets it go on.
fn amid(program: &str, url: &str, directory: &Path, trouble: impl FnOnce()) -> Outcome {
    let gate = directory.join("gate");
    Program::new("/usr/bin/mkfifo").arg(&gate).run().success();
    let running = script(program).arg(url).env("GATE", &gate).start();
    // Opening a FIFO for writing waits until the program is at its gate.
    let opened = {
        let gate = gate.clone();
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || sender.send(std::fs::OpenOptions::new().write(true).open(gate)));
        receiver.recv_timeout(Duration::from_secs(60))
    };
    match opened {
        Ok(file) => {
            let file = file.expect("the gate");
            trouble();
            drop(file);
            running.wait()
        }
        Err(_) => panic!("the program did not open the file: {}", running.wait()),
    }
}

#[test]
fn a_server_killed_amid_reading_is_reported() {
    let (directory, mut server) = scene();
    let url = server.url("big.h5");
    let outcome = amid_reading(&url, directory.path(), || server.kill());
    raises(&outcome, "ConnectionRefusedError", &["big.h5"]);
}

#[test]
fn a_connection_cut_in_the_middle_of_an_answer_is_reported() {
    let (directory, server) = scene();
    let proxy = server.behind_proxy();
    let url = proxy.url("big.h5");
    let outcome = amid_reading(&url, directory.path(), || {
        proxy.set_fault(Fault::Cut { after: 3_000_000 });
    });
    raises(&outcome, "OSError", &["big.h5"]);
}

#[test]
fn a_connection_cut_once_is_made_good() {
    let (directory, server) = scene();
    let proxy = server.behind_proxy();
    let outcome = amid_reading(&proxy.url("big.h5"), directory.path(), || {
        proxy.set_fault(Fault::CutOnce { after: 3_000_000 });
    });
    let outcome = outcome.success();
    assert_eq!(outcome.stdout, "nothing was raised\nalive\n", "{outcome}");
    assert!(proxy.connections() > 1, "{outcome}");
}

#[test]
fn a_stall_amid_reading_is_given_up() {
    let (directory, server) = scene();
    let proxy = server.behind_proxy();
    let outcome = amid_reading(&proxy.url("big.h5"), directory.path(), || {
        proxy.set_fault(Fault::Stall { after: 3_000_000 });
    });
    raises(&outcome, "TimeoutError", &["big.h5"]);
}

/// HDF5 alone would show fill values: it takes a source that does not open for a missing one.
#[test]
fn a_virtual_source_that_cannot_be_reached_is_not_taken_for_missing() {
    let (directory, mut server) = scene();
    corpus::write_with(
        "import h5py
layout = h5py.VirtualLayout((8,), 'i8')
layout[:4] = h5py.VirtualSource('source.h5', 'x', (4,))
layout[4:] = h5py.VirtualSource('absent.h5', 'x', (4,))
with h5py.File('source.h5', 'w') as f: f['x'] = [1, 2, 3, 4]
with h5py.File('virtual.h5', 'w') as f:
    f.create_virtual_dataset('x', layout, fillvalue=-1)
    f['y'] = 0",
        directory.path(),
    );
    let url = server.url("virtual.h5");
    let whole = script("assert h5py.File(name)['x'][:].tolist() == [1, 2, 3, 4, -1, -1, -1, -1]");
    let outcome = whole.arg(&url).run().success();
    assert_eq!(outcome.stdout, "nothing was raised\nalive\n", "{outcome}");
    let read_on = "f = h5py.File(name)
dataset = f['x']
print('opened', file=sys.stderr, flush=True)
open(os.environ['GATE'], 'rb').read()
dataset[:]";
    let outcome = amid(read_on, &url, directory.path(), || server.kill());
    raises(&outcome, "ConnectionRefusedError", &["source.h5"]);
}

/// Without limits, a virtual dataset is as long as its sources: HDF5 alone would call it empty.
#[test]
fn the_extent_of_a_source_that_cannot_be_reached_is_not_taken_for_zero() {
    let (directory, mut server) = scene();
    corpus::write_with(
        "import h5py
all = slice(0, h5py.h5s.UNLIMITED)
layout = h5py.VirtualLayout((6,), 'i8', maxshape=(None,))
layout[all] = h5py.VirtualSource('source.h5', 'x', (6,), maxshape=(None,))[all]
with h5py.File('source.h5', 'w') as f:
    f.create_dataset('x', (6,), 'i8', maxshape=(None,), chunks=(2,))
with h5py.File('virtual.h5', 'w') as f: f.create_virtual_dataset('x', layout)",
        directory.path(),
    );
    let url = server.url("virtual.h5");
    let whole = script("assert h5py.File(name)['x'].shape == (6,)")
        .arg(&url)
        .run()
        .success();
    assert_eq!(whole.stdout, "nothing was raised\nalive\n", "{whole}");
    let read_on = "f = h5py.File(name)
print('opened', file=sys.stderr, flush=True)
open(os.environ['GATE'], 'rb').read()
f['x'].shape";
    let outcome = amid(read_on, &url, directory.path(), || server.kill());
    raises(&outcome, "RuntimeError", &["source.h5", "refused the connection"]);
}

#[test]
fn a_file_replaced_between_two_reads_is_noticed() {
    let (directory, server) = scene();
    let url = server.url("big.h5");
    let outcome = amid_reading(&url, directory.path(), || {
        let folder = directory.path();
        std::fs::copy(folder.join("big.h5"), folder.join("other.h5")).expect("a copy");
        std::fs::rename(folder.join("other.h5"), folder.join("big.h5")).expect("a replacement");
    });
    raises(&outcome, "OSError", &[&url, "changed"]);
}

#[test]
fn a_server_restarted_between_two_reads_makes_no_difference() {
    let (directory, mut server) = scene();
    let url = server.url("big.h5");
    let listen = server.address().to_string();
    let mut second = None;
    let outcome = amid_reading(&url, directory.path(), || {
        server.kill();
        second = Some(Server::on(directory.path(), &listen));
    });
    let outcome = outcome.success();
    assert_eq!(outcome.stdout, "nothing was raised\nalive\n", "{outcome}");
}

#[test]
fn writing_says_that_the_server_is_read_only() {
    let (directory, server) = scene();
    let before = std::fs::read(directory.path().join("small.h5")).expect("the file");
    for (mode, path) in [
        ("r+", "small.h5"),
        ("a", "small.h5"),
        ("w", "small.h5"),
        ("w", "new.h5"),
        ("x", "new.h5"),
    ] {
        let url = server.url(path);
        let outcome = script(&format!("h5py.File(name, '{mode}')")).arg(&url).run();
        raises(&outcome, "OSError", &[&url, "read-only"]);
    }
    let after = std::fs::read(directory.path().join("small.h5")).expect("the file");
    assert!(before == after, "the file was changed");
    assert!(!directory.path().join("new.h5").exists());
}

#[test]
fn h5py_mode_a_creates_absent_local_files() {
    let (_directory, server) = scene();
    let outcome = script(
        "with h5py.File(os.path.join(folder, 'fresh.h5'), 'a') as f: f['z'] = 1
with h5py.File(os.path.join(folder, 'fresh.h5'), 'a') as f: assert f['z'][()] == 1
try: h5py.File(os.path.join(folder, 'absent.h5'))
except FileNotFoundError: pass",
    )
    .arg(server.url("small.h5"))
    .run()
    .success();
    assert_eq!(outcome.stdout, "nothing was raised\nalive\n", "{outcome}");
}

#[test]
fn a_url_that_cannot_be_is_explained() {
    for (name, word) in [
        ("http:///x.h5", "host"),
        ("http://host:99999/x.h5", "99999"),
        ("http://me:secret@host/x.h5", "HDFSTREAM_PASSWORD"),
    ] {
        let outcome = script(OPEN).arg(name).run().success();
        assert!(outcome.stdout.contains(word), "{outcome}");
        assert!(!outcome.stdout.contains("secret@"), "{outcome}");
        assert!(outcome.stdout.ends_with("alive\n"), "{outcome}");
    }
}

#[test]
fn a_bad_setting_is_explained_and_local_files_still_open() {
    let (_directory, server) = scene();
    let outcome = script(OPEN)
        .env("HDFSTREAM_READ_TIMEOUT", "soon")
        .arg(server.url("small.h5"))
        .run();
    raises(&outcome, "OSError", &["HDFSTREAM_READ_TIMEOUT"]);
}

#[test]
fn one_worker_killed_costs_one_request_not_the_server() {
    let (_directory, server) = scene();
    let read = || {
        script("f = h5py.File(name); f.visititems(lambda *_: None); f['x'][:]")
            .arg(server.url("big.h5"))
            .run()
    };
    let first = read().success();
    assert_eq!(first.stdout, "nothing was raised\nalive\n", "{first}");
    for child in children_of(server.id()) {
        crate::harness::program::signal_process("KILL", &child);
    }
    let second = read().success();
    assert_eq!(second.stdout, "nothing was raised\nalive\n", "{second}");
}

/// Processes that another one started, by number.
fn children_of(parent: u32) -> Vec<String> {
    let outcome = Program::new("/bin/sh")
        .arg("-c")
        .arg(format!("cat /proc/{parent}/task/*/children"))
        .run()
        .success();
    outcome.stdout.split_whitespace().map(str::to_owned).collect()
}
