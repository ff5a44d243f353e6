//! `POST /v2/remove`, `/v2/rename` and `/v2/directory`: changes of names.

use axum::extract::State;
use hdfstream::protocol::{DirectoryRequest, Done, RemoveRequest, RenameRequest};

use crate::access::Viewer;
use crate::admission::Admitted;
use crate::error::Error;
use crate::leases::{Leases, check_login};
use crate::message::{Message, Reply};
use crate::state::App;

/// The leases of a server that lets files be changed, for somebody who may have a part in that.
fn leases(app: &App, viewer: &Viewer, path: &str) -> Result<Leases, Error> {
    let leases = app.leases().ok_or_else(|| Error::ReadOnly(path.to_owned()))?;
    check_login(viewer)?;
    Ok(leases.clone())
}

pub(crate) async fn remove(
    State(app): State<App>,
    Admitted { viewer, .. }: Admitted,
    Message(RemoveRequest { path, recursive }): Message<RemoveRequest>,
) -> Result<Reply<Done>, Error> {
    let leases = leases(&app, &viewer, &path)?;
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
    let leases = leases(&app, &viewer, &from)?;
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
    let leases = leases(&app, &viewer, &path)?;
    app.blocking(viewer.clone(), move |view| {
        leases.make_directory(view, &viewer, &path, parents)?;
        Ok(Reply(Done {}))
    })
    .await
}
