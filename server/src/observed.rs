//! Bodies of answers that tell somebody of what leaves, and keep them until the answer has left.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

/// Who is told.
pub(crate) trait Observer: Send + Unpin + 'static {
    /// So many bytes leave, or the body failed.
    fn saw(&mut self, bytes: Result<u64, &axum::Error>);
}

struct Observed<O> {
    body: Body,
    observer: O,
}

/// `body`, which tells `observer` of each part and drops it at the end.
pub(crate) fn observed(body: Body, observer: impl Observer) -> Body {
    Body::new(Observed { body, observer })
}

impl<O: Observer> HttpBody for Observed<O> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let part = ready!(Pin::new(&mut self.body).poll_frame(context));
        if let Some(part) = &part {
            let bytes = part
                .as_ref()
                .map(|frame| frame.data_ref().map_or(0, Bytes::len) as u64);
            self.observer.saw(bytes);
        }
        Poll::Ready(part)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
