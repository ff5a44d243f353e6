//! The Python client `hdfstream`: it reads what was just written, and nothing else.

use super::script;
use crate::harness::mounted::Mounted;

#[test]
fn the_client_reads_each_commit() {
    let mounted = Mounted::new();
    std::fs::create_dir(mounted.served().join("run 1")).expect("a directory");
    let script = script("field_client.py").arg(mounted.server().base());
    assert_eq!(mounted.remote(script).output(), "states 14\n");
}
