//! The `muxhook` binary.

use std::process::ExitCode;

use muxhook::args::Args;
use muxhook::commands;
use muxhook::printer::{Colors, Console, escape};

fn main() -> ExitCode {
    let args = Args::read();
    let colors = Colors::of_process(args.color.into());
    let mut console = Console::new(colors);
    match commands::run(args.command, colors, &mut console) {
        Ok(code) => code,
        Err(error) => {
            if error.is_worth_telling() {
                console.error(&escape(&error.to_string()), error.hint().map(escape).as_deref());
            }
            error.exit_code()
        }
    }
}
