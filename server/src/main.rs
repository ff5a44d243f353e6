//! Command line of the server.

fn main() {}
