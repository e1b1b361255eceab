//! What is known of Mux's webhooks.

pub mod envelope;
pub mod glob;
pub mod json;
