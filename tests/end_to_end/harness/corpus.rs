//! The corpus: files that use everything the format offers, made once and kept.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use serde::Deserialize;

use super::{built, host};

/// A file of the corpus, as its manifest describes it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Entry {
    /// Path below the corpus.
    pub(crate) file: String,
    /// Tools that crash on this file or never end, locally.
    #[serde(default)]
    pub(crate) skip: Vec<String>,
    /// Printing all values would take long.
    #[serde(default)]
    pub(crate) large: bool,
    /// Broken on purpose: every tool refuses it.
    #[serde(default)]
    pub(crate) broken: bool,
    /// Variables that a reader needs.
    #[serde(default)]
    pub(crate) env: BTreeMap<String, String>,
}

/// Where the corpus is, and what is in it.
#[derive(Debug)]
pub(crate) struct Corpus {
    pub(crate) directory: PathBuf,
    pub(crate) entries: Vec<Entry>,
}

impl Corpus {
    /// The corpus, generated on first use.
    pub(crate) fn get() -> &'static Self {
        static CORPUS: OnceLock<Corpus> = OnceLock::new();
        CORPUS.get_or_init(|| {
            let directory = built::scratch().join("corpus");
            host::python_file("corpus/generate.py")
                .arg(&directory)
                .env_remove("HDF5_PLUGIN_PATH")
                .limit(Duration::from_secs(900))
                .run()
                .success();
            let manifest = directory.join("manifest.json");
            let text = std::fs::read_to_string(&manifest)
                .unwrap_or_else(|error| panic!("{}: {error}", manifest.display()));
            let entries: Vec<Entry> = serde_json::from_str(&text).expect("a manifest as documented");
            assert!(
                entries.len() > 20,
                "a corpus of {} files is no corpus",
                entries.len()
            );
            Self { directory, entries }
        })
    }

    /// Local path of a file.
    pub(crate) fn path(&self, file: &str) -> PathBuf {
        let path = self.directory.join(file);
        assert!(path.exists(), "the corpus has no {file}");
        path
    }
}

/// Runs a script of `programs` that writes files into `directory`.
pub(crate) fn write_with(script: &str, directory: &Path) {
    host::python(script)
        .directory(directory)
        .limit(Duration::from_secs(300))
        .run()
        .success();
}
