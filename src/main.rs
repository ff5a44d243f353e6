//! The command-line tool `hdfstream`.
#![forbid(unsafe_code)]

fn main() {}
