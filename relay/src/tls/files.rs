//! A certificate and its key, out of their files.

use std::io;
use std::path::{Path, PathBuf};

use rustls::crypto::ring;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::validity::Validity;
use crate::config::TlsFiles;

/// Why the files can't be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file can't be read.
    #[error("{} can't be read: {cause}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// A file is damaged PEM (RFC 7468).
    #[error("{} is no well-formed PEM: {cause}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        cause: String,
    },
    /// The certificate's file holds none.
    #[error("{} holds no certificate: it needs a -----BEGIN CERTIFICATE----- section, the server's first", .0.display())]
    NoCertificate(PathBuf),
    /// The key's file holds none.
    #[error("{} holds no private key: it needs a -----BEGIN PRIVATE KEY----- section that is not encrypted", .0.display())]
    NoKey(PathBuf),
    /// The key is of a kind that can't be used, or damaged.
    #[error("the private key in {} can't be used: {cause}", path.display())]
    Key {
        /// The key's file.
        path: PathBuf,
        /// What is wrong.
        cause: String,
    },
    /// The server's certificate is damaged.
    #[error("the first certificate in {} can't be used: {cause}", path.display())]
    Certificate {
        /// The certificate's file.
        path: PathBuf,
        /// What is wrong.
        cause: rustls::Error,
    },
    /// The key is another certificate's.
    #[error(
        "the private key in {} is not that of the first certificate in {}: give the key that the certificate was \
         made for, and in the certificate's file the server's own first", key.display(), cert.display()
    )]
    Mismatch {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// The certificate that came is of no use any more, and the one in use is.
    #[error("the first certificate in {} has expired", .0.display())]
    Expired(PathBuf),
    /// The TLS library can't be set up at all.
    #[error("TLS can't be set up: {0}")]
    Provider(rustls::Error),
}

/// What the files hold.
pub(super) struct Read {
    pub(super) key: CertifiedKey,
    /// When the server's certificate expires, in seconds since the Unix epoch; `None`: it does not say so well.
    pub(super) expires: Option<i64>,
}

/// Reads both files, and makes sure that they belong together.
pub(super) fn read(files: &TlsFiles) -> Result<Read, TlsError> {
    let TlsFiles { cert, key } = files;
    let pem = bytes(cert)?;
    let chain = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| malformed(cert, &error))?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate(cert.clone()));
    }
    let private = PrivateKeyDer::from_pem_slice(&bytes(key)?).map_err(|error| match error {
        pem::Error::NoItemsFound => TlsError::NoKey(key.clone()),
        error => malformed(key, &error),
    })?;
    let signer = ring::default_provider().key_provider.load_private_key(private).map_err(|error| {
        let cause = match error {
            rustls::Error::General(cause) => cause,
            error => error.to_string(),
        };
        TlsError::Key { path: key.clone(), cause }
    })?;
    let expires = chain.first().and_then(|first| Validity::of(first).ok()).map(|validity| validity.until);
    let key = CertifiedKey::new(chain, signer);
    match key.keys_match() {
        Ok(()) => Ok(Read { key, expires }),
        Err(rustls::Error::InconsistentKeys(_)) => {
            Err(TlsError::Mismatch { cert: cert.clone(), key: files.key.clone() })
        }
        Err(cause) => Err(TlsError::Certificate { path: cert.clone(), cause }),
    }
}

/// The library shows a missing end as the bytes of its name.
fn malformed(path: &Path, error: &pem::Error) -> TlsError {
    let cause = match error {
        pem::Error::MissingSectionEnd { .. } => "a section has no -----END line".to_owned(),
        error => error.to_string(),
    };
    TlsError::Pem { path: path.to_owned(), cause }
}

fn bytes(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|cause| TlsError::Unreadable { path: path.to_owned(), cause })
}
