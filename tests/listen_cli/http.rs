//! Both ends of a webhook's way: who sends it, and the app.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tokio::time::Instant;

use crate::running::LIMIT;

/// A request or a response.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) first: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Message {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| &**value)
    }

    pub(crate) fn status(&self) -> u16 {
        self.first.split(' ').nth(1).unwrap().parse().unwrap()
    }

    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }

    /// Checks that the app gave this answer.
    #[track_caller]
    pub(crate) fn by_app(&self, status: u16, body: &str) {
        assert_eq!((self.status(), self.text()), (status, body), "{self:?}");
        assert_eq!(self.header("muxhook-answer"), Some("app"), "{self:?}");
    }

    /// `None`: the other side has said all.
    fn read(from: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut line = || {
            let mut line = String::new();
            from.read_line(&mut line).map(|_| line.trim_end().to_owned())
        };
        let first = line()?;
        if first.is_empty() {
            return Ok(None);
        }
        let mut headers = Vec::new();
        while let Some((key, value)) = line()?.split_once(": ") {
            headers.push((key.to_lowercase(), value.to_owned()));
        }
        let length = headers.iter().find(|(key, _)| key == "content-length");
        let mut body = vec![0; length.map_or(0, |(_, length)| length.parse().unwrap())];
        from.read_exact(&mut body)?;
        Ok(Some(Self { first, headers, body }))
    }
}

/// A connection of a sender's.
pub(crate) struct Sender<S>(BufReader<S>);

impl Sender<TcpStream> {
    /// To the port of this machine that `url` names.
    pub(crate) fn to(url: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(url.split('/').nth(2).unwrap())?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_nodelay(true)?;
        Ok(Self::over(stream))
    }
}

impl<S: Read + Write> Sender<S> {
    pub(crate) fn over(stream: S) -> Self {
        Self(BufReader::new(stream))
    }

    pub(crate) fn post(&mut self, url: &str, headers: &str, body: &[u8]) -> io::Result<Message> {
        let mut parts = url.splitn(4, '/').skip(2);
        let (host, path) = (parts.next().unwrap(), parts.next().unwrap());
        let length = body.len();
        let head =
            format!("POST /{path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\n{headers}\r\n");
        self.0.get_mut().write_all(&[head.as_bytes(), body].concat())?;
        Message::read(&mut self.0)?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

/// Posts over a connection of its own, as JSON.
pub(crate) fn try_post(url: &str, body: &str) -> io::Result<Message> {
    Sender::to(url)?.post(url, "content-type: application/json\r\n", body.as_bytes())
}

/// The same, where nothing may go wrong.
#[track_caller]
pub(crate) fn post(url: &str, body: &str) -> Message {
    try_post(url, body).unwrap()
}

/// An app on this machine.
pub(crate) struct App {
    pub(crate) port: u16,
    seen: Arc<Mutex<Vec<Message>>>,
}

impl App {
    /// Answers every request with what `answer` makes of it: status line and body.
    pub(crate) fn new(answer: impl Fn(&Message) -> (&'static str, String) + Send + Sync + 'static) -> Self {
        Self::at(0, answer)
    }

    /// The same, on a port that is free.
    pub(crate) fn at(
        port: u16,
        answer: impl Fn(&Message) -> (&'static str, String) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let app = Self { port: listener.local_addr().unwrap().port(), seen: Arc::default() };
        let (seen, answer) = (Arc::clone(&app.seen), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                // A connection that breaks off is none of the app's business.
                thread::spawn(move || serve(stream.unwrap(), &seen, &*answer));
            }
        });
        app
    }

    /// Answers 200 and how many bytes came.
    pub(crate) fn counting() -> Self {
        Self::new(|request| ("200 OK", format!("took {}", request.body.len())))
    }

    /// What to forward to.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Waits until it saw so many.
    #[track_caller]
    pub(crate) fn wait_for(&self, requests: usize) {
        let until = Instant::now() + LIMIT;
        while self.seen.lock().unwrap().len() < requests {
            assert!(Instant::now() < until, "{requests} requests do not come");
            thread::park_timeout(Duration::from_millis(2));
        }
    }

    /// Everything that it saw so far.
    pub(crate) fn seen(&self) -> Vec<Message> {
        self.seen.lock().unwrap().clone()
    }
}

fn serve(
    stream: TcpStream,
    seen: &Mutex<Vec<Message>>,
    answer: &impl Fn(&Message) -> (&'static str, String),
) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(request) = Message::read(&mut stream)? {
        seen.lock().unwrap().push(request.clone());
        let (status, body) = answer(&request);
        let length = body.len();
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}");
        stream.get_mut().write_all(answer.as_bytes())?;
    }
    Ok(())
}
