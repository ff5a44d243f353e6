//! `POST /v2/open`: a file's version and size, and its metadata as far as it is ready.

use axum::extract::State;
use hdfstream::protocol::{OpenReply, OpenRequest};

use crate::error::Error;
use crate::message::{Message, Reply};
use crate::state::App;
use crate::whole;

pub(crate) async fn post(
    State(app): State<App>,
    Message(request): Message<OpenRequest>,
) -> Result<Reply<OpenReply>, Error> {
    let OpenRequest { path, known, write } = request;
    app.blocking(move |store| {
        let file = store.open(&path).map_err(|error| Error::at(&path, error))?;
        if write {
            return Err(Error::ReadOnly(path));
        }
        let unchanged = known.as_ref() == Some(&file.version);
        let small = file.size <= whole::WHOLE && !unchanged;
        let pack = if small { whole::pack(&file)? } else { None };
        Ok(Reply(OpenReply {
            path: file.path,
            version: file.version,
            size: file.size,
            modified: file.modified,
            unchanged,
            pack,
            complete: small,
        }))
    })
    .await
}
