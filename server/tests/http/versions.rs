//! Readers keep the version that they opened while others write.

use axum::http::StatusCode;
use hdfstream::protocol::{Begin, CommitRequest, DigestReply, DigestRequest, ErrorKind};
use ring::digest::{SHA256, digest};

use crate::harness::{Served, noise};
use crate::writer::{Writer, good, read};

#[tokio::test]
async fn fifty_commits_go_by_a_reader() {
    let served = Served::writable();
    let old = noise(200_000);
    served.write("a.h5", &old);
    let opened = served.open("a.h5").await;
    let writer = Writer::new("a.h5", 1);
    writer.lease(&served, Begin::Existing).await;
    let mut versions = vec![(opened.version, old.clone())];
    let mut content = old;
    for number in 1..=50u64 {
        let place = (number * 7_919) % 190_000;
        let mark = vec![number as u8; 3_000 + number as usize * 10];
        let size = 200_000 + (number % 7) * 1_000;
        let end = (place as usize + mark.len()).min(size as usize);
        content.resize(size as usize, 0);
        content[place as usize..end].copy_from_slice(&mark[..end - place as usize]);
        let reply = writer
            .commit(&served, number, size, &[(place, &mark[..end - place as usize])])
            .await;
        // Somebody opens every third version.
        if number % 3 == 0 {
            let opened = served.open("a.h5").await;
            assert_eq!(opened.version, reply.version);
            versions.push((opened.version, content.clone()));
        }
        for (version, bytes) in &versions {
            let answer = read(&served, "a.h5", version, bytes.len() as u64).await;
            assert!(good(&answer).body == bytes[..], "commit {number}");
        }
    }
    writer.word(&served, "release").await;
    for (version, bytes) in &versions {
        let answer = read(&served, "a.h5", version, bytes.len() as u64).await;
        assert!(good(&answer).body == bytes[..]);
        let request = DigestRequest {
            path: "a.h5".to_owned(),
            version: version.clone(),
            offset: 0,
            length: bytes.len() as u64,
        };
        let reply: DigestReply = served.post("digest", &request).await.decode();
        assert_eq!(reply.sha256, digest(&SHA256, bytes).as_ref());
    }
}

#[tokio::test]
async fn beyond_the_limit_the_oldest_are_lost() {
    let served = Served::with(|config| {
        config.writable = true;
        config.retained_mib = 2;
    });
    served.write("a.h5", &noise(800_000));
    let first = served.open("a.h5").await.version;
    let writer = Writer::new("a.h5", 1);
    writer.lease(&served, Begin::Existing).await;
    writer.commit(&served, 1, 800_000, &[(0, &[1; 700_000])]).await;
    let second = served.open("a.h5").await.version;
    writer.commit(&served, 2, 800_000, &[(0, &[2; 700_000])]).await;
    for version in [&first, &second] {
        assert_eq!(
            read(&served, "a.h5", version, 800_000).await.status,
            StatusCode::OK
        );
    }
    writer.commit(&served, 3, 800_000, &[(0, &[3; 700_000])]).await;
    let lost = read(&served, "a.h5", &first, 800_000).await;
    assert_eq!(lost.refusal(), ErrorKind::Changed);
    let kept = read(&served, "a.h5", &second, 800_000).await;
    assert!(good(&kept).body[..700_000].iter().all(|&byte| byte == 1));
}

#[tokio::test]
async fn a_local_change_after_a_writer_is_noticed() {
    let served = Served::writable();
    served.write("a.h5", b"content");
    let first = served.open("a.h5").await.version;
    let writer = Writer::new("a.h5", 1);
    writer.lease(&served, Begin::Existing).await;
    let last = writer.finish(&served, 1, 7, &[(0, b"C")]).await.version;
    assert_eq!(read(&served, "a.h5", &first, 7).await.body, "content".as_bytes());
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    served.write("a.h5", b"changed");
    for version in [&first, &last] {
        assert_eq!(
            read(&served, "a.h5", version, 7).await.refusal(),
            ErrorKind::Changed
        );
    }
    let opened = served.open("a.h5").await;
    assert_eq!(
        read(&served, "a.h5", &opened.version, 7).await.body,
        "changed".as_bytes()
    );
}

#[tokio::test]
async fn the_version_of_a_last_commit_outlives_the_server() {
    let mut served = Served::writable();
    let writer = Writer::new("a.h5", 1);
    writer.lease(&served, Begin::Create).await;
    writer.commit(&served, 1, 7, &[(0, b"content")]).await;
    let last = writer.finish(&served, 2, 7, &[(0, b"C")]).await.version;
    served.restart(|_| {});
    assert_eq!(served.open("a.h5").await.version, last);
}

#[tokio::test]
async fn readers_at_work_see_whole_versions_only() {
    let served = Served::writable();
    let size = 300_000u64;
    served.write("a.h5", &vec![0; size as usize]);
    let writer = Writer::new("a.h5", 1);
    writer.lease(&served, Begin::Existing).await;
    let write = async {
        for number in 1..=40u64 {
            let content = vec![number as u8; size as usize];
            let part = writer.stage(&served, number, 0, &[(size, &[0xFF; 10_000])]).await;
            good(&part);
            // What lies beyond the size does not count, but was in the file.
            let commit = CommitRequest {
                parts: 1,
                ..writer.commit_request(number, size, &[(0, &content)])
            };
            good(&writer.send(&served, "commit", &commit).await);
        }
        writer.word(&served, "release").await;
    };
    let look = async |_| {
        let mut seen = 0;
        for _ in 0..40 {
            let opened = served.open("a.h5").await;
            assert_eq!(opened.size, size);
            let answer = read(&served, "a.h5", &opened.version, size).await;
            let first = good(&answer).body[0];
            assert!(answer.body.iter().all(|&byte| byte == first), "a version is torn");
            assert!(first >= seen, "time goes backwards");
            seen = first;
        }
    };
    let readers = futures_util::future::join_all((0..4).map(look));
    tokio::join!(write, readers);
}
