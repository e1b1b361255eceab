//! The WebSocket of both sides against the cases of the Autobahn test suite, as the PyPI package `kosoku` runs them:
//! the relay's upgrade and the CLI's dial, each with its own settings, and an echo in place of frames.
//!
//! Ignored, since it needs that package: `scripts/conformance` brings it and runs these.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::Path;
use std::process::Stdio;

use futures_util::{SinkExt, StreamExt};
use http::{Request, Response, header};
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use muxhook::dial::{DialOptions, Dialer, Stream};
use muxhook::relay_url::RelayUrl;
use muxhook::session;
use muxhook_link::websocket_config;
use muxhook_relay::connect::take_over;
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, BufReader};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::harness::run;

/// Each run: the cases, and whether the bounds of a message's size are lifted for them. A frame of muxhook has 320 KiB
/// at most, and the cases of chapter 9 send up to 16 MiB; all others go with the very settings.
const RUNS: [(&[&str], bool); 2] = [(&["--exclude", "9.*"], false), (&["--include", "9.*"], true)];

/// Above the largest message of any case, in bytes.
const LARGEST: usize = 17 << 20;

/// What only permessage-deflate has, which no side offers.
const UNIMPLEMENTED: [&str; 2] = ["12.", "13."];

/// How a case ended, in the report's words.
#[derive(Deserialize)]
struct Case {
    behavior: String,
    #[serde(rename = "behaviorClose")]
    close: String,
}

fn settings(read_buffer: usize, lifted: bool) -> WebSocketConfig {
    let own = websocket_config(read_buffer);
    if !lifted {
        return own;
    }
    own.max_message_size(Some(LARGEST)).max_frame_size(Some(LARGEST)).max_write_buffer_size(2 * LARGEST)
}

#[test]
#[ignore = "scripts/conformance runs it"]
fn the_relays_side_conforms() {
    run(|| async {
        for (cases, lifted) in RUNS {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap().to_string();
            let serving =
                tokio::spawn(serve(listener, settings(muxhook_relay::session::READ_BUFFER, lifted)));
            let folder = tempfile::tempdir().unwrap();
            let mut kosoku = kosoku(&["--mode", "fuzzingclient", &address], cases, folder.path());
            kosoku.spawn().unwrap().wait_with_output().await.unwrap();
            conforms("relay", folder.path());
            serving.abort();
        }
    });
}

#[test]
#[ignore = "scripts/conformance runs it"]
fn the_clis_side_conforms() {
    run(|| async {
        for (cases, lifted) in RUNS {
            let folder = tempfile::tempdir().unwrap();
            let mut kosoku = kosoku(&["--mode", "fuzzingserver", "127.0.0.1:0"], cases, folder.path());
            let mut kosoku = kosoku.spawn().unwrap();
            let mut told = BufReader::new(kosoku.stderr.take().unwrap()).lines();
            let first = told.next_line().await.unwrap().unwrap();
            let (_, address) = first.rsplit_once("ws://").unwrap_or_else(|| panic!("{first}"));
            let settings = settings(session::READ_BUFFER, lifted);
            let count = ask(address, "/getCaseCount", settings).await;
            for case in 1..=count.parse::<u32>().unwrap() {
                let _ = echo(open(address, &format!("/runCase?case={case}&agent=cli"), settings).await).await;
            }
            let _ = echo(open(address, "/updateReports?agent=cli", settings).await).await;
            // It tells each case that did not go well.
            while told.next_line().await.unwrap().is_some() {}
            kosoku.wait().await.unwrap();
            conforms("CLI", folder.path());
        }
    });
}

/// The program that `MUXHOOK_KOSOKU` names.
fn kosoku(mode: &[&str], cases: &[&str], reports: &Path) -> Command {
    let program = std::env::var_os("MUXHOOK_KOSOKU").expect("scripts/conformance sets it");
    let mut command = Command::new(program);
    command.args(mode).args(cases).arg("--outdir").arg(reports);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// Tells how the cases ended, and fails unless all are right but those that no side can do. `kosoku` itself counts those
/// as failed.
#[expect(clippy::print_stdout, reason = "the figures are what it is run for")]
fn conforms(side: &str, reports: &Path) {
    let index = std::fs::read_to_string(reports.join("index.json")).expect("kosoku wrote its report");
    let index: BTreeMap<String, BTreeMap<String, Case>> = serde_json::from_str(&index).unwrap();
    let mut counts = BTreeMap::<&str, u32>::new();
    let mut wrong = Vec::new();
    for (number, case) in index.values().flatten() {
        *counts.entry(&case.behavior).or_default() += 1;
        let is_right = match &*case.behavior {
            "OK" | "NON-STRICT" | "INFORMATIONAL" => true,
            "UNIMPLEMENTED" => UNIMPLEMENTED.iter().any(|chapter| number.starts_with(chapter)),
            _ => false,
        };
        if !is_right || !matches!(&*case.close, "OK" | "INFORMATIONAL") {
            wrong.push(format!("{number}: {}, closed {}", case.behavior, case.close));
        }
    }
    println!("the {side}'s side: {counts:?}");
    assert!(counts.get("OK").is_some_and(|&count| count > 20), "{counts:?}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A relay as far as its WebSocket goes, which echoes.
async fn serve(listener: TcpListener, settings: WebSocketConfig) {
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        socket.set_nodelay(true).unwrap();
        let service = service_fn(move |mut request: Request<Incoming>| async move {
            let accept = derive_accept_key(request.headers()[header::SEC_WEBSOCKET_KEY].as_bytes());
            let upgrade = hyper::upgrade::on(&mut request);
            tokio::spawn(async move {
                // A case may break off whenever it likes.
                let taken = take_over(upgrade, settings, |stream: Stream| (stream, ())).await;
                let _ = echo(taken.unwrap().0).await;
            });
            let response = Response::builder().status(101).header("connection", "Upgrade");
            let response = response.header("upgrade", "websocket").header("sec-websocket-accept", accept);
            Ok::<_, Infallible>(response.body(Empty::<Bytes>::new()).unwrap())
        });
        let stream = TokioIo::new(Stream::Plain(socket));
        tokio::spawn(http1::Builder::new().serve_connection(stream, service).with_upgrades());
    }
}

async fn open(address: &str, path: &str, settings: WebSocketConfig) -> WebSocketStream<Stream> {
    let relay = RelayUrl::parse(&format!("http://{address}"), false).unwrap();
    let stream = Dialer::new(DialOptions::default()).unwrap().connect(&relay).await.unwrap();
    client_async_with_config(format!("ws://{address}{path}"), stream, Some(settings)).await.unwrap().0
}

async fn ask(address: &str, path: &str, settings: WebSocketConfig) -> String {
    let mut socket = open(address, path, settings).await;
    let answer = socket.next().await.unwrap().unwrap().into_text().unwrap().to_string();
    let _ = socket.close(None).await;
    answer
}

/// Sends back what comes, until the other side has gone or broke the protocol.
async fn echo<S: AsyncRead + AsyncWrite + Unpin>(mut socket: WebSocketStream<S>) -> Result<(), Error> {
    while let Some(message) = socket.next().await {
        let message = message?;
        if matches!(message, Message::Text(_) | Message::Binary(_)) {
            socket.send(message).await?;
        }
    }
    Ok(())
}
