//! The servers of the settings and of the names given: whether they answer, how fast, to whom, and by what
//! clock.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant, SystemTime};

use hdfstream::credentials::{self, Source};
use hdfstream::protocol::{Capabilities, VERSION};
use hdfstream::{Error, RemoteName, Settings};

use super::report::{Finding, Level};
use super::{names, remedy};
use crate::cli::environment::CONNECTOR;

/// Longest wait for a connection, and for an answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Requests of which the middle one tells how fast a server is.
const REQUESTS: usize = 3;
/// Clocks that differ by more are worth a word, seconds.
const SKEW: i64 = 60;
/// Most servers that are asked.
const MOST: usize = 50;

/// The same settings with less patience.
pub(super) fn hasty(settings: &Settings) -> Settings {
    Settings {
        connect_timeout: settings.connect_timeout.min(PATIENCE),
        read_timeout: settings.read_timeout.min(PATIENCE),
        retries: 0,
        ..settings.clone()
    }
}

/// Asks all servers at the same time. The second set has those that do not answer, by scheme and authority.
pub(super) fn check(settings: Option<&Settings>, given: &[String]) -> (Vec<Finding>, BTreeSet<String>) {
    let Some(settings) = settings else {
        return (Vec::new(), BTreeSet::new());
    };
    let settings = &hasty(settings);
    let servers = servers(settings, given);
    let servers: Vec<_> = servers.iter().take(MOST).collect();
    let lost = |_| {
        vec![Finding::fail(
            "servers",
            "the check itself failed; please report this",
        )]
    };
    let findings: Vec<Vec<Finding>> = std::thread::scope(|scope| {
        let threads: Vec<_> = servers
            .iter()
            .map(|&(name, known)| scope.spawn(move || server(name, known, settings)))
            .collect();
        let joined = threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(lost));
        joined.collect()
    });
    let fails = |findings: &Vec<Finding>| findings.iter().any(|it| it.level() == Level::Fail);
    let silent = servers
        .iter()
        .zip(&findings)
        .filter(|(_, findings)| fails(findings));
    let silent = silent.map(|((name, _), _)| name.server()).collect();
    (findings.into_iter().flatten().collect(), silent)
}

/// What is to be asked, with the name that the user knows it by.
fn servers(settings: &Settings, given: &[String]) -> BTreeMap<RemoteName, String> {
    let file = &settings.file;
    let mut servers: BTreeMap<_, _> = file
        .servers()
        .iter()
        .map(|entry| (entry.base.clone(), entry.base.url()))
        .collect();
    for (alias, entry) in file.aliases() {
        servers.insert(entry.base.clone(), alias.clone());
    }
    let named = given.iter().filter_map(|name| names::remote(settings, name));
    for name in file
        .mounts()
        .iter()
        .map(|mount| mount.remote.clone())
        .chain(named)
    {
        let known = |base: &RemoteName| base.server() == name.server();
        if settings.server(&name).is_none() && !servers.keys().any(known) {
            servers.insert(name.clone(), name.url());
        }
    }
    servers
}

fn server(name: &RemoteName, known: &str, settings: &Settings) -> Vec<Finding> {
    let subject = |base: &RemoteName| match known == name.url() {
        true => format!("server {base}"),
        false => format!("server {known} ({base})"),
    };
    let fails = |error, login| {
        vec![refused(
            failure(&subject(name), name, known, &error),
            &error,
            login,
        )]
    };
    let login = match credentials::find(name, settings) {
        Ok(login) => login.map(|found| found.source),
        Err(error) => return fails(error, None),
    };
    let mut times = Vec::new();
    let mut answer = None;
    for _ in 0..REQUESTS {
        let begun = Instant::now();
        match hdfstream::capabilities(name, settings) {
            Ok((base, capabilities)) => answer = Some((base, capabilities, now())),
            Err(Error::OlderProtocol { .. }) => {
                let message = "answers, in the older protocol of the Python client, without bytes of files";
                return vec![Finding::ok(subject(name), message.to_owned())];
            }
            Err(error) => return fails(error, login),
        }
        times.push(begun.elapsed());
    }
    times.sort();
    let Some((base, capabilities, now)) = answer else {
        return Vec::new();
    };
    let subject = subject(&base);
    let mut findings = vec![Finding::ok(
        &subject,
        format!(
            "answers in {} ms, {}, {}",
            times[times.len() / 2].as_millis().max(1),
            capabilities.server,
            identity(&capabilities, login)
        ),
    )];
    if capabilities.protocol != VERSION {
        let message = format!(
            "speaks protocol {}, this version {VERSION}",
            capabilities.protocol
        );
        findings.push(Finding::warn(&subject, message));
    }
    if login.is_some() && capabilities.user.is_none() && name.server().starts_with("http://") {
        let message = "a login is there for it, but is not sent over http, where anybody could read it";
        findings.push(Finding::warn(&subject, message));
    }
    findings.extend(capabilities.time.and_then(|time| skew(&subject, time - now)));
    findings
}

/// Who the server takes the user for, and why.
fn identity(capabilities: &Capabilities, login: Option<Source>) -> String {
    match (&capabilities.user, login) {
        (Some(user), Some(source)) => format!("as {user}, by {source}"),
        (Some(user), None) => format!("as {user}"),
        (None, _) => "without a login".to_owned(),
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs().cast_signed())
}

/// A word about clocks that differ; `ahead` seconds are those of the server.
fn skew(subject: &str, ahead: i64) -> Option<Finding> {
    (ahead.abs() > SKEW).then(|| {
        let (seconds, direction) = (ahead.unsigned_abs(), if ahead > 0 { "ahead of" } else { "behind" });
        let message = format!(
            "its clock is {seconds} s {direction} this machine's: logins and certificates may seem expired or not \
             yet valid; set the one that is wrong"
        );
        Finding::warn(subject, message).mend("timedatectl set-ntp true")
    })
}

/// A login that is not good must be taken away where it stands: a better one from elsewhere would not be looked for.
fn refused(finding: Finding, error: &Error, login: Option<Source>) -> Finding {
    match (error, login) {
        (Error::Unauthorized { .. }, Some(Source::Given)) => {
            let variables = ["HDFSTREAM_TOKEN", "HDFSTREAM_USER", "HDFSTREAM_PASSWORD"];
            let set: Vec<_> = variables
                .into_iter()
                .filter(|name| std::env::var_os(name).is_some())
                .collect();
            finding.mend_first(match set.is_empty() {
                true => format!("export {CONNECTOR}=hdfstream"),
                false => format!("unset {}", set.join(" ")),
            })
        }
        (Error::Unauthorized { .. }, Some(Source::Netrc)) => {
            finding.mend_first("${EDITOR:-vi} \"${NETRC:-$HOME/.netrc}\"")
        }
        _ => finding,
    }
}

/// What keeps a server, or a file on it, from being reached.
pub(super) fn failure(subject: &str, name: &RemoteName, known: &str, error: &Error) -> Finding {
    let text = error.to_string();
    let text = text.strip_prefix(&format!("{name}: ")).unwrap_or(&text);
    let finding = Finding::fail(subject, text);
    let tool = remedy::tool();
    match error {
        Error::Unauthorized { .. } => finding.mend(format!("{tool} login {}", remedy::word(known.as_ref()))),
        Error::NotFound { .. } => {
            let parent = name.parent().url();
            finding.mend(format!("{tool} ls {}", remedy::word(parent.as_ref())))
        }
        _ => finding,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_may_differ_a_little() {
        for (ahead, word) in [
            (0, None),
            (60, None),
            (-60, None),
            (61, Some("ahead of")),
            (-100, Some("behind")),
        ] {
            let finding = skew("s", ahead).map(|finding| format!("{finding:?}"));
            assert_eq!(finding.is_some(), word.is_some(), "{ahead}");
            assert!(
                finding.is_none_or(|it| it.contains(word.unwrap_or_default())),
                "{ahead}"
            );
        }
    }
}
