//! `POST /v2/commit`: changes become the file's content, all of them or none.

use axum::extract::State;
use hdfstream::protocol::{CommitReply, CommitRequest};

use crate::admission::Admitted;
use crate::error::Error;
use crate::message::{Message, Reply};
use crate::state::App;

pub(crate) async fn post(
    State(app): State<App>,
    Admitted { viewer, .. }: Admitted,
    Message(request): Message<CommitRequest>,
) -> Result<Reply<CommitReply>, Error> {
    let leases = app
        .leases()
        .ok_or_else(|| Error::ReadOnly(request.path.clone()))?;
    leases.commit(&app, viewer, request).await.map(Reply)
}
