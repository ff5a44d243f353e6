//! `POST /v2/digest`: the SHA-256 of a range of one version of a file, so that a client can check what it has.

use axum::extract::State;
use hdfstream::protocol::{DigestReply, DigestRequest, Run};
use ring::digest::{Context, SHA256};

use super::read::open_version;
use crate::admission::Admitted;
use crate::error::Error;
use crate::message::{Message, Reply};
use crate::state::App;
use crate::transfer::Transfer;

pub(crate) async fn post(
    State(app): State<App>,
    Admitted { viewer, .. }: Admitted,
    Message(request): Message<DigestRequest>,
) -> Result<Reply<DigestReply>, Error> {
    let buffers = app.buffers();
    app.blocking(viewer, move |view| {
        let file = open_version(view, &request.path, &request.version)?;
        let runs = vec![Run::range(request.offset, request.length)];
        let bytes = Run::check(&runs, file.size)
            .map_err(|error| Error::Invalid(format!("`{}`: {error}", request.path)))?;
        let mut digest = Context::new(&SHA256);
        Transfer::start(file, runs, bytes, 0, buffers)?.consume(|piece| digest.update(piece))?;
        Ok(Reply(DigestReply {
            sha256: digest.finish().as_ref().to_vec(),
        }))
    })
    .await
}
