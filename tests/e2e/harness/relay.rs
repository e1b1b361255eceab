//! A relay in this process.

use std::net::{Ipv4Addr, SocketAddr};

use muxhook_link::Now;
use muxhook_relay::accounts::Token;
use muxhook_relay::config::{Config, TlsFiles};
use muxhook_relay::server;
use rustls_pki_types::CertificateDer;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Authority, Message, Wire};

/// A token that every relay here knows.
pub(crate) const TOKEN: &str = "a-token-that-is-long-enough-for-a-relay";

pub(crate) struct Relay {
    pub(crate) addr: SocketAddr,
    data: TempDir,
    config: Config,
    now: Now,
    /// Who vouches for its certificate, when it speaks TLS.
    authority: Option<Authority>,
    shutdown: CancellationToken,
    run: JoinHandle<()>,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.run.abort();
    }
}

impl Relay {
    pub(crate) async fn start() -> Self {
        Self::with(|_| ()).await
    }

    /// A relay whose configuration is changed before it starts.
    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::begin(None, change).await
    }

    /// A relay that speaks TLS.
    pub(crate) async fn secure() -> Self {
        Self::begin(Some(Authority::new()), |_| ()).await
    }

    async fn begin(authority: Option<Authority>, change: impl FnOnce(&mut Config)) -> Self {
        let data = tempfile::tempdir().unwrap();
        let listen = (Ipv4Addr::LOCALHOST, 0).into();
        let mut config = Config::embedded(data.path().into(), listen, Token::given(TOKEN).unwrap());
        change(&mut config);
        if let Some(authority) = &authority {
            authority.issue(data.path());
            config.tls =
                Some(TlsFiles { cert: data.path().join("cert.pem"), key: data.path().join("key.pem") });
        }
        let shutdown = CancellationToken::new();
        let now = Now::system();
        let (addr, run) = spawn(config.clone(), now, shutdown.clone()).await;
        config.listen = vec![addr];
        Self { addr, data, config, now, authority, shutdown, run }
    }

    /// Begins to go down, as on SIGTERM.
    pub(crate) fn stop(&self) {
        self.shutdown.cancel();
    }

    /// Goes down, and comes up again with the same data on the same port.
    pub(crate) async fn restart(&mut self) {
        self.stop();
        (&mut self.run).await.unwrap();
        self.shutdown = CancellationToken::new();
        (_, self.run) = spawn(self.config.clone(), self.now, self.shutdown.clone()).await;
    }

    /// As [`Relay::restart`], by another clock.
    pub(crate) async fn restart_at(&mut self, now: Now) {
        self.now = now;
        self.restart().await;
    }

    pub(crate) fn url(&self) -> String {
        let scheme = if self.authority.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.addr)
    }

    /// Who vouches for its certificate.
    pub(crate) fn authority(&self) -> Option<&Authority> {
        self.authority.as_ref()
    }

    /// Puts another certificate in the place of the one it began with.
    pub(crate) fn replace_certificate(&self) -> CertificateDer<'static> {
        self.authority().unwrap().issue(self.data.path())
    }

    /// The certificate that a new connection sees.
    pub(crate) async fn certificate(&self) -> CertificateDer<'static> {
        let stream = self.authority().unwrap().connect(self.addr).await;
        stream.get_ref().1.peer_certificates().unwrap()[0].clone()
    }

    /// A new connection to the public side.
    pub(crate) async fn connect(&self) -> Wire {
        match &self.authority {
            None => connect(self.addr).await,
            Some(authority) => Wire::new(authority.connect(self.addr).await),
        }
    }

    /// One webhook on a connection of its own.
    pub(crate) async fn post(&self, path: &str, body: impl AsRef<[u8]>) -> Message {
        self.connect().await.post(path, body).await
    }

    /// One webhook on a connection of its own, under way beside the test.
    pub(crate) fn begin_post(
        &self,
        path: &str,
        body: impl AsRef<[u8]> + Send + 'static,
    ) -> JoinHandle<Message> {
        begin_post(self.addr, path, body)
    }
}

async fn spawn(config: Config, now: Now, shutdown: CancellationToken) -> (SocketAddr, JoinHandle<()>) {
    let relay = server::Relay::bind(config, now).await.unwrap();
    (relay.local_addrs()[0], tokio::spawn(relay.run(shutdown)))
}

pub(super) async fn connect(addr: SocketAddr) -> Wire {
    let stream = TcpStream::connect(addr).await.unwrap();
    stream.set_nodelay(true).unwrap();
    Wire::new(stream)
}

/// One webhook over plain HTTP, under way beside the test.
pub(super) fn begin_post(
    addr: SocketAddr,
    path: &str,
    body: impl AsRef<[u8]> + Send + 'static,
) -> JoinHandle<Message> {
    let path = path.to_owned();
    tokio::spawn(async move { connect(addr).await.post(&path, body).await })
}
