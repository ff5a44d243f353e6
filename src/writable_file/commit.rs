//! Commits: what was written since the last one is frozen, sent, and becomes the file's content on the server.
//!
//! Once something was sent for a commit it is never changed: an answer may have been lost, and the same number must
//! mean the same bytes. What fails is sent again as it was; what was written in between comes after it, as a
//! commit of its own.

use std::time::Duration;

use serde_bytes::ByteBuf;

use super::order::Order;
use super::overlay::Overlay;
use super::parts::Parts;
use super::{Layer, PART, State, session, superblock};
use crate::protocol::{CommitReply, CommitRequest};
use crate::remote_file::open::Committed;
use crate::{Begin, Class, Error};

/// How fast a server's disk is at least, bytes in a second: by that the answer to a large commit is waited for.
const SLOWEST_DISK: u64 = 8 << 20;

/// A commit that is to be made or under way.
pub(super) struct Frozen {
    pub(super) layer: Layer,
    number: u64,
    size: u64,
    /// How many parts were sent before it was frozen: what they hold is nowhere else.
    early: u64,
    /// What the overlay holds, divided into parts, and the last for the commit itself.
    batches: Vec<Vec<(u64, u64)>>,
    /// The next batch to make a part of.
    cursor: usize,
    /// A superblock as the program wrote it, and as it is sent.
    superblock: Option<Superblock>,
    /// The writes in their order, if that counts.
    order: Option<Order>,
    release: bool,
    /// Whether it may have been made already, its answer being lost.
    sent: bool,
}

#[derive(Clone)]
pub(super) struct Superblock {
    at: u64,
    written: Vec<u8>,
    sent: Vec<u8>,
}

impl State {
    /// Whether there is something to commit, beside what is frozen.
    pub(super) fn is_changed(&self) -> bool {
        let saved = self.base.as_ref().map(|base| base.size());
        !self.open.overlay.is_empty() || self.open.parts.count() > 0 || saved != Some(self.size)
    }

    /// Commits everything; with `release` the lease ends with it.
    pub(super) fn commit(&mut self, release: bool) -> Result<(), Error> {
        if self.frozen.is_some() {
            self.send()?;
        }
        if self.is_changed() && !self.is_as_saved() {
            self.freeze(release)?;
            self.send()
        } else {
            if release && let Err(error) = self.session.release() {
                // It ends by itself, and everything is saved.
                log::warn!("{}: the lease was not given back: {error}", self.session.site.url);
            }
            Ok(())
        }
    }

    /// Whether all that was written is a superblock as it is saved already: HDF5 marks it when a file is opened for
    /// writing, and takes the marks back. What was not changed keeps its version.
    fn is_as_saved(&mut self) -> bool {
        let (Some(base), Ok(Some(superblock))) = (self.base.clone(), self.marked_or_not()) else {
            return false;
        };
        if self.open.parts.count() > 0 || self.size != base.size() {
            return false;
        }
        let near = superblock.at..superblock.at + superblock::LONGEST;
        let overlay = &self.open.overlay;
        overlay.ranges().all(|(offset, length, _)| {
            if !near.contains(&offset) || offset + length > near.end {
                return false;
            }
            let (mut sent, mut saved) = (vec![0; length as usize], vec![0; length as usize]);
            let copied = overlay.copy(offset, &mut sent);
            superblock.apply(offset, &mut sent);
            // HDF5 has read it, so that it is here.
            let read = base.read_vector(&mut [(Class::Metadata, offset, &mut saved)]);
            copied.is_ok() && read.is_ok() && sent == saved
        })
    }

    fn freeze(&mut self, release: bool) -> Result<(), Error> {
        let superblock = self.marked_superblock()?;
        let layer = std::mem::replace(
            &mut self.open,
            Layer {
                overlay: Overlay::new(self.size, self.maker),
                parts: Parts::new(),
            },
        );
        let order = self.order.take();
        let batches = match order {
            Some(_) => Vec::new(),
            None => layer.overlay.batches(PART),
        };
        self.frozen = Some(Frozen {
            number: self.committed + 1,
            size: self.size,
            early: layer.parts.count(),
            layer,
            batches,
            cursor: 0,
            superblock,
            order,
            release,
            sent: false,
        });
        Ok(())
    }

    /// The superblock, if it was written with marks that are not to be seen by others.
    fn marked_superblock(&mut self) -> Result<Option<Superblock>, Error> {
        let superblock = self.marked_or_not()?;
        Ok(superblock.filter(|superblock| superblock.sent != superblock.written))
    }

    /// The superblock, if it was written; as it is to be sent without marks.
    fn marked_or_not(&mut self) -> Result<Option<Superblock>, Error> {
        if self.ordered {
            return Ok(None);
        }
        let Some(at) = self.find_superblock()? else {
            return Ok(None);
        };
        let overlay = &self.open.overlay;
        let copy = |length: usize| -> Result<Option<Vec<u8>>, Error> {
            let mut bytes = vec![0; length];
            let missing = overlay
                .copy(at, &mut bytes)
                .map_err(|error| self.spill_error(&error))?;
            Ok(missing.is_empty().then_some(bytes))
        };
        let Some(length) = copy(10)?.and_then(|head| superblock::length(&head)) else {
            return Ok(None);
        };
        let Some(written) = copy(length)? else {
            return Ok(None);
        };
        let mut sent = written.clone();
        superblock::unmark(&mut sent);
        Ok(Some(Superblock { at, written, sent }))
    }

    /// The superblock as it is to be sent, of all that is not committed.
    pub(super) fn unmarked_superblock(&mut self) -> Option<Superblock> {
        let now = self.marked_superblock().ok().flatten();
        let frozen = self.frozen.as_ref().and_then(|frozen| frozen.superblock.clone());
        now.or_else(|| frozen.filter(|superblock| self.open.overlay.lacks(superblock.at)))
    }

    /// Where the superblock is, if it was written since the last commit.
    fn find_superblock(&mut self) -> Result<Option<u64>, Error> {
        if self.superblock.is_some() {
            return Ok(self.superblock);
        }
        // Only what HDF5 wrote as metadata: a program may keep whole HDF5 files in its datasets.
        let written = self.open.overlay.ranges().any(|(offset, length, class)| {
            let last = superblock::places(offset + length).last();
            class == Class::Metadata && last.is_some_and(|place| place >= offset)
        });
        if !written {
            return Ok(None);
        }
        for place in superblock::places(self.size) {
            let mut head = [0; 8];
            self.read(&mut [(Class::Metadata, place, &mut head[..])])?;
            if superblock::begins(&head) {
                self.superblock = Some(place);
                break;
            }
        }
        Ok(self.superblock)
    }

    /// Sends what is frozen, under a new lease if that cannot do harm.
    fn send(&mut self) -> Result<(), Error> {
        // Of a lost lease the server still knows whether its last commit was made.
        let asked = self.frozen.as_ref().is_some_and(|frozen| frozen.sent);
        if self.session.is_lost() && !asked {
            self.retake()?;
        }
        match self.send_once() {
            Err(Error::LeaseLost { .. }) => {
                self.retake()?;
                self.send_once()
            }
            result => result,
        }
    }

    /// Takes a new lease when the server has ended the old one, as after a computer slept: if the file is still
    /// the one that the change was made from, and nothing is lost that only the server had.
    fn retake(&mut self) -> Result<(), Error> {
        let loss = self.session.loss();
        let early = self.frozen.as_ref().map_or(0, |frozen| frozen.early);
        if early > 0 || self.open.parts.count() > 0 {
            return Err(loss);
        }
        let mut wanted = self.wanted;
        if self.base.is_some() {
            wanted.begin = Begin::Existing;
        }
        let (session, reply) = session::again(&self.session.site, wanted).map_err(|error| match error {
            Error::Locked { .. } | Error::NotFound { .. } | Error::Exists { .. } => loss.clone(),
            other => other,
        })?;
        let same = reply.file.version == self.version();
        self.session = session;
        if !same {
            // For nothing; if this fails it ends by itself.
            let _ = self.session.release();
            self.session.lose();
            return Err(loss);
        }
        log::info!("{}: the lease was lost and is taken again", self.session.site.url);
        self.committed = 0;
        if let Some(frozen) = &mut self.frozen {
            frozen.number = 1;
            frozen.sent = false;
            frozen.layer.parts = Parts::new();
            frozen.cursor = 0;
        }
        Ok(())
    }

    fn send_once(&mut self) -> Result<(), Error> {
        let Some(frozen) = &mut self.frozen else {
            return Ok(());
        };
        let session = &self.session;
        let broken = |error: std::io::Error| super::spill_error(&session.site.url, &error);
        frozen.layer.parts.arrive(session)?;
        while frozen.cursor + 1 < frozen.batches.len() {
            let pieces = frozen.batches[frozen.cursor].clone();
            let bytes = frozen.bytes(&pieces).map_err(broken)?;
            frozen.cursor += 1;
            frozen.layer.parts.add(session, frozen.number, pieces, bytes)?;
        }
        frozen.layer.parts.arrive(session)?;
        let (pieces, bytes) = match (&frozen.order, frozen.batches.last()) {
            (Some(order), _) => order.request(),
            (None, Some(last)) => (last.clone(), frozen.bytes(last).map_err(broken)?),
            (None, None) => Default::default(),
        };
        let request = CommitRequest {
            path: session.site.path.clone(),
            lease: session.lease().to_owned(),
            number: frozen.number,
            base: self.base.as_ref().map_or("", |base| base.version()).to_owned(),
            parts: frozen.layer.parts.count(),
            size: frozen.size,
            pieces,
            bytes: ByteBuf::from(bytes),
            ordered: frozen.order.is_some(),
            release: frozen.release,
        };
        frozen.sent = true;
        let patience = Duration::from_secs(frozen.layer.parts.staged().bytes() / SLOWEST_DISK);
        let reply: CommitReply = session.ask("commit", &request, patience)?;
        if reply.version.is_empty() || reply.version.len() > 128 {
            return Err(Error::Garbage {
                url: session.site.url.clone(),
                server: session.site.server.name().to_owned(),
                reason: "it names no version".to_owned(),
            });
        }
        log::info!(
            "{}: commit {}, {} parts and {} bytes",
            session.site.url,
            frozen.number,
            request.parts,
            request.bytes.len()
        );
        self.install(&reply.version);
        Ok(())
    }

    /// What was frozen is the file's content now.
    fn install(&mut self, version: &str) {
        let Some(frozen) = self.frozen.take() else {
            return;
        };
        let site = &self.session.site;
        let overlay = &frozen.layer.overlay;
        let changed = overlay.ranges().map(|(offset, length, _)| (offset, length));
        let base = Committed {
            server: &site.server,
            cache: &self.cache,
            base: &site.base,
            path: &site.path,
            url: &site.url,
            former: self.base.as_deref(),
            version,
            size: frozen.size,
            window: self.window,
        }
        .open(changed.chain(frozen.layer.parts.staged().all()));
        if let Some(superblock) = &frozen.superblock {
            // First: what is remembered once is not replaced.
            base.remember(Class::Metadata, superblock.at, &superblock.sent);
        }
        overlay.for_each_in_memory(|class, offset, bytes| base.remember(class, offset, bytes));
        self.own = match frozen.superblock {
            Some(superblock) => Some((superblock.at, superblock.written)),
            // It may have been written without marks.
            None => self.own.take().filter(|(at, _)| overlay.lacks(*at)),
        };
        self.base = Some(base);
        self.committed = frozen.number;
        self.ahead = true;
        if frozen.release {
            self.session.lose();
        }
    }
}

impl Superblock {
    /// Puts it as it is sent into the bytes at `offset`.
    pub(super) fn apply(&self, offset: u64, bytes: &mut [u8]) {
        let start = offset.max(self.at);
        let end = (offset + bytes.len() as u64).min(self.at + self.sent.len() as u64);
        if start < end {
            let sent = &self.sent[(start - self.at) as usize..(end - self.at) as usize];
            bytes[(start - offset) as usize..(end - offset) as usize].copy_from_slice(sent);
        }
    }
}

impl Frozen {
    /// The bytes of `pieces` as they are sent.
    fn bytes(&self, pieces: &[(u64, u64)]) -> std::io::Result<Vec<u8>> {
        let total: u64 = pieces.iter().map(|piece| piece.1).sum();
        let mut bytes = vec![0; total as usize];
        let mut rest = &mut bytes[..];
        for &(offset, length) in pieces {
            let (here, after) = rest.split_at_mut(length as usize);
            self.layer.overlay.copy(offset, here)?;
            if let Some(superblock) = &self.superblock {
                superblock.apply(offset, here);
            }
            rest = after;
        }
        Ok(bytes)
    }
}
