//! Whether each stream gets colours: decided once, at the start.

use std::io::IsTerminal;

/// What the user asked for with `--color`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColorChoice {
    /// As the environment and the stream suggest.
    #[default]
    Auto,
    /// On both streams, whatever they are.
    Always,
    /// On none.
    Never,
}

/// Which streams get colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Colors {
    /// stdout does.
    pub out: bool,
    /// stderr does.
    pub err: bool,
}

impl Colors {
    /// Decides for the process' own streams and environment.
    #[must_use]
    pub fn of_process(choice: ColorChoice) -> Self {
        let env = |name: &str| std::env::var(name).ok();
        Self::decide(choice, env, std::io::stdout().is_terminal(), std::io::stderr().is_terminal())
    }

    /// Decides. The flag beats the environment; there `NO_COLOR` (set and not empty, no-color.org) beats
    /// `CLICOLOR_FORCE` (set, not empty and not `0`), which beats `CLICOLOR=0` and `TERM=dumb`
    /// (bixense.com/clicolors). With none of them, a stream gets colours when it is a terminal.
    pub fn decide(
        choice: ColorChoice,
        env: impl Fn(&str) -> Option<String>,
        out_tty: bool,
        err_tty: bool,
    ) -> Self {
        let both = |on| Self { out: on, err: on };
        let is = |name: &str, test: fn(&str) -> bool| env(name).is_some_and(|value| test(&value));
        match choice {
            ColorChoice::Always => both(true),
            ColorChoice::Never => both(false),
            ColorChoice::Auto if is("NO_COLOR", |value| !value.is_empty()) => both(false),
            ColorChoice::Auto if is("CLICOLOR_FORCE", |value| !matches!(value, "" | "0")) => both(true),
            ColorChoice::Auto if is("CLICOLOR", |value| value == "0") => both(false),
            ColorChoice::Auto if is("TERM", |value| value == "dumb") => both(false),
            ColorChoice::Auto => Self { out: out_tty, err: err_tty },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(choice: ColorChoice, env: &[(&str, &str)], out: bool, err: bool) -> (bool, bool) {
        let get = |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let colors = Colors::decide(choice, get, out, err);
        (colors.out, colors.err)
    }

    #[test]
    fn each_stream_by_itself() {
        assert_eq!(decide(ColorChoice::Auto, &[], true, false), (true, false));
        assert_eq!(decide(ColorChoice::Auto, &[], false, true), (false, true));
    }

    #[test]
    fn the_environment_rules_and_the_flag_beats_it() {
        let auto = |env: &[(&str, &str)], tty| decide(ColorChoice::Auto, env, tty, tty).0;
        assert!(!auto(&[("NO_COLOR", "1")], true));
        assert!(auto(&[("NO_COLOR", "")], true));
        assert!(!auto(&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], true));
        assert!(auto(&[("CLICOLOR_FORCE", "1"), ("TERM", "dumb")], false));
        assert!(!auto(&[("CLICOLOR_FORCE", "0")], false));
        assert!(!auto(&[("CLICOLOR", "0")], true));
        assert!(!auto(&[("TERM", "dumb")], true));
        assert_eq!(decide(ColorChoice::Always, &[("NO_COLOR", "1")], false, false), (true, true));
        assert_eq!(decide(ColorChoice::Never, &[("CLICOLOR_FORCE", "1")], true, true), (false, false));
    }
}
