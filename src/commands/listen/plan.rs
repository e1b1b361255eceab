//! From what the user asked for to what the rooms are given: targets and globs parsed, mistakes named.

use std::sync::Arc;

use muxhook_protocol::mux::catalogue;
use muxhook_protocol::mux::glob::Glob;

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
    /// A target or glob makes no sense, or signatures are required and there is nothing to check them by.
    pub(super) fn of(config: &Listen) -> Result<Self, Error> {
        let mut notices = Vec::new();
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
        let checks = checks(config, &mut notices)?;
        Ok(Self { wishes, checks, forwarding, notices })
    }
}

/// How signatures are checked. Where they are required, a secret must have been given: without one all would be refused.
fn checks(config: &Listen, notices: &mut Vec<Notice>) -> Result<Checks, Error> {
    let Listen { keys, require_signature: require, forward_to, routes, .. } = config;
    if *require && keys.is_empty() {
        let message = "--require-signature: there is no signing secret to check by";
        return Err(Error::usage(message).with_hint(
            "give the secret of the webhook at Mux with --secret-file FILE, --env-file .env or MUX_WEBHOOK_SECRET",
        ));
    }
    if *require && forward_to.is_none() && routes.is_empty() {
        notices.push(Notice {
            level: Level::Warning,
            code: "nothing_to_refuse".to_owned(),
            message: "--require-signature refuses nothing without --forward-to: events are only shown"
                .to_owned(),
        });
    }
    Ok(Checks { keys: keys.clone(), require: *require })
}

fn target(text: &str, flag: &str) -> Result<Arc<Target>, Error> {
    Target::parse(text).map(Arc::new).map_err(|error| Error::usage(format!("{flag} {text}: {error}")))
}

/// A glob of event types. A type spelled out that is none, but nearly one, is a slip; whatever else matches nothing
/// known may be new at Mux, and is only remarked on.
fn glob(text: &str, flag: &str, notices: &mut Vec<Notice>) -> Result<Glob, Error> {
    let glob = Glob::parse(text).map_err(|error| Error::usage(format!("{flag} {text}: {error}")))?;
    if catalogue::all().any(|event| glob.matches(event.name)) {
        return Ok(glob);
    }
    let near = catalogue::suggest(text);
    if let (Some(near), false) = (near, text.contains(['*', '?'])) {
        let message = format!("{flag} {text}: no event type that muxhook knows");
        return Err(Error::usage(message).with_hint(format!(
            "did you mean {near}? (A type that is new at Mux can be had with a glob: {text}*)"
        )));
    }
    let advice = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
    notices.push(Notice {
        level: Level::Warning,
        code: "unknown_type".to_owned(),
        message: format!("{flag} {text} matches no event type that muxhook knows{advice}"),
    });
    Ok(glob)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_in_a_type_is_named_with_what_was_meant() {
        let error = glob("video.asset.raedy", "--events", &mut Vec::new()).unwrap_err();
        assert_eq!(error.to_string(), "--events video.asset.raedy: no event type that muxhook knows");
        assert!(error.hint().unwrap().starts_with("did you mean video.asset.ready?"), "{error:?}");
    }

    #[test]
    fn a_type_that_may_be_new_is_only_remarked_on() {
        let mut notices = Vec::new();
        assert!(glob("video.hologram.*", "--events", &mut notices).is_ok());
        assert_eq!(notices.len(), 1);
        assert!(glob("video.asset.*", "--events", &mut notices).is_ok());
        assert_eq!(notices.len(), 1);
    }
}
