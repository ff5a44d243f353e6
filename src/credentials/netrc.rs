//! Logins by host name in the user's netrc file, which curl, requests and others read too.

use super::{Credentials, own_file};
use crate::settings::usual;
use crate::{RemoteName, Secret};

/// What a netrc file says of one host, or of all others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Entry {
    /// `None` for `default`.
    machine: Option<String>,
    login: Option<String>,
    password: Option<Secret>,
}

/// The login for the host of `name`. With a user only their line counts; the line for all other hosts counts for
/// servers that the user `trusts`.
pub(super) fn find(
    name: &RemoteName,
    user: Option<&str>,
    trusts: bool,
) -> Result<Option<Credentials>, String> {
    let Some((path, named)) = usual::netrc() else {
        return Ok(None);
    };
    let Some(file) = own_file::read(&path)? else {
        return match named {
            true => Err(format!(
                "NETRC names {}, but there is no such file",
                path.display()
            )),
            false => Ok(None),
        };
    };
    if file.open_to_others {
        log::warn!(
            "{0}: others may be able to read it; run 'chmod 600 {0}'",
            path.display()
        );
    }
    Ok(choose(&parse(&file.text), name.authority().host(), user, trusts))
}

/// The first entry that fits. One for the host counts before `default`, wherever that stands.
fn choose(entries: &[Entry], host: &str, user: Option<&str>, trusts: bool) -> Option<Credentials> {
    let here = |entry: &&Entry| {
        let machine = entry.machine.as_deref();
        machine.is_some_and(|machine| machine.eq_ignore_ascii_case(host))
    };
    let rest = |entry: &&Entry| entry.machine.is_none() && trusts;
    let complete = |entry: &Entry| {
        let login = entry.login.as_deref().or(user)?;
        if user.is_some_and(|user| user != login) {
            return None;
        }
        Some(Credentials::Basic {
            user: login.to_owned(),
            password: entry.password.clone()?,
        })
    };
    let mut fitting = entries.iter().filter(here).chain(entries.iter().filter(rest));
    fitting.find_map(complete)
}

/// Reads a netrc file. What cannot be understood is passed over, as other programs do.
fn parse(text: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut words = Words { rest: text };
    while let Some(word) = words.next() {
        match word.as_str() {
            "machine" => {
                let machine = words.next();
                entries.extend(machine.map(|machine| Entry {
                    machine: Some(machine),
                    ..Entry::default()
                }));
            }
            "default" => entries.push(Entry::default()),
            "login" | "user" => {
                let login = words.next();
                if let Some(entry) = entries.last_mut() {
                    entry.login = login;
                }
            }
            "password" => {
                let password = words.next().map(Secret::new);
                if let Some(entry) = entries.last_mut() {
                    entry.password = password;
                }
            }
            "account" => {
                words.next();
            }
            "macdef" => words.skip_macro(),
            comment if comment.starts_with('#') => words.skip_line(),
            _ => {}
        }
    }
    entries
}

/// The words of a netrc file: apart by white space, or in double quotes with backslashes.
struct Words<'t> {
    rest: &'t str,
}

impl Words<'_> {
    fn next(&mut self) -> Option<String> {
        self.rest = self.rest.trim_start();
        if self.rest.is_empty() {
            return None;
        }
        let quoted = self.rest.strip_prefix('"');
        let mut word = String::new();
        let mut characters = quoted.unwrap_or(self.rest).chars();
        loop {
            let before = characters.as_str();
            match characters.next() {
                None => break,
                Some('"') if quoted.is_some() => break,
                // The white space stays: a comment ends with its line.
                Some(space) if quoted.is_none() && space.is_whitespace() => {
                    self.rest = before;
                    return Some(word);
                }
                Some('\\') => match characters.next() {
                    Some('n') if quoted.is_some() => word.push('\n'),
                    Some('r') if quoted.is_some() => word.push('\r'),
                    Some('t') if quoted.is_some() => word.push('\t'),
                    other => word.extend(other),
                },
                Some(other) => word.push(other),
            }
        }
        self.rest = characters.as_str();
        Some(word)
    }

    fn skip_line(&mut self) {
        self.rest = self.rest.split_once('\n').map_or("", |(_, rest)| rest);
    }

    /// A macro ends with an empty line.
    fn skip_macro(&mut self) {
        self.skip_line();
        while !self.rest.is_empty() && !self.rest.starts_with('\n') && !self.rest.starts_with("\r\n") {
            self.skip_line();
        }
    }
}

#[cfg(test)]
mod tests;
