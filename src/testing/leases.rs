//! The side of the server in memory that is written: one file, which has at most one lease.

use std::collections::BTreeMap;

use super::{State, refuse, say};
use crate::protocol::{
    self, Begin, CommitReply, CommitRequest, Done, ErrorKind, LeaseName, LeaseReply, LeaseRequest,
    LeaseState, OpenReply, Run, StageRequest,
};
use crate::transport::Answer;

/// What there is of leases.
#[derive(Default)]
pub(crate) struct Leases {
    /// Whether files can be written here at all.
    pub(crate) writable: bool,
    pub(crate) present: Option<Lease>,
    /// How often a lease was given.
    pub(crate) given: u64,
    /// Commits so far, of all leases.
    pub(crate) commits: u64,
    /// Bytes that parts and commits may hold from now on; `None` for as many as they like.
    pub(crate) room: Option<u64>,
    /// How long leases hold, seconds; 0 for 30.
    pub(crate) seconds: u64,
    /// Versions before the present one.
    former: BTreeMap<String, Vec<u8>>,
    /// Last commit of a lease that ended with it.
    ended: Option<(String, u64, CommitReply)>,
}

#[derive(Clone)]
pub(crate) struct Lease {
    pub(crate) name: String,
    begin: Begin,
    /// Number of the last commit, and its answer.
    last: Option<(u64, CommitReply)>,
    parts: BTreeMap<u64, StageRequest>,
}

impl Leases {
    /// Ends the lease since nothing was heard of it.
    pub(crate) fn expire(&mut self) {
        let lease = self.present.take().expect("a lease");
        self.ended = lease.last.map(|(number, reply)| (lease.name, number, reply));
    }
}

impl State {
    /// Answers what changes something; `None` when that is no request of this kind.
    pub(super) fn change(&mut self, operation: &str, body: &[u8]) -> Option<Answer> {
        if !matches!(operation, "lease" | "stage" | "commit" | "renew" | "release") {
            return None;
        }
        if !self.leases.writable {
            return Some(refuse(403, ErrorKind::ReadOnly));
        }
        let answer = match operation {
            "lease" => self.lease(&protocol::decode(body).unwrap()),
            "stage" => self.stage(protocol::decode(body).unwrap()),
            "commit" => self.commit(&protocol::decode(body).unwrap()),
            "renew" => self.renew(&protocol::decode(body).unwrap()),
            _ => self.release(&protocol::decode(body).unwrap()),
        };
        Some(answer.unwrap_or_else(|(status, kind)| refuse(status, kind)))
    }

    fn lease(&mut self, request: &LeaseRequest) -> Result<Answer, (u16, ErrorKind)> {
        assert!(request.lease.len() == 32 && request.lease.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let exists = !self.version.is_empty();
        match (&self.leases.present, request.begin) {
            (Some(held), _) if held.name == request.lease => {}
            (Some(_), _) => return Err((423, ErrorKind::Locked)),
            (None, Begin::Existing) if !exists => return Err((404, ErrorKind::NotFound)),
            (None, Begin::Create) if exists => return Err((409, ErrorKind::Exists)),
            (None, _) => {
                self.leases.given += 1;
                self.leases.present = Some(Lease {
                    name: request.lease.clone(),
                    begin: request.begin,
                    last: None,
                    parts: BTreeMap::new(),
                });
            }
        }
        let existing = request.begin == Begin::Existing;
        let unchanged = existing && request.known.as_ref() == Some(&self.version);
        Ok(say(&LeaseReply {
            file: OpenReply {
                path: request.path.clone(),
                version: if existing {
                    self.version.clone()
                } else {
                    String::new()
                },
                size: if existing { self.content.len() as u64 } else { 0 },
                modified: 0,
                unchanged,
                pack: (existing && !unchanged && !self.pack.is_empty()).then(|| self.packed(&self.pack)),
                complete: self.complete && existing,
            },
            seconds: if self.leases.seconds == 0 {
                30
            } else {
                self.leases.seconds
            },
        }))
    }

    fn held(&mut self, name: &str) -> Result<&mut Lease, (u16, ErrorKind)> {
        let held = self.leases.present.as_mut().filter(|held| held.name == name);
        held.ok_or((410, ErrorKind::LeaseLost))
    }

    fn spend(&mut self, bytes: u64) -> Result<(), (u16, ErrorKind)> {
        if let Some(room) = &mut self.leases.room {
            *room = room.checked_sub(bytes).ok_or((507, ErrorKind::NoSpace))?;
        }
        Ok(())
    }

    fn stage(&mut self, request: StageRequest) -> Result<Answer, (u16, ErrorKind)> {
        check(&request.pieces, &request.bytes);
        let held = self.held(&request.lease)?;
        let number = held.last.as_ref().map_or(0, |last| last.0);
        if request.number <= number || held.parts.contains_key(&request.part) {
            return Ok(say(&Done {}));
        }
        assert_eq!(
            request.number,
            number + 1,
            "a part of a commit that is not the next"
        );
        self.spend(request.bytes.len() as u64)?;
        self.held(&request.lease)?.parts.insert(request.part, request);
        Ok(say(&Done {}))
    }

    fn commit(&mut self, request: &CommitRequest) -> Result<Answer, (u16, ErrorKind)> {
        if let Some((name, number, reply)) = &self.leases.ended
            && (name, number) == (&request.lease, &request.number)
        {
            return Ok(say(reply));
        }
        if !request.ordered {
            check(&request.pieces, &request.bytes);
        }
        let version = self.version.clone();
        let held = self.held(&request.lease)?;
        let first = held.last.is_none();
        let number = held.last.as_ref().map_or(0, |last| last.0);
        if let Some((last, reply)) = &held.last
            && *last == request.number
        {
            return Ok(say(reply));
        }
        assert_eq!(request.number, number + 1, "a commit that is not the next");
        assert_eq!(held.parts.len() as u64, request.parts, "parts are missing");
        let makes = first && held.begin != Begin::Existing;
        let parts: Vec<_> = held.parts.values().cloned().collect();
        assert_eq!(request.base, if makes { String::new() } else { version });
        self.spend(request.bytes.len() as u64)?;
        let mut content = if makes { Vec::new() } else { self.content.clone() };
        for part in &parts {
            lay(&mut content, &part.pieces, &part.bytes);
        }
        lay(&mut content, &request.pieces, &request.bytes);
        assert!(
            request
                .pieces
                .iter()
                .all(|piece| piece.0 + piece.1 <= request.size)
        );
        content.resize(request.size as usize, 0);
        let former = std::mem::replace(&mut self.content, content);
        self.leases.former.insert(self.version.clone(), former);
        self.leases.commits += 1;
        self.version = format!("c{}", self.leases.commits);
        let reply = CommitReply {
            version: self.version.clone(),
            modified: 7,
        };
        let held = self.held(&request.lease)?;
        held.parts.clear();
        held.last = Some((request.number, reply.clone()));
        if request.release {
            self.leases.ended = Some((request.lease.clone(), request.number, reply.clone()));
            self.leases.present = None;
        }
        Ok(say(&reply))
    }

    fn renew(&mut self, request: &LeaseName) -> Result<Answer, (u16, ErrorKind)> {
        let seconds = self.leases.seconds;
        let held = self.held(&request.lease)?;
        let committed = held.last.as_ref().map_or(0, |last| last.0);
        Ok(say(&LeaseState {
            seconds: if seconds == 0 { 30 } else { seconds },
            committed,
        }))
    }

    fn release(&mut self, request: &LeaseName) -> Result<Answer, (u16, ErrorKind)> {
        self.held(&request.lease)?;
        self.leases.present = None;
        Ok(say(&LeaseState {
            seconds: 0,
            committed: 0,
        }))
    }

    /// What was there before a commit.
    pub(super) fn former(&mut self, version: &str, runs: &[Run]) -> Option<Vec<u8>> {
        let former = self.leases.former.get(version)?.clone();
        let kept = std::mem::replace(&mut self.content, former);
        let bytes = self.bytes(runs);
        self.content = kept;
        Some(bytes)
    }

    /// What the holder of a lease reads.
    pub(super) fn staged(&mut self, lease: &str, runs: &[Run]) -> Option<Vec<u8>> {
        let held = self.held(lease).ok()?;
        let makes = held.last.is_none() && held.begin != Begin::Existing;
        let parts: Vec<_> = held.parts.values().cloned().collect();
        let mut content = if makes { Vec::new() } else { self.content.clone() };
        for part in &parts {
            lay(&mut content, &part.pieces, &part.bytes);
        }
        let kept = std::mem::replace(&mut self.content, content);
        let bytes = self.bytes(runs);
        self.content = kept;
        Some(bytes)
    }
}

/// What servers refuse.
fn check(pieces: &[(u64, u64)], bytes: &[u8]) {
    let mut end = 0;
    for &(offset, length) in pieces {
        assert!(length > 0 && offset >= end, "pieces overlap: {pieces:?}");
        end = offset + length;
    }
    assert_eq!(
        pieces.iter().map(|piece| piece.1).sum::<u64>(),
        bytes.len() as u64
    );
}

fn lay(content: &mut Vec<u8>, pieces: &[(u64, u64)], mut bytes: &[u8]) {
    for &(offset, length) in pieces {
        let (now, later) = bytes.split_at(length as usize);
        let (start, end) = (offset as usize, (offset + length) as usize);
        if content.len() < end {
            content.resize(end, 0);
        }
        content[start..end].copy_from_slice(now);
        bytes = later;
    }
}
