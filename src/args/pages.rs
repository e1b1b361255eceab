//! What is made from the definition of the command line: completion scripts and manual pages.

use std::io;

use clap::{Arg, Command, CommandFactory, ValueEnum};

use super::Args;

/// The shells that completion scripts are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// GNU Bash
    Bash,
    /// Z shell
    Zsh,
    /// fish
    Fish,
    /// PowerShell
    #[value(alias = "pwsh")]
    Powershell,
}

/// The completion script for `shell`, with `relay` as the commands behind `muxhook relay`.
#[must_use]
pub fn completions(shell: Shell, relay: Command) -> Vec<u8> {
    let shell = match shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
        Shell::Powershell => clap_complete::Shell::PowerShell,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut whole(relay), "muxhook", &mut script);
    script
}

/// The manual page (roff, man(7)) of the command that `words` lead to, `relay` being as in [`completions`];
/// `None` when there is no such command.
///
/// # Errors
/// Whatever rendering meets.
pub fn man(words: &[String], relay: Command) -> io::Result<Option<Vec<u8>>> {
    let mut root = whole(relay).disable_help_subcommand(true);
    root.build();
    let Some(command) = words.iter().try_fold(&root, |command, word| command.find_subcommand(word)) else {
        return Ok(None);
    };
    let name = command.get_bin_name().unwrap_or("muxhook").replace(' ', "-");
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone().name(name)).render(&mut page)?;
    Ok(Some(page))
}

/// The whole command line. Parsing hands the relay's words on untouched; what is printed shows them, and does not
/// show them the flags that muxhook's own commands have in common.
fn whole(relay: Command) -> Command {
    let root = Args::command();
    let shared: Vec<Arg> =
        root.get_arguments().filter(|arg| arg.is_global_set()).map(|arg| arg.clone().global(false)).collect();
    root.mut_args(|arg| arg.global(false)).mut_subcommands(|command| match command.get_name() {
        "relay" => relay.clone().name("relay").about(command.get_about().cloned().unwrap_or_default()),
        _ => with(command, &shared),
    })
}

/// The command and those below it, with further arguments.
fn with(command: Command, further: &[Arg]) -> Command {
    command.args(further).mut_subcommands(|below| with(below, further))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relay() -> Command {
        Command::new("muxhook-relay").subcommand(Command::new("serve").about("Serve it"))
    }

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
        whole(relay()).debug_assert();
    }

    #[test]
    fn completions_know_the_relays_commands() {
        for shell in Shell::value_variants() {
            let script = String::from_utf8(completions(*shell, relay())).unwrap();
            for word in ["listen", "--forward-to", "serve"] {
                assert!(script.contains(word.trim_start_matches('-')), "{shell:?}: {word}");
            }
        }
    }

    #[test]
    fn each_command_has_a_page() {
        let page = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            man(&words, relay()).unwrap().map(|page| String::from_utf8(page).unwrap())
        };
        assert!(page(&[]).unwrap().contains("muxhook\\-listen(1)"));
        assert!(page(&["listen"]).unwrap().contains(".TH muxhook-listen 1"));
        assert!(page(&["endpoints", "list"]).unwrap().contains("\\-\\-color"));
        let serve = page(&["relay", "serve"]).unwrap();
        assert!(serve.contains("muxhook\\-relay\\-serve") && !serve.contains("color"), "{serve}");
        assert_eq!(page(&["lisen"]), None);
    }
}
