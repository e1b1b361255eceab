//! A release server on loopback: files by name, whole or cut.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Serves until the test's process ends.
pub(crate) struct Server {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    files: BTreeMap<String, Vec<u8>>,
    cut: Option<String>,
    asked: Vec<String>,
}

impl Server {
    /// Serves `files`, whole.
    pub(crate) fn of(files: &BTreeMap<String, Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let files = files.iter().map(|(name, bytes)| (format!("/{name}"), bytes.clone())).collect();
        let state = Arc::new(Mutex::new(State { files, ..State::default() }));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                answer(connection, &shared);
            }
        });
        Self { address, state }
    }

    /// Sends the first half of `name`, under the length of the whole.
    pub(crate) fn cutting(self, name: &str) -> Self {
        self.state.lock().unwrap().cut = Some(format!("/{name}"));
        self
    }

    /// The folder's address.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The paths that were asked for, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.state.lock().unwrap().asked.clone()
    }
}

fn answer(mut connection: TcpStream, state: &Mutex<State>) {
    let mut lines = BufReader::new(connection.try_clone().unwrap()).lines().map_while(Result::ok);
    let Some(request) = lines.next() else { return };
    lines.take_while(|line| !line.is_empty()).for_each(drop);
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut state = state.lock().unwrap();
    let response = match state.files.get(&path) {
        None => b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_vec(),
        Some(bytes) => {
            let sent = if state.cut.as_ref() == Some(&path) { bytes.len() / 2 } else { bytes.len() };
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", bytes.len());
            [head.as_bytes(), &bytes[..sent]].concat()
        }
    };
    state.asked.push(path);
    // A client that hangs up early is no fault of the server's.
    let _ = connection.write_all(&response);
}
