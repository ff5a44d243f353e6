//! End to end: the real plugin in unmodified programs, against the real server.
//!
//! A module per topic. Everything runs as child processes with a time limit; a missing tool fails.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test reports by panicking, and so does what it is made of"
)]

mod harness;

mod accounts;
mod benches;
mod cli;
mod confinement;
mod decoding;
mod demo;
mod directories;
mod discovery;
mod disk_cache;
mod doctor;
mod errors;
mod field;
mod installation;
mod keyring;
mod local_files;
mod logins;
mod names;
mod old_programs;
mod one_process;
mod processes;
mod progress;
mod proxies;
mod readme;
mod replica;
mod request_counts;
mod roles;
mod same_bytes;
mod settings;
mod static_programs;
mod stubs;
mod suites;
mod tls;
mod tools;
mod torture;
mod v1;
mod varying;
mod writers;
mod writing;
