//! How a server is reached: everything that the settings say of connections to it.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::http::Kind;
use super::proxy::Through;
use super::tls::{PemFile, Tls};
use crate::settings::{ServerEntry, Settings, file};
use crate::{Error, RemoteName};

impl Kind {
    /// How the server of `name` is reached. What the settings file says of it counts before what holds for all.
    pub(crate) fn of(name: &RemoteName, settings: &Settings) -> Result<Self, Error> {
        let entry = settings.server(name);
        let server = name.authority();
        let proxy = Through::on_the_way_to(server, settings, entry)?;
        let encrypted = server.secure || proxy.as_ref().is_some_and(Through::is_encrypted);
        if let Some(entry) = entry
            && server.secure
            && !entry.verify
        {
            warn_once(&server.to_string());
        }
        Ok(Self {
            tls: encrypted.then(|| tls(settings, entry)),
            proxy,
            connect_timeout: settings.connect_timeout,
        })
    }
}

fn tls(settings: &Settings, entry: Option<&ServerEntry>) -> Tls {
    let file = |path: &PathBuf, key: &str, entry: Option<&ServerEntry>| PemFile {
        path: path.clone(),
        setting: entry.map_or_else(
            || key.to_owned(),
            |entry| format!("{key} of the server {}", entry.base),
        ),
    };
    let own = entry.and_then(|entry| entry.ca.as_ref());
    let authorities = settings.ca.iter().map(|path| file(path, "ca", None));
    let authorities = authorities.chain(own.map(|path| file(path, "ca", entry)));
    let own = entry.filter(|entry| entry.client_certificate.is_some());
    let (certificate, key) = match own {
        Some(own) => (&own.client_certificate, &own.client_key),
        None => (&settings.client_certificate, &settings.client_key),
    };
    let identity = certificate.as_ref().map(|path| {
        let certificate = file(path, "client_certificate", own);
        let key = key.as_ref().map(|path| file(path, "client_key", own));
        (certificate.clone(), key.unwrap_or(certificate))
    });
    Tls {
        authorities: authorities.collect(),
        identity,
        verify: entry.is_none_or(|entry| entry.verify),
    }
}

/// Says on stderr, once for each server, that its certificate is not checked.
fn warn_once(server: &str) {
    // No lock: another thread might hold it while this process forks.
    static WARNED: std::sync::LazyLock<ArcSwap<Vec<String>>> = std::sync::LazyLock::new(ArcSwap::default);
    let mut first = false;
    WARNED.rcu(|warned| {
        first = !warned.iter().any(|known| known == server);
        let mut warned = Vec::clone(warned);
        if first {
            warned.push(server.to_owned());
        }
        Arc::new(warned)
    });
    if first {
        let place = file::path().unwrap_or_default();
        let _ = writeln!(
            std::io::stderr(),
            "hdfstream: the certificate of {server} is not checked (verify: false in {})",
            place.display()
        );
    }
}
