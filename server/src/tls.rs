//! TLS: certificate and key from PEM files, read again when they change.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;

use crate::reload::Reloaded;

/// Longest time for a handshake.
const HANDSHAKE: std::time::Duration = std::time::Duration::from_secs(10);

/// Where certificate and key are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate and those that lead from it to a known authority, PEM.
    pub cert: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
}

/// Why a certificate and key cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read, or is not PEM.
    #[error("the {what} {} cannot be read: {text}", path.display())]
    File {
        /// Certificate or key.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        text: String,
    },
    /// They are read, but no server can be made of them.
    #[error("the certificate {} and the key {} cannot be used together: {source}", files.cert.display(), files.key.display())]
    Pair {
        /// Both files.
        files: TlsFiles,
        /// The cause.
        source: tokio_rustls::rustls::Error,
    },
}

/// Speaks TLS on accepted connections.
#[derive(Debug, Clone)]
pub struct Tls(Arc<Reloaded<ServerConfig>>);

impl Tls {
    /// Reads certificate and key.
    ///
    /// # Errors
    /// See [`TlsError`].
    pub fn open(files: TlsFiles) -> Result<Self, TlsError> {
        let paths = vec![files.cert.clone(), files.key.clone()];
        Reloaded::new(paths, move || load(&files)).map(|config| Self(Arc::new(config)))
    }

    /// Shakes hands, within a limit of time.
    pub(crate) async fn accept<S>(&self, stream: S) -> io::Result<TlsStream<S>>
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    {
        let shake = async {
            let config = self.0.fresh().await;
            TlsAcceptor::from(config).accept(stream).await
        };
        timeout(HANDSHAKE, shake)
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }
}

fn load(files: &TlsFiles) -> Result<ServerConfig, TlsError> {
    let unreadable = |what: &'static str, path: &PathBuf| {
        let path = path.clone();
        move |error: pem::Error| TlsError::File {
            what,
            path,
            text: match error {
                pem::Error::Io(error) => error.to_string(),
                pem::Error::NoItemsFound => format!("it holds no {what} in PEM form"),
                error => error.to_string(),
            },
        }
    };
    let chain = CertificateDer::pem_file_iter(&files.cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .and_then(|chain| {
            if chain.is_empty() {
                Err(pem::Error::NoItemsFound)
            } else {
                Ok(chain)
            }
        })
        .map_err(unreadable("certificate", &files.cert))?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(unreadable("key", &files.key))?;
    let pair = |source| TlsError::Pair {
        files: files.clone(),
        source,
    };
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(pair)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(pair)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
