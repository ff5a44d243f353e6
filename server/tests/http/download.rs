//! `GET` and `HEAD /download`.

use axum::body::Body;
use axum::http::StatusCode;

use crate::harness::{Answer, Served, noise, request};

const PAGE: &str = "/download/a%20b/f.h5";

fn served(content: &[u8]) -> Served {
    let served = Served::new();
    served.write("a b/f.h5", content);
    let old = std::fs::FileTimes::new().set_modified(
        std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_millis(1_500_000_000_700),
    );
    let file = std::fs::File::options()
        .write(true)
        .open(served.path("a b/f.h5"))
        .unwrap();
    file.set_times(old).unwrap();
    served
}

#[tokio::test]
async fn a_file_is_described_and_sent() {
    let content = noise(3_000_000);
    let served = served(&content);
    let answer = served.get(PAGE, &[]).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.body == content);
    assert_eq!(answer.header("content-length"), "3000000");
    assert_eq!(answer.header("accept-ranges"), "bytes");
    assert_eq!(answer.header("last-modified"), "Fri, 14 Jul 2017 02:40:00 GMT");
    let version = served.open("a b/f.h5").await.version;
    assert_eq!(answer.header("etag"), format!("\"{version}\""));
}

#[tokio::test]
async fn head_tells_the_same_without_the_content() {
    let served = served(b"0123456789");
    let get = served.get(PAGE, &[]).await;
    let head = served
        .answer(request("HEAD", PAGE, &[("range", "bytes=0-1")], Body::empty()))
        .await;
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
    for name in [
        "content-length",
        "etag",
        "last-modified",
        "accept-ranges",
        "content-type",
    ] {
        assert_eq!(head.header(name), get.header(name), "{name}");
    }
}

#[tokio::test]
async fn ranges_are_cut_out() {
    let served = served(b"0123456789");
    for (range, status, place, body) in [
        ("bytes=0-3", 206, "bytes 0-3/10", "0123"),
        ("bytes=8-", 206, "bytes 8-9/10", "89"),
        ("bytes=-3", 206, "bytes 7-9/10", "789"),
        ("bytes=5-500", 206, "bytes 5-9/10", "56789"),
        ("bytes=10-", 416, "bytes */10", ""),
        ("bytes=-0", 416, "bytes */10", ""),
        ("bytes=3-1", 200, "", "0123456789"),
        ("bytes=0-1,4-5", 200, "", "0123456789"),
        ("junk", 200, "", "0123456789"),
    ] {
        let answer = served.get(PAGE, &[("range", range)]).await;
        assert_eq!(answer.status, status, "{range}");
        assert_eq!(answer.header("content-range"), place, "{range}");
        assert_eq!(answer.body, body, "{range}");
        assert_eq!(answer.header("content-length"), body.len().to_string(), "{range}");
    }
    let whole = served.get(PAGE, &[]).await;
    assert_eq!(whole.header("content-range"), "");
}

#[tokio::test]
async fn an_empty_file_has_no_ranges() {
    let served = served(b"");
    assert_eq!(served.get(PAGE, &[]).await.status, StatusCode::OK);
    let answer = served.get(PAGE, &[("range", "bytes=0-")]).await;
    assert_eq!(answer.status, StatusCode::RANGE_NOT_SATISFIABLE);
}

#[tokio::test]
async fn conditions_are_judged() {
    let served = served(b"0123456789");
    let tag = served.get(PAGE, &[]).await.header("etag").to_owned();
    let weak = format!("W/{tag}");
    let list = format!("\"x\", {tag}");
    let (at, before, after) = (
        "Fri, 14 Jul 2017 02:40:00 GMT",
        "Fri, 14 Jul 2017 02:39:59 GMT",
        "Fri, 14 Jul 2017 02:40:01 GMT",
    );
    let cases: &[(&[(&str, &str)], u16)] = &[
        (&[("if-none-match", &tag)], 304),
        (&[("if-none-match", &weak)], 304),
        (&[("if-none-match", &list)], 304),
        (&[("if-none-match", "*")], 304),
        (&[("if-none-match", "\"x\"")], 200),
        // An entity tag decides alone.
        (&[("if-none-match", "\"x\""), ("if-modified-since", at)], 200),
        (&[("if-modified-since", at)], 304),
        (&[("if-modified-since", after)], 304),
        (&[("if-modified-since", before)], 200),
        (&[("if-modified-since", "yesterday")], 200),
        (&[("if-match", &tag)], 200),
        (&[("if-match", "*")], 200),
        (&[("if-match", &list)], 200),
        (&[("if-match", &weak)], 412),
        (&[("if-match", "\"x\"")], 412),
        (&[("if-match", &tag), ("if-unmodified-since", before)], 200),
        (&[("if-unmodified-since", before)], 412),
        (&[("if-unmodified-since", at)], 200),
        (&[("if-match", &tag), ("if-none-match", &tag)], 304),
        (&[("if-match", &tag), ("range", "bytes=0-0")], 206),
        (&[("if-none-match", &tag), ("range", "bytes=0-0")], 304),
        (&[("if-range", &tag), ("range", "bytes=0-0")], 206),
        (&[("if-range", &weak), ("range", "bytes=0-0")], 200),
        (&[("if-range", "\"x\""), ("range", "bytes=0-0")], 200),
        (&[("if-range", at), ("range", "bytes=0-0")], 206),
        (&[("if-range", after), ("range", "bytes=0-0")], 200),
        (&[("if-range", "\"x\""), ("range", "bytes=99-")], 200),
    ];
    for (headers, status) in cases {
        let answer: Answer = served.get(PAGE, headers).await;
        assert_eq!(answer.status, *status, "{headers:?}");
        if *status == 304 {
            assert_eq!(answer.header("etag"), tag, "{headers:?}");
            assert_eq!(answer.body.len(), 0);
        }
    }
}
