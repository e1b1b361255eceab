//! What survives a restart: the account's key and the certificate, in files of the data folder that their owner alone
//! reads, each replaced whole.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use serde::{Deserialize, Serialize};

use super::state::Held;
use crate::config::Acme;
use crate::tls::validity::Validity;

/// The file with the account's key.
const ACCOUNT: &str = "acme-account.pem";

/// The file with the certificate.
const CERTIFICATE: &str = "acme-certificate.json";

/// Largest file that is read, in bytes.
const MAX_SIZE: u64 = 1024 * 1024;

/// A certificate with its key, and what it was asked for.
#[derive(Clone, Deserialize, PartialEq, Eq, Serialize)]
pub(super) struct Stored {
    /// Whose it is. One of a directory for trials is of no use when the real one is asked.
    directory: String,
    domains: Vec<String>,
    /// PEM (PKCS #8).
    key: String,
    /// PEM, the relay's own certificate first.
    chain: String,
}

impl Stored {
    pub(super) fn new(acme: &Acme, key: String, chain: String) -> Self {
        let domains = acme.domains.iter().map(|domain| domain.as_str().to_owned()).collect();
        Self { directory: acme.directory.uri().to_string(), domains, key, chain }
    }

    /// Whether it is what would be asked for now.
    pub(super) fn is_for(&self, acme: &Acme) -> bool {
        let names = acme.domains.iter().map(|domain| domain.as_str());
        self.directory == acme.directory.uri().to_string()
            && names.eq(self.domains.iter().map(String::as_str))
    }

    /// The certificate as the listeners use it. It must belong to its key.
    pub(super) fn held(&self) -> Result<Held, String> {
        let chain = CertificateDer::pem_slice_iter(self.chain.as_bytes()).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|error| format!("the chain is no well-formed PEM: {error}"))?;
        let first = chain.first().ok_or("the chain has no certificate")?;
        let validity = Validity::of(first).map_err(|error| format!("the certificate is damaged: {error}"))?;
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes());
        let key = key.map_err(|error| format!("the key is no well-formed PEM: {error}"))?;
        let signer = ring::default_provider().key_provider.load_private_key(key);
        let key = CertifiedKey::new(chain, signer.map_err(|error| format!("the key is of no use: {error}"))?);
        key.keys_match().map_err(|error| format!("the certificate is of no use with its key: {error}"))?;
        Ok(Held { key: Arc::new(key), validity })
    }
}

/// The data folder's part of it.
#[derive(Clone, Debug)]
pub(super) struct Store(PathBuf);

impl Store {
    pub(super) fn new(data_dir: &Path) -> Self {
        Self(data_dir.to_owned())
    }

    /// The certificate of before, if there is one that can be used. One that can't be is told in the log, and another is
    /// got in its place.
    pub(super) fn certificate(&self) -> Option<(Stored, Held)> {
        let path = self.0.join(CERTIFICATE);
        let read = || -> Result<Option<(Stored, Held)>, String> {
            let Some(text) = read(&path).map_err(|error| error.to_string())? else { return Ok(None) };
            // The error's text would quote what may be part of the key.
            let stored: Stored =
                serde_json::from_str(&text).map_err(|error| format!("damaged at line {}", error.line()))?;
            let held = stored.held()?;
            Ok(Some((stored, held)))
        };
        read().unwrap_or_else(|why| {
            let path = path.display();
            tracing::warn!(%path, why, "the stored certificate can't be used: another is asked for");
            None
        })
    }

    pub(super) fn keep_certificate(&self, stored: &Stored) -> io::Result<()> {
        write(&self.0, CERTIFICATE, &serde_json::to_string(stored)?)
    }

    /// The account's key, made at the first time. It is on the disk before it is used, so that there is one account
    /// however often the relay is cut off while it signs up.
    pub(super) fn account_key(&self) -> io::Result<PrivatePkcs8KeyDer<'static>> {
        if let Some(text) = read(&self.0.join(ACCOUNT))? {
            return PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes()).map_err(|error| {
                let path = self.0.join(ACCOUNT);
                io::Error::other(format!(
                    "{} holds no key: delete it, and another is made ({error})",
                    path.display()
                ))
            });
        }
        let key = rcgen::KeyPair::generate().map_err(io::Error::other)?;
        write(&self.0, ACCOUNT, &key.serialize_pem())?;
        Ok(key.serialize_der().into())
    }
}

fn read(path: &Path) -> io::Result<Option<String>> {
    let file = match fs::File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut text = String::new();
    file.take(MAX_SIZE).read_to_string(&mut text)?;
    Ok(Some(text))
}

/// In one step, with mode 0600: whoever reads finds the old text or the new one.
fn write(folder: &Path, name: &str, text: &str) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(folder.join(name)).map_err(|error| error.error)?;
    Ok(())
}
