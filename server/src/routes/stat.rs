//! `POST /v2/stat`: what is at a path.

use axum::extract::State;
use hdfstream::protocol::{StatReply, StatRequest};

use crate::admission::Admitted;
use crate::error::Error;
use crate::message::{Message, Reply};
use crate::state::App;

pub(crate) async fn post(
    State(app): State<App>,
    Admitted { viewer, .. }: Admitted,
    Message(request): Message<StatRequest>,
) -> Result<Reply<StatReply>, Error> {
    app.blocking(viewer, move |view| {
        view.stat(&request.path)
            .map_err(|error| Error::at(&request.path, error))
    })
    .await
    .map(Reply)
}
