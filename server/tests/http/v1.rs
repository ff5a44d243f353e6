//! Protocol v1 as far as no HDF5 file has to be looked into: paths, listings, errors, archives, roles.

use std::collections::BTreeMap;

use axum::body::Body;
use hdfstream::protocol::MSGPACK;
use proptest::prelude::*;
use serde::Deserialize;

use crate::harness::{Answer, Served, basic, noise, request};

/// A directory, or as much of it as tests look at.
#[derive(Debug, Deserialize)]
struct Directory {
    size: u64,
    files: BTreeMap<String, File>,
    directories: BTreeMap<String, Option<Directory>>,
}

#[derive(Debug, Deserialize)]
struct File {
    r#type: String,
    size: u64,
    last_modified: i64,
}

#[derive(Debug, Deserialize)]
struct Failure {
    error: String,
}

fn served() -> Served {
    let served = Served::new();
    served.write("a/b.h5", b"\x89HDF\r\n\x1a\n");
    served.write("a/c/d.txt", b"text");
    served.write("a/c/README", "gr\u{fc}\u{df}e\n".as_bytes());
    served.write("a/c/.hidden", b"x");
    served.write("signed", b"\x89HDF\r\n\x1a\n and more");
    served.write("noise", &noise(1000));
    std::os::unix::fs::symlink("..", served.path("a/c/up")).unwrap();
    served
}

async fn post(served: &Served, path: &str, body: &[u8]) -> Answer {
    let headers = [("content-type", MSGPACK)];
    let request = request(
        "POST",
        &format!("/msgpack{path}"),
        &headers,
        Body::from(body.to_vec()),
    );
    served.answer(request).await
}

fn error(answer: &Answer) -> (u16, String) {
    assert_eq!(answer.header("content-type"), MSGPACK);
    (answer.status.as_u16(), answer.decode::<Failure>().error)
}

#[tokio::test]
async fn directories_are_listed() {
    let served = served();
    for root in ["", "/", "//"] {
        let answer = served.get(&format!("/msgpack{root}"), &[]).await;
        assert_eq!(answer.status, 200);
        assert_eq!(&answer.body[..7], b"\x86\xa4type\xa9");
        let root: Directory = answer.decode();
        assert_eq!(root.size, 8 + 4 + 8 + 17 + 1000);
        assert_eq!(root.files["signed"].r#type, "application/x-hdf5");
        assert_eq!(root.files["noise"].r#type, "application/octet-stream");
        assert!(root.directories["a"].is_none());
    }
    let answer = post(&served, "/a/", b"\x81\xa9max_depth\x05").await;
    let a: Directory = answer.decode();
    assert_eq!((a.size, a.files["b.h5"].size), (20, 8));
    let c = a.directories["c"].as_ref().unwrap();
    assert_eq!(c.files.keys().collect::<Vec<_>>(), ["README", "d.txt"]);
    assert_eq!(c.files["README"].r#type, "text/plain;charset=UTF-8");
    assert_eq!(c.files["d.txt"].last_modified % 1000, 0);
    assert!(c.directories["up"].is_none(), "a directory within itself");
    let file: File = post(&served, "/a/c/README", b"\x80").await.decode();
    assert_eq!((file.r#type.as_str(), file.size), ("text/plain;charset=UTF-8", 8));
}

#[tokio::test]
async fn errors_are_maps_with_a_text() {
    let served = served();
    for path in ["nothing", "a/nothing", "noise/x"] {
        let answer = post(&served, &format!("/{path}"), b"\x80").await;
        assert_eq!(error(&answer), (404, format!("Invalid path specified: {path}")));
    }
    for path in ["/a//c", "/../a", "/a/%2e%2e/a", "/a%2fc", "/%ff"] {
        assert_eq!(error(&post(&served, path, b"\x80").await).0, 404, "{path}");
    }
    let long = format!("/{}", "x".repeat(5000));
    assert_eq!(error(&post(&served, &long, b"\x80").await).0, 400);
    assert_eq!(error(&post(&served, "/a", b"\xc1").await).0, 400);
    assert_eq!(error(&served.get("/msgpack/a?max_depth=-1", &[]).await).0, 400);
    let typed = [("content-type", "application/x-msgpack; charset=x")];
    let wrong = request("POST", "/msgpack/a", &typed, Body::from("\u{0}"));
    assert_eq!(error(&served.answer(wrong).await).0, 415);
    let put = request("PUT", "/msgpack/a", &[], Body::empty());
    assert_eq!(error(&served.answer(put).await).0, 405);
    let head = request("HEAD", "/msgpack/a", &[], Body::empty());
    let head = served.answer(head).await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
}

#[tokio::test]
async fn one_protocol_can_be_turned_off() {
    use hdfstream_server::config::Protocol;
    for (protocol, v1, v2) in [
        (Protocol::V1, 200, 404),
        (Protocol::V2, 404, 200),
        (Protocol::Both, 200, 200),
    ] {
        let served = Served::with(|config| config.protocol = protocol);
        assert_eq!(served.get("/msgpack/", &[]).await.status, v1);
        assert_eq!(served.get("/v2", &[]).await.status, v2);
        assert_eq!(served.get("/health", &[]).await.status, 200);
    }
}

#[tokio::test]
async fn directories_come_as_archives() {
    let served = served();
    let deep = "x".repeat(90);
    served.write(&format!("a/{deep}/{deep}/{deep}"), &noise(700_000));
    let answer = served.get("/download/a", &[]).await;
    assert_eq!(answer.header("content-type"), "application/x-tar");
    assert_eq!(
        answer.header("content-disposition"),
        "attachment; filename=\"a.tar\""
    );
    assert_eq!(answer.header("content-length"), answer.body.len().to_string());
    let mut archive = tar::Archive::new(&answer.body[..]);
    let mut names = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().display().to_string();
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
        assert!(content == std::fs::read(served.path(&name)).unwrap(), "{name}");
        names.push(name);
    }
    assert_eq!(
        names,
        [
            "a/b.h5",
            "a/c/README",
            "a/c/d.txt",
            &format!("a/{deep}/{deep}/{deep}")
        ]
    );
    let nested = served.get("/download/a/c", &[]).await;
    assert_eq!(
        nested.header("content-disposition"),
        "attachment; filename=\"a_c.tar\""
    );
    let file = served.get("/download/a/c/README", &[]).await;
    assert_eq!(file.header("content-type"), "text/plain;charset=UTF-8");
    assert_eq!(
        file.header("content-disposition"),
        "attachment; filename=\"README\""
    );
}

#[tokio::test]
async fn what_is_hidden_is_not_there() {
    let rules = "[secret]\nread = ['a']\n";
    let mut served = Served::with_users(&[("ada", "pw", "a"), ("bob", "pw", "")], rules);
    served.write("secret/x.txt", b"hidden");
    served.write("open/y.txt", b"seen");
    std::os::unix::fs::symlink("../secret/x.txt", served.path("open/link")).unwrap();
    served.serve_again(rules, |_| {});
    let ask = |path: &str, user: Option<&str>| {
        let login = user.map(|user| basic(user, "pw"));
        let headers: Vec<_> = login
            .iter()
            .map(|login| ("authorization", login.as_str()))
            .collect();
        request("GET", &format!("/msgpack{path}"), &headers, Body::empty())
    };
    for user in [None, Some("bob")] {
        let root: Directory = served.answer(ask("/?max_depth=9", user)).await.decode();
        assert_eq!(root.size, 4);
        assert_eq!(root.directories.keys().collect::<Vec<_>>(), ["open"]);
        let open = root.directories["open"].as_ref().unwrap();
        assert_eq!(open.files.keys().collect::<Vec<_>>(), ["y.txt"]);
        for path in ["secret", "secret/x.txt", "secret/missing", "open/link", "missing"] {
            let answer = served.answer(ask(&format!("/{path}"), user)).await;
            assert_eq!(error(&answer), (404, format!("Invalid path specified: {path}")));
        }
    }
    let root: Directory = served.answer(ask("/", Some("ada"))).await.decode();
    assert_eq!(root.size, 4 + 6 + 6);
    for headers in [basic("ada", "wrong"), basic("nobody", "pw")] {
        let wrong = request(
            "GET",
            "/msgpack/open",
            &[("authorization", &headers)],
            Body::empty(),
        );
        let answer = served.answer(wrong).await;
        assert_eq!(error(&answer).0, 401);
        assert!(answer.headers.contains_key("www-authenticate"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_body_is_answered(body in prop::collection::vec(any::<u8>(), 0..300), path in "(/[a-z%0-9.]{0,3}){0,4}") {
        let served = Served::new();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let answer = runtime.block_on(post(&served, &path, &body));
        prop_assert!(answer.status == 200 || answer.status.is_client_error(), "{}", answer.status);
    }
}
