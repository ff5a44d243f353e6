//! What one client may have in a minute.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use hdfstream::protocol::ErrorKind;
use hdfstream_server::Share;

use crate::harness::{Served, basic, from, noise, request, write_users};

fn served(share: Share, proxies: &[&str]) -> Served {
    let mut served = Served::new();
    write_users(&served.users(), &[("ada", "pw", ""), ("bob", "pw", "")]);
    served.write("big", &noise(3 << 20));
    served.serve_again("", |config| {
        config.share = share;
        config.trusted_proxies = proxies.iter().map(|proxy| proxy.parse().unwrap()).collect();
    });
    served
}

fn capabilities(headers: &[(&str, &str)]) -> Request<Body> {
    request("GET", "/v2", headers, Body::empty())
}

#[tokio::test(start_paused = true)]
async fn requests_are_counted_by_user_or_machine() {
    let share = Share {
        requests: Some(3),
        ..Share::default()
    };
    let served = served(share, &["127.0.0.1"]);
    let ask = async |address: &str, headers: &[(&str, &str)]| {
        served.answer(from(address, capabilities(headers))).await
    };
    for _ in 0..3 {
        assert_eq!(ask("10.0.0.1", &[]).await.status, 200);
    }
    let refused = ask("10.0.0.1", &[]).await;
    assert_eq!(
        (refused.status.as_u16(), refused.refusal()),
        (429, ErrorKind::Busy)
    );
    assert_eq!(refused.header("retry-after"), "20");
    assert_eq!(ask("10.0.0.2", &[]).await.status, 200);
    // A user is one from wherever, and is not held up by others at the same place.
    let login = basic("ada", "pw");
    for address in ["10.0.0.1", "10.0.0.2", "10.0.0.3"] {
        assert_eq!(ask(address, &[("authorization", &login)]).await.status, 200);
    }
    assert_eq!(ask("10.0.0.4", &[("authorization", &login)]).await.status, 429);
    assert_eq!(ask("10.0.0.4", &[]).await.status, 200);
    // Behind a trusted proxy machines are told apart, elsewhere the header means nothing.
    for _ in 0..3 {
        assert_eq!(
            ask("127.0.0.1", &[("x-forwarded-for", "10.9.9.9")]).await.status,
            200
        );
    }
    assert_eq!(
        ask("127.0.0.1", &[("x-forwarded-for", "10.9.9.9")]).await.status,
        429
    );
    assert_eq!(
        ask("127.0.0.1", &[("x-forwarded-for", "10.9.9.8")]).await.status,
        200
    );
    assert_eq!(
        ask("10.0.0.1", &[("x-forwarded-for", "10.9.9.7")]).await.status,
        429
    );
    tokio::time::advance(Duration::from_secs(20)).await;
    assert_eq!(ask("10.0.0.1", &[]).await.status, 200);
    for _ in 0..10 {
        assert_eq!(served.get("/health", &[]).await.status, 200);
    }
}

#[tokio::test(start_paused = true)]
async fn bytes_that_were_sent_are_counted() {
    let share = Share {
        mib: Some(1),
        ..Share::default()
    };
    let served = served(share, &[]);
    // Nobody knows beforehand: the first gets all of it, and then waits for three minutes' worth.
    assert_eq!(served.get("/download/big", &[]).await.body.len(), 3 << 20);
    let refused = served.get("/download/big", &[]).await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.header("content-type"), "text/plain; charset=utf-8");
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((100..=121).contains(&wait), "{wait}");
    tokio::time::advance(Duration::from_secs(wait)).await;
    assert_eq!(served.get("/download/big", &[]).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn time_is_counted() {
    let share = Share {
        seconds: Some(5),
        ..Share::default()
    };
    let served = served(share, &[]);
    // A body that trickles in keeps the server busy for its whole time.
    let trickle = futures_util::stream::unfold(0, |count| async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        (count < 10).then_some((
            Ok::<_, std::io::Error>(bytes::Bytes::from_static(b"x")),
            count + 1,
        ))
    });
    let slow = request("POST", "/v2/stat", &[], Body::from_stream(trickle));
    assert_eq!(served.answer(slow).await.refusal(), ErrorKind::Invalid);
    assert_eq!(served.answer(capabilities(&[])).await.status, 429);
    tokio::time::advance(Duration::from_secs(90)).await;
    assert_eq!(served.answer(capabilities(&[])).await.status, 200);
}
