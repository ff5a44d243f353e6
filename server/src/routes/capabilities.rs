//! `GET /v2`: what this server is and can do, and who the request's login is.

use hdfstream::protocol::{Capabilities, MAX_READ_BYTES, MAX_RUNS, VERSION};

use crate::accounts;
use crate::admission::Admitted;
use crate::message::Reply;

pub(crate) async fn get(admitted: Admitted) -> Reply<Capabilities> {
    Reply(Capabilities {
        protocol: VERSION,
        server: concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")).to_owned(),
        writable: false,
        max_read_bytes: MAX_READ_BYTES,
        max_runs: MAX_RUNS as u64,
        user: admitted.viewer.name().map(str::to_owned),
        time: Some(accounts::now()),
    })
}
