//! A proxy that runs: its part of docs/proxies.md, and as little around it as a test without rights needs.

use std::fs::{self, File};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tempfile::TempDir;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::sleep;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::harness::{Client, Response, soon};

/// The page that the proxies' configurations stand on.
const PAGE: &str = include_str!("../../../../docs/proxies.md");

/// The host of the page.
pub(super) const HOST: &str = "hooks.example.com";

/// Where the page has the relay.
const RELAY: &str = "127.0.0.1:8080";

/// A program of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Nginx,
    Caddy,
    Haproxy,
}

pub(super) const KINDS: [Kind; 3] = [Kind::Nginx, Kind::Caddy, Kind::Haproxy];

/// A proxy in front of a relay. Killed when dropped.
pub(super) struct Front {
    pub(super) name: &'static str,
    kind: Kind,
    addr: SocketAddr,
    child: Child,
    dir: TempDir,
}

impl Drop for Front {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Caddy => "caddy",
            Self::Haproxy => "haproxy",
        }
    }

    /// The one block of the page in its language.
    fn snippet(self) -> String {
        let language = if self == Self::Caddy { "caddyfile" } else { self.name() };
        let blocks: Vec<_> = PAGE.split(&format!("```{language}\n")).skip(1).collect();
        assert_eq!(blocks.len(), 1, "docs/proxies.md has one block for {}", self.name());
        blocks[0].split("```").next().unwrap().to_owned()
    }

    /// The configuration: the page's, with this test's ports and files in it, and what the program needs around it.
    fn configuration(self, dir: &Path, addr: SocketAddr, relay: SocketAddr) -> String {
        let page = put(&self.snippet(), RELAY, &relay.to_string());
        let folder = dir.display();
        match self {
            Self::Nginx => {
                let page = put(&page, "listen 443 ssl", &format!("listen {addr} ssl"));
                let page = put(&page, "/etc/ssl/hooks.example.com", &folder.to_string());
                let temps = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                    .map(|what| format!("{what}_temp_path {folder}/{what};\n"));
                // One process, so that no worker has other rights than the test and none outlives it.
                format!(
                    "daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log {folder}/errors;\nevents {{}}\n\
                     http {{\naccess_log off;\n{}\n{page}}}\n",
                    temps.concat()
                )
            }
            Self::Caddy => format!(
                "{{\nadmin off\nlocal_certs\nskip_install_trust\nauto_https disable_redirects\nhttps_port {}\n\
                 default_bind {}\nstorage file_system {folder}/storage\n}}\n{page}",
                addr.port(),
                addr.ip()
            ),
            Self::Haproxy => {
                let page = put(&page, "bind :443 ssl", &format!("bind {addr} ssl"));
                put(&page, "/etc/haproxy/hooks.example.com.pem", &format!("{folder}/both.pem"))
            }
        }
    }

    fn command(self, program: &Path, dir: &Path) -> Command {
        let mut command = Command::new(program);
        let file = dir.join("configuration");
        match self {
            Self::Nginx => command.arg("-e").arg(dir.join("errors")).arg("-p").arg(dir).arg("-c").arg(file),
            Self::Caddy => command.args(["run", "--adapter", "caddyfile", "--config"]).arg(file),
            Self::Haproxy => command.args(["-db", "-f"]).arg(file),
        };
        command.env("HOME", dir).env_remove("XDG_DATA_HOME").env_remove("XDG_CONFIG_HOME");
        command
    }

    /// The certificate that its clients trust; `None`: there is none yet.
    fn root(self, dir: &Path) -> Option<CertificateDer<'static>> {
        let caddys = dir.join("storage/pki/authorities/local/root.crt");
        let file = if self == Self::Caddy { caddys } else { dir.join("fullchain.pem") };
        CertificateDer::from_pem_file(file).ok()
    }
}

/// The page's text with one of its own details changed, which must be in it.
fn put(page: &str, there: &str, here: &str) -> String {
    assert!(page.contains(there), "docs/proxies.md says {there:?}");
    page.replace(there, here)
}

/// Where a program is. Users without rights have no `sbin` on their path.
fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    folders.map(|folder| folder.join(program)).find(|file| file.is_file())
}

impl Front {
    /// The proxy of that kind; `None`, and a word about it, where it is not installed.
    pub(super) async fn start(kind: Kind, relay: SocketAddr) -> Option<Self> {
        let name = kind.name();
        let Some(program) = find(name) else {
            let is_required = std::env::var_os("MUXHOOK_PROXIES").is_some_and(|value| value == "required");
            assert!(!is_required, "{name} is not installed");
            // Not by the macro, whose words nobody sees of a test that passes.
            let _ = writeln!(std::io::stderr(), "\nNOT TESTED: {name} is not installed");
            return None;
        };
        // Its port is another's by the time that it listens, once in a long while.
        for _ in 0..5 {
            let front = Self::spawn(kind, &program, relay);
            if let Some(front) = soon(front.ready()).await {
                return Some(front);
            }
        }
        panic!("{name} would not start");
    }

    fn spawn(kind: Kind, program: &Path, relay: SocketAddr) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let addr = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed([HOST.to_owned()]).unwrap();
        let (cert, key) = (cert.pem(), signing_key.serialize_pem());
        for (file, text) in [
            ("fullchain.pem", cert.clone()),
            ("privkey.pem", key.clone()),
            ("both.pem", cert + &key),
            ("configuration", kind.configuration(dir.path(), addr, relay)),
        ] {
            fs::write(dir.path().join(file), text).unwrap();
        }
        let log = File::create(dir.path().join("log")).unwrap();
        let mut command = kind.command(program, dir.path());
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        Self { name: kind.name(), kind, addr, child: command.spawn().unwrap(), dir }
    }

    /// Itself once it speaks TLS; `None` when it ends instead.
    async fn ready(mut self) -> Option<Self> {
        loop {
            if self.child.try_wait().unwrap().is_some() {
                let log = fs::read_to_string(self.dir.path().join("log")).unwrap();
                let _ = writeln!(std::io::stderr(), "{} has ended: {log}", self.name);
                return None;
            }
            if self.try_stream(Ipv4Addr::LOCALHOST).await.is_some() {
                return Some(self);
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// A connection from `source`, which is any address of 127.0.0.0/8.
    pub(super) async fn stream(&self, source: Ipv4Addr) -> TlsStream<TcpStream> {
        soon(self.try_stream(source)).await.unwrap_or_else(|| panic!("{} takes no connection", self.name))
    }

    async fn try_stream(&self, source: Ipv4Addr) -> Option<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.kind.root(self.dir.path())?).ok()?;
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((source, 0).into()).unwrap();
        let tcp = socket.connect(self.addr).await.ok()?;
        let name = ServerName::try_from(HOST).unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, tcp).await.ok()
    }

    /// A sender's connection.
    pub(super) async fn connect(&self, source: Ipv4Addr) -> Client<TlsStream<TcpStream>> {
        Client::new(self.stream(source).await)
    }

    /// One request of any bytes on a connection of its own, and the response.
    pub(super) async fn ask(&self, source: Ipv4Addr, request: impl AsRef<[u8]>) -> Response {
        let mut client = self.connect(source).await;
        client.send(request).await;
        client.response().await
    }
}
