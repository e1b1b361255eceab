//! TLS towards a relay or a proxy: whom this machine trusts, and what a refused certificate means.

use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::{CertificateError, ClientConfig, InvalidMessage, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use rustls_platform_verifier::Verifier;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::error::{DialError, Peer, in_words};

/// The root certificates that are believed.
#[derive(Debug)]
pub(super) struct Trust {
    further: Vec<CertificateDer<'static>>,
    /// Made when first asked for: to read the platform's roots takes milliseconds that plain HTTP need not pay.
    config: OnceLock<Arc<ClientConfig>>,
}

impl Trust {
    /// Trusts the platform's roots, and those in the PEM file `further`.
    pub(super) fn with_roots_of(further: Option<&Path>) -> Result<Self, DialError> {
        let further = further.map(roots).transpose()?.unwrap_or_default();
        Ok(Self { further, config: OnceLock::new() })
    }

    pub(super) fn config(&self) -> Result<Arc<ClientConfig>, DialError> {
        if let Some(config) = self.config.get() {
            return Ok(config.clone());
        }
        let config = Arc::new(self.make_config().map_err(|error| {
            DialError::lasting(format!(
                "this machine has no usable root certificates ({error}): \
                 install its ca-certificates package, or give the relay's root with --relay-ca FILE"
            ))
        })?);
        Ok(self.config.get_or_init(|| config).clone())
    }

    fn make_config(&self) -> Result<ClientConfig, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = Verifier::new_with_extra_roots(self.further.iter().cloned(), provider.clone())?;
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

fn roots(file: &Path) -> Result<Vec<CertificateDer<'static>>, DialError> {
    let failed =
        |why: String| DialError::lasting(format!("the relay's root certificate {}: {why}", file.display()));
    let pem = std::fs::read(file).map_err(|error| failed(error.to_string()))?;
    let roots: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|error| failed(format!("it is no PEM file ({error})")))?;
    if roots.is_empty() {
        return Err(failed("no `-----BEGIN CERTIFICATE-----` stands in it".into()));
    }
    let mut store = RootCertStore::empty();
    for root in &roots {
        store.add(root.clone()).map_err(|error| failed(error.to_string()))?;
    }
    Ok(roots)
}

/// Speaks TLS over `stream`, and makes sure that it is `peer` who answers.
pub(super) async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
    config: Arc<ClientConfig>,
    stream: S,
    peer: &Peer,
) -> Result<TlsStream<S>, DialError> {
    let name = ServerName::try_from(peer.host.clone())
        .map_err(|_| DialError::lasting(format!("{peer} can't have a certificate: is its name right?")))?;
    TlsConnector::from(config).connect(name, stream).await.map_err(|error| explain(peer, &error))
}

fn explain(peer: &Peer, error: &io::Error) -> DialError {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        Some(rustls::Error::InvalidCertificate(cause)) => {
            DialError::lasting(format!("the certificate of {peer} {}", refused(peer, cause)))
        }
        Some(rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)) => {
            DialError::lasting(format!("{peer} does not speak TLS: is this the port for https?"))
        }
        Some(other) => DialError::lasting(format!("{peer} and muxhook cannot agree on TLS: {other}")),
        None => DialError::transient(format!("{peer} did not finish the TLS handshake: {}", in_words(error))),
    }
}

/// What is wrong with a certificate, and what to do: the end of a sentence.
fn refused(peer: &Peer, cause: &CertificateError) -> String {
    use CertificateError as Cause;
    match cause {
        Cause::UnknownIssuer if peer.is_relay() => "is signed by nobody whom this machine trusts: \
             if the relay is yours, give the root certificate with --relay-ca FILE"
            .into(),
        Cause::UnknownIssuer => "is signed by nobody whom this machine trusts".into(),
        // A root of the same name, but with another key or kind of key: made anew, most often.
        Cause::BadSignature | Cause::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } if peer.is_relay() => {
            "is not signed by the root of its name that this machine trusts: is --relay-ca up to date?".into()
        }
        Cause::NotValidForName | Cause::NotValidForNameContext { .. } => {
            format!("is not made for {}: is the address right? ({cause})", peer.host)
        }
        Cause::Expired | Cause::ExpiredContext { .. } => {
            format!("has expired: have it renewed, or set this machine's clock ({cause})")
        }
        Cause::NotValidYet | Cause::NotValidYetContext { .. } => {
            format!("is not valid yet: is this machine's clock right? ({cause})")
        }
        // What `openssl req -x509` makes unless told otherwise. The library has no name for it that can be matched.
        Cause::Other(other) if other.to_string() == "CaUsedAsEndEntity" => "is one of an authority (CA:TRUE), which no \
             server may use: make another with `-addext basicConstraints=critical,CA:FALSE`, or one that is signed by it"
            .into(),
        other => format!("is refused: {other}"),
    }
}
