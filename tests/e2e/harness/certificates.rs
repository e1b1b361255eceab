//! Certificates of the test's own.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tempfile::NamedTempFile;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

const HOST: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// An authority that nobody knows but by its file.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root: CertificateDer<'static>,
    file: NamedTempFile,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&key).unwrap();
        let file = NamedTempFile::new().unwrap();
        fs::write(file.path(), root.pem()).unwrap();
        Self { issuer: Issuer::new(params, key), root: root.der().clone(), file }
    }

    /// Its own certificate, for those who are to trust it.
    pub(crate) fn file(&self) -> PathBuf {
        self.file.path().to_owned()
    }

    /// Writes a certificate for 127.0.0.1 and its key to `cert.pem` and `key.pem`.
    pub(crate) fn issue(&self, folder: &Path) -> CertificateDer<'static> {
        let key = KeyPair::generate().unwrap();
        let cert = CertificateParams::new([HOST.to_string()]).unwrap().signed_by(&key, &self.issuer).unwrap();
        fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
        fs::write(folder.join("cert.pem"), cert.pem()).unwrap();
        cert.der().clone()
    }

    /// A connection to whom it vouches for.
    pub(crate) async fn connect(&self, addr: SocketAddr) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(addr).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let name = ServerName::from(IpAddr::from(HOST));
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
    }
}

/// TLS with a certificate that nobody vouches for.
pub(crate) fn self_signed() -> TlsAcceptor {
    let made = rcgen::generate_simple_self_signed([HOST.to_string()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}
