//! Slow clients: heads and bodies that come a byte at a time, and answers that nobody reads.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// Between two bytes of a slow head or body.
const DRIP: Duration = Duration::from_secs(1);

/// Clients that come from one address.
const OF_SOURCE: usize = 250;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Head,
    Body,
    Reader,
}

/// Many of them. Each stays until the relay has ended its connection; one that reads nothing can't know, and stays until
/// all are told to leave.
pub(crate) struct Clients {
    all: JoinSet<(Kind, Duration)>,
    leave: CancellationToken,
}

impl Clients {
    /// So many of each kind, who come over `time`, from several addresses of this machine.
    pub(crate) async fn begin(addr: SocketAddr, each: usize, time: Duration) -> Self {
        let (mut all, leave) = (JoinSet::new(), CancellationToken::new());
        let began = Instant::now();
        for number in 0..each {
            for (index, kind) in (0..).zip([Kind::Head, Kind::Body, Kind::Reader]) {
                let source = Ipv4Addr::new(127, 0, 1 + index, 1 + u8::try_from(number / OF_SOURCE).unwrap());
                all.spawn(one(kind, source, addr, leave.clone()));
            }
            let part =
                f64::from(u32::try_from(number + 1).unwrap()) / f64::from(u32::try_from(each).unwrap());
            sleep((began + time.mul_f64(part)).saturating_duration_since(Instant::now())).await;
        }
        Self { all, leave }
    }

    /// Has them leave who are still there; how long the relay kept each.
    pub(crate) async fn end(self) -> Vec<(Kind, Duration)> {
        self.leave.cancel();
        self.all.join_all().await
    }
}

async fn one(kind: Kind, source: Ipv4Addr, addr: SocketAddr, leave: CancellationToken) -> (Kind, Duration) {
    let began = Instant::now();
    let mut stream = connect(kind, source, addr).await;
    let head = match kind {
        Kind::Head => "POST /h/good HTTP/1.1\r\nhost: x\r\nx-slow: ",
        Kind::Body => "POST /h/good HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n",
        Kind::Reader => "POST /h/large HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n",
    };
    stream.write_all(head.as_bytes()).await.unwrap();
    match kind {
        Kind::Head | Kind::Body => drip(stream).await,
        Kind::Reader => leave.cancelled().await,
    }
    (kind, began.elapsed())
}

async fn connect(kind: Kind, source: Ipv4Addr, addr: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((source, 0).into()).unwrap();
    if kind == Kind::Reader {
        socket.set_recv_buffer_size(4096).unwrap();
    }
    socket.connect(addr).await.unwrap()
}

/// Sends a byte now and then until the connection is over.
async fn drip(stream: TcpStream) {
    let (mut read, mut write) = stream.into_split();
    let over = async {
        let mut answer = Vec::new();
        let _ = read.read_to_end(&mut answer).await;
    };
    let drips = async {
        loop {
            sleep(DRIP).await;
            if write.write_all(b"x").await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = over => {}
        () = drips => {}
    }
}
