//! A server that is not ours: the plugin reads from it what it has said to the tests of the Python client.

use crate::harness::{Plugin, Service, built, python_file};
use crate::v1::client;

#[test]
fn what_another_server_has_said_is_read() {
    let replay = python_file("end_to_end/programs/v1_replay.py").arg(client());
    let server = Service::start(&replay);
    let compare = python_file("end_to_end/programs/v1_replayed.py").arg(client());
    let compared = compare
        .arg(server.line())
        .arg(built::tools().join("hdf5-1.14/bin/h5ls"))
        .plugin(Plugin::On)
        .output();
    // What the recordings hold.
    let all = "attributes 3316\ndatasets 214\ndirectories 6\ngroups 35\nlinks 4\nslices 15\n";
    assert_eq!(compared, all);
}
