//! The TOML file of `--config`.

use super::super::{Config, ConfigError};
use super::{fault, parse};

/// No file panics: it means something within the bounds, or there is a sentence about it.
///
/// The input is a file's text.
pub fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let resolved =
        parse(text).map_err(|found| fault("relay.toml".as_ref(), found)).and_then(|mut options| {
            // No file that a fuzzer thinks of is to be read.
            options.bootstrap_token_file = None;
            assert!(options.place.config.is_none(), "a file names no other");
            Config::resolve(options, &|name| (name == "HOME").then(|| "/home/ada".into()))
        });
    match resolved {
        Ok(config) => {
            let limits = config.limits;
            assert!((1 << 10..=64 << 20).contains(&limits.max_body) && limits.max_listeners > 0);
            assert!((100..=60_000).contains(&limits.reply_deadline.as_millis()));
            assert!(!config.listen.is_empty() && config.journal.bytes >= 16 << 20);
        }
        Err(error @ (ConfigError::Syntax { .. } | ConfigError::UnknownKey { .. })) => {
            assert!(error.to_string().starts_with("the config file relay.toml "));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
