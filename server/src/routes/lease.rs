//! `POST /v2/lease`: somebody wants to write a file.

use axum::extract::State;
use hdfstream::protocol::{LeaseReply, LeaseRequest, OpenReply};

use super::open;
use crate::admission::Admitted;
use crate::error::Error;
use crate::message::{Message, Reply};
use crate::state::App;

pub(crate) async fn post(
    State(app): State<App>,
    Admitted { viewer, owner, .. }: Admitted,
    Message(request): Message<LeaseRequest>,
) -> Result<Reply<LeaseReply>, Error> {
    let leases = app
        .leases()
        .ok_or_else(|| Error::ReadOnly(request.path.clone()))?;
    let (path, file) = leases.begin(&app, viewer.clone(), owner, &request).await?;
    let file = match file {
        Some(file) => {
            let known = request.known;
            let (file, metadata) = app
                .blocking(viewer, move |_| {
                    let metadata = open::Metadata::of(&file, known.as_deref())?;
                    Ok((file, metadata))
                })
                .await?;
            open::reply(&app, file, metadata).await
        }
        None => OpenReply {
            path,
            version: String::new(),
            size: 0,
            modified: 0,
            unchanged: false,
            pack: None,
            complete: false,
        },
    };
    Ok(Reply(LeaseReply {
        file,
        seconds: leases.seconds(),
    }))
}
