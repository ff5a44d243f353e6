//! What every end-to-end test stands on: the programs just built, a server, a proxy that misbehaves,
//! and unmodified HDF5 programs as child processes.
//!
//! The bench shares these modules, and each of the two uses a part.
#![allow(dead_code, unused_imports, reason = "tests and benches each use a part")]

pub(crate) mod accounts;
pub(crate) mod built;
pub(crate) mod certificates;
pub(crate) mod clock;
pub(crate) mod comparison;
pub(crate) mod corpus;
pub(crate) mod host;
pub(crate) mod mounted;
pub(crate) mod program;
pub(crate) mod proxy;
pub(crate) mod server;
pub(crate) mod service;
pub(crate) mod stats;
pub(crate) mod talk;

pub(crate) use accounts::Accounts;
pub(crate) use clock::Clock;
pub(crate) use comparison::assert_same;
pub(crate) use host::{Host, Language, compile, hdfstream, make_stub, python, python_file, tool};
pub(crate) use program::{Outcome, Plugin, Program, Running};
pub(crate) use proxy::{Fault, Proxy};
pub(crate) use server::{Server, served_names};
pub(crate) use service::Service;
pub(crate) use stats::Stats;
pub(crate) use talk::Talk;
