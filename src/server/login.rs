//! What proves to one server who the user is, and what to tell when that was not enough.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use ring::digest::{SHA256, digest};

use crate::credentials::{self, Credentials, Naming, Source};
use crate::settings::{Secret, Settings};
use crate::transport::http::Kind;
use crate::{Error, RemoteName};

/// The login for one server.
#[derive(Debug, Clone, Default)]
pub(super) struct Login {
    header: Option<Secret>,
    source: Option<Source>,
    /// What was passed over, and why.
    passed_over: Vec<String>,
    identity: String,
    /// What to write after `hdfstream login`; empty when only the answer tells.
    short: Option<String>,
}

impl Login {
    /// Looks for the login for the server of `name`, which is reached by `way`.
    pub(super) fn find(
        name: &RemoteName,
        naming: Naming,
        way: &Kind,
        settings: &Settings,
    ) -> Result<Self, Error> {
        let search = credentials::search(name, naming, settings)?;
        let mut login = Self {
            passed_over: search.passed_over,
            short: credentials::short_name(name, settings),
            // Some servers know their users by certificates.
            identity: match way.tls.as_ref().and_then(|tls| tls.identity.as_ref()) {
                Some((certificate, _)) => format!("certificate {} ", certificate.path.display()),
                None => String::new(),
            },
            ..Self::default()
        };
        let Some(found) = search.found else {
            return Ok(login);
        };
        if is_open(name, way) {
            log::warn!(
                "{} is not encrypted: the login is not sent there; use https",
                name.server()
            );
            login.passed_over.push(format!(
                "{} was not sent, as this connection is not encrypted; use https",
                found.source
            ));
        } else {
            log::debug!("{}: sending {}", name.server(), found.source);
            login.header = Some(header(&found.credentials));
            login.identity.push_str(&identity(&found.credentials));
            login.source = Some(found.source);
        }
        Ok(login)
    }

    /// Just these credentials.
    pub(super) fn given(name: &RemoteName, way: &Kind, credentials: &Credentials) -> Result<Self, Error> {
        if is_open(name, way) {
            return Err(Error::Unauthorized {
                url: name.url(),
                server: name.server(),
                reason: "nothing was sent, as this connection is not encrypted; use https".to_owned(),
            });
        }
        Ok(Self {
            header: Some(header(credentials)),
            identity: identity(credentials),
            ..Self::default()
        })
    }

    /// Who the server takes the user for, as far as this can be told here: what tells logins apart, and proves nothing.
    pub(super) fn identity(&self) -> &str {
        &self.identity
    }

    pub(super) fn header(&self) -> Option<&Secret> {
        self.header.as_ref()
    }

    /// Why the server at `base` may have said that it does not know the user, and what to do.
    pub(super) fn advice(&self, base: &str) -> String {
        let name = self.short.as_deref().unwrap_or(base);
        let again = format!("run 'hdfstream login {name}'");
        let mut reason = match (&self.header, &self.source) {
            (None, _) if self.passed_over.is_empty() => {
                format!(
                    "none was sent; {again}, or set HDFSTREAM_TOKEN, or HDFSTREAM_USER and HDFSTREAM_PASSWORD"
                )
            }
            (None, _) => format!("none was sent; {again}"),
            (Some(_), None) => "user name, password or token is wrong".to_owned(),
            (Some(_), Some(source)) => {
                let cure = match source {
                    Source::Given => "correct it or leave it out".to_owned(),
                    Source::Netrc => "correct it there".to_owned(),
                    Source::Keyring | Source::TokenFile => again,
                };
                format!("{source} is not accepted; {cure}")
            }
        };
        for note in &self.passed_over {
            reason.push_str("; ");
            reason.push_str(note);
        }
        reason
    }

    /// For an answer that may have another reason: what was passed over.
    pub(super) fn doubt(&self, base: &str) -> Option<String> {
        let name = self.short.as_deref().unwrap_or(base);
        (self.header.is_none() && !self.passed_over.is_empty()).then(|| {
            let notes = self.passed_over.join("; ");
            format!("asked without a login: {notes}; perhaps run 'hdfstream login {name}'")
        })
    }

    /// The server refused it.
    pub(super) fn refused(&self) {
        if self.source == Some(Source::Keyring) {
            credentials::forget_keyring();
        }
    }
}

/// Whether somebody on the way could read along.
fn is_open(name: &RemoteName, way: &Kind) -> bool {
    let server = name.authority();
    let stays_here = server.is_loopback() && way.proxy.as_ref().is_none_or(|proxy| proxy.is_loopback());
    !server.secure && !stays_here
}

fn header(credentials: &Credentials) -> Secret {
    match credentials {
        Credentials::Bearer(token) => Secret::new(format!("Bearer {}", token.reveal())),
        Credentials::Basic { user, password } => {
            let pair = BASE64_STANDARD.encode(format!("{user}:{}", password.reveal()));
            Secret::new(format!("Basic {pair}"))
        }
    }
}

/// The name of a user; of a token, which has none that could be read, a part of its digest.
fn identity(credentials: &Credentials) -> String {
    match credentials {
        Credentials::Basic { user, .. } => format!("user {user}"),
        Credentials::Bearer(token) => {
            let digest = digest(&SHA256, token.reveal().as_bytes());
            let hex = digest.as_ref()[..12].iter().map(|byte| format!("{byte:02x}"));
            format!("token {}", hex.collect::<String>())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_encoded_as_http_wants_them() {
        let basic = Credentials::Basic {
            user: "Aladdin".to_owned(),
            password: Secret::new("open sesame".to_owned()),
        };
        assert_eq!(header(&basic).reveal(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    }

    #[test]
    fn logins_are_not_sent_in_the_open() {
        let mut settings = Settings::default();
        settings.login.token = Some(Secret::new("t".to_owned()));
        for (url, sent) in [
            ("https://h/x", true),
            ("http://h/x", false),
            ("http://localhost:1/x", true),
            ("http://127.0.0.9/x", true),
            ("http://[::1]/x", true),
            ("http://127.0.0.1.example.org/x", false),
        ] {
            let name = RemoteName::parse(url).unwrap();
            let way = Kind::of(&name, &settings).unwrap();
            let login = Login::find(&name, Naming::User, &way, &settings).unwrap();
            assert_eq!(login.header.is_some(), sent, "{url}");
            assert_eq!(login.advice(url).contains("use https"), !sent, "{url}");
        }
    }

    #[test]
    fn a_proxy_elsewhere_does_not_see_the_login_for_a_server_of_this_machine() {
        let text = "servers:\n  http://localhost:1/x: {proxy: 'http://far:1'}\n  \
                    http://localhost:2/x: {proxy: 'http://localhost:3'}\n";
        let file = crate::settings::file::SettingsFile::parse(text, "config.yml".as_ref()).unwrap();
        let mut settings = Settings {
            file: std::sync::Arc::new(file),
            ..Settings::default()
        };
        settings.login.token = Some(Secret::new("t".to_owned()));
        for (url, sent) in [("http://localhost:1/x", false), ("http://localhost:2/x", true)] {
            let name = RemoteName::parse(url).unwrap();
            let way = Kind::of(&name, &settings).unwrap();
            let login = Login::find(&name, Naming::User, &way, &settings).unwrap();
            assert_eq!(login.header.is_some(), sent, "{url}");
        }
    }
}
