//! Directories from a list, as servers of the older protocol have them: what it lists is served, and nothing else.

use std::path::Path;
use std::time::{Duration, Instant};

use super::script;
use crate::harness::{Accounts, Plugin, Program, Server, built, corpus, hdfstream, python};

const WRITE: &str = "
import h5py, msgpack, numpy, pathlib
pathlib.Path('store/deep').mkdir(parents=True)
pathlib.Path('store/notes').write_text('listed\\n')
pathlib.Path('store/other').write_text('not listed\\n')
pathlib.Path('words').write_bytes(msgpack.packb({'description': 'All *runs*', 'labels': {
    'snap.hdf5': 'the first', 'shut': 'a secret'}}))
with h5py.File('store/deep/1.h5', 'w') as file:
    file['x'] = numpy.arange(100000)
    file['there'] = h5py.ExternalLink('2.h5', '/y')
    file['out'] = h5py.ExternalLink('3.h5', '/y')
    file.create_dataset('raw', (4,), 'u1', external=[('raw', 0, 4)])
    file.create_dataset('hidden raw', (4,), 'u1', external=[('raw2', 0, 4)])
for name in '23':
    with h5py.File(f'store/deep/{name}.h5', 'w') as file:
        file['y'] = int(name)
pathlib.Path('store/deep/raw').write_bytes(b'abcd')
pathlib.Path('store/deep/raw2').write_bytes(b'efgh')
";

/// A directory, and the list of what is served of it.
fn scene() -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().expect("a directory");
    corpus::write_with(WRITE, directory.path());
    let root = directory.path().display().to_string();
    let list = format!(
        "runs/snap.hdf5, {root}/store/deep/1.h5, 1234, 99, application/x-hdf5\n\
         runs/2.h5, store/deep/2.h5, 10, 100, application/x-hdf5\n\
         runs/raw.dat, store/deep/raw, 4, 100, application/octet-stream\n\
         runs/shut/notes.txt, store/notes, 20, 101, text/plain;charset=UTF-8\n\
         runs/gone.h5, store/gone.h5, 100, 102, application/x-hdf5\n\
         runs, words, 0, 0, directory\n"
    );
    (directory, list)
}

fn write(directory: &Path, list: &str) -> String {
    let path = directory.join("list.csv");
    std::fs::write(&path, list).expect("the list");
    path.display().to_string()
}

fn serve(directory: &Path, list: &str) -> Server {
    Server::with(directory, &["--catalogue", &write(directory, list)])
}

#[test]
fn every_protocol_gives_what_is_listed_and_nothing_else() {
    let (directory, list) = scene();
    let server = serve(directory.path(), &list);
    script("v1_catalogue.py").arg(server.base()).run().success();
    let read = r#"
import sys, h5py
base = sys.argv[1]
with h5py.File(base + "/runs/snap.hdf5") as file:
    assert file["x"][99999] == 99999 and bytes(file["raw"][:]) == b"abcd"
    # By the names that are listed, the one file lies beside the other.
    assert file["there"][()] == 2
    for hidden in ("out", "hidden raw"):
        try: file[hidden][()]
        except (OSError, KeyError): continue
        raise AssertionError(hidden)
with h5py.File(base + "/runs/") as file:
    assert set(file) == {"snap.hdf5", "2.h5", "shut"}, list(file)
    assert file["snap.hdf5/x"][7] == 7
for name in ("store/deep/1.h5", "runs/3.h5", "runs/gone.h5", "list.csv", "runs/deep/1.h5"):
    try: h5py.File(base + "/" + name)
    except FileNotFoundError: continue
    raise AssertionError(name)
"#;
    let read = python(read).arg(server.base()).plugin(Plugin::On);
    read.run().success();
    let listed = hdfstream().arg("ls").arg(server.url("runs")).output();
    assert!(
        listed.contains("snap.hdf5") && listed.contains("shut") && !listed.contains("gone"),
        "{listed}"
    );
}

#[test]
fn roles_of_the_list_and_of_the_configuration_hide_directories() {
    let (directory, list) = scene();
    let with_roles = format!("{list}runs/shut, , 0, 0, directory, staff\n");
    let rule = "[directories.'runs/shut']\nread = ['staff']\n";
    for (list, rules) in [(with_roles.as_str(), ""), (list.as_str(), rule)] {
        let accounts = Accounts::new(rules);
        accounts.add("ada", "pw", &["staff"]);
        accounts.add("bob", "pw", &[]);
        let path = write(directory.path(), list);
        let server = accounts.serve(directory.path(), &["--catalogue", &path]);
        for (user, sees) in [("ada", "yes"), ("bob", "no"), ("", "no")] {
            let look = script("v1_catalogue_roles.py").arg(server.base());
            look.args([user, "pw", sees]).run().success();
        }
    }
}

#[test]
fn a_wrong_line_keeps_the_server_from_starting_and_a_later_one_from_being_used() {
    let (directory, list) = scene();
    let path = directory.path().join("wrong.csv");
    let start = |list: &str| {
        std::fs::write(&path, list).expect("the list");
        let server = Program::new(built::server()).args(["--listen", "127.0.0.1:0", "--root"]);
        let server = server.arg(directory.path()).arg("--catalogue").arg(&path);
        server.run().failure().stderr
    };
    let said = start(&format!(
        "{list}runs/x.h5, store/x.h5, many, 1, application/x-hdf5\n"
    ));
    assert!(
        said.contains("wrong.csv") && said.contains("line 7") && said.contains("`many`"),
        "{said}"
    );
    let said = start("private, , 0, 0, directory, staff\n");
    assert!(said.contains("line 1") && said.contains("--users"), "{said}");

    let server = serve(directory.path(), &list);
    let list_of = |what: &str| std::fs::write(directory.path().join("list.csv"), what).expect("the list");
    let names = || hdfstream().arg("ls").arg(server.url("")).output();
    let until = |done: &dyn Fn() -> bool| {
        let end = Instant::now() + Duration::from_secs(60);
        while !done() {
            assert!(Instant::now() < end, "{}\n{}", names(), server.log());
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    list_of(&format!("{list}wrong\n"));
    until(&|| names().contains("runs") && server.log().contains("line 7"));
    list_of("other/1.h5, store/deep/1.h5, 1, 1, application/x-hdf5\n");
    until(&|| names().contains("other") && !names().contains("runs"));
}
