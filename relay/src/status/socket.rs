//! A socket in the data folder. Whoever connects gets one report, and says nothing: so there is nothing to get wrong.

use std::fs::{self, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{SocketAddr, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::UnixListener;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{AskError, Report};

/// Its name in the data folder.
const FILE: &str = "status.sock";

/// Most who are answered at once. Others wait.
const AT_ONCE: usize = 4;

/// How long an answer may take until it has been read.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long to wait before accepting again when the system has no room for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Most bytes of a report.
const MAX_REPORT: u64 = 4 << 20;

/// The relay's end. The file goes when this is dropped.
#[derive(Debug)]
pub(crate) struct Socket {
    path: PathBuf,
    listener: Option<UnixListener>,
}

impl Socket {
    /// Opens a socket in the folder `dir`, which is locked for this relay alone: one that is there is a dead one's.
    ///
    /// # Errors
    /// See [`AskError`].
    pub(crate) fn open(dir: &Path) -> Result<Self, AskError> {
        let path = place(dir)?;
        let failed = |cause| AskError::Io { path: path.clone(), cause };
        match fs::symlink_metadata(&path) {
            Ok(found) if found.file_type().is_socket() => fs::remove_file(&path).map_err(failed)?,
            // Listening says that the name is taken.
            _ => {}
        }
        let listener = UnixListener::bind(&path).map_err(failed)?;
        let socket = Self { path: path.clone(), listener: Some(listener) };
        fs::set_permissions(&path, Permissions::from_mode(0o600)).map_err(failed)?;
        Ok(socket)
    }

    /// Answers with what `report` gives, until it is dropped. The file stays this socket's.
    pub(crate) fn serve<F, R>(&mut self, report: F) -> impl Future<Output = ()> + Send + use<F, R>
    where
        F: Fn() -> R + Clone + Send + 'static,
        R: Future<Output = Option<Report>> + Send + 'static,
    {
        let listener = self.listener.take();
        async move {
            if let Some(listener) = listener {
                serve(listener, report).await;
            }
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // What is left is found dead by the next relay.
        let _ = fs::remove_file(&self.path);
    }
}

async fn serve<F, R>(listener: UnixListener, report: F)
where
    F: Fn() -> R + Clone + Send + 'static,
    R: Future<Output = Option<Report>> + Send + 'static,
{
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    let over = CancellationToken::new();
    let _over = over.clone().drop_guard();
    loop {
        // Never closed.
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((mut stream, _)) => {
                let report = report.clone();
                let answer = timeout(PATIENCE, async move {
                    let Some(report) = report().await else { return };
                    // Only a map with keys that are no text could fail, and this is none.
                    let report = serde_json::to_vec(&report).unwrap_or_default();
                    // Whoever asked may have gone.
                    let _ = stream.write_all(&report).await;
                });
                tokio::spawn(over.clone().run_until_cancelled_owned(async move {
                    let _ = answer.await;
                    drop(permit);
                }));
            }
            Err(error) => {
                tracing::warn!(%error, "a question how the relay is could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Where the socket is, if the system has room for the path of it (`sun_path`, 104 to 108 bytes).
fn place(dir: &Path) -> Result<PathBuf, AskError> {
    let path = dir.join(FILE);
    match SocketAddr::from_pathname(&path) {
        Ok(_) => Ok(path),
        Err(_) => Err(AskError::TooLong(dir.to_owned())),
    }
}

/// Asks the relay that serves from the folder `dir`.
pub(super) fn ask(dir: &Path) -> Result<Report, AskError> {
    let path = place(dir)?;
    let failed = |cause: io::Error| match cause.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => AskError::NoRelay(dir.to_owned()),
        _ => AskError::Io { path: path.clone(), cause },
    };
    let stream = UnixStream::connect(&path).map_err(failed)?;
    let mut answer = Vec::new();
    let read = stream
        .set_read_timeout(Some(PATIENCE))
        .and_then(|()| stream.take(MAX_REPORT).read_to_end(&mut answer));
    read.map_err(failed)?;
    if answer.is_empty() {
        // It was going down, or too busy.
        return Err(failed(io::ErrorKind::UnexpectedEof.into()));
    }
    serde_json::from_slice(&answer).map_err(|error| AskError::Answer(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        Report { at: 7, relay: None, endpoints: Vec::new(), more: 3 }
    }

    #[tokio::test]
    async fn it_is_for_its_owner_alone_replaces_a_dead_one_and_goes_with_its_relay() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        // A relay that was killed leaves it behind.
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(matches!(ask(dir.path()), Err(AskError::NoRelay(_))));

        let mut socket = Socket::open(dir.path()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let serving = tokio::spawn(socket.serve(|| async { Some(report()) }));
        let folder = dir.path().to_owned();
        for _ in 0..3 {
            let folder = folder.clone();
            let answer = tokio::task::spawn_blocking(move || ask(&folder)).await.unwrap();
            assert_eq!(answer.unwrap(), report());
        }
        drop(socket);
        assert!(!path.exists());
        serving.abort();
        assert!(matches!(ask(dir.path()), Err(AskError::NoRelay(_))));
    }

    #[tokio::test]
    async fn what_is_no_socket_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        fs::write(&path, "mine").unwrap();
        assert!(matches!(Socket::open(dir.path()), Err(AskError::Io { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"mine");
    }

    #[test]
    fn a_path_that_is_too_long_is_told() {
        let long = Path::new("/").join("x".repeat(120));
        assert!(matches!(ask(&long), Err(AskError::TooLong(_))));
        assert!(Socket::open(&long).unwrap_err().to_string().contains("too long for a Unix socket"));
    }

    #[tokio::test]
    async fn one_who_does_not_read_keeps_nobody_else_out() {
        let dir = tempfile::tempdir().unwrap();
        let mut socket = Socket::open(dir.path()).unwrap();
        let _serving = tokio::spawn(socket.serve(|| async { Some(report()) }));
        let idle: Vec<_> =
            (0..AT_ONCE * 3).map(|_| UnixStream::connect(dir.path().join(FILE)).unwrap()).collect();
        let folder = dir.path().to_owned();
        let answer = tokio::task::spawn_blocking(move || ask(&folder)).await.unwrap();
        assert_eq!(answer.unwrap(), report());
        drop(idle);
    }
}
