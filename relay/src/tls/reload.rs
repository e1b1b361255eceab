//! The certificate that new connections get.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::files::Read;

/// One certificate for every name, replaceable while the listener runs.
#[derive(Debug)]
pub(super) struct Current(RwLock<(Arc<CertifiedKey>, Option<i64>)>);

impl Current {
    pub(super) fn new(read: Read) -> Self {
        Self(RwLock::new((Arc::new(read.key), read.expires)))
    }

    pub(super) fn replace(&self, read: Read) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = (Arc::new(read.key), read.expires);
    }

    /// When it expires, in seconds since the Unix epoch, if it says so well.
    pub(super) fn expires(&self) -> Option<i64> {
        self.read().1
    }

    fn read(&self) -> RwLockReadGuard<'_, (Arc<CertifiedKey>, Option<i64>)> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.read().0))
    }
}
