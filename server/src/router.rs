//! The whole URL map.

use axum::http::{HeaderName, HeaderValue};
use axum::middleware::{from_fn, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Router, extract::DefaultBodyLimit};
use hdfstream::protocol::PROTOCOL_HEADER;

use crate::admission::{self, Gate};
use crate::config::Protocol;
use crate::error::Error;
use crate::routes::{
    capabilities, change, commit, digest, download, external, health, lease, list, open, read, renew, stage,
    stat, token, trace, unknown,
};
use crate::state::App;
use crate::telemetry;
use crate::v1;

/// Where the service lives below the server's address.
pub const BASE: &str = "/hdfstream";

/// All routes, with what surrounds every request.
pub(crate) fn router(app: App, protocol: Protocol) -> Router {
    let v2 = Router::new()
        .route("/v2", get(capabilities::get))
        .route("/v2/open", post(open::post))
        .route("/v2/trace", post(trace::post))
        .route("/v2/read", post(read::post))
        .route("/v2/digest", post(digest::post))
        .route("/v2/external", post(external::post))
        .route("/v2/list", post(list::post))
        .route("/v2/stat", post(stat::post))
        .route("/v2/token", post(token::post))
        .route("/v2/lease", post(lease::post))
        .route("/v2/stage", post(stage::post))
        .route("/v2/commit", post(commit::post))
        .route("/v2/renew", post(renew::renew))
        .route("/v2/release", post(renew::release))
        .route("/v2/remove", post(change::remove))
        .route("/v2/rename", post(change::rename))
        .route("/v2/directory", post(change::directory))
        .route("/v2/{*endpoint}", any(unknown::any))
        .method_not_allowed_fallback(unknown::method)
        .layer(from_fn_with_state(
            Gate::new(&app, Error::into_response),
            admission::pass,
        ))
        .layer(map_response(announce));
    let files = Router::new()
        .route("/download/{*path}", get(download::get))
        .layer(from_fn_with_state(
            Gate::new(&app, Error::into_text),
            admission::pass,
        ));
    let mut base = files.route("/health", get(health::get));
    if protocol != Protocol::V1 {
        base = base.merge(v2);
    }
    if protocol != Protocol::V2 {
        base = base.merge(v1::router(&app));
    }
    Router::new()
        .nest(BASE, base)
        .fallback(unknown::page)
        // Bodies are limited where they are collected.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn(telemetry::log))
        .with_state(app)
}

/// Marks an answer of protocol v2, errors included.
async fn announce(mut response: Response) -> Response {
    response.headers_mut().insert(
        HeaderName::from_static(PROTOCOL_HEADER),
        HeaderValue::from_static("2"),
    );
    response
}
