//! A served directory and a client without a socket.

use std::path::{Path, PathBuf};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use hdfstream::protocol::{self, ErrorKind, ErrorReply, OpenReply, OpenRequest};
use hdfstream_server::{Config, app};
use http_body_util::BodyExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::TempDir;
use tower::ServiceExt;

/// A directory with a root in it, so that there is an outside, and the service over the root.
pub(crate) struct Served {
    directory: TempDir,
    app: Router,
}

/// A complete answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Served {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Config)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("root");
        std::fs::create_dir(&root).unwrap();
        let mut config = Config::new(root);
        config.workers = 0;
        change(&mut config);
        let app = app(&config).unwrap();
        Self { directory, app }
    }

    /// A path inside the root.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join("root").join(name)
    }

    /// A path next to the root.
    pub(crate) fn outside(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: &[u8]) {
        write(&self.path(name), content);
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Response {
        self.app.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn answer(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.send(request).await.into_parts();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes(),
        }
    }

    /// Asks for a page below the base.
    pub(crate) async fn get(&self, page: &str, headers: &[(&str, &str)]) -> Answer {
        self.answer(request("GET", page, headers, Body::empty())).await
    }

    /// Calls an endpoint of protocol v2; every answer must be marked as one.
    pub(crate) async fn post(&self, endpoint: &str, message: &impl Serialize) -> Answer {
        let body = Body::from(protocol::encode(message).unwrap());
        let answer = self
            .answer(request("POST", &format!("/v2/{endpoint}"), &[], body))
            .await;
        assert_eq!(answer.headers[protocol::PROTOCOL_HEADER], "2");
        answer
    }

    pub(crate) async fn open(&self, path: &str) -> OpenReply {
        let answer = self.post("open", &open_request(path)).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        answer.decode()
    }
}

impl Answer {
    pub(crate) fn decode<T: DeserializeOwned>(&self) -> T {
        protocol::decode(&self.body).unwrap()
    }

    /// The kind of a refusal, whose status must fit.
    pub(crate) fn refusal(&self) -> ErrorKind {
        let reply: ErrorReply = self.decode();
        let status = match reply.kind {
            ErrorKind::NotFound => 404,
            ErrorKind::Forbidden | ErrorKind::ReadOnly => 403,
            ErrorKind::Changed => 409,
            ErrorKind::Busy => 503,
            ErrorKind::Internal => 500,
            _ => 400,
        };
        assert_eq!(self.status, status, "{}", reply.message);
        assert!(!reply.message.is_empty());
        reply.kind
    }

    pub(crate) fn message(&self) -> String {
        self.decode::<ErrorReply>().message
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub(crate) fn request(method: &str, page: &str, headers: &[(&str, &str)], body: Body) -> Request<Body> {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("{}{page}", hdfstream_server::BASE));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body).unwrap()
}

pub(crate) fn open_request(path: &str) -> OpenRequest {
    OpenRequest {
        path: path.to_owned(),
        known: None,
        write: false,
    }
}

pub(crate) fn write(path: &Path, content: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// Bytes without a pattern that a wrong offset could hide in.
pub(crate) fn noise(size: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    (0..size)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        })
        .collect()
}
