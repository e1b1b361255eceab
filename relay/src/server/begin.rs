//! How a relay begins: what can stop it, and the lock that keeps its data folder for it alone.

use std::fs::{File, TryLockError};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::doors::{self, Room};
use super::sockets::{Listener, Sockets};
use crate::accounts;
use crate::database::OpenError;
use crate::tls::TlsError;
use crate::tls::acme::AcmeError;

/// How often a relay that waits for another asks whether that has ended.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// Why a relay could not begin.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Its data folder is of no use.
    #[error(transparent)]
    Data(#[from] OpenError),
    /// The first token was not taken.
    #[error(transparent)]
    Accounts(#[from] accounts::Error),
    /// Another relay serves from the data folder: listeners of the one would not see webhooks of the other.
    #[error("another relay serves from {} already: end it first, or give this one a --data-dir of its own", .0.display())]
    InUse(PathBuf),
    /// The data folder can't be kept for this relay.
    #[error("{} can't be locked: {source}", path.display())]
    Lock {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Its certificate is of no use.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// It can't get certificates.
    #[error(transparent)]
    Acme(#[from] AcmeError),
    /// An address could not be listened on.
    #[error("can't listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The system gave no random bytes.
    #[error("the system gives no random bytes: {0}")]
    Random(#[from] getrandom::Error),
}

/// Keeps the data folder for one relay alone, waiting for another one to end for at most `patience`. The system lets
/// go when the process ends, however it does.
///
/// A lock that blocks would keep a signal from being heard: so it is tried again and again.
pub(super) async fn keep_alone(data_dir: &Path, patience: Duration) -> Result<File, BindError> {
    let path = data_dir.join("serve.lock");
    let failed = |source| BindError::Lock { path: path.clone(), source };
    let mut options = File::options();
    options.write(true).create(true).truncate(false);
    // Whoever may open it may lock it, and keep the relay from starting.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&path);
    // It is the first file that is made there: so it is the folder that is of no use.
    let file = file.map_err(|cause| OpenError::Folder { path: path.clone(), cause })?;
    let give_up = Instant::now() + patience;
    let mut is_told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() >= give_up => {
                return Err(BindError::InUse(data_dir.to_owned()));
            }
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        if !std::mem::replace(&mut is_told, true) {
            let data_dir = data_dir.display();
            tracing::info!(%data_dir, ?patience, "another relay serves from the data folder: waiting for it to end");
        }
        sleep(ASK_AGAIN.min(give_up - Instant::now())).await;
    }
}

/// As many connections as are asked for, and never more than the system lets this process have: above that accepting them
/// would fail, and with it whatever else needs a file.
pub(super) fn most_connections(wanted: usize) -> usize {
    let Some(Room { files, connections }) = doors::room().filter(|room| room.connections < wanted) else {
        return wanted;
    };
    tracing::info!(
        wanted,
        connections,
        files,
        "the system lets this process have fewer connections than --max-connections (RLIMIT_NOFILE)"
    );
    connections
}

/// Sockets for these addresses.
pub(super) async fn listen(
    sockets: &mut Sockets,
    addresses: &[SocketAddr],
) -> Result<Vec<Listener>, BindError> {
    let mut listeners = Vec::new();
    for &address in addresses {
        let failed = |source| BindError::Listen { address, source };
        listeners.push(sockets.listen(address).await.map_err(failed)?);
    }
    Ok(listeners)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_folder_that_can_not_be_written_is_told_as_one() {
        let dir = tempfile::tempdir().unwrap();
        let refused = keep_alone(&dir.path().join("none"), Duration::ZERO).await.unwrap_err();
        assert!(matches!(refused, BindError::Data(OpenError::Folder { .. })), "{refused}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_folder_is_waited_for_and_then_refused() {
        let dir = tempfile::tempdir().unwrap();
        let first = keep_alone(dir.path(), Duration::ZERO).await.unwrap();
        let began = Instant::now();
        let refused = keep_alone(dir.path(), Duration::from_secs(20)).await.unwrap_err();
        assert!(matches!(refused, BindError::InUse(_)), "{refused}");
        assert_eq!(began.elapsed(), Duration::from_secs(20));

        let began = Instant::now();
        let at_once = keep_alone(dir.path(), Duration::ZERO).await.unwrap_err();
        assert!(matches!(at_once, BindError::InUse(_)), "{at_once}");
        assert_eq!(began.elapsed(), Duration::ZERO);

        let leaves = async {
            sleep(Duration::from_secs(7)).await;
            drop(first);
        };
        let (taken, ()) = tokio::join!(keep_alone(dir.path(), Duration::from_secs(20)), leaves);
        assert!(taken.is_ok());
        assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    }
}
