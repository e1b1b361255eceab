//! What a run means: flag, then environment, then project file (`muxhook.toml`), then user file, then default.
//!
//! A key given at one level replaces the whole key of the levels below, lists too. What comes out are plain
//! structs; targets and globs in them are still text, for those who know them to read.

mod endpoint;
mod file;
mod given;
mod layers;
mod listen;
mod past;
mod project;
mod register;
mod relay;
mod signing;
mod surroundings;
mod trigger;
mod user;
mod value;
mod wait;

pub use endpoint::named_endpoint;
pub use given::Source;
pub use listen::{End, Listen, Output};
pub use past::Past;
pub use project::Project;
pub use register::Register;
pub use relay::{Connection, Relay, RelayChoice};
pub use signing::{SECRET_VARIABLE, Signing, signing_keys};
pub use surroundings::{Env, Surroundings};
pub use trigger::{Change, Pace, Trigger};
pub use user::{Login, UserFile};
pub use wait::Wait;

#[cfg(test)]
mod tests;
