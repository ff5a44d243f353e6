//! What a client might do, and what must be true of the file then.

use std::ffi::OsStr;

use hdfstream::protocol::Begin;
use proptest::prelude::*;

use super::super::writer::Wanted;
use super::super::{Change, JournalError, Writer};
use super::simulated::{Random, SimulatedDisk};

const NAME: &str = "file.h5";

/// A commit with what is staged for it.
#[derive(Debug, Clone)]
pub(in super::super) struct Transaction {
    parts: Vec<Vec<(u64, u64)>>,
    /// The order in which they come, and their bytes.
    seed: u64,
    pieces: Vec<(u64, u64)>,
    size: u64,
    ordered: bool,
    /// Before it, the process is started again.
    restart: bool,
    /// Before it, the lease ends, and another one begins.
    new_lease: bool,
}

#[derive(Debug, Clone)]
pub(in super::super) struct Scenario {
    begin: Begin,
    /// Size of the file that is there before.
    old: u64,
    exclusive: bool,
    pub(in super::super) transactions: Vec<Transaction>,
}

/// What the client knows.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Acknowledged {
    /// The file after the last commit that was answered; none while there is no file.
    pub(in super::super) content: Option<Vec<u8>>,
    /// After the one that was not.
    pub(in super::super) in_flight: Option<Vec<u8>>,
    /// Commits of the present lease.
    pub(in super::super) number: u64,
    /// The lease.
    pub(in super::super) lease: usize,
    /// Where in the scenario it is.
    pub(in super::super) at: usize,
}

/// How often the tests that stop at every operation are made: each is many runs.
pub(in super::super) fn cases() -> ProptestConfig {
    let config = ProptestConfig::default();
    ProptestConfig {
        cases: config.cases.div_ceil(6),
        ..config
    }
}

fn pieces(most: usize) -> impl Strategy<Value = Vec<(u64, u64)>> {
    prop::collection::vec((0u64..900, 1u64..1200), 0..most).prop_map(|steps| {
        let mut at = 0;
        steps
            .into_iter()
            .map(|(gap, length)| {
                let piece = (at + gap, length);
                at += gap + length;
                piece
            })
            .collect()
    })
}

fn transaction() -> impl Strategy<Value = Transaction> {
    let size = prop_oneof![2 => 0u64..6000, 3 => Just(u64::MAX)];
    (
        prop::collection::vec(pieces(4), 0..4),
        any::<u64>(),
        pieces(4),
        size,
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.15),
    )
        .prop_map(|(parts, seed, mut pieces, size, ordered, restart, new_lease)| {
            let ends = parts
                .iter()
                .chain([&pieces])
                .flatten()
                .map(|(at, length)| at + length);
            let end = ends.max().unwrap_or(0);
            let size = if size == u64::MAX { end } else { size };
            pieces.retain(|(at, length)| at + length <= size);
            if ordered {
                pieces.reverse();
                pieces.extend(pieces.clone().iter().map(|(at, length)| (at / 2, *length)));
            }
            Transaction {
                parts,
                seed,
                pieces,
                size,
                ordered,
                restart,
                new_lease,
            }
        })
}

pub(in super::super) fn scenarios() -> impl Strategy<Value = Scenario> {
    let begin = prop_oneof![
        2 => Just(Begin::Existing), 1 => Just(Begin::Create), 1 => Just(Begin::Replace)
    ];
    (
        begin,
        0u64..3000,
        prop::bool::weighted(0.8),
        prop::collection::vec(transaction(), 1..5),
    )
        .prop_map(|(begin, old, exclusive, transactions)| Scenario {
            begin,
            old,
            exclusive,
            transactions,
        })
}

fn bytes(pieces: &[(u64, u64)], seed: u64) -> Vec<u8> {
    let mut random = Random(seed);
    let length = pieces.iter().map(|(_, length)| length).sum::<u64>();
    (0..length)
        .map(|_| u8::try_from(random.below(255) + 1).unwrap())
        .collect()
}

fn lay_over(content: &mut Vec<u8>, pieces: &[(u64, u64)], bytes: &[u8]) {
    let mut left = bytes;
    for &(offset, length) in pieces {
        let (offset, length) = (usize::try_from(offset).unwrap(), usize::try_from(length).unwrap());
        if content.len() < offset + length {
            content.resize(offset + length, 0);
        }
        content[offset..offset + length].copy_from_slice(&left[..length]);
        left = &left[length..];
    }
}

impl Transaction {
    fn part(&self, part: usize) -> Vec<u8> {
        bytes(&self.parts[part], self.seed ^ (part as u64 + 1))
    }

    /// The file after it.
    fn applied_to(&self, old: &[u8]) -> Vec<u8> {
        let mut content = old.to_vec();
        for (number, pieces) in self.parts.iter().enumerate() {
            lay_over(&mut content, pieces, &self.part(number));
        }
        lay_over(&mut content, &self.pieces, &bytes(&self.pieces, self.seed));
        content.resize(usize::try_from(self.size).unwrap(), 0);
        content
    }
}

impl Scenario {
    /// A disk on which it can begin, and what is true there.
    pub(in super::super) fn disk(&self) -> (SimulatedDisk, Acknowledged) {
        let disk = SimulatedDisk::new();
        disk.put("other.h5", b"of no concern");
        let mut known = Acknowledged::default();
        if self.begin != Begin::Create {
            let old = bytes(&[(0, self.old)], self.old);
            disk.put(NAME, &old);
            known.content = Some(old);
        }
        (disk, known)
    }

    fn lease(&self, disk: &SimulatedDisk, lease: usize) -> Result<Writer<SimulatedDisk>, JournalError> {
        let wanted = Wanted {
            begin: if lease == 0 { self.begin } else { Begin::Existing },
            lease: &format!("{lease:032x}"),
            user: Some("joe"),
            exclusive: self.exclusive,
        };
        Writer::begin_on(disk.clone(), OsStr::new(NAME), wanted)
    }

    /// Does what is left of it, as a client that repeats everything that was not answered.
    pub(in super::super) fn run(
        &self,
        disk: &SimulatedDisk,
        known: &mut Acknowledged,
    ) -> Result<Writer<SimulatedDisk>, JournalError> {
        let mut writer = self.lease(disk, known.lease)?;
        while let Some(transaction) = self.transactions.get(known.at) {
            if transaction.new_lease && known.number > 0 && known.in_flight.is_none() {
                // If that is not answered another lease finds what is left.
                (known.lease, known.number) = (known.lease + 1, 0);
                writer.end()?;
                writer = self.lease(disk, known.lease)?;
            }
            if transaction.restart {
                drop(writer);
                writer = self.lease(disk, known.lease)?;
            }
            transaction.make(&mut writer, known)?;
        }
        Ok(writer)
    }
}

impl Transaction {
    fn make(&self, writer: &mut Writer<SimulatedDisk>, known: &mut Acknowledged) -> Result<(), JournalError> {
        let number = known.number + 1;
        let old = match number {
            1 if writer.begun() != Begin::Existing => Vec::new(),
            _ => known.content.clone().unwrap_or_default(),
        };
        let new = self.applied_to(&old);
        known.in_flight = Some(new.clone());
        let again = writer.committed() == number;
        let mut random = Random(self.seed);
        let mut order: Vec<usize> = (0..self.parts.len()).collect();
        for at in (1..order.len()).rev() {
            order.swap(at, usize::try_from(random.below(at as u64 + 1)).unwrap());
        }
        for part in order {
            let (pieces, bytes) = (&self.parts[part], self.part(part));
            writer.stage(number, part as u64, pieces, &bytes)?;
            // The answer was lost.
            writer.stage(number, part as u64, pieces, &bytes)?;
        }
        if !again {
            self.check_view(writer, &old);
        }
        let change = Change {
            number,
            parts: self.parts.len() as u64,
            size: self.size,
            pieces: &self.pieces,
            bytes: &bytes(&self.pieces, self.seed),
            ordered: self.ordered,
        };
        let mut undone = new.clone();
        let mut undo = |offset: u64, old: &[u8]| {
            lay_over(&mut undone, &[(offset, old.len() as u64)], old);
            Ok(())
        };
        let placed = writer.placed;
        writer.commit(change, &mut undo)?;
        if placed && !again {
            undone.resize(old.len(), 0);
            assert!(undone == old, "what was overwritten");
        }
        known.number = number;
        known.content = known.in_flight.take();
        known.at += 1;
        // The answer was lost.
        writer.commit(change, &mut |_, _| panic!("nothing changes"))?;
        assert_eq!((writer.committed(), writer.size()), (number, self.size));
        Ok(())
    }

    /// What was staged can be read.
    fn check_view(&self, writer: &Writer<SimulatedDisk>, old: &[u8]) {
        let mut wanted = old.to_vec();
        for (number, pieces) in self.parts.iter().enumerate() {
            lay_over(&mut wanted, pieces, &self.part(number));
        }
        wanted.resize(wanted.len() + 10, 0);
        let mut seen = vec![7; wanted.len()];
        writer.read_at(&mut seen, 0).unwrap();
        assert!(seen == wanted, "what the writer sees");
        let middle = wanted.len() / 2;
        let mut seen = vec![7; wanted.len() - middle];
        writer.read_at(&mut seen, middle as u64).unwrap();
        assert!(seen == wanted[middle..], "what the writer sees of the end");
    }
}

impl Acknowledged {
    /// Whether a file may be what was found.
    pub(in super::super) fn allows(&self, content: Option<&Vec<u8>>) -> bool {
        content == self.content.as_ref() || (self.in_flight.is_some() && content == self.in_flight.as_ref())
    }

    pub(in super::super) fn found(disk: &SimulatedDisk) -> Option<Vec<u8>> {
        disk.get(NAME)
    }
}
