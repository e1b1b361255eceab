//! How a directory looks for proofs.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls13_signature_with_raw_key};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme, SupportedProtocolVersion,
};
use rustls_pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::harness::Client;

/// A handshake with whoever is there, to see the certificate.
pub(crate) async fn handshake(
    at: SocketAddr,
    name: &str,
    alpn: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    handshake_by(rustls::ALL_VERSIONS, at, name, alpn).await
}

/// The same, by one of these versions of TLS.
async fn handshake_by(
    versions: &[&'static SupportedProtocolVersion],
    at: SocketAddr,
    name: &str,
    alpn: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    let provider = Arc::new(ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, TcpStream::connect(at).await?).await
}

/// TLS-ALPN-01 (RFC 8737 §3), which is for TLS 1.2 and above; `old_tls`: by 1.2.
pub(super) async fn by_tls(at: SocketAddr, domain: &str, digest: &[u8], old_tls: bool) -> Result<(), String> {
    let versions: &[_] = if old_tls { &[&rustls::version::TLS12] } else { rustls::ALL_VERSIONS };
    let stream =
        handshake_by(versions, at, domain, &[b"acme-tls/1"]).await.map_err(|error| error.to_string())?;
    let session = stream.get_ref().1;
    if session.alpn_protocol() != Some(b"acme-tls/1") {
        return Err("another protocol".into());
    }
    let leaf = &session.peer_certificates().unwrap()[0];
    let (_, leaf) = X509Certificate::from_der(leaf).map_err(|error| error.to_string())?;
    let names = leaf.subject_alternative_name().unwrap().unwrap().value.general_names.clone();
    if names != [GeneralName::DNSName(domain)] {
        return Err(format!("other names: {names:?}"));
    }
    let extension = leaf.extensions().iter().find(|one| one.oid.to_id_string() == "1.3.6.1.5.5.7.1.31");
    let extension = extension.ok_or("no acmeIdentifier")?;
    if !extension.critical || extension.value != [&[4, 32], digest].concat() {
        return Err("another acmeIdentifier".into());
    }
    Ok(())
}

/// HTTP-01 (RFC 8555 §8.3).
pub(super) async fn by_http(at: SocketAddr, domain: &str, token: &str, expected: &str) -> Result<(), String> {
    let mut client = Client::new(TcpStream::connect(at).await.map_err(|error| error.to_string())?);
    client.send(format!("GET /.well-known/acme-challenge/{token} HTTP/1.1\r\nhost: {domain}\r\n\r\n")).await;
    let response = client.response().await;
    if response.status == 200 && response.body == expected.as_bytes() {
        Ok(())
    } else {
        Err(format!("{response:?}"))
    }
}

/// Takes every certificate, as long as its key signed the handshake.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    /// By the key alone, see below.
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let bad = || Error::InvalidCertificate(CertificateError::BadEncoding);
        let (_, cert) = X509Certificate::from_der(cert).map_err(|_| bad())?;
        let key = &cert.public_key().subject_public_key.data;
        let mut all = self.0.signature_verification_algorithms.mapping.iter();
        let (_, algorithms) = all.find(|(scheme, _)| *scheme == dss.scheme).ok_or_else(bad)?;
        let is_good =
            algorithms.iter().any(|one| one.verify_signature(key, message, dss.signature()).is_ok());
        is_good.then(HandshakeSignatureValid::assertion).ok_or_else(bad)
    }

    /// By the key alone: webpki takes no certificate with the critical extension of RFC 8737.
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let bad = |_| Error::InvalidCertificate(CertificateError::BadEncoding);
        let (_, cert) = X509Certificate::from_der(cert).map_err(bad)?;
        let key = SubjectPublicKeyInfoDer::from(cert.public_key().raw);
        verify_tls13_signature_with_raw_key(message, &key, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
