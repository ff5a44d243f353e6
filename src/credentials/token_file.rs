//! The token file: what `hdfstream login` keeps, by the base URLs of servers.
//!
//! `tokens.json` beside the settings file's usual place, readable by its owner only; written by nobody but us.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::{Credentials, own_file};
use crate::settings::file;
use crate::{Error, RemoteName, Secret};

/// The login for one server, as it stands in the file.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Login {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) password: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) token: Option<String>,
    /// Seconds since 1970-01-01 UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expires: Option<i64>,
}

/// All logins, by canonical base URL.
pub(super) type Logins = BTreeMap<String, Login>;

/// What is kept for a server.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) base: RemoteName,
    pub(super) credentials: Credentials,
    pub(super) expires: Option<i64>,
}

impl Kept {
    pub(super) fn has_expired(&self) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.expires
            .is_some_and(|expires| expires <= now.as_secs() as i64)
    }
}

/// Where the file is or would be; `None` for a user without a home.
pub(super) fn path() -> Option<PathBuf> {
    Some(file::directory()?.join("tokens.json"))
}

/// What is kept for the server of `name`: the entry with the longest base URL that it lies below. With a user
/// only their login counts.
pub(super) fn find(name: &RemoteName, user: Option<&str>) -> Result<Option<Kept>, String> {
    match path() {
        Some(path) => Ok(choose(read(&path)?, name, user)),
        None => Ok(None),
    }
}

fn choose(logins: Logins, name: &RemoteName, user: Option<&str>) -> Option<Kept> {
    let here = logins.into_iter().filter_map(|(base, login)| {
        let base = RemoteName::parse(&base).ok()?;
        let theirs = user.is_none() || login.user.is_none() || login.user.as_deref() == user;
        if !name.is_below(&base) || !theirs {
            return None;
        }
        let credentials = match (login.token, login.user, login.password) {
            (Some(token), _, _) => Credentials::Bearer(Secret::new(token)),
            (None, Some(user), Some(password)) => Credentials::Basic {
                user,
                password: Secret::new(password),
            },
            _ => return None,
        };
        Some(Kept {
            base,
            credentials,
            expires: login.expires,
        })
    });
    here.max_by_key(|kept| kept.base.components().len())
}

/// All that is kept; nothing when there is no file.
pub(super) fn read(path: &Path) -> Result<Logins, String> {
    let Some(file) = own_file::read(path)? else {
        return Ok(Logins::new());
    };
    if file.open_to_others {
        return Err(format!(
            "{0} is not used, as others may be able to read it; run 'chmod 600 {0}'",
            path.display()
        ));
    }
    parse(&file.text).map_err(|place| {
        format!(
            "{}{place} is not as 'hdfstream login' writes it; remove the file and log in again",
            path.display()
        )
    })
}

/// The error is the place alone: the parser's words repeat what they do not understand, which may be a secret.
fn parse(text: &str) -> Result<Logins, String> {
    if text.trim().is_empty() {
        return Ok(Logins::new());
    }
    serde_json::from_str(text).map_err(|error| format!(", line {},", error.line()))
}

/// Reads the file, changes what it says and writes it back, if that is another. Tells the file.
pub(super) fn change<T>(edit: impl FnOnce(&mut Logins) -> T) -> Result<(PathBuf, T), Error> {
    let wrong = |place: String, reason: String| Error::LoginStore { place, reason };
    let path = path().ok_or_else(|| {
        wrong(
            "the token file".to_owned(),
            "there is no home directory to keep it in; set XDG_CONFIG_HOME".to_owned(),
        )
    })?;
    let shown = path.display().to_string();
    let before = read(&path).map_err(|reason| wrong("logins cannot be kept".to_owned(), reason))?;
    let mut logins = before.clone();
    let answer = edit(&mut logins);
    if logins != before {
        let text =
            serde_json::to_string_pretty(&logins).map_err(|error| wrong(shown.clone(), error.to_string()))?;
        own_file::write(&path, &(text + "\n"))
            .map_err(|error| wrong(shown, format!("it cannot be written: {error}")))?;
    }
    Ok((path, answer))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use proptest::prelude::*;

    use super::*;

    fn name(url: &str) -> RemoteName {
        RemoteName::parse(url).unwrap()
    }

    fn kept(text: &str, url: &str, user: Option<&str>) -> Option<Credentials> {
        Some(choose(parse(text).unwrap(), &name(url), user)?.credentials)
    }

    const FILE: &str = r#"{
        "https://h/a": {"user": "joe", "token": "one", "expires": 5},
        "https://h/a/b": {"user": "ann", "password": "two"},
        "https://h": {"token": "three"},
        "https://empty/a": {"user": "joe"},
        "nonsense": {"token": "four"}
    }"#;

    #[test]
    fn the_longest_base_counts_and_the_user() {
        let token = |text: &str| Some(Credentials::Bearer(Secret::new(text.to_owned())));
        assert_eq!(kept(FILE, "https://h/a/x.h5", None), token("one"));
        assert_eq!(kept(FILE, "https://h/ab/x.h5", None), token("three"));
        assert_eq!(kept(FILE, "https://h/a/x.h5", Some("ann")), token("three"));
        assert!(matches!(
            kept(FILE, "https://h/a/b/x.h5", Some("ann")),
            Some(Credentials::Basic { .. })
        ));
        for url in [
            "http://h/a/x.h5",
            "https://h:1/a/x.h5",
            "https://empty/a/x.h5",
            "https://other/a",
        ] {
            assert_eq!(kept(FILE, url, None), None, "{url}");
        }
        assert!(
            choose(parse(FILE).unwrap(), &name("https://h/a"), None)
                .unwrap()
                .has_expired()
        );
    }

    #[test]
    fn it_is_read_only_when_it_is_the_owners_alone_and_mistakes_show_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens.json");
        assert_eq!(read(&path).unwrap().len(), 0);
        own_file::write(&path, FILE).unwrap();
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(read(&path).unwrap().len(), 5);
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        let error = read(&path).err().unwrap();
        assert!(error.contains("chmod 600"), "{error}");
        own_file::write(&path, r#"{"https://h/a": "s3cret"}"#).unwrap();
        let error = read(&path).err().unwrap();
        assert!(error.contains("line 1") && !error.contains("s3cret"), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in ".*") {
            if let Ok(logins) = parse(&text) {
                choose(logins, &name("https://h/a"), None);
            }
        }

        #[test]
        fn what_is_written_is_read(
            user in ".{0,12}", password in ".*", base in "[a-z]{1,9}(/[a-zA-Z0-9 %._-]{1,9}){0,3}",
        ) {
            let login = Login { user: Some(user.clone()), password: Some(password.clone()), ..Login::default() };
            let base = format!("https://{}", base.replace('%', "%25"));
            prop_assume!(RemoteName::parse(&base).is_ok());
            let logins = Logins::from([(name(&base).url(), login)]);
            let text = serde_json::to_string(&logins).unwrap();
            let expected = Credentials::Basic { user, password: Secret::new(password) };
            prop_assert_eq!(kept(&text, &format!("{base}/x.h5"), None), Some(expected));
        }
    }
}
