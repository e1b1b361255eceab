//! TLS towards an app: whose certificate is taken.

use std::io;
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use rustls_platform_verifier::Verifier;
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::target::Host;

/// How apps are met over TLS.
pub(super) struct Tls {
    provider: Arc<CryptoProvider>,
    skip_verify: bool,
    /// Who judges certificates: this platform. Read from disk at the first need.
    platform: OnceCell<Judge>,
}

/// The platform's verifier, or why there is none.
type Judge = Result<Arc<dyn ServerCertVerifier>, Error>;

/// Why there is no TLS.
#[derive(Debug)]
pub(super) enum TlsFault {
    /// The certificate was refused.
    Certificate(Error),
    /// What answered does not speak TLS.
    NotTls,
    /// Anything else.
    Handshake(io::Error),
}

/// A connection, and why its certificate would have been refused elsewhere.
#[derive(Debug)]
pub(super) struct Secured {
    pub(super) stream: TlsStream<TcpStream>,
    pub(super) forgiven: Option<Error>,
}

impl Tls {
    pub(super) fn new(skip_verify: bool) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        Self { provider, skip_verify, platform: OnceCell::new() }
    }

    /// Shakes hands with the app at `host`. On loopback nobody can stand in between, so any certificate will do.
    pub(super) async fn connect(&self, host: &Host, tcp: TcpStream) -> Result<Secured, TlsFault> {
        if self.skip_verify {
            return self.shake_hands(host, tcp, None, true).await;
        }
        let loopback = tcp.peer_addr().is_ok_and(|peer| peer.ip().to_canonical().is_loopback());
        self.shake_hands(host, tcp, Some(self.platform().await), loopback).await
    }

    async fn shake_hands(
        &self,
        host: &Host,
        tcp: TcpStream,
        judge: Option<Judge>,
        forgives: bool,
    ) -> Result<Secured, TlsFault> {
        let name = match host {
            Host::Name(name) => ServerName::try_from(name.clone()).map_err(io::Error::other)?,
            Host::Ip(ip) => ServerName::from(*ip),
        };
        let algorithms = self.provider.signature_verification_algorithms;
        let check = Arc::new(Check { judge, forgives, refused: OnceLock::new(), algorithms });
        let config = self.config(check.clone()).map_err(io::Error::other)?;
        let stream = TlsConnector::from(Arc::new(config)).connect(name, tcp).await;
        match (stream, check.refused.get().cloned()) {
            (Ok(stream), forgiven) => Ok(Secured { stream, forgiven }),
            (Err(_), Some(refused)) => Err(TlsFault::Certificate(refused)),
            (Err(error), None) => Err(error.into()),
        }
    }

    fn config(&self, check: Arc<Check>) -> Result<ClientConfig, Error> {
        let mut config = ClientConfig::builder_with_provider(self.provider.clone())
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(check)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }

    async fn platform(&self) -> Judge {
        let provider = self.provider.clone();
        let read = || async {
            // The root certificates are a hundred files or more.
            let verifier = tokio::task::spawn_blocking(move || Verifier::new(provider)).await;
            match verifier {
                Ok(verifier) => verifier.map(|verifier| Arc::new(verifier) as Arc<dyn ServerCertVerifier>),
                Err(error) => Err(Error::General(error.to_string())),
            }
        };
        self.platform.get_or_init(read).await.clone()
    }
}

impl From<io::Error> for TlsFault {
    fn from(error: io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
            Some(Error::InvalidMessage(_)) => Self::NotTls,
            _ => Self::Handshake(error),
        }
    }
}

/// The check of one connection's certificate.
#[derive(Debug)]
struct Check {
    /// `None`: nobody is asked.
    judge: Option<Judge>,
    /// A refused certificate is taken all the same.
    forgives: bool,
    /// Why it was refused.
    refused: OnceLock<Error>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Check {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict = match &self.judge {
            None => return Ok(ServerCertVerified::assertion()),
            Some(Ok(judge)) => {
                judge.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            }
            Some(Err(error)) => Err(error.clone()),
        };
        verdict.or_else(|error| {
            let _ = self.refused.set(error.clone());
            if self.forgives { Ok(ServerCertVerified::assertion()) } else { Err(error) }
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertifiedKey, generate_simple_self_signed};
    use rustls::client::WebPkiServerVerifier;
    use rustls::{RootCertStore, ServerConfig};
    use rustls_pki_types::PrivatePkcs8KeyDer;
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;

    /// Shakes hands with an app whose certificate is for `app.test`. `trusted`: the judge vouches for it.
    async fn meet(host: &str, trusted: bool, forgives: bool) -> Result<Secured, TlsFault> {
        let own = generate_simple_self_signed(vec!["app.test".to_owned()]).unwrap();
        let other = generate_simple_self_signed(vec!["app.test".to_owned()]).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(if trusted { &own } else { &other }.cert.der().clone()).unwrap();
        let tls = Tls::new(false);
        let judge = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), tls.provider.clone());
        let CertifiedKey { cert, signing_key } = own;
        let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
        let config = ServerConfig::builder_with_provider(tls.provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key.into())
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let app =
            async { TlsAcceptor::from(Arc::new(config)).accept(listener.accept().await.unwrap().0).await };
        let host = Host::Name(host.to_owned());
        tokio::join!(tls.shake_hands(&host, tcp, Some(Ok(judge.build().unwrap())), forgives), app).0
    }

    #[tokio::test]
    async fn a_certificate_that_is_vouched_for_is_taken() {
        assert!(meet("app.test", true, false).await.unwrap().forgiven.is_none());
        assert!(meet("app.test", true, true).await.unwrap().forgiven.is_none());
    }

    #[tokio::test]
    async fn any_other_is_refused_or_forgiven() {
        for (host, trusted) in [("app.test", false), ("other.test", true)] {
            let refused = meet(host, trusted, false).await.unwrap_err();
            assert!(matches!(refused, TlsFault::Certificate(Error::InvalidCertificate(_))), "{refused:?}");
            let forgiven = meet(host, trusted, true).await.unwrap().forgiven;
            assert!(matches!(forgiven, Some(Error::InvalidCertificate(_))), "{forgiven:?}");
        }
    }
}
