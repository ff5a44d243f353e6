//! Bytes of a file on their way to a client, checked piece by piece to be those of one version. What the kernel has in
//! memory is read by the thread that sends it, while it is in that core's cache; other pieces are read ahead by one, so
//! that disk and socket overlap.

mod buffers;
mod gather;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use hdfstream::protocol::Run;
use http_body_util::Full;
use hyper::body::{Frame, SizeHint};
use tokio::task::JoinHandle;

use crate::error::Error;
use crate::store::ServedFile;
use gather::{Gather, Source};

pub(crate) use buffers::Buffers;

impl Source for ServedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        Self::read_at(self, buffer, offset)
    }
}

/// A file as far as the kernel has it in memory.
struct Cached<'f>(&'f ServedFile);

impl Source for Cached<'_> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_cached_at(buffer, offset)
    }
}

/// Bytes of a piece that is read and sent by one thread: they stay in its core's cache.
const HOT_PIECE: usize = 256 << 10;

/// An answer whose first piece has been read; no byte of it is sent before that.
#[derive(Debug)]
pub(crate) struct Transfer {
    work: Work,
    first: Bytes,
}

/// What is needed to read the next piece; travels to a blocking thread and back.
#[derive(Debug)]
struct Work {
    file: ServedFile,
    gather: Gather,
    buffers: Buffers,
}

impl Transfer {
    /// Reads the first piece of `runs`, which were checked against the file and bring `bytes` bytes;
    /// `zeros` zeros follow. Blocks.
    pub(crate) fn start(
        file: ServedFile,
        runs: Vec<Run>,
        bytes: u64,
        zeros: u64,
        buffers: Buffers,
    ) -> Result<Self, Error> {
        let path = file.name().to_owned();
        let work = Work {
            file,
            gather: Gather::new(runs, bytes, zeros),
            buffers,
        };
        let (first, work) = work.step();
        match first {
            Ok(first) => Ok(Self { work, first }),
            Err(source) => Err(failure(path, source)),
        }
    }

    /// Gives all pieces to `each`, in order, instead of sending them. Blocks.
    pub(crate) fn consume(self, mut each: impl FnMut(&[u8])) -> Result<(), Error> {
        let Self { mut work, first } = self;
        each(&first);
        while work.gather.remaining() > 0 {
            let (piece, next) = work.step();
            work = next;
            each(&piece.map_err(|source| failure(work.file.name().to_owned(), source))?);
        }
        Ok(())
    }

    /// All of it, if that is one piece.
    pub(crate) fn all(&self) -> Option<Bytes> {
        (self.work.gather.remaining() == 0).then(|| self.first.clone())
    }

    /// The body with the announced length. A file that changes on the way breaks it off, by which the
    /// client notices.
    pub(crate) fn into_body(self) -> Body {
        if self.work.gather.remaining() == 0 {
            return Body::new(Full::new(self.first));
        }
        let remaining = self.first.len() as u64 + self.work.gather.remaining();
        Body::new(Stream {
            state: State::Ready(self.first, Box::new(self.work)),
            remaining,
        })
    }
}

fn failure(path: String, source: io::Error) -> Error {
    match is_change(&source) {
        true => Error::Changed(path),
        false => Error::Io { path, source },
    }
}

/// The error of a file that is not any more the version that was opened.
fn changed() -> io::Error {
    io::Error::new(
        io::ErrorKind::StaleNetworkFileHandle,
        "the file changed while it was sent",
    )
}

fn is_change(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StaleNetworkFileHandle | io::ErrorKind::UnexpectedEof
    )
}

impl Work {
    /// Reads one piece and checks that it belongs to the version. Blocks.
    fn step(mut self) -> (io::Result<Bytes>, Self) {
        let mut buffer = self.buffers.take(self.gather.remaining());
        let piece = self.gather.fill(&self.file, buffer.memory()).and_then(|filled| {
            match self.file.is_current()? {
                true => Ok(buffer.into_bytes(filled)),
                false => Err(changed()),
            }
        });
        (piece, self)
    }
}

impl Work {
    /// The next piece, if the kernel has it in memory. Does not block.
    fn hot_step(&mut self) -> Option<io::Result<Bytes>> {
        let mut buffer = self.buffers.take(self.gather.remaining());
        let memory = buffer.memory();
        let room = memory.len().min(HOT_PIECE);
        let filled = self
            .gather
            .try_fill(&Cached(&self.file), &mut memory[..room])
            .ok()?;
        Some(match self.file.is_current() {
            Ok(true) => Ok(buffer.into_bytes(filled)),
            Ok(false) => Err(changed()),
            Err(error) => Err(error),
        })
    }
}

struct Stream {
    state: State,
    remaining: u64,
}

enum State {
    /// A piece to be sent.
    Ready(Bytes, Box<Work>),
    /// Nothing had to be waited for so far.
    Hot(Box<Work>),
    Reading(JoinHandle<(io::Result<Bytes>, Work)>),
    End,
}

impl State {
    /// Begins to read the next piece, if there is one.
    fn after(work: Work) -> Self {
        if work.gather.remaining() == 0 {
            Self::End
        } else {
            Self::Reading(tokio::task::spawn_blocking(move || work.step()))
        }
    }

    /// As [`Self::after`], with what the kernel has in memory read only when it is wanted.
    fn after_hot(work: Box<Work>) -> Self {
        if work.gather.remaining() == 0 {
            Self::End
        } else {
            Self::Hot(work)
        }
    }
}

impl HttpBody for Stream {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let mut state = std::mem::replace(&mut self.state, State::End);
        if let State::Hot(mut work) = state {
            state = match work.hot_step() {
                Some(piece) => State::Ready(piece?, work),
                None => State::after(*work),
            };
        }
        let (piece, next) = match state {
            State::Ready(piece, work) => (piece, State::after_hot(work)),
            State::Reading(mut task) => match Pin::new(&mut task).poll(context) {
                Poll::Ready(Ok((piece, work))) => (piece?, State::after(work)),
                Poll::Ready(Err(failed)) => return Poll::Ready(Some(Err(io::Error::other(failed)))),
                Poll::Pending => {
                    self.state = State::Reading(task);
                    return Poll::Pending;
                }
            },
            State::Hot(_) | State::End => return Poll::Ready(None),
        };
        self.remaining -= piece.len() as u64;
        self.state = next;
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.state, State::End)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining)
    }
}
