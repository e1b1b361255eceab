//! What there is about an address: at Mux, and kept here.

use super::address::Address;
use crate::mux_api::{Identity, Webhook};
use crate::state::Registered;

/// What there is.
#[derive(Debug)]
pub(crate) struct Case {
    /// Whose the access token is.
    pub(crate) who: Identity,
    /// The address that Mux is to send to.
    pub(crate) address: Address,
    /// The webhook that does.
    pub(crate) found: Option<Webhook>,
    /// What is kept here for this endpoint and environment.
    pub(crate) known: Option<Registered>,
}
