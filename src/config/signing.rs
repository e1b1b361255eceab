//! The signing secrets that a webhook's signature is checked by, or made with.

use muxhook_protocol::mux::signature::Key;

use super::given::Given;
use super::project::Project;
use super::surroundings::Surroundings;
use crate::args;
use crate::error::Error;

/// The secrets that were given: `--secret` and `--secret-file`, else `MUX_WEBHOOK_SECRET`, else `--env-file`. None
/// is no mistake.
///
/// # Errors
/// One that can be none, or a file that can't be read; names where it was given, never the secret.
pub fn signing_keys(
    args: &args::Signing,
    around: &Surroundings,
    _project: &Project,
) -> Result<Vec<Key>, Error> {
    let typed = args.secret.iter().map(|secret| Given::flag(secret.clone(), "--secret"));
    let given: Vec<_> = typed.chain(around.env.get("MUX_WEBHOOK_SECRET")?).collect();
    given.into_iter().map(|given| given.read(|text| Key::new(&text))).collect()
}
