//! `read` and `external`.

use axum::body::Body;
use axum::http::StatusCode;
use hdfstream::protocol::{
    self, DigestReply, DigestRequest, ErrorKind, ExternalRequest, MAX_READ_BYTES, MAX_RUNS, ReadRequest, Run,
};
use http_body_util::BodyExt;
use proptest::prelude::*;

use crate::harness::{Served, noise, request, write};

async fn read_request(served: &Served, path: &str, runs: Vec<Run>) -> ReadRequest {
    let reply = served.open(path).await;
    ReadRequest {
        path: reply.path,
        version: reply.version,
        runs,
        lease: None,
    }
}

fn naive(content: &[u8], runs: &[Run]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for run in runs {
        for piece in 0..run.count {
            let start = (run.offset + piece * run.stride) as usize;
            bytes.extend_from_slice(&content[start..start + run.length as usize]);
        }
    }
    bytes
}

#[tokio::test]
async fn runs_come_in_order_with_their_length_announced() {
    let served = Served::new();
    let content = noise(3 << 20);
    served.write("a", &content);
    let strided = Run {
        offset: 100,
        length: 8,
        stride: 24,
        count: 100_000,
    };
    let runs = vec![
        Run::range(2 << 20, 1 << 20),
        strided,
        Run::range(0, 1),
        Run::range(0, 3 << 20),
    ];
    let answer = served
        .post("read", &read_request(&served, "a", runs.clone()).await)
        .await;
    let expected = naive(&content, &runs);
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), "application/octet-stream");
    assert!(answer.body == expected);
}

#[tokio::test]
async fn digests_are_those_of_the_bytes() {
    let served = Served::new();
    let content = noise(5 << 20);
    served.write("a", &content);
    let opened = served.open("a").await;
    let ask = |offset, length| DigestRequest {
        path: opened.path.clone(),
        version: opened.version.clone(),
        offset,
        length,
    };
    for (offset, length) in [(0, 5 << 20), (3, 1), (1 << 20, 3 << 20)] {
        let answer = served.post("digest", &ask(offset, length)).await;
        let bytes = &content[offset as usize..(offset + length) as usize];
        let expected = ring::digest::digest(&ring::digest::SHA256, bytes);
        assert_eq!(answer.decode::<DigestReply>().sha256, expected.as_ref());
    }
    for (offset, length) in [(0, 0), (1, 5 << 20), (u64::MAX, 2), (0, MAX_READ_BYTES + 1)] {
        let answer = served.post("digest", &ask(offset, length)).await;
        assert_eq!(answer.refusal(), ErrorKind::Invalid);
    }
    served.write("a", b"other");
    let answer = served.post("digest", &ask(0, 1)).await;
    assert_eq!(answer.refusal(), ErrorKind::Changed);
}

#[tokio::test]
async fn no_runs_are_no_bytes() {
    let served = Served::new();
    served.write("a", b"abc");
    let answer = served
        .post("read", &read_request(&served, "a", Vec::new()).await)
        .await;
    assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, 0));
}

#[tokio::test]
async fn what_the_limits_forbid_is_invalid() {
    let served = Served::new();
    served.write("a", &noise(2_000));
    let twice = Run {
        offset: 0,
        length: 1_000,
        stride: 0,
        count: 2,
    };
    let huge = Run {
        offset: 0,
        length: u64::MAX,
        stride: u64::MAX,
        count: u64::MAX,
    };
    for runs in [
        vec![Run::range(0, 2_001)],
        vec![Run::range(2_000, 1)],
        vec![Run::range(0, 0)],
        vec![twice],
        vec![huge],
        vec![Run::range(0, 2_000); (MAX_READ_BYTES / 2_000) as usize + 1],
        vec![Run::range(0, 1); MAX_RUNS + 1],
    ] {
        let answer = served.post("read", &read_request(&served, "a", runs).await).await;
        assert_eq!(answer.refusal(), ErrorKind::Invalid);
    }
}

#[tokio::test]
async fn a_file_that_changed_since_it_was_opened_is_not_read() {
    let served = Served::new();
    served.write("a", b"before");
    let request = read_request(&served, "a", vec![Run::range(0, 6)]).await;
    served.write("a", b"after!");
    assert_eq!(served.post("read", &request).await.refusal(), ErrorKind::Changed);
    std::fs::remove_file(served.path("a")).unwrap();
    assert_eq!(served.post("read", &request).await.refusal(), ErrorKind::NotFound);
    // The same name and content, but another file.
    served.write("a", b"before");
    assert_eq!(served.post("read", &request).await.refusal(), ErrorKind::Changed);
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_sent_breaks_the_answer_off() {
    let served = Served::new();
    served.write("a", &noise(8 << 20));
    let message = read_request(&served, "a", vec![Run::range(0, 8 << 20)]).await;
    let body = Body::from(protocol::encode(&message).unwrap());
    let mut response = served.send(request("POST", "/v2/read", &[], body)).await;
    assert_eq!(response.status(), StatusCode::OK);
    let first = response.body_mut().frame().await.unwrap().unwrap();
    assert!(first.data_ref().unwrap().len() < 4 << 20);
    served.write("a", &noise(8 << 20));
    assert!(response.into_body().collect().await.is_err());
}

#[tokio::test]
async fn external_bytes_end_in_zeros() {
    let served = Served::new();
    served.write("d/a.h5", b"hdf5");
    served.write("d/raw.bin", b"0123456789");
    served.write("raw/up.bin", b"up");
    let file = served.open("d/a.h5").await;
    let ask = |name: &str, offset, length| ExternalRequest {
        path: file.path.clone(),
        version: file.version.clone(),
        name: name.to_owned(),
        offset,
        length,
    };
    for (name, offset, length, expected) in [
        ("raw.bin", 2, 3, &b"234"[..]),
        ("raw.bin", 8, 4, b"89\0\0"),
        ("raw.bin", 1 << 50, 2, b"\0\0"),
        ("raw.bin", 0, 0, b""),
        ("./../raw/up.bin", 0, 2, b"up"),
    ] {
        let answer = served.post("external", &ask(name, offset, length)).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.body, expected, "{name} {offset} {length}");
    }
    let absolute = served.path("raw/up.bin");
    let answer = served
        .post("external", &ask(absolute.to_str().unwrap(), 0, 2))
        .await;
    assert_eq!(answer.body, &b"up"[..]);

    let refused = |name: &str, offset, length| {
        let request = ask(name, offset, length);
        let served = &served;
        async move { served.post("external", &request).await.refusal() }
    };
    assert_eq!(refused("none.bin", 0, 1).await, ErrorKind::NotFound);
    assert_eq!(
        refused("raw.bin", 0, MAX_READ_BYTES + 1).await,
        ErrorKind::Invalid
    );
    assert_eq!(refused("raw.bin", u64::MAX, u64::MAX).await, ErrorKind::Invalid);
    let stale = ExternalRequest {
        version: "another".into(),
        ..ask("raw.bin", 0, 1)
    };
    assert_eq!(
        served.post("external", &stale).await.refusal(),
        ErrorKind::Changed
    );
}

#[tokio::test]
async fn external_files_outside_are_forbidden_whether_they_exist_or_not() {
    let served = Served::new();
    served.write("a.h5", b"hdf5");
    write(&served.outside("secret"), b"secret");
    std::os::unix::fs::symlink(served.outside("secret"), served.path("link")).unwrap();
    let file = served.open("a.h5").await;
    let secret = served.outside("secret");
    let missing = served.outside("missing");
    let climbing = format!("{}/../secret", served.path("").display());
    for name in [
        "../secret",
        "../missing",
        "link",
        secret.to_str().unwrap(),
        missing.to_str().unwrap(),
        &climbing,
        "/etc/passwd",
    ] {
        let request = ExternalRequest {
            path: file.path.clone(),
            version: file.version.clone(),
            name: name.to_owned(),
            offset: 0,
            length: 4,
        };
        let answer = served.post("external", &request).await;
        assert_eq!(answer.refusal(), ErrorKind::Forbidden, "{name}");
    }
}

fn run(size: u64) -> impl Strategy<Value = Run> {
    (0..size, 1..200u64, 0..9_000u64, 1..500u64).prop_map(move |(offset, length, gap, count)| {
        let length = length.min(size - offset);
        let stride = length + gap;
        let count = count.min(1 + (size - offset - length) / stride);
        Run {
            offset,
            length,
            stride,
            count,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_runs_bring_what_the_naive_loop_brings(runs in prop::collection::vec(run(1 << 20), 0..20)) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let served = Served::new();
            let content = noise(1 << 20);
            served.write("a", &content);
            let answer = served.post("read", &read_request(&served, "a", runs.clone()).await).await;
            assert!(answer.body == naive(&content, &runs));
        });
    }
}
