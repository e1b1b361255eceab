//! What the listeners go by: the certificate, and the answers to challenges while there are any.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use muxhook_link::Now;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::tls::validity::Validity;

/// The protocol of TLS-ALPN-01 (RFC 8737 §4).
pub(crate) const ALPN: &[u8] = b"acme-tls/1";

/// The certificate that is held, and what is proven just now.
#[derive(Debug)]
pub struct State {
    now: Now,
    current: RwLock<Option<Held>>,
    /// One for each domain of the order under way at most.
    proofs: RwLock<Proofs>,
}

#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) key: Arc<CertifiedKey>,
    pub(super) validity: Validity,
}

#[derive(Debug, Default)]
struct Proofs {
    /// By the name that is asked for (SNI).
    tls: HashMap<String, Arc<CertifiedKey>>,
    /// By token.
    http: HashMap<String, String>,
}

/// What is wrong with the certificate, for the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// There is none yet.
    None,
    /// Little is left of its life, or nothing.
    Expires,
}

/// A proof that is published; taken back when this is dropped, however the order ended.
#[must_use]
pub(super) struct Published<'s>(&'s State);

impl Drop for Published<'_> {
    fn drop(&mut self) {
        *self.0.proofs.write().unwrap_or_else(PoisonError::into_inner) = Proofs::default();
    }
}

impl State {
    pub(super) fn new(now: Now, current: Option<Held>) -> Self {
        Self { now, current: RwLock::new(current), proofs: RwLock::default() }
    }

    /// What somebody should look at.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        match self.validity() {
            None => Some(Fault::None),
            Some(validity) => validity.is_short(self.now.unix_seconds()).then_some(Fault::Expires),
        }
    }

    pub(super) fn validity(&self) -> Option<Validity> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(|held| held.validity)
    }

    pub(super) fn replace(&self, held: Held) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(held);
    }

    /// For all proofs of one order.
    pub(super) fn publishing(&self) -> Published<'_> {
        Published(self)
    }

    /// The answer to HTTP-01 for a token.
    pub(super) fn http_proof(&self, token: &str) -> Option<String> {
        self.proofs.read().unwrap_or_else(PoisonError::into_inner).http.get(token).cloned()
    }
}

impl Published<'_> {
    pub(super) fn tls(&self, domain: &str, certificate: CertifiedKey) {
        let mut proofs = self.0.proofs.write().unwrap_or_else(PoisonError::into_inner);
        proofs.tls.insert(domain.to_owned(), Arc::new(certificate));
    }

    pub(super) fn http(&self, token: &str, answer: &str) {
        let mut proofs = self.0.proofs.write().unwrap_or_else(PoisonError::into_inner);
        proofs.http.insert(token.to_owned(), answer.to_owned());
    }
}

impl ResolvesServerCert for State {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // A directory offers this protocol alone (RFC 8737 §3); who offers another as well is no directory.
        let is_challenge = hello.alpn().is_some_and(|offers| offers.eq([ALPN]));
        if is_challenge {
            let proofs = self.proofs.read().unwrap_or_else(PoisonError::into_inner);
            return proofs.tls.get(hello.server_name()?).cloned();
        }
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.as_ref().map(|held| Arc::clone(&held.key))
    }
}
