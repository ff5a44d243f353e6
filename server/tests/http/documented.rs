//! The examples of `docs/protocol-v2.md`, byte by byte.

use axum::body::Body;
use axum::http::StatusCode;
use clap::CommandFactory;
use hdfstream::protocol::{self, CommitReply, LeaseName, LeaseRequest, OpenReply};

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

#[tokio::test]
async fn the_example_of_writing_is_true() {
    let served = Served::writable();
    let answer = post(&served, "lease", block("lease")).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body, block("lease-reply"));

    let answer = post(&served, "commit", block("commit")).await;
    assert_eq!(answer.status, StatusCode::OK);
    let real: CommitReply = answer.decode();
    let documented: CommitReply = protocol::decode(&block("commit-reply")).unwrap();
    assert_eq!(documented.version.len(), real.version.len());
    assert_eq!(protocol::encode(&documented).unwrap(), block("commit-reply"));
    assert_eq!(std::fs::read(served.path("note.txt")).unwrap(), b"hello, world\n");
    assert_eq!(served.open("note.txt").await.version, real.version);

    let again = post(&served, "commit", block("commit")).await;
    assert_eq!(again.body, answer.body);
    let request: LeaseRequest = protocol::decode(&block("lease")).unwrap();
    let name = LeaseName {
        path: request.path,
        lease: request.lease,
    };
    let answer = served.post("renew", &name).await;
    assert_eq!(answer.status, StatusCode::GONE);
    assert_eq!(answer.body, block("lost"));
}

/// The options in the tables of the manual are those of the program, and no others.
#[test]
fn every_option_is_documented() {
    let manual = include_str!("../../../docs/configuration.md");
    let (_, section) = manual.split_once("## The server").unwrap();
    let options = |line: &str| -> Vec<String> {
        let cell = line.strip_prefix("| `").and_then(|line| line.split(" | ").next());
        let words = cell.unwrap_or_default().split(['`', ' ', '=']);
        words
            .filter_map(|word| word.strip_prefix("--"))
            .map(str::to_owned)
            .collect()
    };
    let table = section.lines().take_while(|line| !line.starts_with("###"));
    let mut documented: Vec<_> = table.flat_map(options).collect();
    documented.sort();
    let command = hdfstream_server::cli::Arguments::command();
    let mut there: Vec<_> = command
        .get_arguments()
        .filter_map(|argument| argument.get_long())
        .map(str::to_owned)
        .collect();
    there.sort();
    assert_eq!(documented, there);
}
