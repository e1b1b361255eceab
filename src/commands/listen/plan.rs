//! From what the user asked for to what the rooms are given: targets and globs parsed, mistakes named.

use std::sync::Arc;

use muxhook_protocol::mux::glob::Glob;

use crate::commands::glob::glob;
use crate::config::Listen;
use crate::error::Error;
use crate::event::{Level, Notice};
use crate::forwarder::{Options, Target};
use crate::intake::{Checks, Wishes};

/// What a `listen` goes by, ready to be used.
pub(super) struct Plan {
    pub(super) wishes: Wishes<Arc<Target>>,
    pub(super) checks: Checks,
    pub(super) forwarding: Options,
    pub(super) notices: Vec<Notice>,
}

impl Plan {
    /// # Errors
    /// A target or glob makes no sense.
    pub(super) fn of(config: &Listen) -> Result<Self, Error> {
        let mut notices = config.signing.notices.clone();
        let mut globs = |list: &[String], flag: &str| -> Result<Vec<Glob>, Error> {
            list.iter().map(|text| glob(text, flag, &mut notices)).collect()
        };
        let (events, exclude) = (globs(&config.events, "--events")?, globs(&config.exclude, "--exclude")?);
        let mut routes = Vec::new();
        for (text, to) in &config.routes {
            routes.push((glob(text, "--route", &mut notices)?, target(to, "--route")?));
        }
        let default = config.forward_to.as_deref().map(|text| target(text, "--forward-to")).transpose()?;
        let forwarding = Options {
            timeout: config.timeout,
            max_in_flight: config.max_in_flight as usize,
            skip_verify: config.skip_verify,
            headers: config.headers.clone(),
        };
        let wishes = Wishes { default, routes, events, exclude, matches: config.matches.clone() };
        let checks = checks(config, &mut notices);
        Ok(Self { wishes, checks, forwarding, notices })
    }
}

/// Signatures are required, and there is nothing to check them by: no secret was given, and none is kept.
pub(super) fn no_secret() -> Error {
    Error::usage("--require-signature: there is no signing secret to check by").with_hint(
        "give the secret of the webhook at Mux with --secret-file FILE, --env-file .env or MUX_WEBHOOK_SECRET; or \
         let `muxhook register` make the webhook, which keeps its secret here",
    )
}

/// How signatures are checked, as far as secrets were given.
fn checks(config: &Listen, notices: &mut Vec<Notice>) -> Checks {
    let Listen { signing, require_signature: require, forward_to, routes, .. } = config;
    if *require && forward_to.is_none() && routes.is_empty() {
        notices.push(Notice {
            level: Level::Warning,
            code: "nothing_to_refuse".to_owned(),
            message: "--require-signature refuses nothing without --forward-to: events are only shown"
                .to_owned(),
        });
    }
    Checks { keys: signing.keys.clone(), require: *require }
}

fn target(text: &str, flag: &str) -> Result<Arc<Target>, Error> {
    Target::parse(text).map(Arc::new).map_err(|error| Error::usage(format!("{flag} {text}: {error}")))
}
