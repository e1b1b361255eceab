//! What `muxhook register` is to do.

use muxhook_protocol::EndpointId;
use muxhook_protocol::mux::signature::Key;

use super::endpoint::named_endpoint;
use super::project::Project;
use super::signing::{SECRET_VARIABLE, signing_keys};
use super::surroundings::Surroundings;
use crate::args;
use crate::error::Error;

/// All that a `register` goes by, beside its plain flags.
#[derive(Clone, Debug)]
pub struct Register {
    /// The endpoint asked for by name; `None`: this machine's own.
    pub endpoint: Option<EndpointId>,
    /// The secret of a webhook that is there already.
    pub secret: Option<Key>,
}

impl Register {
    /// Makes sense of what was typed, in these surroundings.
    ///
    /// # Errors
    /// What is wrong, and where it was given.
    pub fn resolve(args: &args::Register, around: &Surroundings) -> Result<Self, Error> {
        let endpoint = named_endpoint(args.endpoint.as_ref(), around)?;
        Ok(Self { endpoint, secret: secret(&args.signing, around)? })
    }
}

/// A secret by flag alone: what `MUX_WEBHOOK_SECRET` happens to hold may be that of another webhook.
fn secret(signing: &args::Signing, around: &Surroundings) -> Result<Option<Key>, Error> {
    if *signing == args::Signing::default() {
        return Ok(None);
    }
    if signing.secret.len() + signing.secret_file.len() > 1 {
        return Err(Error::usage("a webhook has one signing secret: give --secret or --secret-file once"));
    }
    let around = Surroundings { env: around.env.without(SECRET_VARIABLE), ..around.clone() };
    let signing = signing_keys(signing, &around, &Project::find(&around)?)?;
    Ok(signing.keys.into_iter().next())
}
