//! How a command can end badly.

use std::io;
use std::process::ExitCode;

use crate::accounts::Error;
use crate::backup::BackupError;
use crate::config::ConfigError;
use crate::database::OpenError;
use crate::server::BindError;

/// A command's bad end.
#[derive(Debug)]
pub(super) enum Failure {
    /// Used wrongly.
    Usage(String),
    /// Failed while running.
    Failed(String),
    /// No relay answers; that was told.
    Unreachable,
    /// Told to end for a second time.
    Interrupted,
    /// Whoever read the output has gone: a clean end.
    Closed,
}

impl Failure {
    /// What to tell, if there is anything.
    pub(super) fn message(&self) -> Option<&str> {
        match self {
            Self::Usage(message) | Self::Failed(message) => Some(message),
            Self::Unreachable | Self::Interrupted | Self::Closed => None,
        }
    }

    pub(super) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Closed => 0,
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::Unreachable => 3,
            Self::Interrupted => 130,
        })
    }

    pub(super) fn failed(error: impl std::fmt::Display) -> Self {
        Self::Failed(format!("error: {error}"))
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Usage(format!("error: {error}"))
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        Self::failed(error)
    }
}

/// A reader that has gone is no clean end here: what it has is no backup.
impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        Self::failed(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::failed(error)
    }
}

impl From<BindError> for Failure {
    fn from(error: BindError) -> Self {
        let cure = match &error {
            BindError::Listen { source, .. } => cure(source.kind()),
            _ => "",
        };
        Self::failed(format!("{error}{cure}"))
    }
}

/// What to do about an address that can't be listened on.
fn cure(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::AddrInUse => {
            "; another program has it: end that, or give another address with --listen"
        }
        io::ErrorKind::AddrNotAvailable => {
            "; this machine has no such address: give one of its own with --listen"
        }
        io::ErrorKind::PermissionDenied => {
            "; ports below 1024 are for privileged users: give a higher one with --listen"
        }
        _ => "",
    }
}

/// Of writing to stdout.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::failed(format!("the output can't be written: {error}")),
        }
    }
}
