//! `muxhook man`.

use super::relay;
use crate::args;
use crate::error::Error;
use crate::printer::Console;

pub(super) fn run(words: &[String], console: &mut Console) -> Result<(), Error> {
    let page = args::man(words, relay::command())?.ok_or_else(|| {
        Error::usage(format!("there is no command `muxhook {}`", words.join(" ")))
            .with_hint("`muxhook --help` lists them")
    })?;
    console.raw(&page)?;
    Ok(())
}
