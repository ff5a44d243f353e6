//! The settings file, our variables, and proxies.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::SystemTime;

use hdfstream::credentials::stored;
use hdfstream::settings::{self, file};
use hdfstream::{Error, Settings};

use super::remedy;
use super::report::Finding;

/// The user's settings, if they can be understood, and what is to be said.
pub(super) fn check() -> (Option<Settings>, Vec<Finding>) {
    let mut findings = misspelt();
    let settings = match Settings::load(None) {
        Ok(settings) => {
            findings.extend(of_file(&settings));
            Some(settings)
        }
        Err(error) => {
            findings.push(mistake(&error));
            None
        }
    };
    findings.extend(logins());
    findings.extend(proxies());
    (settings, findings)
}

fn mistake(error: &Error) -> Finding {
    match error {
        Error::SettingsFile { path, .. } => {
            let finding = Finding::fail("settings file", error.to_string());
            match path.exists() {
                true => finding.mend(edit(path)),
                false => finding.mend("unset HDFSTREAM_CONFIG"),
            }
        }
        Error::Setting { key, .. } => {
            let finding = Finding::fail("settings", error.to_string());
            match key.starts_with("HDFSTREAM_") {
                true => finding.mend(format!("unset {key}")),
                false => finding,
            }
        }
        other => Finding::fail("settings", other.to_string()),
    }
}

fn edit(path: &Path) -> String {
    format!("${{EDITOR:-vi}} {}", remedy::word(path))
}

/// Variables that look like ours and are not.
fn misspelt() -> Vec<Finding> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let names = names.filter(|name| name.starts_with("HDFSTREAM") && name != "HDFSTREAM_PLUGIN_DIR");
    names
        .filter(|name| !settings::variables().any(|known| known == name))
        .map(|name| {
            let near = settings::variables()
                .map(|known| (strsim::damerau_levenshtein(known, &name), known))
                .min()
                .filter(|&(distance, _)| distance <= 3);
            match near {
                Some((_, known)) => {
                    Finding::warn(&name, format!("there is no such variable; {known} is meant?"))
                        .mend(format!("export {known}=\"${name}\"; unset {name}"))
                }
                None => Finding::warn(&name, "there is no such variable; it has no effect"),
            }
        })
        .collect()
}

fn of_file(settings: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Some(path) = file::path() else {
        return findings;
    };
    if !path.exists() {
        let message = format!("there is no {}, and there need not be", path.display());
        findings.push(Finding::ok("settings file", message));
        return findings;
    }
    let said = &settings.file;
    let message = format!(
        "{}, {} and {}",
        path.display(),
        counted(said.aliases().len(), "alias", "aliases"),
        counted(said.mounts().len(), "mount", "mounts"),
    );
    findings.push(Finding::ok("settings file", message));
    findings.extend(open_to_others(&path));
    let mut users: BTreeMap<String, BTreeMap<&str, &str>> = BTreeMap::new();
    for (alias, entry) in said.aliases() {
        if let Some(user) = &entry.user {
            users.entry(entry.base.url()).or_default().insert(user, alias);
        }
    }
    for (url, users) in users.into_iter().filter(|(_, users)| users.len() > 1) {
        let who: Vec<_> = users
            .iter()
            .map(|(user, alias)| format!("{alias} as {user}"))
            .collect();
        let message = format!(
            "{url} has several aliases with different users ({}), and only one can be",
            who.join(", ")
        );
        findings.push(Finding::warn("settings file", message).mend(edit(&path)));
    }
    for mount in said.mounts() {
        findings.extend(hidden_by_mount(&mount.local));
    }
    findings
}

/// What `hdfstream login` keeps, and whether it is still good.
fn logins() -> Vec<Finding> {
    let kept = match stored::list() {
        Ok(kept) => kept,
        Err(error) => return vec![Finding::fail("logins", error.to_string())],
    };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.map_or(0, |since| since.as_secs().cast_signed());
    let expired = kept
        .iter()
        .filter(|login| login.expires.is_some_and(|end| end <= now));
    expired
        .map(|login| {
            let url = login.base.url();
            let command = format!("{} login {}", remedy::tool(), remedy::word(url.as_ref()));
            Finding::warn("logins", format!("the one that is kept for {url} has expired")).mend(command)
        })
        .collect()
}

/// Who can write the settings can send the user's logins elsewhere.
fn open_to_others(path: &Path) -> Option<Finding> {
    let mode = std::fs::metadata(path).ok()?.permissions().mode();
    (mode & 0o022 != 0).then(|| {
        let message = format!("others may change {} (mode {:03o})", path.display(), mode & 0o777);
        Finding::warn("settings file", message).mend(format!("chmod go-w {}", remedy::word(path)))
    })
}

/// Local files that nobody sees any more.
fn hidden_by_mount(local: &str) -> Option<Finding> {
    let hidden = match std::fs::read_dir(local) {
        Ok(mut entries) => entries.next().is_some(),
        // No directory, but something is there.
        Err(_) => std::fs::symlink_metadata(local).is_ok_and(|it| !it.is_dir()),
    };
    hidden.then(|| {
        Finding::warn(
            format!("mount {local}"),
            "there are local files below it, which HDF5 programs cannot open while it is mounted",
        )
    })
}

/// What the usual variables say, without passwords.
fn proxies() -> Option<Finding> {
    let names = [
        "HTTPS_PROXY",
        "HTTP_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "HDFSTREAM_PROXY",
    ];
    let names = names
        .iter()
        .flat_map(|name| [(*name).to_owned(), name.to_lowercase()]);
    let set: Vec<_> = names
        .filter_map(|name| {
            let value = std::env::var(&name).ok().filter(|value| !value.is_empty())?;
            Some(format!("{name}={}", without_login(&value)))
        })
        .collect();
    (!set.is_empty()).then(|| Finding::ok("proxy", set.join(", ")))
}

fn without_login(address: &str) -> String {
    match address.rsplit_once('@') {
        None => address.to_owned(),
        Some((before, host)) => match before.split_once("://") {
            Some((scheme, _)) => format!("{scheme}://***@{host}"),
            None => format!("***@{host}"),
        },
    }
}

pub(super) fn counted(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    #[test]
    fn proxies_are_shown_without_logins() {
        for (address, shown) in [
            ("http://proxy:3128", "http://proxy:3128"),
            ("http://joe:se@cret@proxy:3128", "http://***@proxy:3128"),
            ("joe:secret@proxy:3128", "***@proxy:3128"),
            ("localhost,.example.org", "localhost,.example.org"),
        ] {
            assert_eq!(super::without_login(address), shown);
        }
    }
}
