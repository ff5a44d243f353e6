//! The way out to the network: directly, or through a proxy.

use std::fmt;

use hyper_util::client::proxy::matcher::Matcher;

use super::Failure;
use crate::name::Authority;
use crate::settings::{Proxy, ServerEntry, Settings, usual};
use crate::{Error, Secret};

/// A proxy. `Display` and `Debug` show its address without the password that may stand in it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Through {
    address: Secret,
    shown: String,
    /// Host name or number, as it is resolved.
    host: String,
    /// What names it: a key or a variable.
    setting: String,
}

impl Through {
    /// The proxy on the way to `server`, if any. What is said of this server alone counts first, then the
    /// setting, then what the usual variables say. Only the first concerns servers on this machine.
    pub(crate) fn on_the_way_to(
        server: &Authority,
        settings: &Settings,
        entry: Option<&ServerEntry>,
    ) -> Result<Option<Self>, Error> {
        if let Some(entry) = entry
            && let Some(proxy) = &entry.proxy
        {
            let setting = format!("proxy of the server {}", entry.base);
            return Self::said(proxy, &setting);
        }
        if server.is_loopback() {
            return Ok(None);
        }
        if let Some(proxy) = &settings.proxy {
            return Self::said(proxy, "proxy");
        }
        let Some((variable, address)) = usual::proxy(server.secure) else {
            return Ok(None);
        };
        let proxy = Self::at(Secret::new(address), variable)?;
        let except = Matcher::builder()
            .all("http://proxy")
            .no(usual::no_proxy())
            .build();
        let through = match server.to_string().parse() {
            Ok(target) => except.intercept(&target).is_some(),
            Err(_) => true,
        };
        Ok(through.then_some(proxy))
    }

    fn said(proxy: &Proxy, setting: &str) -> Result<Option<Self>, Error> {
        match proxy {
            Proxy::Off => Ok(None),
            Proxy::At(address) => Self::at(address.clone(), setting).map(Some),
        }
    }

    fn at(address: Secret, setting: &str) -> Result<Self, Error> {
        let matcher = Matcher::builder().all(address.reveal().to_owned()).build();
        // Only read back: whatever the target, this matcher answers with its one proxy.
        let read = "http://any".parse().ok().and_then(|any| matcher.intercept(&any));
        let uri = read.as_ref().map(|read| read.uri());
        let uri = uri.filter(|uri| is_plain(address.reveal()) && has_plain_port(uri.authority()));
        let Some((uri, host)) = uri.and_then(|uri| Some((uri, uri.host()?))) else {
            return Err(Error::Setting {
                key: setting.to_owned(),
                reason: "it is not the address of a proxy, such as http://proxy.example.org:3128; special \
                         characters of a password are written as %40"
                    .to_owned(),
            });
        };
        Ok(Self {
            shown: uri.to_string().trim_end_matches('/').to_owned(),
            host: host.trim_matches(['[', ']']).to_owned(),
            address,
            setting: setting.to_owned(),
        })
    }

    /// Whether the proxy runs on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        self.host == "localhost"
            || self
                .host
                .parse()
                .is_ok_and(|address: std::net::IpAddr| address.is_loopback())
    }

    /// Whether the connection to the proxy itself is encrypted.
    pub(super) fn is_encrypted(&self) -> bool {
        self.shown.starts_with("https:")
    }

    /// Whether this is the name that was looked up.
    pub(super) fn is_at(&self, host: &str) -> bool {
        self.host.eq_ignore_ascii_case(host)
    }

    pub(super) fn for_client(&self) -> Result<reqwest::Proxy, Failure> {
        reqwest::Proxy::all(self.address.reveal()).map_err(|_| self.failure("its address cannot be used"))
    }

    /// What is told when the proxy is to blame.
    pub(crate) fn failure(&self, reason: &str) -> Failure {
        Failure::Proxy {
            proxy: format!("{} (setting {})", self.shown, self.setting),
            reason: reason.to_owned(),
        }
    }
}

/// Whether nothing follows the authority: it would be the rest of a password with a slash in it.
fn is_plain(address: &str) -> bool {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    !rest.trim_end_matches('/').contains(['/', '?', '#'])
}

/// Whether what stands behind the host is a port.
fn has_plain_port<A: AsRef<str>>(authority: Option<A>) -> bool {
    let port = authority.and_then(|text| {
        let after = text
            .as_ref()
            .rsplit_once(']')
            .map_or(text.as_ref(), |(_, after)| after);
        Some(after.rsplit_once(':')?.1.to_owned())
    });
    port.is_none_or(|port| port.parse::<u16>().is_ok())
}

impl fmt::Debug for Through {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RemoteName;
    use crate::settings::file::SettingsFile;

    fn way(url: &str, settings: &Settings) -> Option<String> {
        let name = RemoteName::parse(url).unwrap();
        Through::on_the_way_to(name.authority(), settings, settings.server(&name))
            .unwrap()
            .map(|proxy| proxy.shown)
    }

    fn at(address: &str) -> Option<Proxy> {
        Some(Proxy::At(Secret::new(address.to_owned())))
    }

    #[test]
    fn a_server_s_own_proxy_counts_first_and_alone_for_loopback() {
        let text =
            "servers:\n  http://127.0.0.1:1/x: {proxy: 'http://own:1'}\n  https://direct/x: {proxy: off}\n";
        let settings = Settings {
            proxy: at("http://all:3128"),
            file: std::sync::Arc::new(SettingsFile::parse(text, "config.yml".as_ref()).unwrap()),
            ..Settings::default()
        };
        for (url, expected) in [
            ("http://127.0.0.1:1/x/y", Some("http://own:1")),
            ("http://127.0.0.1:2/x/y", None),
            ("http://localhost/x", None),
            ("https://[::1]/x", None),
            ("https://direct/x/y", None),
            ("https://other/x/y", Some("http://all:3128")),
            ("http://other/x/y", Some("http://all:3128")),
        ] {
            assert_eq!(way(url, &settings).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn passwords_are_not_shown() {
        for address in [
            "http://joe:s3cret@proxy:3128",
            "https://joe:s3%2Fcret@proxy",
            "socks5h://joe:s3cret@proxy:1080",
            "joe:s3cret@proxy:3128",
        ] {
            let proxy = Through::at(Secret::new(address.to_owned()), "HTTPS_PROXY").unwrap();
            let shown = format!("{proxy:?} {:?}", proxy.failure("it is gone"));
            assert!(!shown.contains("cret") && !shown.contains("joe"), "{shown}");
            assert!(shown.contains("//proxy"), "{shown}");
        }
        for address in [
            "http://joe:s3/cret@proxy:3128",
            "://",
            "ftp://proxy",
            "proxy:port",
        ] {
            let error = Through::at(Secret::new(address.to_owned()), "HTTPS_PROXY").unwrap_err();
            assert!(!error.to_string().contains("cret"), "{error}");
        }
    }
}
