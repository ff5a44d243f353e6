//! The client's own tests, live against our server, and every exchange that they recorded with another one.

use std::time::Duration;

use super::{client, script, settings, tree};
use crate::harness::{Program, Server, host};

#[test]
fn the_clients_own_tests_pass() {
    let server = Server::over(tree());
    let tests = Program::new(host::interpreter())
        .args(["-m", "pytest", "-q", "-p", "no:cacheprovider"])
        .args(["--disable-recording", "--server", server.base()])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("XDG_CONFIG_HOME", settings())
        .env("HDF5_PLUGIN_PATH", "")
        .directory(client())
        .limit(Duration::from_secs(900));
    let output = tests.output();
    let last = output.lines().last().unwrap_or_default();
    assert!(last.starts_with("14687 passed"), "{output}");
}

#[test]
fn every_recorded_exchange_is_reproduced() {
    let server = Server::over(tree());
    let output = script("v1_recorded.py").arg(client()).arg(server.base()).output();
    let different: Vec<&str> = output
        .lines()
        .filter(|line| line.starts_with("DIFFERENT"))
        .collect();
    assert!(different.is_empty(), "{}", different.join("\n"));
    let same = output.lines().filter(|line| line.starts_with("same ")).count();
    assert!(same >= 46 && output.lines().count() == 54, "{output}");
}
