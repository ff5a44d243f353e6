//! The request log: one line a request when its answer has left, never a body, never a credential.

use std::io::IsTerminal;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::body::HttpBody;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use tracing_subscriber::EnvFilter;

use crate::observed::{Observer, observed};

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
        let line = Line { status, left, ..line };
        observed(body, Logged(line))
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

/// Logs when the answer has ended, is broken off or given up.
struct Logged(Line);

impl Observer for Logged {
    fn saw(&mut self, bytes: Result<u64, &axum::Error>) {
        match bytes {
            Ok(bytes) => {
                self.0.sent += bytes;
                self.0.left = self.0.left.saturating_sub(bytes);
            }
            Err(error) => self.0.broken = Some(error.to_string()),
        }
    }
}

impl Drop for Logged {
    fn drop(&mut self) {
        let line = &self.0;
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
