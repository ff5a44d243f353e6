//! Against a model: a list of leases with their times.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{Claim, Digest, MOST_OF_ONE, Refused, Table};

const PERIOD: Duration = Duration::from_secs(30);

#[derive(Debug, Clone)]
enum Event {
    Begin {
        path: u8,
        lease: u8,
        exclusive: bool,
    },
    /// One that was found on the disk.
    Find {
        path: u8,
    },
    Word {
        path: u8,
        lease: u8,
    },
    Claim {
        path: u8,
        lease: u8,
    },
    /// What is over ends.
    Round,
    Wait(u64),
}

fn event() -> impl Strategy<Value = Event> {
    let (path, lease) = (0..3u8, 0..5u8);
    prop_oneof![
        4 => (path.clone(), lease.clone(), any::<bool>())
            .prop_map(|(path, lease, exclusive)| Event::Begin { path, lease, exclusive }),
        1 => path.clone().prop_map(|path| Event::Find { path }),
        4 => (path.clone(), lease.clone()).prop_map(|(path, lease)| Event::Word { path, lease }),
        1 => (path, lease).prop_map(|(path, lease)| Event::Claim { path, lease }),
        2 => Just(Event::Round),
        3 => (0..40u64).prop_map(Event::Wait),
    ]
}

fn digest(lease: u8) -> Digest {
    [lease; 32]
}

fn claim(path: &str, lease: Option<u8>, exclusive: bool) -> Claim<u8> {
    Claim {
        path: path.to_owned(),
        lease: lease.map(digest),
        owner: lease,
        exclusive,
    }
}

#[derive(Debug, Clone)]
struct Known {
    path: u8,
    lease: Option<u8>,
    exclusive: bool,
    expires: Instant,
}

proptest! {
    #[test]
    fn nobody_writes_with_somebody_exclusive_and_all_ends(events in prop::collection::vec(event(), 0..60)) {
        let mut now = Instant::now();
        let mut table: Table<u8, u64> = Table::new(PERIOD);
        let mut model: HashMap<u64, Known> = HashMap::new();
        for event in events {
            match event {
                Event::Begin { path, lease, exclusive } => {
                    let name = path.to_string();
                    let there: Vec<_> = model.iter().filter(|(_, known)| known.path == path).collect();
                    let same = there.iter().find(|(_, known)| known.lease == Some(lease));
                    let expected = match same {
                        Some((number, known)) if known.exclusive == exclusive => Ok(Some(**number)),
                        Some(_) => Err(Refused::Different),
                        None if there.iter().any(|(_, known)| exclusive || known.exclusive) => Err(Refused::Locked),
                        None => Ok(None),
                    };
                    let begun = table.begin(now, claim(&name, Some(lease), exclusive), |number| number);
                    match (begun, expected) {
                        (Ok(number), Ok(Some(same))) => {
                            prop_assert_eq!(number, same);
                            model.get_mut(&same).unwrap().expires = now + PERIOD;
                        }
                        (Ok(number), Ok(None)) => {
                            let known = Known { path, lease: Some(lease), exclusive, expires: now + PERIOD };
                            prop_assert!(model.insert(number, known).is_none());
                        }
                        (begun, expected) => prop_assert_eq!(begun.err(), expected.err()),
                    }
                }
                Event::Find { path } => {
                    let taken = model.values().any(|known| known.path == path);
                    let begun = table.begin(now, claim(&path.to_string(), None, true), |number| number);
                    prop_assert_eq!(begun.is_err(), taken);
                    if let Ok(number) = begun {
                        model.insert(number, Known { path, lease: None, exclusive: true, expires: now + PERIOD });
                    }
                }
                Event::Word { path, lease } => {
                    let known = model.iter_mut().find(|(_, known)| (known.path, known.lease) == (path, Some(lease)));
                    let found = table.find(now, &path.to_string(), &digest(lease));
                    prop_assert_eq!(found, known.as_ref().map(|(number, _)| **number));
                    if let Some((_, known)) = known {
                        known.expires = now + PERIOD;
                    }
                }
                Event::Claim { path, lease } => {
                    let name = path.to_string();
                    for number in table.found(&name) {
                        table.claim(&name, number, digest(lease));
                        let known = model.get_mut(&number).unwrap();
                        prop_assert!(known.lease.is_none());
                        known.lease = Some(lease);
                    }
                }
                Event::Round => {
                    let mut over = table.expired(now);
                    over.sort_unstable();
                    let mut expected: Vec<_> = model
                        .iter()
                        .filter(|(_, known)| known.expires <= now)
                        .map(|(number, _)| *number)
                        .collect();
                    expected.sort_unstable();
                    prop_assert_eq!(&over, &expected);
                    for number in over {
                        let path = model.remove(&number).unwrap().path.to_string();
                        prop_assert!(table.is_over(now, &path, number));
                        table.remove(&path, number);
                        prop_assert!(table.is_over(now, &path, number));
                    }
                }
                Event::Wait(seconds) => now += Duration::from_secs(seconds),
            }
            prop_assert_eq!(table.len(), model.len());
            for path in 0..3u8 {
                let there: Vec<_> = model.values().filter(|known| known.path == path).collect();
                prop_assert!(there.len() <= 1 || there.iter().all(|known| !known.exclusive));
                prop_assert_eq!(table.is_written(&path.to_string()), !there.is_empty());
            }
        }
    }
}

#[test]
fn nobody_has_them_all() {
    let mut table: Table<u8, u64> = Table::new(PERIOD);
    let now = Instant::now();
    for number in 0..MOST_OF_ONE {
        table
            .begin(now, claim(&number.to_string(), Some(1), true), |number| number)
            .unwrap();
    }
    let refused = table.begin(now, claim("more", Some(1), true), |number| number);
    assert_eq!(refused, Err(Refused::TooMany));
    assert!(
        table
            .begin(now, claim("more", Some(2), true), |number| number)
            .is_ok()
    );
    // What was found on the disk is taken in any case.
    assert!(
        table
            .begin(now, claim("found", None, true), |number| number)
            .is_ok()
    );
}

#[test]
fn directories_are_written_where_their_files_are() {
    let mut table: Table<u8, u64> = Table::new(PERIOD);
    let now = Instant::now();
    table
        .begin(now, claim("a/b/c.h5", Some(1), true), |number| number)
        .unwrap();
    for written in ["a", "a/b", "a/b/c.h5"] {
        assert!(table.is_written(written), "{written}");
    }
    for free in ["a/b/c", "a/b/c.h5/d", "b", "a/bb", ""] {
        assert!(!table.is_written(free), "{free}");
    }
}
