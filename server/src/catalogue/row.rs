//! One line of the list: name, place, bytes, time, media type, and perhaps roles.

use std::collections::BTreeSet;

use axum::http::HeaderValue;

use crate::accounts::name;
use crate::store::path::is_below_root;

/// The media type of directories.
const DIRECTORY: &str = "directory";

/// What a line says. Spaces around fields do not count; fields cannot hold commas.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Row<'a> {
    File {
        name: &'a str,
        real: &'a str,
        size: u64,
        modified: i64,
        media_type: &'a str,
    },
    Directory {
        name: &'a str,
        /// File with what is said about it, if any.
        words: Option<&'a str>,
        roles: BTreeSet<String>,
    },
}

impl<'a> Row<'a> {
    /// Reads a line that is not blank; the error says what is wrong with it.
    pub(super) fn read(line: &'a str) -> Result<Self, String> {
        let mut fields: Vec<&str> = line.split(',').map(str::trim).collect();
        while fields.len() > 5 && fields.last() == Some(&"") {
            fields.pop();
        }
        let (name, real, size, modified, media_type, roles) = match fields[..] {
            [name, real, size, modified, media_type] => (name, real, size, modified, media_type, ""),
            [name, real, size, modified, media_type, roles] => {
                (name, real, size, modified, media_type, roles)
            }
            _ => {
                let count = fields.len();
                return Err(format!(
                    "{count} fields where 5 or 6 belong (none can hold a comma)"
                ));
            }
        };
        if !is_below_root(name) {
            return Err(format!(
                "`{name}` is no path: no slash at the ends, no component empty, `.` or `..`"
            ));
        }
        let size = size
            .parse()
            .map_err(|_| format!("`{size}` is no number of bytes"))?;
        let modified = modified
            .parse()
            .map_err(|_| format!("`{modified}` is no time in seconds since 1970"))?;
        let roles = roles
            .split(';')
            .map(str::trim)
            .filter(|role| !role.is_empty())
            .map(|role| match name::check("role", role) {
                Ok(()) => Ok(role.to_owned()),
                Err(error) => Err(error.to_string()),
            })
            .collect::<Result<BTreeSet<_>, _>>()?;
        if media_type == DIRECTORY {
            let words = Some(real).filter(|real| !real.is_empty());
            return Ok(Self::Directory { name, words, roles });
        }
        if media_type.is_empty() || HeaderValue::from_str(media_type).is_err() {
            return Err(format!("`{media_type}` is no media type"));
        }
        if !roles.is_empty() {
            return Err("roles are for directories: give them to the one that the file is in".to_owned());
        }
        Ok(Self::File {
            name,
            real,
            size,
            modified,
            media_type,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_directories_are_told_apart() {
        let file = Row::File {
            name: "EAGLE/snap 1.hdf5",
            real: "/data/snap.hdf5",
            size: 7,
            modified: -1,
            media_type: "text/plain;charset=UTF-8",
        };
        for end in ["", ",", ", ", ",,"] {
            let line = format!(" EAGLE/snap 1.hdf5, /data/snap.hdf5 ,7, -1, text/plain;charset=UTF-8{end}");
            assert_eq!(Row::read(&line).as_ref(), Ok(&file), "{line}");
        }
        assert_eq!(
            Row::read("private,words.msgpack,0,0,directory,staff; virgo"),
            Ok(Row::Directory {
                name: "private",
                words: Some("words.msgpack"),
                roles: ["staff", "virgo"].map(str::to_owned).into(),
            })
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (line, part) in [
            ("a,b,1,2", "4 fields"),
            ("a,b,1,2,t,r,x", "7 fields"),
            ("/a,b,1,2,t/t", "`/a`"),
            ("a//b,b,1,2,t/t", "`a//b`"),
            (",b,1,2,t/t", "``"),
            ("a,b,-1,2,t/t", "`-1`"),
            ("a,b,1,now,t/t", "`now`"),
            ("a,b,1,2,", "``"),
            ("a,b,1,2,t\u{1}", "media type"),
            ("a,b,1,2,t/t,staff", "roles"),
            ("a,,1,2,directory,st aff", "st aff"),
        ] {
            let error = Row::read(line).unwrap_err();
            assert!(error.contains(part), "{line}: {error}");
        }
    }
}
