//! `health`: asks the relay of this machine how it is, as a container's or supervisor's probe.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use muxhook_link::Stream;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::failure::Failure;
use crate::config::{Config, Options};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Most bytes of an answer.
const MOST: usize = 16 * 1024;

/// What can be said to it.
#[derive(clap::Args)]
pub(super) struct Words {
    /// Ask whether it lives, and not whether it is ready
    #[arg(long)]
    alive: bool,
    #[command(flatten)]
    options: Box<Options>,
}

pub(super) fn run(words: Words, out: &mut impl Write) -> Result<(), Failure> {
    let config = Config::resolve(*words.options, &super::environment)?;
    let probe = Probe::of(&config, words.alive)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::failed(format!("the runtime can't start: {error}")))?;
    let asked = runtime.block_on(async { timeout(PATIENCE, probe.ask()).await });
    let Probe { address, path, .. } = probe;
    let answer = asked.unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs())));
    let (status, body) = answer.map_err(|why| Failure::failed(format!("{address}{path}: {why}")))?;
    if status != StatusCode::OK {
        let faults = faults(&body);
        return Err(Failure::failed(format!("{address}{path} says {}{faults}", status.as_u16())));
    }
    writeln!(out, "{address}{path} says ok")?;
    Ok(out.flush()?)
}

/// Whom to ask, and what.
struct Probe {
    address: SocketAddr,
    is_tls: bool,
    path: &'static str,
}

impl Probe {
    /// The admin address knows whether the relay is ready; without one there is the first that webhooks come to, which
    /// knows that it lives.
    fn of(config: &Config, alive: bool) -> Result<Self, Failure> {
        let public = || config.listen.first().copied();
        let (bound, is_tls, path) = match (config.admin, public()) {
            (Some(admin), _) => (admin, false, if alive { "/healthz" } else { "/readyz" }),
            (None, Some(public)) => (public, config.speaks_tls(), "/healthz"),
            (None, None) => return Err(Failure::Usage("error: there is no address to ask at".to_owned())),
        };
        if bound.port() == 0 {
            let message =
                "error: port 0 is any port: name the one that the relay has, with --listen or --admin";
            return Err(Failure::Usage(message.to_owned()));
        }
        Ok(Self { address: reached_at(bound), is_tls, path })
    }

    async fn ask(&self) -> Result<(StatusCode, Bytes), String> {
        let socket = TcpStream::connect(self.address).await.map_err(|error| error.to_string())?;
        let stream = if self.is_tls { self.encrypt(socket).await? } else { Stream::Plain(socket) };
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
        let request = Request::get(self.path)
            .header(header::HOST, self.address.to_string())
            .header(header::CONNECTION, "close")
            .body(Empty::<Bytes>::new())
            .map_err(|error| error.to_string())?;
        let answer = async {
            let answer = sender.send_request(request).await.map_err(|error| error.to_string())?;
            let status = answer.status();
            let body =
                Limited::new(answer, MOST).collect().await.map_err(|_| "its answer is cut off".to_owned())?;
            Ok((status, body.to_bytes()))
        };
        let (answer, _) = tokio::join!(answer, connection);
        answer
    }

    async fn encrypt(&self, socket: TcpStream) -> Result<Stream, String> {
        let provider = Arc::new(ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
            .with_no_client_auth();
        let name = ServerName::from(self.address.ip());
        let stream = TlsConnector::from(Arc::new(config)).connect(name, Stream::Plain(socket)).await;
        let stream = stream.map_err(|error| format!("TLS fails: {error}"))?;
        Ok(Stream::Tls(Box::new(stream.into())))
    }
}

/// Where this machine reaches what is bound to `address`.
fn reached_at(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    (ip, address.port()).into()
}

/// The names of the faults in an answer of `/readyz`. It may be another program that has the port: nothing else of its
/// answer is shown.
fn faults(body: &[u8]) -> String {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let named = body["faults"].as_array().into_iter().flatten().filter_map(|fault| fault["fault"].as_str());
    let is_name = |name: &&str| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let names: Vec<_> = named.filter(is_name).collect();
    if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) }
}

/// The relay is asked by the address of this machine, which no certificate names, and is told no secret: that it proves
/// to have the key of whatever certificate it shows is enough.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_faults_are_shown() {
        let body =
            br#"{"faults":[{"fault":"disk_full"},{"fault":"\u001b[2J"},{"fault":7},{"fault":"going_down"}]}"#;
        assert_eq!(faults(body), ": disk_full, going_down");
        for other in ["", "no", "[]", r#"{"faults":{}}"#] {
            assert_eq!(faults(other.as_bytes()), "");
        }
    }

    #[test]
    fn an_address_for_every_interface_is_asked_at_loopback() {
        for (bound, asked) in [
            ("0.0.0.0:1", "127.0.0.1:1"),
            ("[::]:2", "[::1]:2"),
            ("192.0.2.1:3", "192.0.2.1:3"),
            ("[2001:db8::1]:4", "[2001:db8::1]:4"),
        ] {
            assert_eq!(reached_at(bound.parse().unwrap()).to_string(), asked);
        }
    }
}
