//! What is known of Mux's webhooks.

pub mod catalogue;
pub mod envelope;
pub mod glob;
pub mod json;
