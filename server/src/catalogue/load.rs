//! Reads the list, line by line. One wrong line and none of it is used.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::row::Row;
use super::{Catalogue, Directory, Listed, Words};
use crate::store::path::is_below_root;

/// Longest line, so that a wrong file is not read whole.
const LONGEST_LINE: usize = 64 << 10;
/// Largest file with what is said about a directory.
const LARGEST_WORDS: u64 = 1 << 20;

/// Why a catalogue cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogueError {
    /// The file cannot be read.
    #[error("cannot read the catalogue {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A line is wrong.
    #[error("the catalogue {} is wrong in line {line}: {text}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        text: String,
    },
}

/// Reads the catalogue at `path` of files below one of `roots`, which are names of the same directory. Roles are
/// refused without `accounts`, since nobody could have them.
pub(crate) fn load(path: &Path, roots: &[PathBuf], accounts: bool) -> Result<Catalogue, CatalogueError> {
    let unreadable = |source| CatalogueError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let mut reader = BufReader::new(File::open(path).map_err(unreadable)?);
    let mut loading = Loading {
        catalogue: Catalogue::default(),
        media_types: HashMap::new(),
        roots,
        accounts,
    };
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let mut limited = reader.by_ref().take(LONGEST_LINE as u64);
        if limited.read_until(b'\n', &mut line).map_err(unreadable)? == 0 {
            break;
        }
        loading.line(&line).map_err(|text| CatalogueError::Malformed {
            path: path.to_owned(),
            line: number,
            text,
        })?;
    }
    Ok(loading.catalogue.finish())
}

struct Loading<'a> {
    catalogue: Catalogue,
    /// Few, for millions of files.
    media_types: HashMap<String, Arc<str>>,
    roots: &'a [PathBuf],
    accounts: bool,
}

impl Loading<'_> {
    fn line(&mut self, line: &[u8]) -> Result<(), String> {
        if line.len() == LONGEST_LINE {
            return Err("it is too long".to_owned());
        }
        let line = std::str::from_utf8(line).map_err(|_| "it is not UTF-8".to_owned())?;
        if line.trim().is_empty() {
            return Ok(());
        }
        match Row::read(line)? {
            Row::File {
                name,
                real,
                size,
                modified,
                media_type,
            } => {
                let listed = Listed {
                    name: name.to_owned(),
                    real: self.below_root(real)?,
                    size,
                    modified,
                    media_type: self.media_type(media_type),
                };
                self.file(listed)
            }
            Row::Directory { name, words, roles } => {
                if !self.accounts && !roles.is_empty() {
                    return Err("roles need accounts: say which file has them with --users FILE".to_owned());
                }
                let words = words.map(|file| self.words(file)).transpose()?;
                let directory = descend(&mut self.catalogue.root, name)?;
                directory.roles.extend(roles);
                if let Some(words) = words {
                    if directory.words != Words::default() {
                        return Err(format!("`{name}` has two descriptions"));
                    }
                    directory.words = words;
                }
                Ok(())
            }
        }
    }

    fn file(&mut self, listed: Listed) -> Result<(), String> {
        let (above, last) = match listed.name.rsplit_once('/') {
            Some((above, last)) => (descend(&mut self.catalogue.root, above)?, last),
            None => (&mut self.catalogue.root, listed.name.as_str()),
        };
        if above.directories.contains_key(last) {
            return Err(both(&listed.name));
        }
        let last = last.to_owned();
        match above.files.insert(last, Arc::new(listed)) {
            Some(other) => Err(format!("`{}` is there already", other.name)),
            None => Ok(()),
        }
    }

    /// The path below the root of a file that is named by a full path, or by one below the root.
    fn below_root(&self, real: &str) -> Result<String, String> {
        let below = match real.strip_prefix('/') {
            None => Some(real),
            Some(_) => self.roots.iter().find_map(|root| {
                let below = Path::new(real).strip_prefix(root).ok()?;
                below.to_str()
            }),
        };
        let outside = || {
            let root = self.roots.first().map(|root| root.display().to_string());
            format!("`{real}` is not below the root {}", root.unwrap_or_default())
        };
        below
            .filter(|below| is_below_root(below))
            .map(str::to_owned)
            .ok_or_else(outside)
    }

    fn media_type(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.media_types.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        self.media_types.insert(text.to_owned(), Arc::clone(&new));
        new
    }

    /// What is said about a directory in a file beside the data or anywhere else.
    fn words(&self, file: &str) -> Result<Words, String> {
        let path = self
            .roots
            .first()
            .map_or_else(|| file.into(), |root| root.join(file));
        let shown = path.display();
        let mut bytes = Vec::new();
        let read = File::open(&path).and_then(|file| file.take(LARGEST_WORDS + 1).read_to_end(&mut bytes));
        read.map_err(|error| format!("the description {shown} cannot be read: {error}"))?;
        if bytes.len() as u64 > LARGEST_WORDS {
            return Err(format!("the description {shown} has more than 1 MiB"));
        }
        rmp_serde::from_slice(&bytes).map_err(|error| {
            format!(
                "the description {shown} is no msgpack map with texts `description` and `labels`: {error}"
            )
        })
    }
}

/// The directory `path` below `from`, made with those on the way if it is not there.
fn descend<'a>(from: &'a mut Directory, path: &str) -> Result<&'a mut Directory, String> {
    path.split('/').try_fold(from, |directory, name| {
        if directory.files.contains_key(name) {
            return Err(both(path));
        }
        Ok(directory.directories.entry(name.to_owned()).or_default())
    })
}

fn both(name: &str) -> String {
    format!("`{name}`, or what is above it, would be a file and a directory")
}

#[cfg(test)]
mod tests {
    use super::super::Found;
    use super::*;
    use crate::access::{Rules, Viewer};

    fn loaded(text: &str, accounts: bool) -> Result<Catalogue, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("list.csv");
        std::fs::write(&path, text).unwrap();
        let words = rmp_serde::to_vec_named(&said()).unwrap();
        std::fs::write(directory.path().join("words"), words).unwrap();
        let roots = [directory.path().to_owned(), PathBuf::from("/data")];
        load(&path, &roots, accounts).map_err(|error| error.to_string())
    }

    #[derive(serde::Serialize)]
    struct Said {
        description: &'static str,
        labels: Option<()>,
    }

    fn said() -> Said {
        Said {
            description: "All runs",
            labels: None,
        }
    }

    fn viewer(roles: &[&str]) -> Viewer {
        let roles = roles.iter().map(|&role| role.to_owned()).collect();
        Viewer::user(Arc::new(Rules::default()), "ada".into(), Arc::new(roles))
    }

    const LIST: &str = "a/open.h5, /data/x/1.h5, 10, 5, application/x-hdf5\n\n\
                        a/shut/one.h5,x/2.h5,100,6,application/x-hdf5\r\n\
                        a/shut/two.h5,x/4.h5,0,6,application/x-hdf5\n\
                        b,words,0,0,directory\n\
                        a/shut, ,0,0,directory,staff\n\
                        a/shut,,0,0,directory,virgo\n\
                        again.h5,x/2.h5,1000,7,text/plain\n";

    #[test]
    fn names_are_found_by_those_who_may_see_them() {
        let catalogue = loaded(LIST, true).unwrap();
        let (all, one, none) = (viewer(&["staff", "virgo"]), viewer(&["staff"]), viewer(&[]));
        for name in ["a/shut", "a/shut/one.h5"] {
            assert!(catalogue.find(name, &all).is_some(), "{name}");
            assert!(catalogue.find(name, &one).is_none(), "{name}");
        }
        for name in ["x/1.h5", "a/open.h5/b", "c", "a/", "/a", "a//open.h5"] {
            assert!(catalogue.find(name, &all).is_none(), "{name}");
        }
        let Some(Found::File(file)) = catalogue.find("a/open.h5", &none) else {
            panic!("no file");
        };
        assert_eq!((&*file.real, file.size, file.modified), ("x/1.h5", 10, 5));
        let size = |viewer: &Viewer| catalogue.root.size(Path::new(""), viewer);
        assert_eq!((size(&all), size(&none)), (1110, 1010));
        let Some(Found::Directory(b)) = catalogue.find("b", &none) else {
            panic!("no directory");
        };
        assert_eq!(b.words.description.as_deref(), Some("All runs"));
        assert_eq!(catalogue.find_real("x/2.h5", &none).unwrap().name, "again.h5");
        assert_eq!(catalogue.find_real("x/4.h5", &all).unwrap().name, "a/shut/two.h5");
        assert!(catalogue.find_real("x/4.h5", &none).is_none());
        assert!(catalogue.find_real("x/3.h5", &all).is_none());
    }

    #[test]
    fn a_wrong_line_is_named() {
        for (text, line, part) in [
            ("a,x,1,2,t/t\nb,x\n", 2, "2 fields"),
            ("a,x,1,2,t/t\n\na,y,1,2,t/t", 3, "already"),
            ("a,x,1,2,t/t\na/b,y,1,2,t/t", 2, "a file and a directory"),
            ("a/b,x,1,2,t/t\na,y,1,2,t/t", 2, "a file and a directory"),
            ("a,/other/x,1,2,t/t", 1, "/other/x"),
            ("a,../x,1,2,t/t", 1, "../x"),
            ("a,,1,2,t/t", 1, "below the root"),
            ("a,,1,2,directory,staff", 1, "--users"),
            ("a,absent,1,2,directory", 1, "absent"),
            ("a,list.csv,1,2,directory", 1, "no msgpack"),
            (
                "a,words,1,2,directory\na,words,1,2,directory",
                2,
                "two descriptions",
            ),
        ] {
            let error = loaded(text, false).unwrap_err();
            assert!(
                error.contains(&format!("line {line}:")) && error.contains(part),
                "{text}: {error}"
            );
        }
    }
}
