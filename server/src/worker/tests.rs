//! Workers under honest, damaged and malicious circumstances.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use hdfstream::protocol::Intent;

use super::JobError;
use super::testing::{
    Random, describe, kernel_has_landlock, make_many, make_varied, masked, run, signal, whole, workers,
};

/// The varied file in both formats, by name.
fn varied(root: &Path) -> [&'static str; 3] {
    make_varied(&root.join("old.h5"), false, 0);
    make_varied(&root.join("new.h5"), true, 0);
    make_varied(&root.join("user.h5"), true, 1024);
    ["old.h5", "new.h5", "user.h5"]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_touched_is_all_that_a_program_needs() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let workers = workers(root, 1);
    for name in varied(root) {
        let (result, touched) = run(&workers, whole(name)).await;
        let outcome = result.unwrap();
        assert!(outcome.complete && outcome.objects > 300, "{outcome:?}");

        let bytes = fs::read(root.join(name)).unwrap();
        let ranges = touched.merged(0, bytes.len() as u64);
        assert!(
            touched.bytes() < bytes.len() as u64,
            "nothing was left out of {name}"
        );
        fs::write(root.join("masked.h5"), masked(&bytes, &ranges)).unwrap();
        let (original, replayed) = (describe(&root.join(name)), describe(&root.join("masked.h5")));
        assert!(original.len() > 100_000);
        for (one, other) in original.lines().zip(replayed.lines()) {
            assert_eq!(one, other, "{name}");
        }
        assert_eq!(original.len(), replayed.len());

        // The worker itself finds no more in what it touched.
        let (again, touched_again) = run(&workers, whole("masked.h5")).await;
        assert_eq!(again.unwrap(), outcome);
        assert_eq!(touched_again, touched);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_object_costs_little() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    make_many(&root.join("many.h5"), true, 40, 50);
    let workers = workers(root, 1);
    let (_, all) = run(&workers, whole("many.h5")).await;
    let mut job = whole("many.h5");
    // The root group's address in the newest format without a user block.
    job.intent = Intent::Object {
        address: 48,
        name: "group 7".into(),
    };
    let (result, touched) = run(&workers, job.clone()).await;
    let outcome = result.unwrap();
    assert!(outcome.complete);
    assert_eq!(outcome.objects, 51, "the group and its members");
    assert!(touched.bytes() * 10 < all.bytes());

    job.intent = Intent::Object {
        address: 48,
        name: "group 7/nothing".into(),
    };
    assert_eq!(run(&workers, job).await.0.unwrap().objects, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_end_a_walk_but_not_its_findings() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    make_many(&root.join("many.h5"), false, 40, 50);
    let workers = workers(root, 1);
    let mut job = whole("many.h5");
    job.budget_bytes = 100_000;
    let (result, touched) = run(&workers, job).await;
    assert!(!result.unwrap().complete);
    assert!(touched.bytes() > 50_000 && touched.bytes() <= 100_000);

    let mut job = whole("many.h5");
    job.limit = Duration::from_millis(5);
    let (result, touched) = run(&workers, job).await;
    assert!(!result.unwrap().complete);
    assert!(!touched.is_empty());
    // A successor is there for the next.
    assert!(run(&workers, whole("many.h5")).await.0.unwrap().complete);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_outside_the_root_are_out_of_reach() {
    let directory = tempfile::tempdir().unwrap();
    let outside = directory.path().join("outside.h5");
    make_many(&outside, true, 1, 1);
    let root = directory.path().join("root");
    fs::create_dir(&root).unwrap();
    std::os::unix::fs::symlink(&outside, root.join("link.h5")).unwrap();
    let workers = workers(&root, 1);
    for path in [
        "../outside.h5",
        "link.h5",
        outside.to_str().unwrap(),
        "/proc/self/environ",
        "",
        ".",
    ] {
        let (result, touched) = run(&workers, whole(path)).await;
        assert!(matches!(result, Err(JobError::Refused(_))), "{path}: {result:?}");
        assert!(touched.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_kernel_confines_workers() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    make_many(&root.join("a.h5"), true, 1, 1);
    let workers = workers(root, 1);
    run(&workers, whole("a.h5")).await.0.unwrap();
    let process = workers.processes()[0];
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    let limits = fs::read_to_string(format!("/proc/{process}/limits")).unwrap();
    let limit = |name: &str| {
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
        line[name.len()..].split_whitespace().next().unwrap().to_owned()
    };
    assert_eq!(limit("Max address space"), (2u64 << 30).to_string());
    assert_eq!(limit("Max file size"), "0");
    assert_eq!(limit("Max processes"), "0");
    assert_eq!(limit("Max core file size"), "0");
    assert_ne!(limit("Max cpu time"), "unlimited");
    let environment = fs::read(format!("/proc/{process}/environ")).unwrap();
    assert!(environment.is_empty());
    assert_eq!(workers.confined(), kernel_has_landlock());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_by_others_is_no_failure() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    make_many(&root.join("many.h5"), false, 100, 200);
    let workers = workers(root, 1);
    let (touched, mut progress) = tokio::sync::mpsc::unbounded_channel();
    let looking = tokio::spawn({
        let workers = workers.clone();
        async move {
            let report = |ranges| touched.send(ranges).unwrap();
            workers.run(whole("many.h5"), report).await
        }
    });
    progress.recv().await.unwrap();
    signal(&workers, libc::SIGKILL);
    let outcome = looking.await.unwrap().unwrap();
    assert!(outcome.complete && outcome.objects > 20_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_kills_workers_costs_one_job() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    make_many(&root.join("many.h5"), false, 100, 200);
    make_many(&root.join("few.h5"), false, 2, 2);
    let workers = workers(root, 1);
    let mut looking = Box::pin(run(&workers, whole("many.h5")));
    let (result, touched) = loop {
        match tokio::time::timeout(Duration::from_millis(70), &mut looking).await {
            Ok(ended) => break ended,
            Err(_) => signal(&workers, libc::SIGKILL),
        }
    };
    assert!(
        matches!(&result, Err(JobError::Crashed(how)) if how.contains("signal: 9")),
        "{result:?}"
    );
    assert!(!touched.is_empty(), "what was found before is not lost");
    assert!(run(&workers, whole("few.h5")).await.0.unwrap().complete);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_worker_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    make_many(&root.join("few.h5"), false, 2, 2);
    let workers = workers(root, 1);
    run(&workers, whole("few.h5")).await.0.unwrap();
    signal(&workers, libc::SIGSTOP);
    let mut job = whole("few.h5");
    job.limit = Duration::from_millis(100);
    assert_eq!(run(&workers, job).await.0, Err(JobError::TooSlow));
    assert!(run(&workers, whole("few.h5")).await.0.unwrap().complete);
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_files_are_all_answered() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let originals = varied(root).map(|name| fs::read(root.join(name)).unwrap());
    let workers = workers(root, 2);
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let (mut complete, mut crashed) = (0, 0);
    for round in 0..200 {
        let mut bytes = originals[round % originals.len()].clone();
        for _ in 0..random.pick(1..=40) {
            // Metadata is dense at the beginning.
            let end = if random.pick(0..=1) == 0 {
                4096
            } else {
                bytes.len()
            };
            let at = random.pick(0..=end - 1);
            bytes[at] = random.pick(0..=255) as u8;
        }
        if random.pick(0..=9) == 0 {
            bytes.truncate(random.pick(0..=bytes.len()));
        }
        fs::write(root.join("damaged.h5"), bytes).unwrap();
        let mut job = whole("damaged.h5");
        job.limit = Duration::from_secs(3);
        let begin = Instant::now();
        match run(&workers, job).await.0 {
            Ok(outcome) => complete += usize::from(outcome.complete),
            Err(JobError::Crashed(_) | JobError::TooSlow) => crashed += 1,
            Err(error) => panic!("{error}"),
        }
        assert!(begin.elapsed() < Duration::from_secs(10));
    }
    println!("of 200 damaged files {complete} were looked at to the end, {crashed} ended their worker");
    assert!(run(&workers, whole("new.h5")).await.0.unwrap().complete);
}
