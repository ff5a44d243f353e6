//! Encryption: which authorities are trusted, who the client is, and what to tell when it fails.

mod unchecked;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use rustls::{ClientConfig, RootCertStore};

use super::Failure;
use crate::settings::usual;

/// A file in PEM format, and the setting that names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PemFile {
    pub(crate) path: PathBuf,
    pub(crate) setting: String,
}

/// How connections are encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tls {
    /// Further certificate authorities.
    pub(crate) authorities: Vec<PemFile>,
    /// The client's own certificate and its key.
    pub(crate) identity: Option<(PemFile, PemFile)>,
    /// Whether the server's certificate is checked.
    pub(crate) verify: bool,
}

impl PemFile {
    fn bad(&self, reason: impl std::fmt::Display) -> Failure {
        Failure::Tls(format!(
            "{}: {reason} (setting {})",
            self.path.display(),
            self.setting
        ))
    }

    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, Failure> {
        let found = CertificateDer::pem_file_iter(&self.path)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| self.bad(error))?;
        if found.is_empty() {
            return Err(self.bad("it holds no certificate in PEM format"));
        }
        Ok(found)
    }

    fn key(&self) -> Result<PrivateKeyDer<'static>, Failure> {
        PrivateKeyDer::from_pem_file(&self.path).map_err(|error| match error {
            rustls::pki_types::pem::Error::NoItemsFound => {
                self.bad("it holds no private key in PEM format without a password")
            }
            error => self.bad(error),
        })
    }
}

/// The configuration of a client. The provider is named here: none is installed for the whole process,
/// which belongs to the host program.
pub(super) fn config(tls: Option<&Tls>) -> Result<ClientConfig, Failure> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| Failure::Tls(error.to_string()))?;
    let builder = match tls {
        Some(tls) if !tls.verify => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(unchecked::Unchecked(provider))),
        Some(tls) => builder.with_root_certificates(roots(tls)?),
        None => builder.with_root_certificates(RootCertStore::empty()),
    };
    let mut config = match tls.and_then(|tls| tls.identity.as_ref()) {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => builder
            .with_client_auth_cert(certificate.certificates()?, key.key()?)
            .map_err(|error| match error {
                rustls::Error::InconsistentKeys(_) => key.bad("the key is not that of the certificate"),
                error => certificate.bad(error),
            })?,
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// The system's authorities (or those of `SSL_CERT_FILE` and `SSL_CERT_DIR`), and what was added to them.
fn roots(tls: &Tls) -> Result<RootCertStore, Failure> {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    for error in &native.errors {
        log::debug!("a certificate authority of the system cannot be read: {error}");
    }
    roots.add_parsable_certificates(native.certs);
    if let Some(path) = usual::authorities() {
        roots.add_parsable_certificates(others(&path));
    }
    for file in &tls.authorities {
        for certificate in file.certificates()? {
            roots.add(certificate).map_err(|error| file.bad(error))?;
        }
    }
    if roots.is_empty() {
        return Err(Failure::Tls(
            "this system has no certificate authorities; install them or set HDFSTREAM_CA to a PEM file"
                .to_owned(),
        ));
    }
    Ok(roots)
}

/// Authorities that another program is told of; a mistake there is not ours to refuse.
fn others(path: &Path) -> Vec<CertificateDer<'static>> {
    let file = PemFile {
        path: path.to_owned(),
        setting: "REQUESTS_CA_BUNDLE".to_owned(),
    };
    file.certificates().unwrap_or_else(|_| {
        log::warn!(
            "REQUESTS_CA_BUNDLE, {}: there are no certificates",
            path.display()
        );
        Vec::new()
    })
}

/// What a failed handshake means.
pub(super) fn failure(error: &rustls::Error) -> Failure {
    use rustls::AlertDescription::{
        AccessDenied, BadCertificate, CertificateExpired, CertificateRequired, CertificateRevoked,
        CertificateUnknown, UnknownCA,
    };
    use rustls::CertificateError::{
        Expired, ExpiredContext, NotValidForName, NotValidForNameContext, UnknownIssuer,
    };
    let advice = match error {
        rustls::Error::InvalidCertificate(UnknownIssuer) => {
            "; if you trust it, set HDFSTREAM_CA to a PEM file with its authority"
        }
        rustls::Error::InvalidCertificate(Expired | ExpiredContext { .. }) => {
            "; the server needs a new certificate, or this clock is wrong"
        }
        rustls::Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. }) => {
            "; check the host name"
        }
        rustls::Error::InvalidCertificate(other) if format!("{other:?}").contains("CaUsedAsEndEntity") => {
            "; a server cannot use the certificate of an authority itself: make it with \
             basicConstraints=CA:FALSE"
        }
        rustls::Error::AlertReceived(CertificateRequired) => {
            "; it wants to see a certificate of yours: set client_certificate"
        }
        rustls::Error::AlertReceived(
            AccessDenied | BadCertificate | CertificateExpired | CertificateRevoked | CertificateUnknown
            | UnknownCA,
        ) => "; it does not accept your certificate: check client_certificate",
        rustls::Error::InvalidMessage(_) => "; does the server speak plain http there?",
        _ => "",
    };
    Failure::Tls(format!("{error}{advice}"))
}
