//! A client that writes, request by request.

use axum::body::Body;
use axum::http::StatusCode;
use hdfstream::protocol::{
    self, Begin, CommitReply, CommitRequest, LeaseName, LeaseReply, LeaseRequest, LeaseState, ReadRequest,
    Run, StageRequest,
};
use serde::Serialize;
use serde_bytes::ByteBuf;

use crate::harness::{Answer, Served, request};

/// A file and a lease of it.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    pub(crate) path: String,
    pub(crate) lease: String,
    /// The header that logs in, if any.
    pub(crate) login: Option<String>,
    pub(crate) exclusive: bool,
}

/// What is written where.
pub(crate) type Piece<'a> = (u64, &'a [u8]);

impl Writer {
    /// The `number`th lease of this file.
    pub(crate) fn new(path: &str, number: u32) -> Self {
        Self {
            path: path.to_owned(),
            lease: format!("{number:032x}"),
            login: None,
            exclusive: true,
        }
    }

    pub(crate) async fn send(&self, served: &Served, endpoint: &str, message: &impl Serialize) -> Answer {
        let headers: Vec<_> = self
            .login
            .iter()
            .map(|login| ("authorization", login.as_str()))
            .collect();
        let body = Body::from(protocol::encode(message).unwrap());
        let request = request("POST", &format!("/v2/{endpoint}"), &headers, body);
        served.answer(request).await
    }

    pub(crate) fn lease_request(&self, begin: Begin) -> LeaseRequest {
        LeaseRequest {
            path: self.path.clone(),
            lease: self.lease.clone(),
            begin,
            exclusive: self.exclusive,
            directories: false,
            known: None,
        }
    }

    pub(crate) async fn try_lease(&self, served: &Served, begin: Begin) -> Answer {
        self.send(served, "lease", &self.lease_request(begin)).await
    }

    pub(crate) async fn lease(&self, served: &Served, begin: Begin) -> LeaseReply {
        good(&self.try_lease(served, begin).await).decode()
    }

    pub(crate) fn stage_request(&self, number: u64, part: u64, pieces: &[Piece<'_>]) -> StageRequest {
        let (pieces, bytes) = split(pieces);
        StageRequest {
            path: self.path.clone(),
            lease: self.lease.clone(),
            number,
            part,
            pieces,
            bytes,
        }
    }

    pub(crate) async fn stage(
        &self,
        served: &Served,
        number: u64,
        part: u64,
        pieces: &[Piece<'_>],
    ) -> Answer {
        self.send(served, "stage", &self.stage_request(number, part, pieces))
            .await
    }

    pub(crate) fn commit_request(&self, number: u64, size: u64, pieces: &[Piece<'_>]) -> CommitRequest {
        let (pieces, bytes) = split(pieces);
        CommitRequest {
            path: self.path.clone(),
            lease: self.lease.clone(),
            number,
            base: String::new(),
            parts: 0,
            size,
            pieces,
            bytes,
            ordered: false,
            release: false,
        }
    }

    pub(crate) async fn commit(
        &self,
        served: &Served,
        number: u64,
        size: u64,
        pieces: &[Piece<'_>],
    ) -> CommitReply {
        let request = self.commit_request(number, size, pieces);
        good(&self.send(served, "commit", &request).await).decode()
    }

    pub(crate) async fn finish(
        &self,
        served: &Served,
        number: u64,
        size: u64,
        pieces: &[Piece<'_>],
    ) -> CommitReply {
        let request = CommitRequest {
            release: true,
            ..self.commit_request(number, size, pieces)
        };
        good(&self.send(served, "commit", &request).await).decode()
    }

    pub(crate) async fn try_word(&self, served: &Served, endpoint: &str) -> Answer {
        let name = LeaseName {
            path: self.path.clone(),
            lease: self.lease.clone(),
        };
        self.send(served, endpoint, &name).await
    }

    /// Renews or releases.
    pub(crate) async fn word(&self, served: &Served, endpoint: &str) -> LeaseState {
        good(&self.try_word(served, endpoint).await).decode()
    }

    /// Reads as the writer.
    pub(crate) async fn read(&self, served: &Served, version: &str, offset: u64, length: u64) -> Answer {
        let request = ReadRequest {
            path: self.path.clone(),
            version: version.to_owned(),
            runs: vec![Run::range(offset, length)],
            lease: Some(self.lease.clone()),
        };
        self.send(served, "read", &request).await
    }
}

/// An answer that is no refusal.
pub(crate) fn good(answer: &Answer) -> &Answer {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.message());
    answer
}

/// Reads all of a version.
pub(crate) async fn read(served: &Served, path: &str, version: &str, size: u64) -> Answer {
    let request = ReadRequest {
        path: path.to_owned(),
        version: version.to_owned(),
        runs: vec![Run::range(0, size)],
        lease: None,
    };
    served.post("read", &request).await
}

fn split(pieces: &[Piece<'_>]) -> (Vec<(u64, u64)>, ByteBuf) {
    let places = pieces.iter().map(|(offset, bytes)| (*offset, bytes.len() as u64));
    let bytes: Vec<u8> = pieces
        .iter()
        .flat_map(|(_, bytes)| bytes.iter().copied())
        .collect();
    (places.collect(), ByteBuf::from(bytes))
}
