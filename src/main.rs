//! The `muxhook` binary.

use std::io::IsTerminal;
use std::process::ExitCode;

use muxhook::args::Args;
use muxhook::commands;
use muxhook::printer::{Colors, Console, escape};

fn main() -> ExitCode {
    let args = Args::read();
    let env = |name: &str| std::env::var(name).ok();
    let (out, err) = (std::io::stdout().is_terminal(), std::io::stderr().is_terminal());
    let colors = Colors::decide(args.color.into(), env, out, err);
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
