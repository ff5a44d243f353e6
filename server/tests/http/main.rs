//! The server as its clients see it: every endpoint through the router, and the program as a process.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod accounts;
mod confinement;
mod documented;
mod download;
mod files;
mod garbage;
mod harness;
mod limits;
mod opening;
mod process;
mod reading;
mod roles;
mod shares;
mod v1;
mod versions;
mod writer;
mod writing;
