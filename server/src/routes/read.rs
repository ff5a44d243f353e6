//! `POST /v2/read`: the bytes of many ranges of one version of a file.

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use hdfstream::protocol::{ReadRequest, Run};

use crate::admission::Admitted;
use crate::error::Error;
use crate::message::Message;
use crate::state::App;
use crate::store::{ServedFile, View};
use crate::transfer::Transfer;

pub(crate) async fn post(
    State(app): State<App>,
    Admitted { viewer, .. }: Admitted,
    Message(request): Message<ReadRequest>,
) -> Result<Response, Error> {
    let buffers = app.buffers();
    let mut own = None;
    if let Some(lease) = &request.lease {
        let leases = app
            .leases()
            .ok_or_else(|| Error::LeaseLost(request.path.clone()))?;
        let staged = leases.staged(&app, &viewer, &request.path, &request.version, lease);
        own = Some(staged.await?);
    }
    let transfer = app
        .blocking(viewer, move |view| {
            let (file, size) = match own {
                // A writer sees zeros behind what it has staged.
                Some(file) => (file, i64::MAX.cast_unsigned()),
                None => {
                    let file = open_version(view, &request.path, &request.version)?;
                    let size = file.size;
                    (file, size)
                }
            };
            let bytes = Run::check(&request.runs, size)
                .map_err(|error| Error::Invalid(format!("`{}`: {error}", request.path)))?;
            Transfer::start(file, request.runs, bytes, 0, buffers)
        })
        .await?;
    Ok(raw(transfer.into_body()))
}

/// Opens a file that must be `version`. Blocks.
pub(super) fn open_version(view: View<'_>, path: &str, version: &str) -> Result<ServedFile, Error> {
    let file = view.open_version(path, version);
    let file = file.map_err(|error| Error::at(path, error))?;
    file.ok_or_else(|| Error::Changed(path.to_owned()))
}

/// An answer of bytes without framing; their number is announced.
pub(super) fn raw(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "application/octet-stream")], body).into_response()
}
