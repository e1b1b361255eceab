//! What `register` has to say in the end.

use serde_json::{Value, json};

use super::case::Case;
use super::consent::whose;
use super::env::Written;
use super::registrar::{Deed, Done};
use crate::args;
use crate::config::SECRET_VARIABLE;
use crate::error::Error;
use crate::printer::{Console, escape};

/// What can be done when a webhook is there and nobody here knows its secret.
pub(crate) const CURE: &str = "Mux showed it once, when the webhook was made. If you have it: `muxhook register --secret-file \
                    FILE`. If it is lost: `muxhook register --recreate` makes the webhook anew, with another secret";

/// The secret was to be written, and is not known.
pub(super) fn unknown(case: &Case) -> Error {
    let url = &case.address.url;
    Error::failed(format!("Mux has a webhook for {url} already, and its signing secret is not known here"))
        .with_hint(CURE)
}

/// Tells what became of it, to a person or a program.
pub(super) fn tell(
    args: &args::Register,
    case: &Case,
    done: &Done,
    written: Option<&Written>,
    console: &mut Console,
) -> Result<(), Error> {
    let shown = done.secret.as_ref().filter(|_| args.show_secrets);
    if args.json {
        let mut object = object(case, done, written);
        if let Some(secret) = shown {
            object["secret"] = secret.expose().into();
        }
        console.out(&object.to_string())?;
    } else {
        console.out(&headline(case, done))?;
        match (shown, &done.secret) {
            (Some(secret), _) => console.out(&format!("{SECRET_VARIABLE}={}", secret.expose()))?,
            (None, Some(_)) => console.note(
                "its signing secret is kept on this machine, for `listen` and `trigger` (--show-secrets prints it)",
            ),
            (None, None) => {}
        }
        written.iter().for_each(|written| console.note(&env_line(written)));
    }
    warn(done, console);
    Ok(())
}

fn object(case: &Case, done: &Done, written: Option<&Written>) -> Value {
    json!({
        "webhook": done.webhook.as_str(),
        "endpoint": case.address.endpoint,
        "address": case.address.url,
        "organization": case.who.organization(),
        "environment": case.who.environment(),
        "environment_id": case.who.environment_id,
        "created": matches!(done.deed, Deed::Created | Deed::Recreated),
        "enabled": true,
        "changed": done.deed != Deed::Nothing || done.learned,
        "secret_known": done.secret.is_some(),
        "env_file": written.map(|written| written.path.display().to_string()),
    })
}

/// What was done, to which webhook, and where.
pub(crate) fn headline(case: &Case, done: &Done) -> String {
    let (webhook, whose, url) = (&done.webhook, whose(case), escape(&case.address.url));
    match done.deed {
        Deed::Recreated => format!("made webhook {webhook} anew in {whose}: Mux sends to {url}"),
        Deed::Created => format!("made webhook {webhook} in {whose}: Mux sends to {url}"),
        Deed::Enabled => format!("enabled webhook {webhook} in {whose}: Mux sends to {url}"),
        Deed::Nothing if done.learned => {
            format!("took the secret of webhook {webhook} in {whose}, which sends to {url}")
        }
        Deed::Nothing => format!("nothing to do: webhook {webhook} in {whose} sends to {url}"),
    }
}

fn env_line(written: &Written) -> String {
    let path = written.path.display().to_string();
    let path = escape(&path);
    if written.changed {
        format!("{SECRET_VARIABLE} is set in {path}")
    } else {
        format!("{SECRET_VARIABLE} stood in {path} already")
    }
}

fn warn(done: &Done, console: &mut Console) {
    let mut warn = |text: &str| {
        let line = format!("{} {text}", console.err_style().warn("warning:"));
        console.note(&line);
    };
    if done.left_aside {
        warn("the secret that you gave is left aside: the webhook is new, and Mux gave it one of its own");
    }
    if done.secret.is_none() {
        warn(&format!("its signing secret is not known here, so that signatures can't be checked. {CURE}"));
    }
}
