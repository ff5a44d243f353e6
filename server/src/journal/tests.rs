//! Commits under all that can happen to them.

mod crashes;
mod faults;
mod files;
mod reader;
