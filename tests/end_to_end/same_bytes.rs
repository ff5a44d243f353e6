//! Every file of the corpus reads the same remotely as locally, whatever reads it. Where a program fails
//! on the local file, it fails on the remote one in the same words.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::harness::comparison::{difference, seen, without_addresses};
use crate::harness::corpus::{Corpus, Entry};
use crate::harness::{Host, Outcome, Plugin, Program, Server, make_stub, python_file, tool};

/// A program that shows a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    H5dump,
    H5ls,
    /// Everything h5py can reach, random selections included.
    H5py,
    Tables,
    NetCdf4,
}

/// Files where PyTables writes past the end of its own buffers, so that it dies at random, locally too:
/// bit fields of more than a byte, which it takes for booleans, and arrays nested in compounds.
const BEYOND_PYTABLES: [&str; 2] = ["arrays.h5", "bitfields.h5"];

impl Reader {
    /// As the corpus' manifest calls it.
    fn name(self) -> &'static str {
        match self {
            Self::H5dump => "h5dump",
            Self::H5ls => "h5ls",
            Self::H5py => "h5py",
            Self::Tables => "tables",
            Self::NetCdf4 => "netCDF4",
        }
    }

    fn program(self, entry: &Entry) -> Program {
        let program = match self {
            // Of any width: where lines break depends on the length of the file's name.
            Self::H5dump if entry.large => tool("h5dump").args(["-w", "0", "-H"]),
            Self::H5dump => tool("h5dump").args(["-w", "0"]),
            Self::H5ls => tool("h5ls").arg("-rv"),
            Self::H5py => python_file("corpus/walk.py"),
            Self::Tables => Host::Tables.reader(),
            Self::NetCdf4 => Host::NetCdf4.reader(),
        };
        entry
            .env
            .iter()
            .fold(program, |program, (name, value)| program.env(name, value))
            .limit(Duration::from_secs(300))
    }

    /// Runs it on the file below `folder`, a directory or a URL.
    fn read(self, entry: &Entry, folder: &str, plugin: Plugin) -> Outcome {
        self.program(entry)
            .arg(format!("{folder}/{}", entry.file))
            .plugin(plugin)
            .run()
    }

    /// What comes before a file's path: the server's URL, or for programs that look before they open the
    /// folder of a tree of stubs.
    fn remote_folder(self, server: &Server) -> (String, Option<tempfile::TempDir>) {
        match self {
            Self::H5dump | Self::H5ls | Self::H5py => (server.base().to_owned(), None),
            Self::Tables | Self::NetCdf4 => {
                let parent = tempfile::tempdir().expect("a directory");
                let tree = parent.path().join("stubs");
                make_stub(server.base(), &tree);
                (tree.display().to_string(), Some(parent))
            }
        }
    }

    /// What a user sees of the outcome, without the file's name and what varies from run to run.
    fn seen(self, outcome: &Outcome, folder: &str) -> String {
        let text = seen(outcome, folder);
        match self {
            Self::H5dump => without_addresses(&text),
            Self::H5ls => text,
            // h5py answers "no" for everything that is no local file, before it asks HDF5.
            Self::H5py => without_lines(&text, "is_hdf5: "),
            Self::NetCdf4 => text,
            // PyTables adds where in HDF5's own sources an error passed, which includes the connector's
            // calls; the error itself is in the last lines' text.
            Self::Tables => text
                .split_inclusive('\n')
                .filter(|line| !line.starts_with("  ") || line.starts_with("    raise "))
                .collect(),
        }
    }
}

fn without_lines(text: &str, beginning: &str) -> String {
    text.split_inclusive('\n')
        .filter(|line| !line.starts_with(beginning))
        .collect()
}

/// Reads the whole corpus with one program, on two threads, and reports every file that differs.
fn same_everywhere(reader: Reader) {
    let corpus = Corpus::get();
    let server = Server::over(&corpus.directory);
    let (remote_folder, stubs) = reader.remote_folder(&server);
    let local_folder = corpus.directory.display().to_string();
    let next = AtomicUsize::new(0);
    let (compared, crashed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(entry) = corpus.entries.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let beyond = reader == Reader::Tables && BEYOND_PYTABLES.contains(&entry.file.as_str());
                    if beyond || entry.skip.iter().any(|tool| tool == reader.name()) {
                        continue;
                    }
                    // Trees of stubs leave out what does not look like HDF5, since a stub does.
                    if stubs.is_some() && !Path::new(&remote_folder).join(&entry.file).exists() {
                        continue;
                    }
                    let local = reader.read(entry, &local_folder, Plugin::Off);
                    if local.status.signal().is_some() {
                        // The host's own mistake, the same without us: there is nothing to compare with.
                        crashed.fetch_add(1, Ordering::SeqCst);
                        continue;
                    }
                    let remote = reader.read(entry, &remote_folder, Plugin::On);
                    let both = (
                        reader.seen(&local, &local_folder),
                        reader.seen(&remote, &remote_folder),
                    );
                    compared.fetch_add(1, Ordering::SeqCst);
                    if let Some(difference) = difference(&both.0, &both.1) {
                        let mut failures = failures.lock().unwrap_or_else(PoisonError::into_inner);
                        failures.push(format!("{} ({})\n{difference}", entry.file, remote.ending()));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    let (compared, crashed) = (compared.into_inner(), crashed.into_inner());
    println!(
        "{}: compared {compared}, crashes locally {crashed}",
        reader.name()
    );
    assert!(
        compared * 2 > corpus.entries.len(),
        "{} read only {compared} of {} files",
        reader.name(),
        corpus.entries.len()
    );
    assert!(
        failures.is_empty(),
        "{} shows {} of {compared} files differently:\n{}",
        reader.name(),
        failures.len(),
        failures.join("\n")
    );
}

#[test]
fn h5dump_shows_the_same() {
    same_everywhere(Reader::H5dump);
}

#[test]
fn h5ls_shows_the_same() {
    same_everywhere(Reader::H5ls);
}

#[test]
fn h5py_reads_the_same() {
    same_everywhere(Reader::H5py);
}

#[test]
fn pytables_reads_the_same_through_stubs() {
    same_everywhere(Reader::Tables);
}

#[test]
fn netcdf4_reads_the_same_through_stubs() {
    same_everywhere(Reader::NetCdf4);
}
