//! A reply on its way: made by a task, one piece ahead of what the client has taken.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tokio::sync::mpsc;

/// Where a task puts what it makes.
#[derive(Debug)]
pub(super) struct Sink(mpsc::Sender<Step>);

enum Step {
    Piece(Bytes),
    /// Everything was sent. Without it a task that dies would look like one that has finished.
    End,
    Broken(io::Error),
}

/// Why a reply ends early.
#[derive(Debug)]
pub(super) enum Broken {
    /// The client has left.
    Unwanted,
    /// It cannot go on.
    Failed(io::Error),
}

impl Broken {
    pub(super) fn failed(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Failed(io::Error::other(why))
    }
}

impl Sink {
    /// Sends a piece when there is room for it.
    pub(super) async fn send(&self, piece: impl Into<Bytes>) -> Result<(), Broken> {
        let piece = piece.into();
        if piece.is_empty() {
            return Ok(());
        }
        self.0
            .send(Step::Piece(piece))
            .await
            .map_err(|_| Broken::Unwanted)
    }
}

/// A body that `work` writes; of so many bytes, if they are known.
pub(super) fn body<W, F>(bytes: Option<u64>, work: W) -> Body
where
    W: FnOnce(Sink) -> F,
    F: Future<Output = Result<Sink, Broken>> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(1);
    let ends = sender.clone();
    let working = work(Sink(sender));
    tokio::spawn(async move {
        let end = match working.await {
            Ok(_) => Step::End,
            Err(Broken::Failed(error)) => Step::Broken(error),
            Err(Broken::Unwanted) => return,
        };
        // Nobody may be waiting any more.
        let _unwanted = ends.send(end).await;
    });
    Body::new(Stream {
        receiver,
        left: bytes,
        ended: false,
    })
}

struct Stream {
    receiver: mpsc::Receiver<Step>,
    left: Option<u64>,
    ended: bool,
}

impl HttpBody for Stream {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let Poll::Ready(step) = self.receiver.poll_recv(context) else {
            return Poll::Pending;
        };
        let step = step.unwrap_or_else(|| Step::Broken(io::Error::other("the reply was given up")));
        Poll::Ready(match step {
            Step::Piece(piece) => {
                self.left = self.left.map(|left| left.saturating_sub(piece.len() as u64));
                Some(Ok(Frame::data(piece)))
            }
            Step::End => {
                self.ended = true;
                None
            }
            Step::Broken(error) => {
                self.ended = true;
                Some(Err(error))
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
