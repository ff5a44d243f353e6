//! Whatever is sent, the answer is a refusal that says why, never a panic.

use axum::body::Body;
use axum::http::StatusCode;
use hdfstream::protocol::{self, CommitRequest, ErrorKind, MAX_REQUEST_BYTES, ReadRequest, Run};
use proptest::prelude::*;
use serde_bytes::ByteBuf;

use crate::harness::{Served, request};

const ENDPOINTS: [&str; 14] = [
    "open",
    "trace",
    "read",
    "external",
    "list",
    "stat",
    "lease",
    "stage",
    "commit",
    "renew",
    "release",
    "remove",
    "rename",
    "directory",
];

fn send(bodies: Vec<Vec<u8>>) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        for body in bodies {
            // One for each: a request may have changed it.
            let served = Served::writable();
            served.write("a", b"content");
            for endpoint in ENDPOINTS {
                let page = format!("/v2/{endpoint}");
                let answer = served
                    .answer(request("POST", &page, &[], Body::from(body.clone())))
                    .await;
                assert!(!answer.status.is_server_error(), "{answer:?}");
                assert_eq!(answer.header(protocol::PROTOCOL_HEADER), "2");
                if answer.status.is_client_error() {
                    answer.refusal();
                }
            }
        }
    });
}

fn commit() -> Vec<u8> {
    let request = CommitRequest {
        path: "a".into(),
        lease: "0".repeat(32),
        number: 1,
        base: "v".into(),
        parts: 1,
        size: 7,
        pieces: vec![(0, 2); 3],
        bytes: ByteBuf::from(vec![0; 6]),
        ordered: true,
        release: false,
    };
    protocol::encode(&request).unwrap()
}

fn valid() -> Vec<u8> {
    let request = ReadRequest {
        path: "a".into(),
        version: "v".into(),
        runs: vec![Run::range(0, 7); 3],
        lease: None,
    };
    protocol::encode(&request).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn random_bodies_are_refused(body in prop::collection::vec(any::<u8>(), 0..300)) {
        send(vec![body]);
    }

    #[test]
    fn damaged_requests_are_refused(at in 0..140usize, byte: u8, cut in 0..140usize) {
        for mut body in [valid(), commit()] {
            let length = body.len();
            body[at % length] = byte;
            let short = body[..cut % length].to_vec();
            send(vec![body, short]);
        }
    }

    #[test]
    fn random_paths_are_refused(path in "\\PC{0,40}", encoded in "(%[0-9a-f]{2}|[/.]){0,20}") {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let served = Served::new();
            // A name that is not met by chance.
            served.write("something", b"content");
            let answer = served.post("stat", &protocol::StatRequest { path }).await;
            assert!(!answer.status.is_server_error());
            let answer = served.get(&format!("/download/{encoded}"), &[]).await;
            assert!(answer.status.is_client_error(), "{answer:?}");
        });
    }
}

#[test]
fn forged_lengths_cost_nothing() {
    // An array, map, string or binary of 4 GiB, nested arrays, a map whose `runs` pretend to be many.
    let mut bodies: Vec<Vec<u8>> = [0xDD, 0xDF, 0xDB, 0xC6, 0xC9]
        .iter()
        .map(|&kind| vec![kind, 0xFF, 0xFF, 0xFF, 0xFF])
        .collect();
    bodies.push(vec![0x91; 200_000]);
    bodies.push(vec![0x81; 200_000]);
    let mut runs = b"\x83\xa4path\xa1a\xa7version\xa1v\xa4runs".to_vec();
    runs.extend([0xDD, 0xFF, 0xFF, 0xFF, 0xFF]);
    bodies.push(runs);
    send(bodies);
}

#[tokio::test]
async fn too_long_bodies_are_refused() {
    let served = Served::new();
    let body = Body::from(vec![0u8; MAX_REQUEST_BYTES + 1]);
    let answer = served.answer(request("POST", "/v2/read", &[], body)).await;
    assert_eq!(answer.refusal(), ErrorKind::Invalid);
    assert!(answer.message().contains("at most"));
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}
