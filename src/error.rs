//! Why a command did not do what it was asked, and the code it exits with.

use std::fmt;
use std::io;
use std::process::ExitCode;

/// What kind of end it was. Scripts rely on the codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Whoever read our output has gone: a clean end, code 0, nothing to say.
    Closed,
    /// It failed while running: 1.
    Failed,
    /// It was used wrongly: 2.
    Usage,
    /// The relay cannot be reached, and was given up: 3.
    Unreachable,
    /// A wait or an expectation was not met: 4.
    Unmet,
    /// The token, the endpoint or the protocol was refused: 5.
    Refused,
    /// The user wanted it to end at once (Ctrl-C), and knows so: 130, as shells have it, nothing to say.
    Interrupted,
}

impl Kind {
    /// The process' exit code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Closed => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Unreachable => 3,
            Self::Unmet => 4,
            Self::Refused => 5,
            Self::Interrupted => 130,
        }
    }
}

/// A command's bad end: what happened, to which thing, and what to do about it. May hold text from outside, which
/// who prints it escapes; never a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: Kind,
    message: String,
    hint: Option<String>,
}

impl Error {
    /// An end of this kind.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None }
    }

    /// It failed while running.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Kind::Failed, message)
    }

    /// It was used wrongly.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// The relay can't be reached.
    pub fn unreachable(message: impl Into<String>) -> Self {
        Self::new(Kind::Unreachable, message)
    }

    /// What was waited for did not happen.
    pub fn unmet(message: impl Into<String>) -> Self {
        Self::new(Kind::Unmet, message)
    }

    /// The relay said no, or is none.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(Kind::Refused, message)
    }

    /// The user wanted it to end at once.
    #[must_use]
    pub fn interrupted() -> Self {
        Self::new(Kind::Interrupted, "interrupted")
    }

    /// The same, with what the user can do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What kind of end it was.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Whether there is anything that the user does not know yet.
    #[must_use]
    pub fn is_worth_telling(&self) -> bool {
        !matches!(self.kind, Kind::Closed | Kind::Interrupted)
    }

    /// The process' exit code.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.kind.code())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// Writing what a command has to say failed.
impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(Kind::Closed, "the reader of the output has gone"),
            _ => Self::failed(format!("the output cannot be written: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_a_contract() {
        use Kind as K;
        let kinds = [K::Closed, K::Failed, K::Usage, K::Unreachable, K::Unmet, K::Refused, K::Interrupted];
        assert_eq!(kinds.map(Kind::code), [0, 1, 2, 3, 4, 5, 130]);
    }

    #[test]
    fn a_reader_that_has_gone_is_no_failure() {
        assert_eq!(Error::from(io::Error::from(io::ErrorKind::BrokenPipe)).kind(), Kind::Closed);
        assert_eq!(Error::from(io::Error::from(io::ErrorKind::StorageFull)).kind(), Kind::Failed);
    }
}
