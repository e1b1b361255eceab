//! Something that answers HTTP on a port, one request a connection.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// The token that [`relay`] knows.
pub(crate) const TOKEN: &str = "g00d-t0ken";

/// Listens on a free port, and answers each request with what `answer` makes of it. Returns its URL.
pub(crate) fn answering(answer: impl Fn(&str) -> String + Send + 'static) -> String {
    answering_bytes(move |request| answer(request).into_bytes())
}

/// The same with answers that need not be text.
pub(crate) fn answering_bytes(answer: impl Fn(&str) -> Vec<u8> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming().take(50) {
            let mut stream = stream.unwrap();
            let reply = answer(&request(&mut stream));
            stream.write_all(&reply).unwrap();
        }
    });
    url
}

/// A muxhook relay, as far as its API goes.
pub(crate) fn relay() -> String {
    answering(|request| {
        if !request.contains(&format!("Bearer {TOKEN}\r\n")) {
            return problem("401 Unauthorized", "unauthorized", "no such token");
        }
        let endpoint = |name: &str, listeners: u8| {
            format!(
                r#"{{"endpoint":"{name}","public_url":"https://h.example/h/{name}","created_at":1764000000000,"listeners":{listeners},"observers":0}}"#
            )
        };
        match request.lines().next().unwrap_or_default() {
            "GET /_relay/v1/status HTTP/1.1" => json(
                "200 OK",
                r#"{"server":"muxhook-relay/9.9","account":"acme\u001b[2J","public_url":"https://h.example","endpoints":2}"#,
            ),
            "GET /_relay/v1/endpoints HTTP/1.1" => json(
                "200 OK",
                &format!(r#"{{"endpoints":[{},{}]}}"#, endpoint("alice", 1), endpoint("bob", 0)),
            ),
            "POST /_relay/v1/endpoints HTTP/1.1" if request.ends_with(r#"{"endpoint":"taken"}"#) => {
                problem("409 Conflict", "endpoint_taken", "another account has `taken`")
            }
            "POST /_relay/v1/endpoints HTTP/1.1" => json("201 Created", &endpoint("carol", 0)),
            "DELETE /_relay/v1/endpoints/alice HTTP/1.1" => "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
            _ => problem("404 Not Found", "unknown_endpoint", "this account has no such endpoint"),
        }
    })
}

/// A port where nobody listens.
pub(crate) fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

pub(crate) fn json(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

pub(crate) fn problem(status: &str, code: &str, message: &str) -> String {
    json(status, &format!(r#"{{"error":"{code}","message":"{message}"}}"#))
}

/// A request's head, and its body when that has a length; header names in lower case.
fn request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
        request.push(byte[0]);
    }
    let head = String::from_utf8(request).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).unwrap();
    head + &String::from_utf8(body).unwrap()
}
