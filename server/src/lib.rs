//! The hdfstream server: ordinary HDF5 files, served in place.
//!
//! [`app`] makes the whole service from a [`Config`]; [`serve::run`] puts it on a socket. This process
//! reads files as bytes and never parses HDF5.

pub mod access;
pub mod accounts;
pub mod catalogue;
pub mod cli;
pub mod client;
pub mod config;
pub mod error;
pub mod packs;
pub mod serve;
pub mod state;
pub mod store;
pub mod telemetry;
pub mod tls;
pub mod worker;

mod admission;
mod history;
mod journal;
mod leases;
mod limits;
mod message;
mod observed;
mod reload;
mod router;
mod routes;
mod transfer;
mod v1;
mod whole;

pub use config::Config;
pub use limits::Share;
pub use router::BASE;

use axum::Router;

/// The service that `config` describes, ready to answer requests.
///
/// To be called on a tokio runtime.
///
/// # Errors
/// When the root cannot be opened, or the worker processes cannot be looked after.
pub fn app(config: &Config) -> Result<Router, state::StartError> {
    Ok(router::router(state::App::start(config)?, config.protocol))
}
