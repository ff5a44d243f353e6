//! A server that lists what it should not: nothing is ever written outside the directory that the user named.

use std::fs;
use std::path::Path;

use hdfstream::protocol;
use serde_json::json;

use crate::harness::{Fault, Proxy, hdfstream};

/// Something that answers every question alike: as a directory with these entries.
fn server(names: &[&str], kind: &str) -> Proxy {
    let entries: Vec<_> = names
        .iter()
        .map(|name| json!({"name": name, "kind": kind, "size": 4, "modified": 0}))
        .collect();
    let body = protocol::encode(&json!({
        "entry": {"name": "x", "kind": "directory", "size": 0, "modified": 0},
        "entries": entries,
        "more": false,
    }));
    let body = body.expect("a message");
    let mut answer = format!(
        "HTTP/1.1 200 OK\r\nhdfstream-protocol: 2\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    )
    .into_bytes();
    answer.extend(body);
    // Nobody is behind it.
    let proxy = Proxy::before(([127, 0, 0, 1], 9).into());
    proxy.set_fault(Fault::Answer(answer));
    proxy
}

/// Everything below a directory.
fn all(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a directory") {
        let path = entry.expect("an entry").path();
        found.push(path.strip_prefix(folder).expect("below").display().to_string());
        if path.is_dir() {
            let inner = all(&path);
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            found.extend(inner.into_iter().map(|inner| format!("{name}/{inner}")));
        }
    }
    found.sort();
    found
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    for kind in ["file", "hdf5", "directory"] {
        for name in [
            "..",
            ".",
            "",
            "../evil",
            "/tmp/hdfstream-evil",
            "a/b",
            "a/../../evil",
        ] {
            let proxy = server(&[name], kind);
            let outer = tempfile::tempdir().expect("a directory");
            let inner = outer.path().join("inner");
            fs::create_dir(&inner).expect("a directory");
            let url = proxy.url("x");
            for arguments in [
                &["get", "-r", &url, "copy"][..],
                &["stub", &url, "copy"],
                &["ls", "-R", &url],
            ] {
                let outcome = hdfstream().args(arguments).directory(&inner).run().failure();
                assert!(
                    outcome.stderr.contains("cannot be the name of a file"),
                    "{outcome}"
                );
            }
            assert!(
                all(outer.path())
                    .iter()
                    .all(|path| path == "inner" || path == "inner/copy"),
                "{name}: {:?}",
                all(outer.path())
            );
            assert!(!Path::new("/tmp/hdfstream-evil").exists());
        }
    }
}

#[test]
fn directories_without_end_come_to_an_end() {
    let proxy = server(&["d"], "directory");
    let outcome = hdfstream().args(["ls", "-R"]).arg(proxy.url("x")).run().failure();
    assert!(outcome.stderr.contains("deeper"), "{outcome}");
    assert!(outcome.stderr.len() < 2000, "{outcome}");
}

#[test]
fn names_cannot_steer_the_terminal() {
    let proxy = server(&["a\u{1b}[2Jb"], "file");
    let shown = hdfstream().arg("ls").arg(proxy.url("x")).output();
    assert_eq!(shown, "a\\u{1b}[2Jb\n");
}
