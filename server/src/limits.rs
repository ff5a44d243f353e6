//! What one client may take from the others: time, memory, concurrency.

mod share;

use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use hdfstream::protocol::MAX_REQUEST_BYTES;
use http_body_util::BodyExt;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout, timeout_at};

use crate::error::Error;
use crate::observed::{Observer, observed};
use crate::state::App;

pub use share::Share;
pub(crate) use share::{Account, Owner, Shares};

/// A request takes one place, and one more for each so many bytes of its body, which memory must hold
/// encoded and decoded.
const BODY_PLACE: u64 = 2 << 20;
/// How long a request waits for its turn before it is told to come back.
const TURN: Duration = Duration::from_secs(1);
/// How long it may take until the answer begins, uploading included.
const ANSWER: Duration = Duration::from_secs(180);
/// A request body may take this long, and as long again as its bytes need at [`SLOWEST`].
const BODY: Duration = Duration::from_secs(15);
/// Bytes per second.
const SLOWEST: u32 = 256 << 10;

/// Admits a bounded number of requests; their places are held until the answer has left.
pub(crate) async fn admit(app: &App, request: Request, next: Next) -> Result<Response, Error> {
    let body = request.body().size_hint().upper().unwrap_or(u64::MAX);
    let turn = app.places(1 + body.min(MAX_REQUEST_BYTES as u64) / BODY_PLACE);
    let Ok(Some(permit)) = timeout(TURN, turn).await else {
        return Err(Error::Busy("the server is busy; try again in a moment".into()));
    };
    match timeout(ANSWER, next.run(request)).await {
        Ok(response) => Ok(response.map(|body| observed(body, permit))),
        Err(_) => Err(Error::Busy("the server could not answer in time".into())),
    }
}

/// Places are held until the answer has left.
impl Observer for OwnedSemaphorePermit {
    fn saw(&mut self, _: Result<u64, &axum::Error>) {}
}

/// The whole body of a request, within limits on size and time.
pub(crate) async fn collect(body: Body) -> Result<Bytes, Error> {
    collect_up_to(body, MAX_REQUEST_BYTES).await
}

/// [`collect`] with another limit on size.
pub(crate) async fn collect_up_to(mut body: Body, most: usize) -> Result<Bytes, Error> {
    let too_large = || Error::Invalid(format!("a request may have at most {most} bytes"));
    let begin = Instant::now();
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    loop {
        let received = u32::try_from(first.len() + all.len()).map_err(|_| too_large())?;
        let deadline = begin + BODY + Duration::from_secs(1) * received / SLOWEST;
        let frame = timeout_at(deadline, body.frame())
            .await
            .map_err(|_| Error::Invalid("the request arrives too slowly".into()))?;
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|_| Error::Invalid("the request was cut off".into()))?;
        let Ok(data) = frame.into_data() else { continue };
        if first.len() + all.len() + data.len() > most {
            return Err(too_large());
        }
        // Nearly every request is one frame and needs no copy.
        if first.is_empty() && all.is_empty() {
            first = data;
        } else {
            if all.is_empty() {
                // Room for the rest as it was announced; pages that nothing comes for cost no memory.
                let rest = usize::try_from(body.size_hint().lower()).unwrap_or(most);
                all.reserve((first.len() + data.len()).saturating_add(rest).min(most));
                all.extend_from_slice(&std::mem::take(&mut first));
            }
            all.extend_from_slice(&data);
        }
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}
