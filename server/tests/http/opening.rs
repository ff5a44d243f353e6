//! Capabilities, `open` and `trace`.

use axum::http::StatusCode;
use hdfstream::protocol::{
    Capabilities, ErrorKind, Intent, MAX_READ_BYTES, MAX_RUNS, OpenReply, OpenRequest, PROTOCOL_HEADER,
    TraceReply, TraceRequest, VERSION,
};

use crate::harness::{Served, noise, open_request};

#[tokio::test]
async fn the_server_says_what_it_can() {
    let served = Served::new();
    let answer = served.get("/v2", &[]).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header(PROTOCOL_HEADER), "2");
    let capabilities: Capabilities = answer.decode();
    assert_eq!(capabilities.protocol, VERSION);
    assert!(!capabilities.writable);
    assert_eq!(capabilities.max_read_bytes, MAX_READ_BYTES);
    assert_eq!(capabilities.max_runs, MAX_RUNS as u64);
    assert_eq!(served.get("/health", &[]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn pages_that_do_not_exist_say_whether_protocol_v2_is_spoken() {
    let served = Served::new();
    let known = served.get("/v2/nonsense", &[]).await;
    assert_eq!(known.status, StatusCode::NOT_FOUND);
    assert_eq!(known.header(PROTOCOL_HEADER), "2");
    let method = served.get("/v2/open", &[]).await;
    assert_eq!(method.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(method.header(PROTOCOL_HEADER), "2");
    // A client that guessed the base wrong must see that there is nothing.
    for page in ["/deeper/v2", "/v1", ""] {
        let answer = served.get(page, &[]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{page}");
        assert_eq!(answer.header(PROTOCOL_HEADER), "", "{page}");
    }
}

#[tokio::test]
async fn a_small_file_comes_whole() {
    let served = Served::new();
    let content = noise(100_000);
    served.write("a/b.h5", &content);
    let reply = served.open("a/b.h5").await;
    assert_eq!((reply.path.as_str(), reply.size), ("a/b.h5", 100_000));
    assert!(reply.complete && !reply.unchanged);
    assert!(!reply.version.is_empty() && reply.version.len() <= 128);
    assert!(reply.modified > 1_600_000_000_000_000_000);
    let pieces = reply.pack.unwrap().unpack().unwrap();
    assert_eq!(pieces, vec![(0, content.into())]);
}

#[tokio::test]
async fn a_large_file_is_opened_without_its_data() {
    let served = Served::new();
    served.write("big", &noise(600_000));
    let reply = served.open("big").await;
    assert!(reply.pack.is_none() && !reply.complete);
}

#[tokio::test]
async fn an_empty_file_needs_no_pack() {
    let served = Served::new();
    served.write("empty", b"");
    let reply = served.open("empty").await;
    assert!(reply.pack.is_none() && reply.complete && reply.size == 0);
}

#[tokio::test]
async fn a_known_version_is_not_sent_again() {
    let served = Served::new();
    served.write("a", b"content");
    let first = served.open("a").await;
    let again = OpenRequest {
        known: Some(first.version.clone()),
        ..open_request("a")
    };
    let reply: OpenReply = served.post("open", &again).await.decode();
    assert!(reply.unchanged && reply.pack.is_none());
    assert_eq!(reply.version, first.version);
    served.write("a", b"changed");
    let reply: OpenReply = served.post("open", &again).await.decode();
    assert!(!reply.unchanged && reply.pack.is_some());
    assert_ne!(reply.version, first.version);
}

#[tokio::test]
async fn writing_is_refused_with_the_reason() {
    let served = Served::new();
    served.write("a", b"content");
    let writing = OpenRequest {
        write: true,
        ..open_request("a")
    };
    let answer = served.post("open", &writing).await;
    assert_eq!(answer.refusal(), ErrorKind::ReadOnly);
    assert!(answer.message().contains("read-only"));
    let missing = OpenRequest {
        path: "b".into(),
        ..writing
    };
    // Not "not found", lest a program tries to create it.
    assert_eq!(served.post("open", &missing).await.refusal(), ErrorKind::ReadOnly);
}

#[tokio::test]
async fn a_trace_names_its_version() {
    let served = Served::new();
    let content = noise(5_000);
    served.write("a", &content);
    let reply = served.open("a").await;
    let mut request = TraceRequest {
        path: reply.path,
        version: reply.version,
        intent: Intent::File,
    };
    let reply: TraceReply = served.post("trace", &request).await.decode();
    assert!(reply.complete);
    assert_eq!(reply.pack.unpack().unwrap(), vec![(0, content.into())]);
    request.version = "another".into();
    assert_eq!(served.post("trace", &request).await.refusal(), ErrorKind::Changed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_written_all_the_time_can_be_opened() {
    let served = Served::new();
    served.write("busy", b"first");
    let path = served.path("busy");
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let stopped = stop.clone();
    let writer = std::thread::spawn(move || {
        let content = noise(300_000);
        while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
            std::fs::write(&path, &content).unwrap();
        }
    });
    for _ in 0..50 {
        served.open("busy").await;
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    writer.join().unwrap();
}
