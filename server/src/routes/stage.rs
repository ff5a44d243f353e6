//! `POST /v2/stage`: bytes for a commit that is still to come.

use axum::extract::State;
use hdfstream::protocol::{Done, StageRequest};

use crate::admission::Admitted;
use crate::error::Error;
use crate::message::{Message, Reply};
use crate::state::App;

pub(crate) async fn post(
    State(app): State<App>,
    Admitted { viewer, .. }: Admitted,
    Message(request): Message<StageRequest>,
) -> Result<Reply<Done>, Error> {
    let leases = app
        .leases()
        .ok_or_else(|| Error::ReadOnly(request.path.clone()))?;
    leases.stage(&app, viewer, request).await?;
    Ok(Reply(Done {}))
}
