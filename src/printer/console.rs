//! Output of the commands that do one thing and end: whole lines, written at once.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use super::colors::Colors;
use super::output::Target;
use super::style::Style;

/// Most bytes of an answer that are read.
const MAX_ANSWER: u64 = 256;

/// stdout and stderr, for a command that ends by itself. What came from outside goes through
/// [`escape()`](super::escape()) first.
#[derive(Debug)]
pub struct Console {
    out: Style,
    err: Style,
}

impl Console {
    /// The process' own streams, coloured as `colors` says.
    #[must_use]
    pub fn new(colors: Colors) -> Self {
        let env = |name: &str| std::env::var(name).ok();
        Self { out: Style::new(colors.out, env), err: Style::new(colors.err, env) }
    }

    /// The looks of stdout.
    #[must_use]
    pub fn out_style(&self) -> Style {
        self.out
    }

    /// The looks of stderr.
    #[must_use]
    pub fn err_style(&self) -> Style {
        self.err
    }

    /// Columns of stdout, if it is a terminal.
    #[must_use]
    pub fn columns(&self) -> Option<usize> {
        Target::columns()
    }

    /// Writes `line` and a newline to stdout.
    ///
    /// # Errors
    /// Whatever writing meets. `BrokenPipe` means that the reader has gone: a clean end.
    pub fn out(&mut self, line: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(line.as_bytes())?;
        out.write_all(b"\n")?;
        out.flush()
    }

    /// Writes `bytes` to stdout as they are.
    ///
    /// # Errors
    /// As [`out`](Self::out).
    pub fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(bytes)?;
        out.flush()
    }

    /// Writes `line` and a newline to stderr. A stderr that cannot be written to is nothing to fail for.
    pub fn note(&mut self, line: &str) {
        to_stderr(&format!("{line}\n"));
    }

    /// Writes `error: <message>` to stderr, and `hint: <hint>` below it.
    pub fn error(&mut self, message: &str, hint: Option<&str>) {
        to_stderr(&error_lines(self.err, message, hint));
    }

    /// Asks the person at the terminal, on stderr, and waits: only `y` or `yes` is a yes. To be called only where
    /// [`is_tty`](Self::is_tty).
    ///
    /// # Errors
    /// Whatever reading meets.
    pub fn ask(&mut self, question: &str) -> io::Result<bool> {
        to_stderr(&format!("{question} {} ", self.err.dim("[y/N]")));
        let mut answer = String::new();
        io::stdin().lock().take(MAX_ANSWER).read_line(&mut answer)?;
        if !answer.ends_with('\n') {
            to_stderr("\n");
        }
        Ok(is_yes(&answer))
    }

    /// Whether both a person's keyboard and a terminal to ask on (stderr) are there.
    #[must_use]
    pub fn is_tty() -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

fn error_lines(style: Style, message: &str, hint: Option<&str>) -> String {
    let mut lines = format!("{} {message}\n", style.bad("error:"));
    if let Some(hint) = hint {
        lines.push_str(&format!(" {} {hint}\n", style.accent("hint:")));
    }
    lines
}

fn to_stderr(lines: &str) {
    let _ = io::stderr().lock().write_all(lines.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_a_yes() {
        for answer in ["y\n", "Yes\r\n", " y "] {
            assert!(is_yes(answer), "{answer:?}");
        }
        for answer in ["", "\n", "n\n", "yess\n", "y n\n", "\u{1b}y"] {
            assert!(!is_yes(answer), "{answer:?}");
        }
    }

    #[test]
    fn an_error_says_what_and_what_to_do() {
        let lines =
            error_lines(Style::default(), "the relay refused the token", Some("muxhook login https://x"));
        assert_eq!(lines, "error: the relay refused the token\n hint: muxhook login https://x\n");
        assert_eq!(error_lines(Style::default(), "no", None), "error: no\n");
        let coloured = error_lines(Style { color: true, unicode: true }, "no", None);
        assert_eq!(coloured, "\x1b[1;31merror:\x1b[0m no\n");
    }
}
