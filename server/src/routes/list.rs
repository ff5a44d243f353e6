//! `POST /v2/list`: a directory, page by page.

use axum::extract::State;
use hdfstream::protocol::{ListReply, ListRequest};

use crate::admission::Admitted;
use crate::error::Error;
use crate::message::{Message, Reply};
use crate::state::App;

pub(crate) async fn post(
    State(app): State<App>,
    Admitted { viewer, .. }: Admitted,
    Message(request): Message<ListRequest>,
) -> Result<Reply<ListReply>, Error> {
    let ListRequest { path, after } = request;
    app.blocking(viewer, move |view| {
        view.list(&path, after.as_deref())
            .map_err(|error| Error::at(&path, error))
    })
    .await
    .map(Reply)
}
