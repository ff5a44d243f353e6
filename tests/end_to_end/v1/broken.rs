//! Replies that cannot be finished are cut, never mixed or short; and what is left out of one is in the log.

use std::time::Duration;

use super::script;
use crate::harness::{Server, corpus};

#[test]
fn a_dying_worker_or_a_changing_file_cuts_the_reply() {
    let directory = tempfile::tempdir().expect("a directory");
    let served = directory.path().join("served");
    std::fs::create_dir(&served).expect("a directory");
    let server = Server::with(&served, &["--workers", "2"]);
    let breaking = script("v1_broken.py").arg(server.base()).arg(&served);
    let breaking = breaking.arg(server.id().to_string());
    breaking.limit(Duration::from_secs(400)).run().success();
}

#[test]
fn attributes_without_a_form_are_logged_once_for_each_object() {
    let directory = tempfile::tempdir().expect("a directory");
    let write = "
import h5py, numpy, write_objects
write_objects.dimensions('file.h5')
with h5py.File('file.h5', 'a') as file:
    for number in range(30):
        file['x'].attrs[f'reference {number}'] = file.ref
    file.attrs['root'] = file.ref
";
    corpus::write_with(write, directory.path());
    let server = Server::over(directory.path());
    let ask = "
import hdfstream, sys
for depth in (0, 5, 5):
    file = hdfstream.open(sys.argv[1], 'file.h5', max_depth=depth)
    assert file['y'].attrs['unit'] == 'm' and 'DIMENSION_LIST' not in file['y'].attrs
";
    let ask = crate::harness::python(ask).env("XDG_CONFIG_HOME", super::settings());
    ask.arg(server.base()).run().success();
    let log = server.log();
    let told: Vec<_> = log.lines().filter(|line| line.contains("left out")).collect();
    assert_eq!(told.len(), 3, "{log}");
    for (object, count) in [("\"\"", "1 of"), ("\"x\"", "31 of"), ("\"y\"", "1 of")] {
        let of_object = |line: &&&str| line.contains(&format!("object={object}"));
        let line = told
            .iter()
            .find(of_object)
            .unwrap_or_else(|| panic!("{object}: {log}"));
        assert!(
            line.contains("path=\"file.h5\"") && line.contains(count),
            "{line}"
        );
    }
}
