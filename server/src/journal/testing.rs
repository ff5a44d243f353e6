//! A disk for tests that can be stopped after any operation, forget what was not synced, and fail.

mod scenario;
mod simulated;

pub(super) use scenario::{Acknowledged, Scenario, cases, scenarios};
pub(super) use simulated::{Crash, Fault, Random, SimulatedDisk};
