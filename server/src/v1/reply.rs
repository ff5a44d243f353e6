//! Replies made of what is in an HDF5 file.

mod bins;
mod sources;

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use axum::body::HttpBody;
use axum::response::Response;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use tokio::sync::OwnedSemaphorePermit;

use super::refusal::Refusal;
use super::selection::{Blocks, Piece, Pieces};
use super::stream::{self, Broken, Sink};
use super::told::Told;
use super::{typed, whole};
use crate::error::Error;
use crate::store::ServedFile;
use crate::transfer::{Buffers, Transfer};
use crate::worker::msgpack::Writer;
use crate::worker::question::{Answer, Ask, Failure, Part, Question, Scope, Source};
use crate::worker::{JobError, Workers};
use bins::Bins;

pub(super) use sources::Sources;

/// Longest time for one piece of a reply.
const LIMIT: Duration = Duration::from_secs(60);
/// Most pieces of a reply that are made at the same time.
const AT_ONCE: usize = 3;

/// Slices up to so many bytes are sent in one go: handing pieces on would cost more than a copy.
const SMALL: usize = 512 << 10;

/// What a reply is about, and who looks into it.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    pub(super) workers: Workers,
    pub(super) buffers: Buffers,
    pub(super) sources: Sources,
    pub(super) file: ServedFile,
    pub(super) told: Told,
}

/// Why a worker gave no answer.
enum Unanswered {
    Job(JobError),
    Failed(Failure),
}

impl Unanswered {
    fn refusal(self, object: &str, slices: bool) -> Refusal {
        match self {
            Self::Failed(failure) => Refusal::of(&failure, object, slices),
            Self::Job(error) => error.into(),
        }
    }
}

impl From<Unanswered> for Broken {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::Job(error) => Self::failed(error),
            Unanswered::Failed(failure) => Self::failed(failure),
        }
    }
}

impl Subject {
    async fn ask(&self, ask: Ask) -> Result<(Answer, Vec<u8>), Unanswered> {
        let question = Question {
            path: self.file.path.clone(),
            version: self.file.stamp(),
            limit: LIMIT,
            ask,
        };
        let changed = || Unanswered::Failed(Failure::Changed);
        // A worker that looks at a file while it is written cannot tell.
        if !self.file.is_at_rest() {
            return Err(changed());
        }
        let answered = self.workers.ask(question).await;
        if !self.file.is_at_rest() {
            return Err(changed());
        }
        match answered {
            Ok((Answer::Failed(failure), _)) => Err(Unanswered::Failed(failure)),
            Ok(answered) => Ok(answered),
            Err(error) => Err(Unanswered::Job(error)),
        }
    }

    /// What is needed to read a dataset.
    async fn source(&self, object: &str) -> Result<Source, Unanswered> {
        if let Some(source) = self.sources.get(&self.file, object) {
            return Ok(source);
        }
        let ask = Ask::Dataset {
            name: object.to_owned(),
        };
        match self.ask(ask).await? {
            (Answer::Dataset(source), _) => {
                self.sources.keep(&self.file, object, &source);
                Ok(source)
            }
            _ => Err(Unanswered::Failed(Failure::Unreadable)),
        }
    }

    /// The elements of a piece, or the first of them if they are of variable length, and their number.
    async fn read(&self, source: &Source, piece: Piece) -> Result<(Bytes, u64), Unanswered> {
        let ask = Ask::Read {
            address: source.address,
            rows: piece.rows,
            rest: piece.rest,
        };
        let least = if source.variable { 1 } else { piece.elements };
        match self.ask(ask).await? {
            (Answer::Elements { elements, .. }, bytes) if (least..=piece.elements).contains(&elements) => {
                Ok((bytes.into(), elements))
            }
            _ => Err(Unanswered::Failed(Failure::Unreadable)),
        }
    }

    /// The bytes of the file itself, where they are what is to be sent.
    async fn verbatim(
        &self,
        source: &Source,
        blocks: &Blocks,
        bytes: u64,
    ) -> Option<Result<Transfer, Error>> {
        let offset = source.offset.filter(|_| bytes > 0)?;
        let runs = blocks.runs(&source.shape, offset, source.width)?;
        // A file that is cut short reads as zeros behind its end: libhdf5 knows how.
        let end = runs
            .iter()
            .map(|run| run.offset + run.stride * (run.count - 1) + run.length)
            .max()?;
        if end > self.file.size {
            return None;
        }
        let (file, buffers) = (self.file.clone(), self.buffers.clone());
        let started =
            tokio::task::spawn_blocking(move || Transfer::start(file, runs, bytes, 0, buffers)).await;
        Some(started.unwrap_or_else(|failed| Err(Error::Internal(failed.to_string()))))
    }
}

/// The reply for an object.
pub(super) async fn object(subject: Subject, name: &str, scope: Scope) -> Result<Response, Refusal> {
    let ask = Ask::Object {
        name: name.to_owned(),
        scope,
    };
    let (answer, _) = subject.ask(ask).await.map_err(|why| why.refusal(name, false))?;
    let Answer::Parts {
        parts,
        rest,
        left_out,
    } = answer
    else {
        return Err(Refusal::unreadable(name, "the worker answered something else"));
    };
    subject.told.tell(&subject.file, name, &left_out);
    if rest.is_none()
        && let [Part::Encoded(all)] = &parts[..]
    {
        return Ok(whole(all.clone()));
    }
    let name = name.to_owned();
    let body = stream::body(None, move |sink| async move {
        let (mut parts, mut rest) = (parts, rest);
        loop {
            for part in parts {
                match part {
                    Part::Encoded(encoded) => sink.send(encoded).await?,
                    Part::Elements(source) => {
                        let blocks = Blocks::whole(&source.shape);
                        elements(&subject, &sink, &source, &blocks, Begun::Nothing).await?;
                    }
                }
            }
            let Some(from) = rest else {
                return Ok(sink);
            };
            let more = subject.ask(Ask::More { rest: from, scope }).await?;
            let (
                Answer::Parts {
                    parts: next,
                    rest: after,
                    left_out,
                },
                _,
            ) = more
            else {
                return Err(Broken::failed("a worker answered something else"));
            };
            subject.told.tell(&subject.file, &name, &left_out);
            (parts, rest) = (next, after);
        }
    });
    Ok(typed(body))
}

/// The reply for slices of a dataset. `place` is kept for as long as `blocks` are.
pub(super) async fn slices(
    subject: Subject,
    name: &str,
    blocks: Blocks,
    place: Option<OwnedSemaphorePermit>,
) -> Result<Response, Refusal> {
    let refused = |why: Unanswered| why.refusal(name, true);
    let source = subject.source(name).await.map_err(refused)?;
    let outside = |why| Refusal::unreadable(name, why);
    blocks.check(&source.shape).map_err(outside)?;
    let bytes = blocks
        .elements()
        .and_then(|elements| elements.checked_mul(source.width));
    let bytes = bytes.ok_or_else(|| Refusal::unreadable(name, "the slices are too large"))?;
    let mut header = Writer::default();
    let length = if source.variable {
        let elements = bytes / source.width;
        let entries = u32::try_from(elements).map_err(|_| Refusal::unreadable(name, "too many elements"))?;
        header
            .map(3)
            .str("vlen")
            .yes()
            .str("shape")
            .uints(&blocks.shape());
        header.str("data").array(entries as usize);
        None
    } else {
        header.map(6).str("nd").yes().str("type").raw(&source.kind);
        header.str("kind").str(if source.structured { "V" } else { "" });
        header
            .str("shape")
            .uints(&blocks.shape())
            .str("nbytes")
            .uint(bytes)
            .str("data");
        Some(header.len() as u64 + Bins::framed(bytes))
    };
    // What cannot be read is found out before the reply begins.
    let first = match subject.verbatim(&source, &blocks, bytes).await {
        Some(transfer) => Begun::Verbatim(Box::new(transfer?)),
        None => match Pieces::new(&blocks, source.width, &source.chunk).next() {
            Some(piece) => {
                let (bytes, elements) = subject.read(&source, piece).await.map_err(refused)?;
                Begun::Piece(bytes, elements)
            }
            None => Begun::Nothing,
        },
    };
    if let Some(all) = first.all(&blocks).filter(|all| all.len() <= SMALL) {
        let mut bins = length.map(|_| Bins::new(bytes));
        let begin = bins.as_ref().map(Bins::begin);
        let parts = match &mut bins {
            Some(bins) => bins.frame(all),
            None => vec![all],
        };
        let head = Bytes::from(header.into_bytes());
        let parts: Vec<Bytes> = [head].into_iter().chain(begin).chain(parts).collect();
        return Ok(whole(parts.concat()));
    }
    let body = stream::body(length, move |sink| async move {
        let _place = place;
        sink.send(header.into_bytes()).await?;
        elements(&subject, &sink, &source, &blocks, first).await?;
        Ok(sink)
    });
    Ok(typed(body))
}

/// How reading elements has begun.
enum Begun {
    Nothing,
    /// The first piece, and the number of elements in it.
    Piece(Bytes, u64),
    Verbatim(Box<Transfer>),
}

impl Begun {
    /// The bytes of all elements, if these are they.
    fn all(&self, blocks: &Blocks) -> Option<Bytes> {
        match self {
            Self::Nothing => None,
            Self::Piece(bytes, elements) => (blocks.elements() == Some(*elements)).then(|| bytes.clone()),
            Self::Verbatim(transfer) => transfer.all(),
        }
    }
}

/// Sends elements: those of fixed size as pieces of bytes, others as they are.
async fn elements(
    subject: &Subject,
    sink: &Sink,
    source: &Source,
    blocks: &Blocks,
    begun: Begun,
) -> Result<(), Broken> {
    let bytes = blocks
        .elements()
        .and_then(|elements| elements.checked_mul(source.width));
    let bytes = bytes.ok_or_else(|| Broken::failed("a dataset is too large"))?;
    let mut bins = (!source.variable).then(|| Bins::new(bytes));
    if let Some(bins) = &mut bins {
        sink.send(bins.begin()).await?;
    }
    let begun = match begun {
        Begun::Nothing => match subject.verbatim(source, blocks, bytes).await {
            Some(transfer) => Begun::Verbatim(Box::new(transfer.map_err(Broken::failed)?)),
            None => Begun::Nothing,
        },
        begun => begun,
    };
    let mut pieces = Pieces::new(blocks, source.width, &source.chunk);
    match begun {
        Begun::Verbatim(transfer) => {
            let mut body = transfer.into_body();
            while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
                let frame = frame.map_err(Broken::failed)?;
                if let Ok(data) = frame.into_data() {
                    send(sink, &mut bins, data).await?;
                }
            }
            return Ok(());
        }
        Begun::Piece(piece, elements) => {
            pieces.advance(elements);
            send(sink, &mut bins, piece).await?;
        }
        Begun::Nothing => {}
    }
    // Where elements of variable length end is only known when they are there; and one worker decodes a chunk once.
    let at_once = match source.variable || (source.filtered && pieces.share_chunks()) {
        true => 1,
        false => AT_ONCE,
    };
    let mut asked = FuturesOrdered::new();
    loop {
        while asked.is_empty() || (asked.len() < at_once && !subject.workers.are_awaited()) {
            let Some(piece) = pieces.next() else { break };
            if !source.variable {
                pieces.advance(piece.elements);
            }
            asked.push_back(subject.read(source, piece));
        }
        let Some(read) = asked.next().await else {
            return Ok(());
        };
        let (bytes, elements) = read?;
        if source.variable {
            pieces.advance(elements);
        }
        send(sink, &mut bins, bytes).await?;
    }
}

async fn send(sink: &Sink, bins: &mut Option<Bins>, piece: Bytes) -> Result<(), Broken> {
    match bins {
        None => sink.send(piece).await,
        Some(bins) => {
            for part in bins.frame(piece) {
                sink.send(part).await?;
            }
            Ok(())
        }
    }
}
