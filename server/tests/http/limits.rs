//! What one client may take from the others.

use std::time::Duration;

use axum::body::Body;
use hdfstream::protocol::{ErrorKind, StatRequest};
use http_body_util::BodyExt;

use crate::harness::{Served, noise, request};

#[tokio::test]
async fn too_many_requests_are_told_to_come_back() {
    let served = Served::with(|config| config.max_requests = 1);
    served.write("big", &noise(4 << 20));
    let stat = StatRequest { path: "big".into() };
    // An answer that is not taken holds its place.
    let slow = served
        .send(request("GET", "/download/big", &[], Body::empty()))
        .await;
    let answer = served.post("stat", &stat).await;
    assert_eq!(answer.refusal(), ErrorKind::Busy);
    assert_eq!(answer.header("retry-after"), "1");
    // The health of the server does not depend on it.
    assert_eq!(served.get("/health", &[]).await.status, 200);
    drop(slow);
    assert_eq!(served.post("stat", &stat).await.status, 200);
}

#[tokio::test]
async fn a_place_is_free_when_the_answer_has_left() {
    let served = Served::with(|config| config.max_requests = 1);
    served.write("big", &noise(4 << 20));
    for _ in 0..3 {
        let answer = served
            .send(request("GET", "/download/big", &[], Body::empty()))
            .await;
        assert_eq!(
            answer.into_body().collect().await.unwrap().to_bytes().len(),
            4 << 20
        );
    }
}

#[tokio::test]
async fn large_requests_take_more_places() {
    let served = Served::with(|config| config.max_requests = 4);
    served.write("big", &noise(4 << 20));
    let slow = served
        .send(request("GET", "/download/big", &[], Body::empty()))
        .await;
    let small = Body::from(vec![0xC0; 100]);
    let answer = served.answer(request("POST", "/v2/stat", &[], small)).await;
    assert_eq!(answer.refusal(), ErrorKind::Invalid);
    let large = || request("POST", "/v2/stat", &[], Body::from(vec![0xC0; 30 << 20]));
    assert_eq!(served.answer(large()).await.refusal(), ErrorKind::Busy);
    drop(slow);
    assert_eq!(served.answer(large()).await.refusal(), ErrorKind::Invalid);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_trickles_in_is_given_up() {
    let served = Served::new();
    let trickle = futures_util::stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Some((Ok::<_, std::io::Error>(bytes::Bytes::from_static(b"x")), ()))
    });
    let body = Body::from_stream(trickle);
    let answer = served.answer(request("POST", "/v2/stat", &[], body)).await;
    assert_eq!(answer.refusal(), ErrorKind::Invalid);
    assert!(answer.message().contains("slowly"));
}
