//! Packs of files that stay, change, break and are asked for by many.

use std::fs;
use std::time::Duration;

use hdfstream::protocol::{Intent, Pack};

use super::{Error, Packs};
use crate::access::Viewer;
use crate::store::{ServedFile, Store};
use crate::worker::testing::{describe, make_many, make_varied, masked, signal, workers};
use crate::worker::{JobError, Workers};

const BUDGET: usize = 64 << 20;
const LONG: Duration = Duration::from_secs(20);

struct Served {
    directory: tempfile::TempDir,
    store: Store,
    workers: Workers,
}

impl Served {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::new(directory.path()).unwrap();
        let workers = workers(directory.path(), 2);
        Self {
            directory,
            store,
            workers,
        }
    }

    fn packs(&self, budget: usize) -> Packs {
        Packs::new(self.workers.clone(), budget)
    }

    fn open(&self, name: &str) -> ServedFile {
        self.store.seen_by(&Viewer::default(), None).open(name).unwrap()
    }
}

fn ranges(pack: &Pack) -> Vec<(u64, u64)> {
    pack.unpack()
        .unwrap()
        .iter()
        .map(|(offset, bytes)| (*offset, bytes.len() as u64))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_holds_the_metadata() {
    let served = Served::new();
    let path = served.directory.path().join("a.h5");
    make_varied(&path, true, 0);
    let packs = served.packs(BUDGET);
    let prepared = packs.open(&served.open("a.h5"), LONG).await;
    assert!(prepared.complete);
    let pack = prepared.pack.unwrap();
    let bytes = fs::read(&path).unwrap();
    for (offset, piece) in pack.unpack().unwrap() {
        assert_eq!(bytes[offset as usize..][..piece.len()], piece[..]);
    }
    let copy = served.directory.path().join("copy.h5");
    fs::write(&copy, masked(&bytes, &ranges(&pack))).unwrap();
    assert_eq!(describe(&path), describe(&copy));

    let traced = packs.trace(&served.open("a.h5"), &Intent::File).await.unwrap();
    assert!(traced.complete);
    assert_eq!(traced.pack, pack);
}

#[tokio::test(flavor = "multi_thread")]
async fn opening_does_not_wait_for_a_long_walk() {
    let served = Served::new();
    make_many(&served.directory.path().join("many.h5"), false, 100, 100);
    let packs = served.packs(BUDGET);
    let file = served.open("many.h5");
    let early = packs.open(&file, Duration::ZERO).await;
    assert!(!early.complete);
    let many: Vec<_> = (0..8)
        .map(|_| {
            let (packs, file) = (packs.clone(), file.clone());
            tokio::spawn(async move { packs.open(&file, LONG).await })
        })
        .collect();
    let mut first = None;
    for one in many {
        let prepared = one.await.unwrap();
        assert!(prepared.complete);
        let pack = prepared.pack.unwrap();
        assert_eq!(*first.get_or_insert(pack.clone()), pack);
    }
    // Ended walks are kept.
    assert!(packs.open(&file, Duration::from_millis(50)).await.complete);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_object_is_traced() {
    let served = Served::new();
    make_many(&served.directory.path().join("many.h5"), true, 20, 20);
    let packs = served.packs(BUDGET);
    let file = served.open("many.h5");
    let intent = Intent::Object {
        address: 48,
        name: "group 3".into(),
    };
    let reply = packs.trace(&file, &intent).await.unwrap();
    assert!(reply.complete);
    let all = packs.trace(&file, &Intent::File).await.unwrap();
    let sum = |pack: &Pack| ranges(pack).iter().map(|range| range.1).sum::<u64>();
    assert!(sum(&reply.pack) * 5 < sum(&all.pack));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_file_is_not_packed() {
    let served = Served::new();
    let path = served.directory.path().join("a.h5");
    make_many(&path, true, 1, 10);
    let packs = served.packs(BUDGET);
    let file = served.open("a.h5");
    std::thread::sleep(Duration::from_millis(20));
    make_many(&path, false, 1, 20);
    let intent = Intent::Object {
        address: 96,
        name: ".".into(),
    };
    let result = packs.trace(&file, &intent).await;
    assert!(matches!(result, Err(Error::Changed(_))), "{result:?}");
    assert!(packs.open(&file, LONG).await.pack.is_none());
    assert!(packs.open(&served.open("a.h5"), LONG).await.complete);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_budget_bounds_what_is_kept() {
    let served = Served::new();
    let packs = served.packs(1);
    make_many(&served.directory.path().join("many.h5"), false, 100, 100);
    let file = served.open("many.h5");
    assert!(packs.open(&file, LONG).await.complete);
    assert!(
        !packs.open(&file, Duration::ZERO).await.complete,
        "it was walked again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_ends_its_worker_is_left_alone_from_then_on() {
    let served = Served::new();
    make_many(&served.directory.path().join("many.h5"), false, 100, 200);
    let packs = served.packs(BUDGET);
    let file = served.open("many.h5");
    let mut looking = Box::pin(packs.trace(&file, &Intent::File));
    let reply = loop {
        match tokio::time::timeout(Duration::from_millis(70), &mut looking).await {
            Ok(ended) => break ended.unwrap(),
            Err(_) => signal(&served.workers, libc::SIGKILL),
        }
    };
    assert!(!reply.complete, "what was found before is given all the same");
    let intent = Intent::Object {
        address: 96,
        name: ".".into(),
    };
    let refused = packs.trace(&file, &intent).await;
    assert!(
        matches!(
            refused,
            Err(Error::Job {
                source: JobError::Crashed(_),
                ..
            })
        ),
        "{refused:?}"
    );
    make_many(&served.directory.path().join("other.h5"), false, 1, 1);
    assert!(packs.open(&served.open("other.h5"), LONG).await.complete);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_hdf5_has_a_pack_of_what_an_attempt_touches() {
    let served = Served::new();
    fs::write(served.directory.path().join("a.txt"), vec![b'x'; 5000]).unwrap();
    let prepared = served.packs(BUDGET).open(&served.open("a.txt"), LONG).await;
    assert!(prepared.complete);
    assert!(!prepared.pack.unwrap().ranges.is_empty());
}
