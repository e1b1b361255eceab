//! Which endpoint was asked for.

use muxhook_protocol::EndpointId;

use super::given::Given;
use super::layers::Layers;
use super::project::Project;
use super::surroundings::Surroundings;
use super::user::UserFile;
use crate::error::Error;

/// The endpoint that was asked for by name: `typed`, else in the environment, else in a file.
///
/// # Errors
/// It is no name of an endpoint, or a file is wrong.
pub fn named_endpoint(typed: Option<&String>, around: &Surroundings) -> Result<Option<EndpointId>, Error> {
    let (project, user) = (Project::find(around)?, UserFile::read(around)?);
    endpoint(typed, around, &Layers::of(&project, &user))
}

/// The same, going by files that were read.
pub(super) fn endpoint(
    typed: Option<&String>,
    around: &Surroundings,
    layers: &Layers<'_>,
) -> Result<Option<EndpointId>, Error> {
    let file = layers.pick("endpoint", |file| file.endpoint.clone());
    let given = Given::first(typed, "--endpoint", around.env.get("MUXHOOK_ENDPOINT"), file)?;
    given.map(|given| given.read(|name| name.parse::<EndpointId>())).transpose()
}
