//! Certificate and key of the SMTP listener. They are read again when the files change, so that a renewed certificate needs no
//! restart; what cannot be read leaves the old one in use.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// Why certificate and key can't be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// One of the files.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: rustls::pki_types::pem::Error,
    },
    /// No certificate in it.
    #[error("{0}: holds no certificate")]
    Empty(PathBuf),
    /// They don't go together, or are of a kind that is not supported.
    #[error("{path}: {source}")]
    Pair {
        /// The certificate.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
}

/// The two files and what was made of them.
pub struct TlsFiles {
    certificate: PathBuf,
    key: PathBuf,
    made: Mutex<Made>,
}

struct Made {
    config: Arc<ServerConfig>,
    of: [Option<SystemTime>; 2],
}

impl TlsFiles {
    /// Reads both.
    pub fn open(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let made = Made { of: changed(certificate, key), config: Arc::new(read(certificate, key)?) };
        Ok(Self { certificate: certificate.to_owned(), key: key.to_owned(), made: Mutex::new(made) })
    }

    /// For one handshake. `None` is never told so far: what was good once stays.
    pub(super) fn acceptor(&self) -> Option<TlsAcceptor> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let now = changed(&self.certificate, &self.key);
        if now != made.of {
            match read(&self.certificate, &self.key) {
                Ok(config) => made.config = Arc::new(config),
                Err(error) => tracing::warn!(event = "smtp.certificate_not_read", %error),
            }
            made.of = now;
        }
        Some(TlsAcceptor::from(Arc::clone(&made.config)))
    }
}

/// When the two changed last.
fn changed(certificate: &Path, key: &Path) -> [Option<SystemTime>; 2] {
    [certificate, key].map(|path| std::fs::metadata(path).and_then(|about| about.modified()).ok())
}

fn read(certificate: &Path, key: &Path) -> Result<ServerConfig, TlsError> {
    let file = |path: &Path| {
        let path = path.to_owned();
        move |source| TlsError::File { path, source }
    };
    let chain: Vec<_> = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect).map_err(file(certificate))?;
    if chain.is_empty() {
        return Err(TlsError::Empty(certificate.to_owned()));
    }
    let key = PrivateKeyDer::from_pem_file(key).map_err(file(key))?;
    let pair = |source| TlsError::Pair { path: certificate.to_owned(), source };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(pair)?;
    config.with_no_client_auth().with_single_cert(chain, key).map_err(pair)
}
