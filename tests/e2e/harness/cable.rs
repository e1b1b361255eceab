//! The network between CLI and relay, which a test can cut or make swallow everything.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// A TCP proxy on a port of its own.
pub(crate) struct Cable {
    pub(crate) addr: SocketAddr,
    state: Arc<Mutex<State>>,
    _task: JoinSet<()>,
}

/// What becomes of new connections.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Carries,
    Cut,
    Swallows,
}

struct State {
    mode: Mode,
    connections: JoinSet<()>,
    /// Cancelled: the connections of today carry nothing any more, and stay open.
    silence: CancellationToken,
}

impl Cable {
    pub(crate) async fn to(far: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let silence = CancellationToken::new();
        let state = State { mode: Mode::Carries, connections: JoinSet::new(), silence };
        let state = Arc::new(Mutex::new(state));
        let mut task = JoinSet::new();
        task.spawn(accept(listener, far, Arc::clone(&state)));
        Self { addr, state, _task: task }
    }

    /// Closes what is open; refuses what is new.
    pub(crate) fn cut(&self) {
        let mut state = self.state.lock().unwrap();
        state.mode = Mode::Cut;
        state.connections.abort_all();
    }

    /// Carries nothing any more, and closes nothing: what is open stays so, what is new is taken.
    pub(crate) fn swallow(&self) {
        let mut state = self.state.lock().unwrap();
        state.mode = Mode::Swallows;
        state.silence.cancel();
    }

    /// Carries new connections again.
    pub(crate) fn mend(&self) {
        let mut state = self.state.lock().unwrap();
        state.mode = Mode::Carries;
        state.silence = CancellationToken::new();
    }
}

async fn accept(listener: TcpListener, far: SocketAddr, state: Arc<Mutex<State>>) {
    while let Ok((near, _)) = listener.accept().await {
        let mut state = state.lock().unwrap();
        let silence = state.silence.clone();
        match state.mode {
            Mode::Carries | Mode::Swallows => state.connections.spawn(carry(near, far, silence)),
            Mode::Cut => continue,
        };
    }
}

async fn carry(mut near: TcpStream, far: SocketAddr, silence: CancellationToken) {
    let mut far = TcpStream::connect(far).await.unwrap();
    near.set_nodelay(true).unwrap();
    far.set_nodelay(true).unwrap();
    tokio::select! {
        biased;
        () = silence.cancelled() => {}
        _ = copy_bidirectional(&mut near, &mut far) => return,
    }
    // Open, as far as either side can tell.
    std::future::pending::<()>().await;
    drop((near, far));
}
