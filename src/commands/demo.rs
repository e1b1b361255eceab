//! (room to be built)
use crate::{config::Surroundings, error::Error, printer::Colors};
use std::process::ExitCode;
pub(super) async fn run(_: &Surroundings, _: Colors) -> Result<ExitCode, Error> {
    Err(Error::failed("to be built"))
}
