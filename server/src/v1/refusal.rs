//! How a request of protocol v1 fails: a status, and a map with a text for people.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::error::Error;
use crate::worker::JobError;
use crate::worker::question::Failure;

/// Why a request is not answered.
#[derive(Debug)]
pub(super) enum Refusal {
    /// What this protocol says.
    Said(StatusCode, String),
    /// What any part of the server says.
    Other(Error),
}

/// What the stock server says of everything that is wrong in an HDF5 file.
const UNREADABLE: &str = "Unable to read data stream";

impl Refusal {
    /// The request makes no sense.
    pub(super) fn bad(text: impl Into<String>) -> Self {
        Self::Said(StatusCode::BAD_REQUEST, text.into())
    }

    /// Nothing at a path, or nothing that may be seen.
    pub(super) fn no_path(path: &str) -> Self {
        Self::Said(StatusCode::NOT_FOUND, format!("Invalid path specified: {path}"))
    }

    /// An object that cannot be had.
    pub(super) fn unreadable(object: &str, why: impl std::fmt::Display) -> Self {
        Self::Said(StatusCode::NOT_FOUND, format!("{UNREADABLE}: `{object}`: {why}"))
    }

    /// What a worker says of an object; `slices` whether elements were asked for.
    pub(super) fn of(failure: &Failure, object: &str, slices: bool) -> Self {
        let text = match (failure, slices) {
            (Failure::NotHdf5, false) => "Failed to open object".to_owned(),
            (Failure::NotHdf5, true) => "Failed to open dataset slice".to_owned(),
            (Failure::Missing | Failure::NotDataset, true) => {
                format!("Failed to open dataset slice: `{object}`: {failure}")
            }
            (Failure::Changed | Failure::TooSlow, _) => {
                return Self::Other(Error::Internal(format!("{UNREADABLE}: `{object}`: {failure}")));
            }
            _ => return Self::unreadable(object, failure),
        };
        Self::Said(StatusCode::NOT_FOUND, text)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl From<JobError> for Refusal {
    fn from(error: JobError) -> Self {
        Self::Other(match error {
            JobError::Busy => Error::Busy("the server is busy; try again in a moment".to_owned()),
            JobError::Refused(_) => {
                return Self::Said(StatusCode::NOT_FOUND, "Failed to open object".to_owned());
            }
            other => Error::Internal(format!("{UNREADABLE}: {other}")),
        })
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Said(status, text) => {
                let mut response = Error::Invalid(text).into_map();
                *response.status_mut() = status;
                response
            }
            Self::Other(error) => respond(error),
        }
    }
}

/// The answer for an error of any part of the server. Clients of this protocol know 429 for all kinds of
/// too much.
pub(super) fn respond(error: Error) -> Response {
    let busy = matches!(error, Error::Busy(_));
    let mut response = error.into_map();
    if busy {
        *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    }
    response
}
