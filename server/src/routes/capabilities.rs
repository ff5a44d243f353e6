//! `GET /v2`: what this server is and can do.

use std::time::SystemTime;

use hdfstream::protocol::{Capabilities, MAX_READ_BYTES, MAX_RUNS, VERSION};

use crate::message::Reply;

pub(crate) async fn get() -> Reply<Capabilities> {
    Reply(Capabilities {
        protocol: VERSION,
        server: concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")).to_owned(),
        writable: false,
        max_read_bytes: MAX_READ_BYTES,
        max_runs: MAX_RUNS as u64,
        user: None,
        time: now(),
    })
}

fn now() -> Option<i64> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}
