//! `muxhook completions`.

use super::relay;
use crate::args::{self, Shell};
use crate::error::Error;
use crate::printer::Console;

pub(super) fn run(shell: Shell, console: &mut Console) -> Result<(), Error> {
    console.raw(&args::completions(shell, relay::command()))?;
    Ok(())
}
