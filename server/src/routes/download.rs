//! `GET` and `HEAD /download/PATH`: files for any HTTP client, with ranges and conditions.

mod conditional;
mod range;

use std::time::{Duration, SystemTime};

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use hdfstream::protocol::Run;

use crate::admission::Admitted;
use crate::error::Error;
use crate::state::App;
use crate::store::{ServedFile, View, path};
use crate::telemetry::Journal;
use crate::transfer::{Buffers, Transfer};
use crate::v1;
use conditional::Verdict;
use range::Wanted;

type Noted = Option<axum::Extension<Journal>>;

/// Answers both methods; the body of an answer to `HEAD` is empty.
pub(crate) async fn get(
    State(app): State<App>,
    admitted: Result<Admitted, Error>,
    noted: Noted,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let viewer = match admitted {
        Ok(Admitted { viewer, .. }) => viewer,
        Err(error) => return error.into_text(),
    };
    let Some(name) = uri.path().strip_prefix("/download/").and_then(path::decode) else {
        return Error::NotFound(uri.path().to_owned()).into_text();
    };
    if let Some(axum::Extension(journal)) = noted {
        journal.path(&name);
    }
    let buffers = app.buffers();
    let (path, wants_body) = (name.clone(), method != Method::HEAD);
    let served = app
        .blocking(viewer.clone(), move |view| {
            serve(view, &name, &method, &headers, buffers)
        })
        .await;
    match served {
        Err(Error::IsDirectory(_)) => v1::archive(&app, viewer, path, wants_body).await,
        served => served,
    }
    .unwrap_or_else(Error::into_text)
}

fn serve(
    view: View<'_>,
    name: &str,
    method: &Method,
    headers: &HeaderMap,
    buffers: Buffers,
) -> Result<Response, Error> {
    let file = view.open(name).map_err(|error| Error::at(name, error))?;
    let tag = format!("\"{}\"", file.version);
    let modified = modified(&file);
    let media = file.media_type();
    let last = name.rsplit('/').next().unwrap_or(name);
    let describe = |status: StatusCode, body: Body| {
        let mut response = (status, body).into_response();
        let described = response.headers_mut();
        described.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        described.insert(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        );
        if let Ok(media) = HeaderValue::from_str(&media) {
            described.insert(header::CONTENT_TYPE, media);
        }
        described.insert(header::CONTENT_DISPOSITION, v1::attachment(last));
        if let Ok(value) = HeaderValue::from_str(&tag) {
            described.insert(header::ETAG, value);
        }
        if let Ok(value) = HeaderValue::from_str(&httpdate::fmt_http_date(modified)) {
            described.insert(header::LAST_MODIFIED, value);
        }
        response
    };
    match conditional::judge(headers, &tag, modified) {
        Verdict::Go => {}
        Verdict::NotModified => return Ok(describe(StatusCode::NOT_MODIFIED, Body::empty())),
        Verdict::Failed => return Ok(describe(StatusCode::PRECONDITION_FAILED, Body::empty())),
    }
    // Ranges are defined for GET only.
    let wanted = if method == Method::GET && conditional::range_applies(headers, &tag, modified) {
        range::wanted(headers, file.size)
    } else {
        Wanted::All
    };
    let size = file.size;
    let (status, begin, length, place) = match wanted {
        Wanted::All => (StatusCode::OK, 0, size, None),
        Wanted::Part(begin, length) => {
            let place = format!("bytes {begin}-{}/{size}", begin + length - 1);
            (StatusCode::PARTIAL_CONTENT, begin, length, Some(place))
        }
        Wanted::Beyond => {
            let place = format!("bytes */{size}");
            (StatusCode::RANGE_NOT_SATISFIABLE, 0, 0, Some(place))
        }
    };
    let body = if method == Method::HEAD || length == 0 {
        Body::empty()
    } else {
        Transfer::start(file, vec![Run::range(begin, length)], length, 0, buffers)?.into_body()
    };
    let mut response = describe(status, body);
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    if let Some(Ok(place)) = place.map(HeaderValue::try_from) {
        response.headers_mut().insert(header::CONTENT_RANGE, place);
    }
    Ok(response)
}

/// The time of the last modification, as precise as HTTP can say it; the epoch for earlier ones.
fn modified(file: &ServedFile) -> SystemTime {
    let seconds = u64::try_from(file.modified / 1_000_000_000).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}
