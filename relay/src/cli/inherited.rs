//! Sockets that are handed over by whoever starts the relay, by systemd's protocol (`sd_listen_fds(3)`).

use std::ffi::OsString;

use listenfd::ListenFd;

use super::failure::Failure;
use crate::config::{Listen, Options};
use crate::server::Sockets;

/// Most sockets that are taken.
const MOST: usize = 64;

/// What a socket is for, by its name (`FileDescriptorName=`).
const ADMIN: &str = "admin";
const ACME_HTTP: &str = "acme-http";

/// Takes the sockets, and has the options speak of them: those that webhooks come to stand in place of `--listen`, one
/// named `admin` in place of `--admin`, and one named `acme-http` is for HTTP-01 whatever its port. So whatever holds of
/// an address holds of them as well. To be called while the process has one thread: the environment is cleared of them.
///
/// # Errors
/// One of them is no TCP socket that listens; there are two for `admin`, or more than anybody needs.
pub(super) fn take(options: &mut Options) -> Result<Sockets, Failure> {
    let mut sockets = Sockets::default();
    let names = names(&super::environment).map_err(Failure::failed)?;
    if names.is_empty() {
        return Ok(sockets);
    }
    let mut handed = ListenFd::from_env();
    let (mut listen, mut admin) = (Vec::new(), None);
    for (index, name) in names.iter().enumerate() {
        let unfit = |why: &dyn std::fmt::Display| {
            let number = index + 1;
            Failure::failed(format!(
                "socket {number} of LISTEN_FDS, named {name:?}, is no TCP socket that listens: {why}"
            ))
        };
        let socket = handed.take_tcp_listener(index).map_err(|error| unfit(&error))?;
        let socket = socket.ok_or_else(|| unfit(&"it was not handed over"))?;
        let address = sockets.hand_over(socket).map_err(|error| unfit(&error))?;
        match name.as_str() {
            ADMIN if admin.replace(Listen(address)).is_some() => {
                return Err(Failure::failed(format!("two sockets of LISTEN_FDS are named {ADMIN:?}")));
            }
            ADMIN => {}
            ACME_HTTP => options.acme_http.push(address),
            _ => listen.push(Listen(address)),
        }
    }
    if !listen.is_empty() {
        options.listen = listen;
    }
    options.admin = admin.or(options.admin);
    Ok(sockets)
}

/// The name of each socket that is handed to this very process, empty where it has none. Those of another process, whose
/// environment came down to this one, are not ours.
fn names(environment: &dyn Fn(&str) -> Option<OsString>) -> Result<Vec<String>, String> {
    let text = |name| environment(name).map(|value| value.to_string_lossy().into_owned());
    let is_ours = text("LISTEN_PID").is_some_and(|pid| pid.parse() == Ok(std::process::id()));
    let Some(count) = text("LISTEN_FDS").filter(|_| is_ours) else { return Ok(Vec::new()) };
    let count = count.parse().ok().filter(|count| *count <= MOST);
    let count = count.ok_or_else(|| format!("LISTEN_FDS is the count of sockets, {MOST} at most"))?;
    let given = text("LISTEN_FDNAMES").unwrap_or_default();
    let mut names: Vec<_> = given.split(':').take(count).map(str::to_owned).collect();
    names.resize(count, String::new());
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pid: &str, count: &str, given: Option<&str>) -> Result<Vec<String>, String> {
        names(&|name| {
            let value = match name {
                "LISTEN_PID" => Some(pid),
                "LISTEN_FDS" => Some(count),
                _ => given,
            };
            value.map(OsString::from)
        })
    }

    #[test]
    fn sockets_of_this_process_have_their_names() {
        let own = std::process::id().to_string();
        assert_eq!(found(&own, "2", Some("web:admin")).unwrap(), ["web", "admin"]);
        assert_eq!(found(&own, "2", Some("web")).unwrap(), ["web", ""]);
        assert_eq!(found(&own, "1", None).unwrap(), [""]);
        assert_eq!(found(&own, "1", Some("a:b:c")).unwrap(), ["a"]);
        assert!(found(&own, "0", None).unwrap().is_empty());
    }

    #[test]
    fn sockets_of_others_are_left_alone_and_odd_counts_refused() {
        for pid in ["", "1", "-1", "x"] {
            assert!(found(pid, "1", None).unwrap().is_empty(), "{pid}");
        }
        let own = std::process::id().to_string();
        for count in ["", "-1", "x", "65", "99999999999999999999"] {
            assert!(found(&own, count, None).unwrap_err().contains("LISTEN_FDS"), "{count}");
        }
    }
}
