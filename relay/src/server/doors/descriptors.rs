//! How many connections the system lets this process have: each takes a file descriptor (RLIMIT_NOFILE, POSIX getrlimit).

/// Descriptors for everything else: databases, the history's spool, listeners, connections to the admin address and to
/// HTTP-01, what the process came with.
const BESIDE: u64 = 256;

/// How much the system lets this process have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) struct Room {
    /// Open files of all kinds.
    pub(in crate::server) files: u64,
    /// Connections among them.
    pub(in crate::server) connections: usize,
}

impl Room {
    /// Where there are few, half of them.
    fn of(files: u64) -> Self {
        let connections = files.saturating_sub(BESIDE).max(files / 2);
        Self { files, connections: usize::try_from(connections).unwrap_or(usize::MAX) }
    }
}

/// What the system lets this process have just now; `None`: it sets no bound.
#[cfg(unix)]
pub(in crate::server) fn room() -> Option<Room> {
    use rustix::process::{Resource, getrlimit};
    getrlimit(Resource::Nofile).current.map(Room::of)
}

/// As on Unix; other systems set no such bound.
#[cfg(not(unix))]
pub(in crate::server) fn room() -> Option<Room> {
    None
}

/// Has the system let this process have as many files as it may ask for: the bound that it begins with (1024 for most)
/// is for programs that know no better. It is the whole process's, so a program's to say, and never done by itself.
///
/// # Errors
/// The system refuses; the bound stays as it was.
#[cfg(unix)]
pub fn raise() -> std::io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return Ok(());
    }
    Ok(setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?)
}

/// As on Unix; other systems set no such bound.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn raise() -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_room_beside_connections() {
        let connections = |files| Room::of(files).connections;
        assert_eq!(
            [connections(65_536), connections(1024), connections(256), connections(0)],
            [65_280, 768, 128, 0]
        );
    }

    #[cfg(unix)]
    #[test]
    fn the_bound_of_this_process_is_raised_to_what_it_may_be() {
        use rustix::process::{Resource, getrlimit};
        raise().unwrap();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
        assert_eq!(room(), limit.current.map(Room::of));
    }
}
