//! The served tree: ordinary files, read in place and never outside the root.

mod served_file;
mod version;

pub use served_file::ServedFile;
