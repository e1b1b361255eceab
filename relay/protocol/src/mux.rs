//! What is known of Mux's webhooks.

pub mod envelope;
pub mod json;
