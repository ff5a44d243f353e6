//! The request log: one line a request when its answer has left, never a body, never a credential.

use std::io::IsTerminal;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tracing_subscriber::EnvFilter;

/// Asked every few seconds by whoever watches the server.
const HEALTH: &str = "/hdfstream/health";

/// Where a handler notes which file its request is about.
#[derive(Debug, Clone, Default)]
pub(crate) struct Journal(Arc<OnceLock<String>>);

impl Journal {
    /// Notes the path; the first one counts.
    pub(crate) fn path(&self, path: &str) {
        let _ = self.0.set(path.to_owned());
    }
}

/// Sends the log to stderr. `filter` is a level, or more in the syntax of `tracing_subscriber`.
///
/// # Errors
/// When `filter` cannot be understood, or a log was installed before.
pub fn install(filter: &str) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let filter = EnvFilter::try_new(filter)?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .try_init()
}

/// Logs every request that passes.
pub(crate) async fn log(mut request: Request, next: Next) -> Response {
    let journal = Journal::default();
    request.extensions_mut().insert(journal.clone());
    let line = Line {
        begin: Instant::now(),
        method: request.method().clone(),
        endpoint: request.uri().path().to_owned(),
        journal,
        status: StatusCode::OK,
        sent: 0,
        left: 0,
        broken: None,
    };
    let response = next.run(request).await;
    let status = response.status();
    response.map(|body| {
        let left = body.size_hint().exact().unwrap_or(0);
        Body::new(Logged {
            body,
            line: Line { status, left, ..line },
        })
    })
}

/// What will be logged.
struct Line {
    begin: Instant,
    method: Method,
    endpoint: String,
    journal: Journal,
    status: StatusCode,
    sent: u64,
    left: u64,
    broken: Option<String>,
}

/// A body that logs when it ends, is broken off or given up.
struct Logged {
    body: Body,
    line: Line,
}

impl HttpBody for Logged {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len) as u64;
                self.line.sent += bytes;
                self.line.left = self.line.left.saturating_sub(bytes);
            }
            Poll::Ready(Some(Err(error))) => self.line.broken = Some(error.to_string()),
            _ => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Logged {
    fn drop(&mut self) {
        let line = &self.line;
        // Quoted with escapes: a path must not be able to forge a line of the log.
        let path = line.journal.0.get().map_or("", String::as_str);
        let (method, endpoint, status) = (&line.method, &line.endpoint, line.status.as_u16());
        let (bytes, ms) = (line.sent, line.begin.elapsed().as_secs_f64() * 1e3);
        if let Some(error) = &line.broken {
            tracing::warn!(
                "{method} {endpoint:?} path={path:?} {status} {bytes} bytes {ms:.1} ms, broken off: {error}"
            );
        } else if line.left > 0 && line.method != Method::HEAD {
            tracing::info!(
                "{method} {endpoint:?} path={path:?} {status} {bytes} bytes {ms:.1} ms, the client left"
            );
        } else if line.status.is_server_error() {
            tracing::warn!("{method} {endpoint:?} path={path:?} {status} {bytes} bytes {ms:.1} ms");
        } else if line.endpoint == HEALTH {
            tracing::debug!("{method} {endpoint:?} {status}");
        } else {
            tracing::info!("{method} {endpoint:?} path={path:?} {status} {bytes} bytes {ms:.1} ms");
        }
    }
}
