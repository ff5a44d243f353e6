//! Which HDF5 a program carries, told without running it: the libraries that the system's loader would
//! give it, and the version that every HDF5 has written in it.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use object::read::ReadCache;
use object::{Object, ObjectSymbol};

use super::{child, search};

const HDF5_MARK: &[u8] = b"HDF5 library version: ";
const PLUGIN_MARK: &[u8] = b"hdfstream plugin version: ";
/// Files of this length are searched; longer ones are no libraries.
const LONGEST: u64 = 2 << 30;
const LOADER_LIMIT: Duration = Duration::from_secs(10);

/// A version of HDF5.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) text: String,
    major: u32,
    minor: u32,
}

/// What a version of HDF5 makes of plugins of our kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Support {
    /// 1.10 and older know none.
    Ignores,
    /// 1.12 and 1.13 know others.
    CannotLoad,
    /// From 1.14 on.
    Works,
}

impl Version {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('.').map(|part| {
            part.chars()
                .take_while(char::is_ascii_digit)
                .collect::<String>()
                .parse()
                .ok()
        });
        Some(Self {
            major: numbers.next()??,
            minor: numbers.next()??,
            text: text.to_owned(),
        })
    }

    pub(super) fn support(&self) -> Support {
        match (self.major, self.minor) {
            (0, _) | (1, ..12) => Support::Ignores,
            (1, 12 | 13) => Support::CannotLoad,
            _ => Support::Works,
        }
    }
}

/// An HDF5 that a program carries.
#[derive(Debug, Clone)]
pub(super) struct Hdf5 {
    /// The shared library; the program itself when it is linked in.
    pub(super) file: PathBuf,
    pub(super) version: Version,
    /// Whether it is linked in.
    pub(super) linked_in: bool,
}

/// What the loader says of a program or library.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    /// Whether it loads anything: a static program does not, nor does what is no program.
    pub(super) dynamic: bool,
    pub(super) libraries: Vec<PathBuf>,
    /// What it cannot find, in its own words.
    pub(super) missing: Vec<String>,
}

/// Asks the system's loader what it would load for `program`.
pub(super) fn loaded(program: &Path) -> Result<Loaded, String> {
    // Programs look for libraries beside their real place, which the loader does not know from a link.
    let program = &std::fs::canonicalize(program).unwrap_or_else(|_| program.to_path_buf());
    let ldd = search::on_path("ldd").unwrap_or_else(|| "/usr/bin/ldd".into());
    let outcome = child::run(
        Command::new(ldd).arg(program).env("LC_ALL", "C"),
        Instant::now() + LOADER_LIMIT,
    )
    .map_err(|error| format!("cannot run ldd: {error}"))?;
    let Some(status) = outcome.status else {
        return Err(format!("ldd {} took too long", program.display()));
    };
    let mut loaded = Loaded {
        dynamic: status.success(),
        ..Loaded::default()
    };
    for line in outcome.stdout.lines().chain(outcome.stderr.lines()) {
        if line.contains("not found") {
            loaded.missing.push(line.trim().to_owned());
        } else if let Some((_, target)) = line.split_once(" => ")
            && let Some((path, _)) = target.rsplit_once(" (")
        {
            loaded.libraries.push(PathBuf::from(path));
        }
    }
    Ok(loaded)
}

/// The HDF5 that `program` carries, as a shared library or linked in.
pub(super) fn hdf5_of(program: &Path) -> Result<Option<Hdf5>, String> {
    let loaded = loaded(program)?;
    let libraries = loaded.libraries.into_iter().filter(|library| {
        let name = library.file_name().unwrap_or_default();
        name.to_string_lossy().starts_with("libhdf5")
    });
    for (file, linked_in) in libraries
        .map(|library| (library, false))
        .chain([(program.to_path_buf(), true)])
    {
        if let Some(version) = hdf5_version(&file) {
            return Ok(Some(Hdf5 {
                file,
                version,
                linked_in,
            }));
        }
    }
    Ok(None)
}

/// Version of the HDF5 in a library or program.
pub(super) fn hdf5_version(file: &Path) -> Option<Version> {
    Version::parse(&after_mark(file, HDF5_MARK)?)
}

/// Version of the plugin in a file.
pub(super) fn plugin_version(file: &Path) -> Option<String> {
    after_mark(file, PLUGIN_MARK)
}

/// Whether plugins can find the functions of HDF5 in a program that has it linked in.
pub(super) fn exports_hdf5(program: &Path) -> bool {
    let Ok(file) = File::open(program) else {
        return false;
    };
    let cache = ReadCache::new(file);
    let Ok(file) = object::File::parse(&cache) else {
        return false;
    };
    file.dynamic_symbols()
        .any(|symbol| symbol.is_definition() && symbol.name_bytes() == Ok(b"H5VLregister_connector"))
}

/// The version that follows the first `mark` which a digit follows.
fn after_mark(path: &Path, mark: &[u8]) -> Option<String> {
    // Opening what is no regular file may block.
    if !std::fs::metadata(path).is_ok_and(|it| it.is_file() && it.len() <= LONGEST) {
        return None;
    }
    let mut file = File::open(path).ok()?;
    let finder = memchr::memmem::Finder::new(mark);
    // A version may lie across the end of a block: the end of each is looked at again with the next.
    const BLOCK: usize = 1 << 20;
    const VERSION: usize = 32;
    let keep = mark.len() + VERSION;
    let mut window = Vec::with_capacity(BLOCK + keep);
    loop {
        let got = (&mut file).take(BLOCK as u64).read_to_end(&mut window).ok()?;
        for at in finder.find_iter(&window) {
            let rest = &window[at + mark.len()..];
            let version: String = rest
                .iter()
                .take(VERSION)
                .map(|&byte| char::from(byte))
                .take_while(|character| character.is_ascii_alphanumeric() || ".-+".contains(*character))
                .collect();
            let whole = got == 0 || rest.len() >= VERSION;
            if whole && version.starts_with(|first: char| first.is_ascii_digit()) {
                return Some(version);
            }
        }
        if got == 0 {
            return None;
        }
        window.drain(..window.len().saturating_sub(keep));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_judged() {
        for (text, support) in [
            ("1.8.23", Support::Ignores),
            ("1.10.8", Support::Ignores),
            ("1.12.2", Support::CannotLoad),
            ("1.13.0", Support::CannotLoad),
            ("1.14.0", Support::Works),
            ("1.14.4-3", Support::Works),
            ("2.0.0", Support::Works),
            ("3.1", Support::Works),
        ] {
            assert_eq!(Version::parse(text).unwrap().support(), support, "{text}");
        }
        for text in ["", "1", "x.y", "1."] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_version_is_found_wherever_it_lies() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("library");
        for at in (0..64).chain((1 << 20) - 64..(1 << 20) + 8) {
            let mut bytes = vec![b'x'; at];
            bytes.extend_from_slice(b"HDF5 library version: %d HDF5 library version: 1.14.6\0more");
            std::fs::write(&path, &bytes).unwrap();
            assert_eq!(hdf5_version(&path).unwrap().text, "1.14.6", "{at}");
        }
        std::fs::write(&path, b"HDF5 library version: 2.0.0").unwrap();
        assert_eq!(hdf5_version(&path).unwrap().text, "2.0.0");
        std::fs::write(&path, b"nothing").unwrap();
        assert_eq!(hdf5_version(&path), None);
    }
}
