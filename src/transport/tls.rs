//! Encryption: which authorities are trusted, and what to tell when it fails.

use std::sync::Arc;

use rustls::pki_types::{CertificateDer, pem::PemObject};
use rustls::{ClientConfig, RootCertStore};

use super::Failure;
use super::http::Kind;

/// The configuration of a client. The provider is named here: none is installed for the whole process,
/// which belongs to the host program.
pub(super) fn config(kind: &Kind) -> Result<ClientConfig, Failure> {
    let mut roots = RootCertStore::empty();
    if kind.secure {
        let native = rustls_native_certs::load_native_certs();
        for error in &native.errors {
            log::debug!("a certificate authority of the system cannot be read: {error}");
        }
        roots.add_parsable_certificates(native.certs);
        if let Some(path) = &kind.ca {
            let bad = |reason: String| Failure::Tls(format!("HDFSTREAM_CA, {}: {reason}", path.display()));
            let certificates = CertificateDer::pem_file_iter(path).map_err(|error| bad(error.to_string()))?;
            let before = roots.len();
            for certificate in certificates {
                let certificate = certificate.map_err(|error| bad(error.to_string()))?;
                roots.add(certificate).map_err(|error| bad(error.to_string()))?;
            }
            if roots.len() == before {
                return Err(bad("it holds no certificate in PEM format".to_owned()));
            }
        }
        if roots.is_empty() {
            return Err(Failure::Tls(
                "this system has no certificate authorities; install them or set HDFSTREAM_CA to a PEM file"
                    .to_owned(),
            ));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Failure::Tls(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// What a failed handshake means.
pub(super) fn failure(error: &rustls::Error) -> Failure {
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
        rustls::Error::InvalidMessage(_) => "; does the server speak plain http there?",
        _ => "",
    };
    Failure::Tls(format!("{error}{advice}"))
}
