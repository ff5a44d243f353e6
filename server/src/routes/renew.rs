//! `POST /v2/renew` and `POST /v2/release`: a lease is kept alive, or ended.

use axum::extract::State;
use hdfstream::protocol::{LeaseName, LeaseState};

use crate::admission::Admitted;
use crate::error::Error;
use crate::message::{Message, Reply};
use crate::state::App;

pub(crate) async fn renew(
    State(app): State<App>,
    Admitted { viewer, .. }: Admitted,
    Message(LeaseName { path, lease }): Message<LeaseName>,
) -> Result<Reply<LeaseState>, Error> {
    let leases = app.leases().ok_or_else(|| Error::ReadOnly(path.clone()))?;
    leases.renew(&app, viewer, &path, &lease).await.map(Reply)
}

pub(crate) async fn release(
    State(app): State<App>,
    Admitted { viewer, .. }: Admitted,
    Message(LeaseName { path, lease }): Message<LeaseName>,
) -> Result<Reply<LeaseState>, Error> {
    let leases = app.leases().ok_or_else(|| Error::ReadOnly(path.clone()))?;
    leases.release(&app, viewer, &path, &lease).await.map(Reply)
}
