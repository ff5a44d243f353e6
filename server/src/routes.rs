//! One module an endpoint: extract, call, encode.

pub(crate) mod capabilities;
pub(crate) mod change;
pub(crate) mod commit;
pub(crate) mod digest;
pub(crate) mod download;
pub(crate) mod external;
pub(crate) mod health;
pub(crate) mod lease;
pub(crate) mod list;
pub(crate) mod open;
pub(crate) mod read;
pub(crate) mod renew;
pub(crate) mod stage;
pub(crate) mod stat;
pub(crate) mod token;
pub(crate) mod trace;
pub(crate) mod unknown;
