//! What is known of Mux's webhooks.

pub mod envelope;
