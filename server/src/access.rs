//! Who may see what: the roles that directories ask for, and those that a request's user has.
//!
//! Pure decisions about names; the store asks them before it touches the disk.

mod rules;
mod viewer;

pub use rules::{Directory, RuleError, Rules};
pub use viewer::Viewer;
