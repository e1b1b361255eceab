//! The `muxhook` binary.

use std::process::ExitCode;

use muxhook::args::Args;
use muxhook::commands;
use muxhook::error::Error;
use muxhook::printer::{ColorChoice, Colors, Console, escape};

fn main() -> ExitCode {
    let args = match Args::read() {
        Ok(args) => args,
        Err(error) => return failed(&error, &mut Console::new(Colors::of_process(ColorChoice::Auto))),
    };
    let colors = Colors::of_process(args.color.into());
    let mut console = Console::new(colors);
    match commands::run(args.command, colors, &mut console) {
        Ok(code) => code,
        Err(error) => failed(&error, &mut console),
    }
}

fn failed(error: &Error, console: &mut Console) -> ExitCode {
    if error.is_worth_telling() {
        console.error(&escape(&error.to_string()), error.hint().map(escape).as_deref());
    }
    error.exit_code()
}
