//! msgpack in and out: request bodies decoded, replies encoded.

use axum::extract::{FromRequest, Request};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use hdfstream::protocol::{
    self, CommitRequest, DigestRequest, DirectoryRequest, ExternalRequest, LeaseName, LeaseRequest,
    ListRequest, OpenRequest, ReadRequest, RemoveRequest, RenameRequest, StageRequest, StatRequest,
    TokenRequest, TraceRequest,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::limits;
use crate::telemetry::Journal;

/// A request that may name a file or directory.
pub(crate) trait Named {
    /// The path as the client wrote it.
    fn path(&self) -> Option<&str>;
}

macro_rules! named {
    ($($request:ty),+) => {
        $(impl Named for $request {
            fn path(&self) -> Option<&str> {
                Some(&self.path)
            }
        })+
    };
}
named!(
    CommitRequest,
    DigestRequest,
    DirectoryRequest,
    ExternalRequest,
    LeaseName,
    LeaseRequest,
    ListRequest,
    OpenRequest,
    ReadRequest,
    RemoveRequest,
    StageRequest,
    StatRequest,
    TraceRequest
);

impl Named for RenameRequest {
    fn path(&self) -> Option<&str> {
        Some(&self.from)
    }
}

impl Named for TokenRequest {
    fn path(&self) -> Option<&str> {
        None
    }
}

/// The decoded body of a request. The content type is not looked at: nothing else is spoken here.
pub(crate) struct Message<T>(pub(crate) T);

impl<S, T> FromRequest<S> for Message<T>
where
    S: Send + Sync,
    T: DeserializeOwned + Named,
{
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self, Error> {
        let (parts, body) = request.into_parts();
        let bytes = limits::collect(body).await?;
        let message: T = protocol::decode(&bytes)
            .map_err(|error| Error::Invalid(format!("the request cannot be decoded: {error}")))?;
        if let (Some(journal), Some(path)) = (parts.extensions.get::<Journal>(), message.path()) {
            journal.path(path);
        }
        Ok(Self(message))
    }
}

/// A reply to be encoded.
pub(crate) struct Reply<T>(pub(crate) T);

impl<T: Serialize> IntoResponse for Reply<T> {
    fn into_response(self) -> Response {
        match protocol::encode(&self.0) {
            Ok(bytes) => ([(header::CONTENT_TYPE, protocol::MSGPACK)], bytes).into_response(),
            Err(error) => Error::Internal(format!("the reply cannot be encoded: {error}")).into_response(),
        }
    }
}
