//! `POST /v2/trace`: the bytes that what a program is about to do will touch.

use axum::extract::State;
use hdfstream::protocol::{Pack, TraceReply, TraceRequest};

use super::read::open_version;
use crate::admission::Admitted;
use crate::error::Error;
use crate::message::{Message, Reply};
use crate::packs;
use crate::state::App;
use crate::whole;

pub(crate) async fn post(
    State(app): State<App>,
    Admitted { viewer, .. }: Admitted,
    Message(request): Message<TraceRequest>,
) -> Result<Reply<TraceReply>, Error> {
    let TraceRequest {
        path,
        version,
        intent,
    } = request;
    let (file, small) = app
        .blocking(viewer, move |view| {
            let file = open_version(view, &path, &version)?;
            let small = if file.size <= whole::WHOLE {
                whole::pack(&file)?
            } else {
                None
            };
            Ok((file, small))
        })
        .await?;
    let reply = match app.packs() {
        None => nothing()?,
        Some(packs) => match packs.trace(&file, &intent).await {
            Ok(reply) => reply,
            Err(packs::Error::Changed(_)) => return Err(Error::Changed(file.name().to_owned())),
            // Only hints are lost: the client fetches what it needs piece by piece.
            Err(error) => {
                tracing::warn!("no trace: {error:?}");
                nothing()?
            }
        },
    };
    Ok(Reply(match small {
        Some(pack) => TraceReply {
            pack,
            complete: true,
            ..reply
        },
        None => reply,
    }))
}

fn nothing() -> Result<TraceReply, Error> {
    let pack = Pack::compress(Vec::new(), &[]).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(TraceReply {
        pack,
        complete: false,
        raw_files: None,
    })
}
