//! `hdfstream ls`.

use clap::Args;
use hdfstream::RemoteName;
use hdfstream::protocol::{Entry, EntryKind};

use super::{Failure, output, remote};

/// List a remote directory, or show a remote file.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Sizes and times of modification as well.
    #[arg(short, long)]
    long: bool,
    /// Directory or file.
    name: String,
}

/// Prints the entries of a directory, or one line about a file.
pub(crate) fn print(arguments: &Arguments) -> Result<(), Failure> {
    let long = arguments.long;
    let (name, settings) = remote(&arguments.name)?;
    let found = hdfstream::stat(&name, &settings)?.entry;
    let entries = if found.kind == EntryKind::Directory {
        hdfstream::list(&name, &settings)?
    } else {
        vec![Entry {
            name: shown(&name),
            ..found
        }]
    };
    let width = entries
        .iter()
        .map(|entry| entry.size)
        .max()
        .unwrap_or(0)
        .to_string()
        .len();
    let text: String = entries.iter().map(|entry| line(entry, long, width)).collect();
    output::write(text.as_bytes())
}

/// A file asked for by name is shown by that name, as `ls` does.
fn shown(name: &RemoteName) -> String {
    name.file_name().unwrap_or_default().to_owned()
}

/// Directories end with a slash, so that they can be told apart without `-l`.
fn line(entry: &Entry, long: bool, width: usize) -> String {
    let name = output::printable(&entry.name);
    let mark = if entry.kind == EntryKind::Directory {
        "/"
    } else {
        ""
    };
    if long {
        let kind = match entry.kind {
            EntryKind::Directory => "directory",
            EntryKind::Hdf5 => "hdf5     ",
            EntryKind::File => "file     ",
        };
        format!(
            "{kind}  {:>width$}  {}  {name}{mark}\n",
            entry.size,
            time(entry.modified)
        )
    } else {
        format!("{name}{mark}\n")
    }
}

/// Nanoseconds since 1970 as `2001-02-03 04:05:06`, UTC.
fn time(nanoseconds: i64) -> String {
    let seconds = nanoseconds.div_euclid(1_000_000_000);
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = date(days);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// Date of a day, counted from 1970-01-01. In years that begin in March, the leap day comes last, and
/// months have lengths in a pattern of five: 153 days.
fn date(days: i64) -> (i64, i64, i64) {
    let since = days + 719_468; // from 0000-03-01
    let (era, day) = (since.div_euclid(146_097), since.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    (era * 400 + year + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_calendar_times() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00"),
            (-1, "1969-12-31 23:59:59"),
            (951_782_399, "2000-02-28 23:59:59"),
            (951_868_799, "2000-02-29 23:59:59"),
            (951_868_800, "2000-03-01 00:00:00"),
            (1_704_067_199, "2023-12-31 23:59:59"),
            (4_107_542_400, "2100-03-01 00:00:00"),
        ] {
            assert_eq!(time(seconds * 1_000_000_000), text);
        }
    }

    #[test]
    fn lines_align() {
        let entry = |name: &str, kind, size| Entry {
            name: name.to_owned(),
            kind,
            size,
            modified: 0,
        };
        let directory = entry("run\u{7}", EntryKind::Directory, 0);
        assert_eq!(line(&directory, false, 4), "run\\u{7}/\n");
        assert_eq!(
            line(&directory, true, 4),
            "directory     0  1970-01-01 00:00:00  run\\u{7}/\n"
        );
        assert_eq!(
            line(&entry("a.h5", EntryKind::Hdf5, 1234), true, 4),
            "hdf5       1234  1970-01-01 00:00:00  a.h5\n"
        );
    }
}
