//! The example of `docs/protocol-v2.md`, byte by byte.

use axum::body::Body;
use axum::http::StatusCode;
use hdfstream::protocol::{self, OpenReply};

use crate::harness::{Answer, Served, request};

/// The bytes of the block of this name; what stands after a bar explains them.
fn block(name: &str) -> Vec<u8> {
    let manual = include_str!("../../../docs/protocol-v2.md");
    let (_, rest) = manual.split_once(&format!("```hex {name}\n")).unwrap();
    let (lines, _) = rest.split_once("```").unwrap();
    let digits: String = lines
        .lines()
        .filter_map(|line| line.split('|').next())
        .flat_map(str::chars)
        .filter(|digit| !digit.is_whitespace())
        .collect();
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect()
}

async fn post(served: &Served, endpoint: &str, body: Vec<u8>) -> Answer {
    let page = format!("/v2/{endpoint}");
    served.answer(request("POST", &page, &[], Body::from(body))).await
}

#[tokio::test]
async fn the_example_is_true() {
    let served = Served::new();
    served.write("greeting.txt", b"hello, world\n");

    let answer = post(&served, "open", block("open")).await;
    assert_eq!(answer.status, StatusCode::OK);
    let documented: OpenReply = protocol::decode(&block("open-reply")).unwrap();
    let real: OpenReply = answer.decode();
    let unpacked = |reply: &OpenReply| reply.pack.as_ref().unwrap().unpack().unwrap();
    assert_eq!(unpacked(&real), unpacked(&documented));
    let version = real.version.clone();
    let as_documented = OpenReply {
        version: documented.version.clone(),
        modified: documented.modified,
        pack: documented.pack.clone(),
        ..real
    };
    assert_eq!(protocol::encode(&as_documented).unwrap(), block("open-reply"));

    // The same request, for the version that this file has.
    let mut read = block("read");
    let old = documented.version.as_bytes();
    let at = read.windows(old.len()).position(|window| window == old).unwrap();
    read[at..at + old.len()].copy_from_slice(version.as_bytes());
    let answer = post(&served, "read", read).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body, block("read-reply"));

    let answer = post(&served, "read", block("read")).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert_eq!(answer.body, block("changed"));
}
