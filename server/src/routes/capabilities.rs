//! `GET /v2`: what this server is and can do, and who the request's login is.

use axum::extract::State;
use hdfstream::protocol::{Capabilities, MAX_READ_BYTES, MAX_RUNS, VERSION};

use crate::accounts;
use crate::admission::Admitted;
use crate::message::Reply;
use crate::state::App;

pub(crate) async fn get(State(app): State<App>, admitted: Admitted) -> Reply<Capabilities> {
    Reply(Capabilities {
        protocol: VERSION,
        server: concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")).to_owned(),
        writable: app.leases().is_some(),
        max_read_bytes: MAX_READ_BYTES,
        max_runs: MAX_RUNS as u64,
        user: admitted.viewer.name().map(str::to_owned),
        time: Some(accounts::now()),
    })
}
