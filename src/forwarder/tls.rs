//! TLS towards an app: whose certificate is taken.

use std::net::IpAddr;
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
    Handshake(std::io::Error),
}

/// A connection, and what its certificate was forgiven.
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
        let loopback = tcp.peer_addr().is_ok_and(|peer| is_loopback(peer.ip()));
        let judge = if self.skip_verify { None } else { Some(self.judge().await) };
        let check = Arc::new(Check {
            judge,
            forgives: self.skip_verify || loopback,
            forgiven: OnceLock::new(),
            algorithms: self.provider.signature_verification_algorithms,
        });
        let name = match host {
            Host::Name(name) => ServerName::try_from(name.clone())
                .map_err(|error| TlsFault::Handshake(std::io::Error::other(error)))?,
            Host::Ip(ip) => ServerName::from(*ip),
        };
        let connector = TlsConnector::from(self.config(check.clone()).map_err(TlsFault::Certificate)?);
        let stream = connector.connect(name, tcp).await.map_err(TlsFault::of)?;
        Ok(Secured { stream, forgiven: check.forgiven.get().cloned() })
    }

    fn config(&self, check: Arc<Check>) -> Result<Arc<ClientConfig>, Error> {
        let mut config = ClientConfig::builder_with_provider(self.provider.clone())
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(check)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    async fn judge(&self) -> Judge {
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

/// Whether an address stays on this machine.
fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

impl TlsFault {
    fn of(error: std::io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
            Some(refused @ Error::InvalidCertificate(_)) => Self::Certificate(refused.clone()),
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
    forgiven: OnceLock<Error>,
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
        match verdict {
            Err(error) if self.forgives => {
                let _ = self.forgiven.set(error);
                Ok(ServerCertVerified::assertion())
            }
            verdict => verdict,
        }
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
