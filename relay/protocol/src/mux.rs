//! What is known of Mux's webhooks.

pub mod catalogue;
pub mod envelope;
pub mod field;
pub mod glob;
pub mod json;
pub mod phrase;
pub mod sample;
pub mod signature;
