//! `POST /v2/remove`, `/v2/rename` and `/v2/directory`: changes of names.

use axum::extract::State;
use hdfstream::protocol::{DirectoryRequest, Done, RemoveRequest, RenameRequest};

use crate::admission::Admitted;
use crate::error::Error;
use crate::leases::check_login;
use crate::message::{Message, Reply};
use crate::state::App;

pub(crate) async fn remove(
    State(app): State<App>,
    Admitted { viewer, .. }: Admitted,
    Message(RemoveRequest { path, recursive }): Message<RemoveRequest>,
) -> Result<Reply<Done>, Error> {
    let leases = app
        .leases()
        .cloned()
        .ok_or_else(|| Error::ReadOnly(path.clone()))?;
    check_login(&viewer)?;
    leases.expire(None).await;
    app.blocking(viewer.clone(), move |view| {
        leases.remove(view, &viewer, &path, recursive)?;
        Ok(Reply(Done {}))
    })
    .await
}

pub(crate) async fn rename(
    State(app): State<App>,
    Admitted { viewer, .. }: Admitted,
    Message(RenameRequest { from, to, replace }): Message<RenameRequest>,
) -> Result<Reply<Done>, Error> {
    let leases = app
        .leases()
        .cloned()
        .ok_or_else(|| Error::ReadOnly(from.clone()))?;
    check_login(&viewer)?;
    leases.expire(None).await;
    app.blocking(viewer.clone(), move |view| {
        leases.rename(view, &viewer, &from, &to, replace)?;
        Ok(Reply(Done {}))
    })
    .await
}

pub(crate) async fn directory(
    State(app): State<App>,
    Admitted { viewer, .. }: Admitted,
    Message(DirectoryRequest { path, parents }): Message<DirectoryRequest>,
) -> Result<Reply<Done>, Error> {
    let leases = app
        .leases()
        .cloned()
        .ok_or_else(|| Error::ReadOnly(path.clone()))?;
    check_login(&viewer)?;
    app.blocking(viewer.clone(), move |view| {
        leases.make_directory(view, &viewer, &path, parents)?;
        Ok(Reply(Done {}))
    })
    .await
}
