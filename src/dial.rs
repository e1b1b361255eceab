//! How the relay is reached: a TCP connection, through a proxy if the environment asks for one, and TLS on top.
//!
//! - `proxy`: which proxy, if any. Pure.
//! - `tcp`: names resolved, addresses raced.
//! - `tunnel`: `CONNECT` through the proxy.
//! - `tls`: whom this machine trusts, and what a refused certificate means.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::relay_url::RelayUrl;

mod error;
mod proxy;
mod tcp;
mod tls;
mod tunnel;

#[cfg(test)]
pub(crate) mod tests;

pub use error::DialError;
pub use muxhook_link::Stream;
pub use proxy::ProxySettings;

use error::Peer;
use proxy::Proxy;
use tls::Trust;

/// The time limit of each step: resolving and connecting, the proxy's answer, each TLS handshake.
const STEP: Duration = Duration::from_secs(10);

/// What the user may wish about how the relay is reached.
#[derive(Clone, Debug, Default)]
pub struct DialOptions {
    /// A PEM file with root certificates that the relay may be signed by, beside those of the platform.
    pub relay_ca: Option<PathBuf>,
    /// The proxies that the environment names.
    pub proxies: ProxySettings,
}

/// Opens connections to relays, or to whoever else [`calling`](Self::calling) names. Clones share what was read from
/// files.
#[derive(Clone, Debug)]
pub struct Dialer {
    inner: Arc<Inner>,
    role: &'static str,
}

#[derive(Debug)]
struct Inner {
    proxies: ProxySettings,
    trust: Trust,
}

impl Dialer {
    /// Reads the further root certificates. The platform's own are read when TLS is first spoken.
    ///
    /// # Errors
    /// When the file can't be read, or holds no usable certificate.
    pub fn new(options: DialOptions) -> Result<Self, DialError> {
        let trust = Trust::with_roots_of(options.relay_ca.as_deref())?;
        Ok(Self { inner: Arc::new(Inner { proxies: options.proxies, trust }), role: error::RELAY })
    }

    /// The same for a server that is no relay: what goes wrong is told of `the <role> at …`.
    #[must_use]
    pub fn calling(self, role: &'static str) -> Self {
        Self { role, ..self }
    }

    /// A connection to the relay, ready for HTTP/1.1.
    ///
    /// # Errors
    /// What went wrong, in a sentence, and whether another attempt may go better.
    pub async fn connect(&self, relay: &RelayUrl) -> Result<Stream, DialError> {
        let peer = Peer::new(self.role, relay.host(), relay.port());
        let stream = match self.inner.proxies.proxy_for(relay)? {
            Some(proxy) => self.through(&proxy, &peer).await?,
            None => Stream::Plain(step(&peer, "connect", tcp::connect(&peer)).await?),
        };
        if relay.is_tls() { self.secure(stream, &peer).await } else { Ok(stream) }
    }

    async fn through(&self, proxy: &Proxy, relay: &Peer) -> Result<Stream, DialError> {
        let peer = Peer::proxy(&proxy.host, proxy.port);
        let mut stream = Stream::Plain(step(&peer, "connect", tcp::connect(&peer)).await?);
        if proxy.tls {
            stream = self.secure(stream, &peer).await?;
        }
        let tunnel = tunnel::open(&mut stream, &peer, proxy.authorization.as_ref(), relay);
        step(&peer, "open a way through", tunnel).await?;
        Ok(stream)
    }

    async fn secure(&self, stream: Stream, peer: &Peer) -> Result<Stream, DialError> {
        let config = self.inner.trust.config()?;
        let stream = step(peer, "finish the TLS handshake", tls::handshake(config, stream, peer)).await?;
        Ok(Stream::Tls(Box::new(stream.into())))
    }
}

/// Runs one step under its time limit.
async fn step<T>(
    peer: &Peer,
    what: &str,
    work: impl Future<Output = Result<T, DialError>>,
) -> Result<T, DialError> {
    timeout(STEP, work).await.unwrap_or_else(|_| {
        Err(DialError::transient(format!("{peer} did not {what} within {} s", STEP.as_secs())))
    })
}
