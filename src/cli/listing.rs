//! `hdfstream ls`.

use clap::Args;
use hdfstream::protocol::{Entry, EntryKind};
use hdfstream::{RemoteName, Settings};
use indicatif::HumanBytes;
use jiff::Timestamp;
use serde::Serialize;

use super::tree::{self, Found};
use super::{Failure, names, output};

/// List a remote directory, or show a remote file.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Sizes and times of modification (UTC) as well.
    #[arg(short, long)]
    long: bool,
    /// Everything below the directory.
    #[arg(short = 'R', long)]
    recursive: bool,
    /// Sizes in KiB, MiB and so on.
    #[arg(long)]
    human: bool,
    /// Print one JSON array.
    #[arg(long)]
    json: bool,
    /// Directory or file: a URL, an alias with or without a path, a path below a mount, or a stub.
    name: String,
}

/// An entry as JSON has it.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    name: &'a str,
    /// From the directory that was listed.
    path: &'a str,
    url: String,
    kind: EntryKind,
    size: u64,
    modified: Option<String>,
}

/// Prints the entries of a directory, or one line about a file.
pub(crate) fn print(arguments: &Arguments) -> Result<(), Failure> {
    let (name, settings) = names::remote_for(&arguments.name, arguments.json)?;
    let found = find(&name, &settings, arguments.recursive)?;
    if arguments.json {
        let shown: Vec<_> = found.iter().map(shown).collect();
        return output::json(&shown);
    }
    let size = |entry: &Entry| match arguments.human {
        true => HumanBytes(entry.size).to_string(),
        false => entry.size.to_string(),
    };
    let width = found
        .iter()
        .map(|found| size(&found.entry).len())
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    for found in &found {
        if arguments.long {
            text += &details(&found.entry, &size(&found.entry), width);
        }
        text += &line(found);
    }
    output::write(text.as_bytes())
}

fn find(name: &RemoteName, settings: &Settings, recursive: bool) -> Result<Vec<Found>, Failure> {
    let entry = hdfstream::stat(name, settings)?.entry;
    let mut found = Vec::new();
    if entry.kind != EntryKind::Directory {
        // A file asked for by name is shown by that name, as `ls` does.
        let own = name.file_name().unwrap_or_default().to_owned();
        found.push(Found {
            remote: name.clone(),
            path: own.clone(),
            entry: Entry { name: own, ..entry },
        });
    } else if recursive {
        tree::walk(name, settings, &mut |one| {
            found.push(one);
            Ok(())
        })?;
    } else {
        for entry in hdfstream::list(name, settings)? {
            found.push(Found {
                // Only shown: what cannot be a name gives the directory itself.
                remote: name
                    .join(&format!("./{}", entry.name))
                    .unwrap_or_else(|_| name.clone()),
                path: entry.name.clone(),
                entry,
            });
        }
    }
    Ok(found)
}

fn shown(found: &Found) -> Shown<'_> {
    Shown {
        name: &found.entry.name,
        path: &found.path,
        url: found.remote.url(),
        kind: found.entry.kind,
        size: found.entry.size,
        modified: timestamp(found.entry.modified).map(|time| time.to_string()),
    }
}

/// Directories end with a slash, so that they can be told apart without `-l`.
fn line(found: &Found) -> String {
    let mark = if found.entry.kind == EntryKind::Directory {
        "/"
    } else {
        ""
    };
    format!("{}{mark}\n", output::printable(&found.path))
}

fn details(entry: &Entry, size: &str, width: usize) -> String {
    let kind = match entry.kind {
        EntryKind::Directory => "directory",
        EntryKind::Hdf5 => "hdf5     ",
        EntryKind::File => "file     ",
    };
    let time = timestamp(entry.modified).map_or_else(
        || "?".to_owned(),
        |time| time.strftime("%Y-%m-%d %H:%M:%S").to_string(),
    );
    format!("{kind}  {size:>width$}  {time}  ")
}

/// Nanoseconds since 1970 as a time.
fn timestamp(nanoseconds: i64) -> Option<Timestamp> {
    Timestamp::from_nanosecond(nanoseconds.into()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_align() {
        let found = |name: &str, kind, size| Found {
            remote: RemoteName::parse("https://h/x").unwrap(),
            path: format!("in/{name}"),
            entry: Entry {
                name: name.to_owned(),
                kind,
                size,
                modified: -1,
            },
        };
        let directory = found("run\u{7}", EntryKind::Directory, 0);
        assert_eq!(line(&directory), "in/run\\u{7}/\n");
        assert_eq!(
            details(&directory.entry, "0", 4),
            "directory     0  1969-12-31 23:59:59  "
        );
        let file = found("a.h5", EntryKind::Hdf5, 1234);
        assert_eq!(
            details(&file.entry, "1234", 4),
            "hdf5       1234  1969-12-31 23:59:59  "
        );
        assert_eq!(
            serde_json::to_string(&shown(&file)).unwrap(),
            r#"{"name":"a.h5","path":"in/a.h5","url":"https://h/x","kind":"hdf5","size":1234,"modified":"1969-12-31T23:59:59.999999999Z"}"#
        );
    }
}
