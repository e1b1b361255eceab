//! A small ACME directory (RFC 8555) over TLS. It believes nothing: nonces, signatures, proofs and requests are checked.

use std::collections::{BTreeMap, HashSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use data_encoding::BASE64URL_NOPAD;
use futures_util::stream;
use http::{Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use muxhook_link::Now;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, CertifiedIssuer, IsCa, KeyPair,
    SanType,
};
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::AbortOnDropHandle;

use super::proof;

/// A day in seconds.
pub(crate) const DAY: u64 = 24 * 60 * 60;

/// How long issued certificates live.
pub(crate) const LIFE: u64 = 90 * DAY;

/// One that runs, until it is dropped.
pub(crate) struct Directory {
    desk: Arc<Desk>,
    _task: AbortOnDropHandle<()>,
}

struct Desk {
    address: SocketAddr,
    ca: CertifiedIssuer<'static, KeyPair>,
    books: Mutex<Books>,
}

/// What it knows, and how it behaves.
#[derive(Default)]
pub(crate) struct Books {
    nonces: HashSet<String>,
    /// Every nonce that was ever given has another number.
    given: u64,
    /// The key of the account, as its JWK.
    account: Option<Value>,
    pub(crate) contact: Value,
    orders: Vec<Order>,
    /// What was asked, in order.
    pub(crate) asked: Vec<(Instant, String)>,
    /// Where names are found: the relay's port of TLS, and that of HTTP-01.
    pub(crate) tls: Option<SocketAddr>,
    pub(crate) http: Option<SocketAddr>,
    /// So many more nonces are called bad.
    pub(crate) bad_nonces: u32,
    /// What the next order meets.
    pub(crate) trouble: Option<Trouble>,
    pub(crate) away: Option<Away>,
    /// Whether it looks for proofs by TLS 1.2 alone.
    pub(crate) old_tls: bool,
    /// What it says of proofs that are no good.
    pub(crate) why_not: Vec<String>,
}

/// How it is away.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Away {
    /// Connections end before anything is said.
    HangsUp,
    /// What stands before it answers in its place.
    Unavailable,
}

#[derive(Clone, Debug)]
pub(crate) enum Trouble {
    /// Too many orders.
    Limited(String),
    /// The answer ends in its middle.
    Cut,
    /// The answer is right, and so many bytes longer.
    Padded(usize),
    /// The proofs are refused, however good.
    Invalid,
    /// The order is to be looked after somewhere else.
    Elsewhere(SocketAddr),
}

struct Order {
    /// The domains, and whether they are proven.
    domains: BTreeMap<String, Option<bool>>,
    is_refused: bool,
    padding: usize,
    elsewhere: Option<SocketAddr>,
    chain: Option<String>,
}

type Answer = Response<UnsyncBoxBody<Bytes, std::io::Error>>;

impl Directory {
    pub(crate) async fn start() -> Self {
        Self::on((Ipv4Addr::LOCALHOST, 0).into()).await
    }

    pub(crate) async fn on(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let own = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &ca).unwrap();
        let tls = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![own.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
            .unwrap();
        let address = listener.local_addr().unwrap();
        let desk = Arc::new(Desk { address, ca, books: Mutex::default() });
        let task = tokio::spawn(serve(listener, TlsAcceptor::from(Arc::new(tls)), Arc::clone(&desk)));
        Self { desk, _task: AbortOnDropHandle::new(task) }
    }

    pub(crate) fn url(&self) -> String {
        self.desk.url("directory")
    }

    pub(crate) fn ca_pem(&self) -> String {
        self.desk.ca.pem()
    }

    pub(crate) fn ca(&self) -> CertificateDer<'static> {
        self.desk.ca.der().clone()
    }

    pub(crate) fn books(&self) -> MutexGuard<'_, Books> {
        self.desk.books.lock().unwrap()
    }

    /// When orders were asked for.
    pub(crate) fn orders(&self) -> Vec<Instant> {
        let books = self.books();
        books.asked.iter().filter(|(_, what)| what == "/new-order").map(|(at, _)| *at).collect()
    }
}

async fn serve(listener: TcpListener, tls: TlsAcceptor, desk: Arc<Desk>) {
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        let (tls, desk) = (tls.clone(), Arc::clone(&desk));
        if let Some(Away::HangsUp) = desk.books().away {
            continue;
        }
        tokio::spawn(async move {
            let Ok(stream) = tls.accept(socket).await else { return };
            let service = service_fn(move |request| {
                let desk = Arc::clone(&desk);
                async move { Ok::<_, std::convert::Infallible>(desk.answer(request).await) }
            });
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

/// A problem document (RFC 7807).
fn problem(status: u16, kind: &str, detail: &str) -> Answer {
    let kind = format!("urn:ietf:params:acme:error:{kind}");
    answer(status, &json!({ "type": kind, "detail": detail, "status": status }))
}

fn answer(status: u16, body: &Value) -> Answer {
    let body = Full::new(Bytes::from(body.to_string())).map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

fn with(mut answer: Answer, name: &'static str, value: &str) -> Answer {
    answer.headers_mut().insert(name, value.parse().unwrap());
    answer
}

fn decode(value: &Value) -> Vec<u8> {
    BASE64URL_NOPAD.decode(value.as_str().unwrap().as_bytes()).unwrap()
}

/// RFC 7638.
fn thumbprint(jwk: &Value) -> String {
    let text = format!(r#"{{"crv":"P-256","kty":"EC","x":{},"y":{}}}"#, jwk["x"], jwk["y"]);
    BASE64URL_NOPAD.encode(&Sha256::digest(text))
}

impl Desk {
    fn url(&self, path: &str) -> String {
        format!("https://{}/{path}", self.address)
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap()
    }

    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let path = request.uri().path().to_owned();
        self.books().asked.push((Instant::now(), path.clone()));
        assert_eq!(request.headers()["host"], self.address.to_string());
        if let Some(Away::Unavailable) = self.books().away {
            let mut page = answer(503, &Value::Null);
            *page.body_mut() =
                Full::new(Bytes::from("<html>\x1b[2Jlater")).map_err(|never| match never {}).boxed_unsync();
            return page;
        }
        let answered = match path.as_str() {
            "/directory" => answer(
                200,
                &json!({
                    "newNonce": self.url("nonce"),
                    "newAccount": self.url("new-account"),
                    "newOrder": self.url("new-order"),
                }),
            ),
            "/nonce" => answer(200, &Value::Null),
            _ => {
                assert_eq!(request.headers()["content-type"], "application/jose+json");
                let body = request.into_body().collect().await.unwrap().to_bytes();
                match self.open(&path, &serde_json::from_slice(&body).unwrap()) {
                    Ok(payload) => self.serve(&path, payload).await,
                    Err(refused) => refused,
                }
            }
        };
        let mut books = self.books();
        books.given += 1;
        let nonce = format!("nonce-{}", books.given);
        books.nonces.insert(nonce.clone());
        with(answered, "replay-nonce", &nonce)
    }

    /// Checks a signed request (RFC 8555 §6.2), and gives its payload; `None` for POST-as-GET.
    #[expect(clippy::result_large_err, reason = "the error is the answer itself, and goes out as it is")]
    fn open(&self, path: &str, jws: &Value) -> Result<Option<Value>, Answer> {
        let header: Value = serde_json::from_slice(&decode(&jws["protected"])).unwrap();
        let mut books = self.books();
        assert_eq!((&header["alg"], &header["url"]), (&"ES256".into(), &self.url(&path[1..]).into()));
        let is_known = books.nonces.remove(header["nonce"].as_str().unwrap());
        if books.bad_nonces > 0 || !is_known {
            books.bad_nonces = books.bad_nonces.saturating_sub(1);
            return Err(problem(400, "badNonce", "that nonce is not known"));
        }
        let jwk = if path == "/new-account" {
            header["jwk"].clone()
        } else {
            assert_eq!(header["kid"], self.url("account"));
            books.account.clone().unwrap()
        };
        let point = [vec![4], decode(&jwk["x"]), decode(&jwk["y"])].concat();
        let signed = format!("{}.{}", jws["protected"].as_str().unwrap(), jws["payload"].as_str().unwrap());
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
        key.verify(signed.as_bytes(), &decode(&jws["signature"])).expect("the signature is good");
        if path == "/new-account" {
            assert!(books.account.as_ref().is_none_or(|known| *known == jwk), "one relay, one account");
            books.account = Some(jwk);
        }
        let payload = decode(&jws["payload"]);
        Ok((!payload.is_empty()).then(|| serde_json::from_slice(&payload).unwrap()))
    }

    async fn serve(&self, path: &str, payload: Option<Value>) -> Answer {
        let parts: Vec<&str> = path[1..].split('/').collect();
        match (&parts[..], payload) {
            (["new-account"], Some(payload)) => {
                assert_eq!(payload["termsOfServiceAgreed"], true);
                let account = answer(201, &json!({ "status": "valid" }));
                with(account, "location", &self.url("account"))
            }
            (["account"], Some(payload)) => {
                self.books().contact = payload["contact"].clone();
                answer(200, &json!({ "status": "valid" }))
            }
            (["new-order"], Some(payload)) => self.new_order(&payload),
            (["order", order], None) => self.order(order.parse().unwrap()),
            (["authorization", order, domain], None) => {
                answer(200, &self.authorization(order.parse().unwrap(), domain))
            }
            (["challenge", order, kind, domain], Some(payload)) => {
                assert_eq!(payload, json!({}));
                self.look(order.parse().unwrap(), kind, domain).await
            }
            (["finalize", order], Some(payload)) => self.finalize(order.parse().unwrap(), &payload["csr"]),
            (["certificate", order], None) => {
                let chain = self.books().orders[order.parse::<usize>().unwrap()].chain.clone().unwrap();
                Response::new(Full::new(Bytes::from(chain)).map_err(|never| match never {}).boxed_unsync())
            }
            (parts, payload) => panic!("nobody asks {parts:?} with {payload:?}"),
        }
    }

    fn new_order(&self, payload: &Value) -> Answer {
        let names = payload["identifiers"].as_array().unwrap().iter();
        let names = names.map(|name| (name["value"].as_str().unwrap().to_owned(), None));
        let domains = names.collect();
        let mut order = Order { domains, is_refused: false, padding: 0, elsewhere: None, chain: None };
        let mut books = self.books();
        match books.trouble.take() {
            Some(Trouble::Limited(retry_after)) => {
                let limited = problem(429, "rateLimited", "too many\n\x1b[2Jorders");
                return with(limited, "retry-after", &retry_after);
            }
            Some(Trouble::Cut) => {
                let pieces =
                    [Ok(Frame::data(Bytes::from_static(b"{\"status\":"))), Err(std::io::Error::other("cut"))];
                return Response::new(BodyExt::boxed_unsync(StreamBody::new(stream::iter(pieces))));
            }
            Some(Trouble::Padded(bytes)) => order.padding = bytes,
            Some(Trouble::Invalid) => order.is_refused = true,
            Some(Trouble::Elsewhere(address)) => order.elsewhere = Some(address),
            None => {}
        }
        books.orders.push(order);
        let number = books.orders.len() - 1;
        drop(books);
        let mut made = self.order(number);
        *made.status_mut() = StatusCode::CREATED;
        with(made, "location", &self.url(&format!("order/{number}")))
    }

    fn order(&self, number: usize) -> Answer {
        let books = self.books();
        let order = &books.orders[number];
        let proven = |wanted| order.domains.values().filter(|proven| **proven == Some(wanted)).count();
        let status = match &order.chain {
            Some(_) => "valid",
            None if proven(false) > 0 => "invalid",
            None if proven(true) == order.domains.len() => "ready",
            None => "pending",
        };
        let origin = match order.elsewhere {
            Some(address) => format!("https://{address}/"),
            None => self.url(""),
        };
        let authorizations = order.domains.keys();
        let authorizations = authorizations.map(|domain| format!("{origin}authorization/{number}/{domain}"));
        let finalize = self.url(&format!("finalize/{number}"));
        let certificate = self.url(&format!("certificate/{number}"));
        let mut told = json!({
            "status": status, "authorizations": authorizations.collect::<Vec<_>>(), "finalize": finalize,
        });
        if order.padding > 0 {
            told["padding"] = "x".repeat(order.padding).into();
        }
        if order.chain.is_some() {
            told["certificate"] = certificate.into();
        }
        answer(200, &told)
    }

    fn authorization(&self, number: usize, domain: &str) -> Value {
        let books = self.books();
        let status = match books.orders[number].domains[domain] {
            None => "pending",
            Some(true) => "valid",
            Some(false) => "invalid",
        };
        let kinds = [("tls-alpn-01", books.tls), ("http-01", books.http)];
        let kinds = kinds.into_iter().filter(|(_, at)| at.is_some());
        let challenges = kinds.map(|(kind, _)| {
            let mut challenge = json!({
                "type": kind,
                "url": self.url(&format!("challenge/{number}/{kind}/{domain}")),
                "token": format!("token-{number}-{domain}"),
                "status": status,
            });
            if status == "invalid" {
                challenge["error"] = json!({ "type": "x:unauthorized", "detail": "nothing was proven" });
            }
            challenge
        });
        json!({
            "identifier": { "type": "dns", "value": domain },
            "status": status,
            "challenges": challenges.collect::<Vec<_>>(),
        })
    }

    /// Looks for the proof where the name is.
    async fn look(&self, number: usize, kind: &str, domain: &str) -> Answer {
        let (tls, http, account, old_tls) = {
            let books = self.books();
            (books.tls, books.http, books.account.clone().unwrap(), books.old_tls)
        };
        let token = format!("token-{number}-{domain}");
        let expected = format!("{token}.{}", thumbprint(&account));
        let found = match kind {
            "tls-alpn-01" => proof::by_tls(tls.unwrap(), domain, &Sha256::digest(&expected), old_tls).await,
            _ => proof::by_http(http.unwrap(), domain, &token, &expected).await,
        };
        let mut books = self.books();
        let is_good = found.is_ok() && !books.orders[number].is_refused;
        books.why_not.extend(found.err());
        books.orders[number].domains.insert(domain.to_owned(), Some(is_good));
        drop(books);
        let authorization = self.authorization(number, domain);
        let mut challenge = authorization["challenges"][0].clone();
        challenge.as_object_mut().unwrap().remove("error");
        challenge["status"] = "processing".into();
        answer(200, &challenge)
    }

    /// Signs what was proven, and no more.
    fn finalize(&self, number: usize, request: &Value) -> Answer {
        let der = decode(request);
        let mut request =
            CertificateSigningRequestParams::from_der(&der.as_slice().into()).expect("a signed request");
        let key = request.public_key.algorithm();
        assert_eq!(key, &rcgen::PKCS_ECDSA_P256_SHA256);
        let mut books = self.books();
        let order = &mut books.orders[number];
        let names: Vec<_> = request
            .params
            .subject_alt_names
            .iter()
            .map(|name| match name {
                SanType::DnsName(name) => name.to_string(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert!(names.iter().eq(order.domains.keys()), "{names:?}");
        assert!(order.domains.values().all(|proven| *proven == Some(true)));
        let now = Now::system().unix_millis() / 1000;
        let at = |seconds| rcgen::date_time_ymd(1970, 1, 1) + std::time::Duration::from_secs(seconds);
        (request.params.not_before, request.params.not_after) = (at(now), at(now + LIFE));
        order.chain = Some(request.signed_by(&self.ca).unwrap().pem());
        drop(books);
        self.order(number)
    }
}
