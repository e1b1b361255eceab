//! Where the program's own log goes: stderr.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;

/// Begins to log. `RUST_LOG` chooses what, from `info` up when it is not set. Says so when something else logs already.
pub(super) fn install(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    // A line that can't be written is lost. To say so is no use there either, and would end the task that logged.
    let log =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).log_internal_errors(false);
    let installed = match format {
        LogFormat::Text => log.with_ansi(is_colored()).with_target(false).try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
    if let Err(error) = installed {
        super::say(&format!("warning: the relay's own log is not set up: {error}"));
    }
}

/// See <https://no-color.org>.
fn is_colored() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
