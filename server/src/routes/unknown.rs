//! Requests that no endpoint answers.

use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use crate::error::Error;

/// An endpoint below `/v2` that this server does not have.
pub(crate) async fn any(uri: Uri) -> Response {
    let error = Error::Invalid(format!("this server has no endpoint `{}`", uri.path()));
    (StatusCode::NOT_FOUND, error).into_response()
}

/// A method that an endpoint below `/v2` does not have.
pub(crate) async fn method(method: Method, uri: Uri) -> Response {
    let error = Error::Invalid(format!("`{}` does not answer {method}", uri.path()));
    (StatusCode::METHOD_NOT_ALLOWED, error).into_response()
}

/// Any other page.
pub(crate) async fn page() -> Response {
    (StatusCode::NOT_FOUND, "nothing here\n").into_response()
}
