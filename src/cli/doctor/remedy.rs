//! Commands that users can copy.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::search;
use crate::cli::environment;

/// This tool, as it can be typed here.
pub(super) fn tool() -> String {
    let Ok(running) = std::env::current_exe() else {
        return "hdfstream".to_owned();
    };
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    match search::on_path("hdfstream") {
        Some(found) if real(&found) == real(&running) => "hdfstream".to_owned(),
        _ => word(&running),
    }
}

/// Sets HDF5's variables in the shell.
pub(super) fn switch_on() -> String {
    format!("eval \"$({} env)\"", tool())
}

/// A path as one word of a shell.
pub(super) fn word(path: &Path) -> String {
    let quoted = environment::quoted(path.as_os_str().as_bytes());
    String::from_utf8_lossy(&quoted).into_owned()
}
