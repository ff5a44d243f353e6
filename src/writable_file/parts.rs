//! Bytes on their way to the server for a commit that is still to come, in numbered parts.
//!
//! A part is never changed once it was sent: when its answer is lost nobody knows whether it is there, so that the
//! same number must mean the same bytes. What is written later goes into later parts, which count over it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_bytes::ByteBuf;
use tokio::sync::oneshot::{self, Receiver, error::TryRecvError};

use super::session::Session;
use crate::engine::Engine;
use crate::protocol::{Done, StageRequest};
use crate::ranges::Ranges;
use crate::server::PARALLEL;
use crate::{Error, stats};

/// The parts for one commit.
pub(super) struct Parts {
    next: u64,
    /// Those that may not have arrived, ascending by number.
    here: VecDeque<Sent>,
    /// Where the bytes of all parts belong.
    staged: Ranges,
    process: u32,
}

/// A part, and what became of it.
struct Sent {
    part: Part,
    fate: Fate,
}

enum Fate {
    UnderWay(Receiver<Result<(), Error>>),
    Arrived,
    Failed,
}

/// A part, encoded.
struct Part {
    /// Ascending and apart.
    pieces: Vec<(u64, u64)>,
    body: Bytes,
    /// The bytes of the pieces, within `body`.
    bytes: Bytes,
}

impl Parts {
    pub(super) fn new() -> Self {
        Self {
            next: 0,
            here: VecDeque::new(),
            staged: Ranges::default(),
            process: std::process::id(),
        }
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.next
    }

    /// Where the bytes of all of them belong.
    pub(super) fn staged(&self) -> &Ranges {
        &self.staged
    }

    /// Makes the next part for commit `number`, of `pieces` that are ascending and apart, and sends it. Waits when
    /// many are under way, or one that is about the same bytes.
    ///
    /// An error is that of an earlier part. This one is kept then, and sent by [`Self::arrive`]; nothing more is
    /// to be added before.
    pub(super) fn add(
        &mut self,
        session: &Arc<Session>,
        number: u64,
        pieces: Vec<(u64, u64)>,
        bytes: Vec<u8>,
    ) -> Result<(), Error> {
        let part = Part::encode(session, number, self.next, pieces, bytes)?;
        self.next += 1;
        for &(offset, length) in &part.pieces {
            self.staged.add(offset, offset + length);
        }
        let sent = self.make_room(&part).and_then(|()| part.send(session));
        let (fate, result) = match sent {
            Ok(fate) => (fate, Ok(())),
            Err(error) => (Fate::Failed, Err(error)),
        };
        self.here.push_back(Sent { part, fate });
        result
    }

    /// Waits until all have arrived; those that failed are sent again.
    pub(super) fn arrive(&mut self, session: &Arc<Session>) -> Result<(), Error> {
        for sent in &mut self.here {
            // It shows again at once if it lasts.
            if let Err(error) = sent.wait() {
                log::debug!("{}: sending again after: {error}", session.site.url);
            }
        }
        self.forget_arrived();
        // One after the other: they may be about the same bytes.
        while let Some(sent) = self.here.front_mut() {
            sent.fate = sent.part.send(session)?;
            sent.wait()?;
            self.here.pop_front();
        }
        Ok(())
    }

    /// Copies the bytes at `offset` as far as they are here still; returns the ranges that are not.
    pub(super) fn copy(&self, offset: u64, buffer: &mut [u8]) -> Vec<(u64, u64)> {
        let mut missing = vec![(offset, buffer.len() as u64)];
        for sent in self.here.iter().rev() {
            let mut left = Vec::new();
            for (start, length) in missing {
                let to = (start - offset) as usize;
                sent.part
                    .copy(start, &mut buffer[to..to + length as usize], &mut left);
            }
            missing = left;
        }
        missing
    }

    fn make_room(&mut self, part: &Part) -> Result<(), Error> {
        let all = self.here.len();
        let mut result = Ok(());
        for (at, sent) in self.here.iter_mut().enumerate() {
            let outcome = match all - at >= PARALLEL || sent.part.overlaps(part) {
                true => sent.wait(),
                false => sent.look(),
            };
            result = result.and(outcome);
        }
        self.forget_arrived();
        result
    }

    fn forget_arrived(&mut self) {
        self.here.retain(|sent| !matches!(sent.fate, Fate::Arrived));
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        // In a child, dropping would wake tasks of the parent's runtime, whose locks may be taken for ever.
        if self.process != std::process::id() {
            std::mem::take(&mut self.here)
                .into_iter()
                .for_each(std::mem::forget);
        }
    }
}

impl Sent {
    /// Waits for it. An error is told once.
    fn wait(&mut self) -> Result<(), Error> {
        self.look()?;
        let Fate::UnderWay(receiver) = &mut self.fate else {
            return Ok(());
        };
        stats::ROUND_TRIPS.add(1);
        let ending = Engine::current()?.wait(receiver);
        self.ended(ending.unwrap_or_else(|_| Err(gone())))
    }

    /// Looks whether it has arrived, without waiting.
    fn look(&mut self) -> Result<(), Error> {
        let Fate::UnderWay(receiver) = &mut self.fate else {
            return Ok(());
        };
        match receiver.try_recv() {
            Ok(ending) => self.ended(ending),
            Err(TryRecvError::Empty) => Ok(()),
            Err(TryRecvError::Closed) => self.ended(Err(gone())),
        }
    }

    fn ended(&mut self, ending: Result<(), Error>) -> Result<(), Error> {
        self.fate = match ending {
            Ok(()) => Fate::Arrived,
            Err(_) => Fate::Failed,
        };
        ending
    }
}

fn gone() -> Error {
    Error::Engine {
        reason: "a request was given up".to_owned(),
    }
}

impl Part {
    fn encode(
        session: &Session,
        number: u64,
        part: u64,
        pieces: Vec<(u64, u64)>,
        bytes: Vec<u8>,
    ) -> Result<Self, Error> {
        let length = bytes.len();
        let request = StageRequest {
            path: session.site.path.clone(),
            lease: session.lease().to_owned(),
            number,
            part,
            pieces,
            bytes: ByteBuf::from(bytes),
        };
        let body = session.encode(&request)?;
        Ok(Self {
            pieces: request.pieces,
            // They are the last of the request's values.
            bytes: body.slice(body.len() - length..),
            body,
        })
    }

    fn send(&self, session: &Arc<Session>) -> Result<Fate, Error> {
        let (mut sender, receiver) = oneshot::channel();
        let (session, body) = (Arc::clone(session), self.body.clone());
        Engine::current()?.spawn(async move {
            tokio::select! {
                answer = session.send::<Done>("stage", body, Duration::ZERO) => {
                    // Nobody may be waiting any more.
                    let _ = sender.send(answer.map(drop));
                }
                () = sender.closed() => {}
            }
        });
        Ok(Fate::UnderWay(receiver))
    }

    fn overlaps(&self, other: &Self) -> bool {
        let mut others = other.pieces.iter().peekable();
        self.pieces.iter().any(|&(offset, length)| {
            while others.next_if(|(start, size)| start + size <= offset).is_some() {}
            others.peek().is_some_and(|(start, _)| *start < offset + length)
        })
    }

    /// Copies what it has of the bytes at `offset`; adds what it has not to `missing`.
    fn copy(&self, offset: u64, buffer: &mut [u8], missing: &mut Vec<(u64, u64)>) {
        let end = offset + buffer.len() as u64;
        let mut at = offset;
        let mut from = 0;
        for &(start, length) in &self.pieces {
            let stop = start + length;
            if start >= end {
                break;
            }
            if stop > at {
                if start > at {
                    missing.push((at, start - at));
                    at = start;
                }
                let to = stop.min(end);
                let source = (from + (at - start)) as usize;
                let taken = (to - at) as usize;
                buffer[(at - offset) as usize..][..taken]
                    .copy_from_slice(&self.bytes[source..source + taken]);
                at = to;
            }
            from += length;
        }
        if at < end {
            missing.push((at, end - at));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(pieces: &[(u64, u64)]) -> Part {
        let length = pieces.iter().map(|piece| piece.1).sum::<u64>();
        Part {
            pieces: pieces.to_vec(),
            body: Bytes::new(),
            bytes: (0..length as u8).collect::<Vec<u8>>().into(),
        }
    }

    #[test]
    fn parts_overlap_when_they_share_a_byte() {
        let one = part(&[(0, 5), (10, 5), (30, 1)]);
        for (pieces, expected) in [
            (&[(5, 5), (15, 15)][..], false),
            (&[(14, 1)], true),
            (&[(0, 1)], true),
            (&[(31, 4)], false),
            (&[(20, 11)], true),
            (&[(6, 1), (16, 20)], true),
        ] {
            assert_eq!(one.overlaps(&part(pieces)), expected, "{pieces:?}");
            assert_eq!(part(pieces).overlaps(&one), expected, "{pieces:?}");
        }
    }

    #[test]
    fn bytes_are_found_in_a_part() {
        let part = part(&[(10, 3), (13, 2), (20, 4)]);
        let mut buffer = [99; 14];
        let mut missing = Vec::new();
        part.copy(9, &mut buffer, &mut missing);
        assert_eq!(missing, [(9, 1), (15, 5)]);
        assert_eq!(buffer, [99, 0, 1, 2, 3, 4, 99, 99, 99, 99, 99, 5, 6, 7]);
        missing.clear();
        part.copy(12, &mut buffer[..2], &mut missing);
        assert_eq!((missing.len(), &buffer[..2]), (0, &[2, 3][..]));
    }
}
