//! `POST /v2/trace`: the bytes that what a program is about to do will touch.

use axum::extract::State;
use hdfstream::protocol::{Pack, TraceReply, TraceRequest};

use crate::error::Error;
use crate::message::{Message, Reply};
use crate::state::App;
use crate::whole;

pub(crate) async fn post(
    State(app): State<App>,
    Message(request): Message<TraceRequest>,
) -> Result<Reply<TraceReply>, Error> {
    let pack = app
        .blocking(move |store| {
            let file = super::read::open_version(store, &request.path, &request.version)?;
            if file.size <= whole::WHOLE {
                whole::pack(&file)
            } else {
                Ok(None)
            }
        })
        .await?;
    let complete = pack.is_some();
    let nothing = || Pack::compress(Vec::new(), &[]).map_err(|error| Error::Internal(error.to_string()));
    Ok(Reply(TraceReply {
        pack: pack.map_or_else(nothing, Ok)?,
        complete,
    }))
}
