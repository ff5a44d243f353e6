//! Where things are kept from one program to the next.

use std::path::PathBuf;

/// A folder of ours, which may be deleted at any time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CacheDir {
    /// `hdfstream/client` in the user's cache directory: `$XDG_CACHE_HOME`, or `~/.cache`.
    Default,
    /// This folder.
    At(PathBuf),
    /// Nowhere.
    Off,
}

impl CacheDir {
    /// The folder, which need not exist yet; `None` when nothing is to be kept, or the user has no home.
    #[must_use]
    pub fn folder(&self) -> Option<PathBuf> {
        match self {
            Self::Off => None,
            Self::At(folder) => Some(folder.clone()),
            Self::Default => {
                let base = std::env::var_os("XDG_CACHE_HOME")
                    .map(PathBuf::from)
                    // The specification wants relative ones ignored.
                    .filter(|path| path.is_absolute())
                    .or_else(|| std::env::home_dir().map(|home| home.join(".cache")))?;
                Some(base.join("hdfstream/client"))
            }
        }
    }
}
