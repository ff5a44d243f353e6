//! A served directory and a client without a socket.

use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use argon2::password_hash::PasswordHasher;
use argon2::{Algorithm, Argon2, Params, Version};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use hdfstream::protocol::{self, ErrorKind, ErrorReply, OpenReply, OpenRequest};
use hdfstream_server::access::Rules;
use hdfstream_server::client::Peer;
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
        std::fs::create_dir(directory.path().join("root")).unwrap();
        let app = serve(directory.path(), change);
        Self { directory, app }
    }

    /// Where files can be written.
    pub(crate) fn writable() -> Self {
        Self::with(|config| config.writable = true)
    }

    /// Stops the server and starts it again: what was in its memory is gone.
    pub(crate) fn restart(&mut self, change: impl FnOnce(&mut Config)) {
        // In this order, since locks are given back with the first.
        self.app = Router::new();
        self.app = serve(self.directory.path(), change);
    }

    /// With `users`, a name, password and roles each, and rules for directories, as TOML.
    pub(crate) fn with_users(users: &[(&str, &str, &str)], rules: &str) -> Self {
        let mut served = Self::new();
        write_users(&served.users(), users);
        served.serve_again(rules, |_| {});
        served
    }

    /// Serves the same directory anew, with the users file.
    pub(crate) fn serve_again(&mut self, rules: &str, change: impl FnOnce(&mut Config)) {
        let rules = Rules::new(toml::from_str(rules).unwrap()).unwrap();
        self.app = serve(self.directory.path(), |config| {
            config.users = Some(self.users());
            config.rules = Arc::new(rules);
            change(config);
        });
    }

    /// The same directory without accounts.
    pub(crate) fn without_users(&self) -> Router {
        serve(self.directory.path(), |_| {})
    }

    /// The users file.
    pub(crate) fn users(&self) -> PathBuf {
        self.outside("users.toml")
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
        answer(&self.app, request).await
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

/// The answer to one request.
pub(crate) async fn answer(app: &Router, request: Request<Body>) -> Answer {
    let (parts, body) = app.clone().oneshot(request).await.unwrap().into_parts();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: body.collect().await.unwrap().to_bytes(),
    }
}

fn serve(directory: &Path, change: impl FnOnce(&mut Config)) -> Router {
    let mut config = Config::new(directory.join("root"));
    config.workers = 0;
    change(&mut config);
    app(&config).unwrap()
}

/// A users file whose passwords are checked in no time.
pub(crate) fn write_users(path: &Path, users: &[(&str, &str, &str)]) {
    let params = Params::new(8, 1, 1, None).unwrap();
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::default(), params);
    let mut text = String::new();
    for (user, password, roles) in users {
        let hash = argon2.hash_password(password.as_bytes()).unwrap();
        let roles: Vec<_> = roles.split_whitespace().collect();
        text += &format!("[users.\"{user}\"]\npassword = \"{hash}\"\nroles = {roles:?}\n");
    }
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// The header of a login by password.
pub(crate) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64.encode(format!("{user}:{password}")))
}

/// As if the request came from this address.
pub(crate) fn from(address: &str, mut request: Request<Body>) -> Request<Body> {
    let address: IpAddr = address.parse().unwrap();
    request.extensions_mut().insert(Peer(address));
    request
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
            ErrorKind::Changed | ErrorKind::Exists => 409,
            ErrorKind::Locked => 423,
            ErrorKind::NoSpace => 507,
            ErrorKind::LeaseLost => 410,
            ErrorKind::Unauthorized => 401,
            ErrorKind::Busy if self.status == 429 => 429,
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
