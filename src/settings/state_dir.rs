//! Where things are kept that must not be lost.

use std::path::PathBuf;

/// `hdfstream` in the user's state directory: `$XDG_STATE_HOME`, or `~/.local/state`. `None` for a user without a home.
pub(crate) fn state_folder() -> Option<PathBuf> {
    let base = std::env::var_os("XDG_STATE_HOME")
        .map(PathBuf::from)
        // The specification wants relative ones ignored.
        .filter(|path| path.is_absolute())
        .or_else(|| std::env::home_dir().map(|home| home.join(".local/state")))?;
    Some(base.join("hdfstream"))
}
