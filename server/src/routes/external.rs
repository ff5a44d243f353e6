//! `POST /v2/external`: bytes of the raw file in which a dataset keeps its data.

use axum::extract::State;
use axum::response::Response;
use hdfstream::protocol::{ExternalRequest, MAX_READ_BYTES, Run};

use super::read::{open_version, raw};
use crate::admission::Admitted;
use crate::error::Error;
use crate::message::Message;
use crate::state::App;
use crate::store::StoreError;
use crate::transfer::Transfer;

pub(crate) async fn post(
    State(app): State<App>,
    Admitted { viewer, .. }: Admitted,
    Message(request): Message<ExternalRequest>,
) -> Result<Response, Error> {
    let buffers = app.buffers();
    let transfer = app
        .blocking(viewer, move |view| {
            let ExternalRequest {
                path,
                version,
                name,
                offset,
                length,
            } = request;
            if length > MAX_READ_BYTES {
                return Err(Error::Invalid(format!(
                    "more than {MAX_READ_BYTES} bytes in one request"
                )));
            }
            let origin = open_version(view, &path, &version)?;
            let file = view.open_beside(&origin, &name).map_err(|error| match error {
                // The name is the HDF5 file's own, not the server's: repeating it tells nothing new.
                StoreError::Outside => Error::Forbidden(format!(
                    "`{path}` keeps data in `{name}`, which lies outside of what this server offers"
                )),
                other => Error::at(&name, other),
            })?;
            let there = file.size.saturating_sub(offset).min(length);
            let runs = if there == 0 {
                Vec::new()
            } else {
                vec![Run::range(offset, there)]
            };
            Transfer::start(file, runs, there, length - there, buffers)
        })
        .await?;
    Ok(raw(transfer.into_body()))
}
