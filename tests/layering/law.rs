//! The law: who may name whom. Each row carries a source that breaks it, so that no row can go blind.

use super::source::{Named, Source};

/// A row of the law on sources.
pub(crate) struct Law {
    /// The row in words.
    pub(crate) says: &'static str,
    /// Where it holds: files without their extension, or folders; a `*` at the end takes any ending.
    pub(crate) within: &'static [&'static str],
    /// Where it does not hold, and a reason for each that is not evident.
    pub(crate) except: &'static [&'static str],
    /// Paths that may not be named there, nor anything below them; `*::x` is any path with a segment `x`.
    pub(crate) never: &'static [&'static str],
    /// A file and a text that this row must refuse.
    pub(crate) breaks: &'static [(&'static str, &'static str)],
}

/// Every row.
pub(crate) const LAWS: &[Law] = &[
    Law {
        says: "the protocol is pure: no runtime, socket, clock, thread, file or command line",
        within: &["relay/protocol/src"],
        except: &[],
        never: &[
            "std::fs",
            "std::net",
            "std::thread",
            "std::process",
            "std::env",
            "std::time::Instant",
            "std::time::SystemTime",
            "tokio",
            "hyper",
            "clap",
        ],
        breaks: &[
            ("relay/protocol/src/frame.rs", "use std::{fmt, time::{Duration, Instant}};"),
            ("relay/protocol/src/frame.rs", "fn f() { std::fs::read(\"x\"); }"),
            ("relay/protocol/src/frame/hello.rs", "use std::time; fn f() { time::SystemTime::now(); }"),
            ("relay/protocol/src/mux.rs", "use std::net::*;"),
            ("relay/protocol/src/mux.rs", "use std::*;"),
        ],
    },
    Law {
        says: "the link is not bound to a side: it knows neither the relay nor the CLI, no HTTP and no file",
        within: &["relay/link/src"],
        except: &[],
        never: &["muxhook", "muxhook_relay", "hyper", "clap", "std::fs", "tokio::fs"],
        breaks: &[("relay/link/src/link.rs", "use muxhook_relay::registry;")],
    },
    Law {
        says: "the relay never names the CLI",
        within: &["relay/src"],
        except: &[],
        never: &["muxhook"],
        breaks: &[("relay/src/api.rs", "use muxhook::event::Event;")],
    },
    Law {
        says: "in the CLI only `embedded` names the relay",
        within: &["src"],
        // `muxhook relay …` hands its words to the relay's own command line.
        except: &["src/embedded", "src/commands/relay*"],
        never: &["muxhook_relay"],
        breaks: &[
            ("src/commands/listen.rs", "fn f() { muxhook_relay::serve(); }"),
            ("src/api.rs", "use muxhook_relay as r;"),
        ],
    },
    Law {
        says: "the session knows no other room: commands join them",
        within: &["src/session"],
        except: &[],
        never: &["crate::intake", "crate::forwarder", "crate::printer"],
        breaks: &[
            ("src/session.rs", "use crate::{backoff, printer::Printer};"),
            ("src/session/run.rs", "use super::super::intake;"),
            ("src/session/run.rs", "fn f() { crate::forwarder::forward() }"),
        ],
    },
    Law {
        says: "the intake knows no other room: commands join them",
        within: &["src/intake"],
        except: &[],
        never: &["crate::session", "crate::forwarder", "crate::printer"],
        breaks: &[("src/intake.rs", "use super::session::Session;")],
    },
    Law {
        says: "the intake is pure: no waiting, no socket, no file",
        within: &["src/intake"],
        except: &[],
        never: &["async", "await", "std::fs", "std::net", "std::io", "tokio", "hyper"],
        breaks: &[
            ("src/intake/filters.rs", "async fn f() {}"),
            ("src/intake.rs", "use tokio::net::TcpStream;"),
        ],
    },
    Law {
        says: "the cure is pure: no other room, no waiting, no socket, no file",
        within: &["src/cure"],
        except: &[],
        never: &[
            "crate::session",
            "crate::intake",
            "crate::forwarder",
            "crate::printer",
            "async",
            "await",
            "std::fs",
            "std::net",
            "std::io",
            "tokio",
        ],
        breaks: &[("src/cure.rs", "use crate::printer::escape;")],
    },
    Law {
        says: "what asks over HTTP knows no other room: commands join them",
        within: &["src/exchange", "src/api", "src/mux_api"],
        except: &[],
        never: &[
            "crate::session",
            "crate::intake",
            "crate::forwarder",
            "crate::printer",
            "crate::config",
            "crate::state",
            "crate::embedded",
        ],
        breaks: &[
            ("src/exchange.rs", "use crate::session::Session;"),
            ("src/api/exchange.rs", "use crate::state::State;"),
            ("src/mux_api.rs", "fn f() { crate::printer::escape(\"x\"); }"),
        ],
    },
    Law {
        says: "a relay and Mux are asked in words of their own: neither API knows the other",
        within: &["src/exchange", "src/api"],
        except: &[],
        never: &["crate::mux_api"],
        breaks: &[("src/api.rs", "use crate::mux_api::WebhookId;")],
    },
    Law {
        says: "Mux's API knows no relay's",
        within: &["src/mux_api"],
        except: &[],
        never: &["crate::api"],
        breaks: &[("src/mux_api/exchange.rs", "use crate::api::Client;")],
    },
    Law {
        says: "what is exported is written by pure code: no waiting, no socket, no file",
        within: &["src/commands/events/export/*"],
        except: &[],
        never: &["async", "await", "std::fs", "std::net", "std::io", "tokio", "crate::api::Client"],
        breaks: &[
            ("src/commands/events/export/curl.rs", "use std::process; use std::io::Write;"),
            ("src/commands/events/export/har.rs", "async fn f() {}"),
        ],
    },
    Law {
        says: "the lines of an env file are pure: no other room, no waiting, no socket, no file",
        within: &["src/env_file"],
        except: &[],
        never: &["crate", "async", "await", "std::fs", "std::net", "std::io", "std::env", "tokio"],
        breaks: &[
            ("src/env_file.rs", "use crate::private_file;"),
            ("src/env_file.rs", "fn f() { std::fs::read(\"x\"); }"),
        ],
    },
    Law {
        says: "the forwarder knows no other room: commands join them",
        within: &["src/forwarder"],
        except: &[],
        never: &["crate::session", "crate::intake", "crate::printer"],
        breaks: &[("src/forwarder/pool.rs", "mod inner { use super::super::super::printer; }")],
    },
    Law {
        says: "the printer knows no other room: commands join them",
        within: &["src/printer"],
        except: &[],
        never: &["crate::session", "crate::intake", "crate::forwarder"],
        breaks: &[("src/printer/human.rs", "use crate::*;")],
    },
    Law {
        says: "only the printer writes to a terminal",
        within: &["src"],
        except: &["src/printer"],
        never: &[
            "std::io::stdout",
            "std::io::stderr",
            "tokio::io::stdout",
            "tokio::io::stderr",
            "print!",
            "println!",
            "eprint!",
            "eprintln!",
            "dbg!",
            "colored",
            "indicatif",
        ],
        breaks: &[
            ("src/main.rs", "fn main() { eprintln!(\"x\") }"),
            ("src/session.rs", "fn f() { tokio::select! { _ = g() => println!(\"x\") } }"),
            ("src/commands/demo.rs", "use std::io; fn f() { io::stdout().flush(); }"),
            ("src/commands/man.rs", "use std::io::{self as terminal}; fn f() { terminal::stderr(); }"),
            ("src/commands/man.rs", "fn f() { std::println!(\"x\") }"),
        ],
    },
    Law {
        says: "only `args` knows the parser of the command line",
        within: &["src"],
        except: &["src/args", "src/main"],
        never: &["clap"],
        breaks: &[("src/config.rs", "#[derive(clap::Parser)] struct A;")],
    },
    Law {
        says: "only `args` and the commands that print them make completions and the man page",
        within: &["src"],
        except: &["src/args", "src/commands/completions", "src/commands/man"],
        never: &["clap_complete", "clap_mangen"],
        breaks: &[("src/commands/login.rs", "use clap_complete::Shell;")],
    },
    Law {
        says: "in the relay only `config` and `cli` know the parser of the command line",
        within: &["relay/src"],
        except: &["relay/src/config", "relay/src/cli", "relay/src/main"],
        never: &["clap"],
        breaks: &[("relay/src/accounts.rs", "use clap::ValueEnum;")],
    },
    Law {
        says: "the registry is memory: it never waits and does no I/O",
        within: &["relay/src/registry"],
        except: &[],
        never: &["async", "await", "std::io", "std::fs", "std::net", "tokio::io", "tokio::fs", "tokio::net"],
        breaks: &[
            ("relay/src/registry.rs", "fn f() { g().await }"),
            ("relay/src/registry.rs", "fn f() { let a = async { 1 }; }"),
            ("relay/src/registry/live.rs", "use std::net::SocketAddr;"),
        ],
    },
    Law {
        says: "a relay's session knows neither journal nor ingress",
        within: &["relay/src/session"],
        except: &[],
        never: &["crate::journal", "crate::ingress"],
        breaks: &[("relay/src/session.rs", "use crate::ingress::Answer;")],
    },
    Law {
        says: "the ingress knows no frame and no file",
        within: &["relay/src/ingress"],
        except: &[],
        never: &[
            "muxhook_protocol::frame",
            "muxhook_protocol::Frame",
            "muxhook_protocol::parts",
            "std::fs",
            "tokio::fs",
        ],
        breaks: &[
            ("relay/src/ingress.rs", "use muxhook_protocol::{Delivery, Frame};"),
            ("relay/src/ingress/body.rs", "use muxhook_protocol as p; fn f() { p::frame::MAX_HEAD; }"),
        ],
    },
    Law {
        says: "the journal knows no socket",
        within: &["relay/src/journal"],
        except: &[],
        never: &["std::net", "tokio::net", "hyper", "crate::ingress", "crate::session"],
        breaks: &[("relay/src/journal/writer.rs", "use tokio::net::TcpStream;")],
    },
    Law {
        says: "the admin listener knows nothing of accounts, deliveries and sessions",
        within: &["relay/src/admin"],
        except: &[],
        never: &[
            "crate::accounts",
            "crate::api",
            "crate::dispatch",
            "crate::ingress",
            "crate::registry",
            "crate::session",
            "std::fs",
        ],
        breaks: &[("relay/src/admin.rs", "use crate::accounts::Accounts;")],
    },
    Law {
        says: "status is told over a socket in the data folder alone: it knows no network",
        within: &["relay/src/status"],
        except: &[],
        never: &[
            "std::net",
            "tokio::net::TcpListener",
            "tokio::net::TcpStream",
            "tokio::net::UdpSocket",
            "hyper",
            "crate::admin",
            "crate::ingress",
        ],
        breaks: &[
            ("relay/src/status/socket.rs", "use tokio::net::{TcpListener, UnixListener};"),
            ("relay/src/status.rs", "use std::net::SocketAddr;"),
        ],
    },
    Law {
        says: "check and backup work beside a relay, not in it: no socket, no runtime, no room that serves",
        within: &["relay/src/check", "relay/src/backup", "relay/src/journal/beside"],
        except: &[],
        never: &[
            "std::net",
            "tokio",
            "hyper",
            "async",
            "await",
            "crate::server",
            "crate::dispatch",
            "crate::session",
        ],
        breaks: &[
            ("relay/src/backup.rs", "use crate::server::Relay;"),
            ("relay/src/journal/beside.rs", "async fn f() {}"),
        ],
    },
    Law {
        says: "the relay dials nobody, whatever it is sent: only ACME's directory, which its operator named, is asked",
        within: &["relay/src"],
        // Commands beside a relay may ask it; nothing that serves leads into them.
        except: &["relay/src/tls/acme/directory", "relay/src/cli", "relay/src/main"],
        never: &[
            "tokio::net::TcpStream::connect",
            "tokio::net::TcpSocket",
            "tokio::net::UdpSocket",
            "tokio::net::lookup_host",
            "std::net::TcpStream",
            "std::net::UdpSocket",
            "std::net::ToSocketAddrs",
            "hyper::client",
            "hyper_util::client",
            "tokio_tungstenite::connect_async",
            "instant_acme::HttpClient",
        ],
        breaks: &[
            (
                "relay/src/ingress.rs",
                "use tokio::net::TcpStream; async fn f() { TcpStream::connect(\"x:1\").await; }",
            ),
            ("relay/src/dispatch.rs", "use hyper::client::conn::http1;"),
            (
                "relay/src/tls/acme/http01.rs",
                "async fn f() { tokio::net::TcpStream::connect(\"x:1\").await; }",
            ),
            ("relay/src/api.rs", "use std::net::{SocketAddr, ToSocketAddrs};"),
        ],
    },
    Law {
        says: "every queue has a bound",
        within: &["src", "relay"],
        except: &[],
        never: &[
            "*::unbounded_channel",
            "*::UnboundedSender",
            "*::UnboundedReceiver",
            "*::unbounded",
            "std::sync::mpsc::channel",
        ],
        breaks: &[
            ("relay/src/dispatch.rs", "use tokio::sync::mpsc; fn f() { mpsc::unbounded_channel::<u8>(); }"),
            ("src/session.rs", "use std::sync::mpsc::channel;"),
        ],
    },
    Law {
        says: "libraries install no log subscriber, signal handler, panic hook or crypto provider: command lines do",
        within: &["src", "relay"],
        except: &["src/main", "src/commands", "relay/src/main", "relay/src/cli"],
        never: &["tracing_subscriber", "tokio::signal", "*::install_default", "*::set_hook"],
        breaks: &[
            ("relay/src/lib.rs", "fn f() { rustls::crypto::ring::default_provider().install_default(); }"),
            ("src/embedded.rs", "async fn f() { tokio::signal::ctrl_c().await; }"),
            ("relay/src/server.rs", "fn f() { std::panic::set_hook(Box::new(|_| ())); }"),
        ],
    },
];

impl Law {
    /// Whether the row holds in `file`.
    pub(crate) fn holds_in(&self, file: &str) -> bool {
        self.within.iter().any(|place| stands_in(file, place))
            && !self.except.iter().any(|place| stands_in(file, place))
    }

    /// What `source` names against this row, a line each.
    pub(crate) fn broken_by(&self, source: &Source) -> Vec<String> {
        if !self.holds_in(&source.file) {
            return Vec::new();
        }
        let named = source.names.iter();
        let bad = named.filter(|named| self.never.iter().any(|never| reaches(named, never)));
        bad.map(|bad| format!("{}:{}: `{}`: {}", source.file, bad.line, bad.path.join("::"), self.says))
            .collect()
    }
}

/// Whether `file` is the module `place` or stands below it.
fn stands_in(file: &str, place: &str) -> bool {
    let rest = |place| file.strip_prefix(place);
    match place.strip_suffix('*') {
        Some(beginning) => rest(beginning).is_some(),
        None => rest(place).is_some_and(|rest| rest == ".rs" || rest.starts_with('/')),
    }
}

/// Whether what is named is `never`, stands below it, or brings it in with a glob.
fn reaches(named: &Named, never: &str) -> bool {
    if let Some(word) = never.strip_prefix("*::") {
        return named.path.iter().any(|segment| segment == word);
    }
    let path = match &named.path[..] {
        [std, name] if std == "std" && name.ends_with('!') => std::slice::from_ref(name),
        path => path,
    };
    let never: Vec<&str> = never.split("::").collect();
    let same = path.iter().zip(&never).take_while(|(one, other)| one == other).count();
    let glob = path.last().is_some_and(|last| last == "*") && same + 1 == path.len();
    // A crate's name alone may be a field's or a variable's.
    let alone = path.len() == 1 && !named.imported && !is_word(never[0]);
    (same == never.len() && !alone) || glob
}

/// Whether a name that stands alone says enough: a keyword or a macro.
fn is_word(name: &str) -> bool {
    name.ends_with('!') || matches!(name, "async" | "await")
}
