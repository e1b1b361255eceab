//! What was found of one link of the chain, and how it is told.

use serde_json::{Value, json};

use crate::error::Error;
use crate::printer::{Style, escape};

/// Columns of a link's name.
const NAME: usize = 9;

/// How a link stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It holds.
    Fine,
    /// It holds, but not for everything.
    Doubt,
    /// It is broken.
    Fault,
    /// It could not be tried.
    Untried,
}

/// One link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    link: &'static str,
    pub(super) verdict: Verdict,
    /// May hold text from outside, not escaped.
    message: String,
    cure: Option<String>,
}

impl Verdict {
    fn name(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Doubt => "doubt",
            Self::Fault => "fault",
            Self::Untried => "untried",
        }
    }
}

impl Finding {
    fn new(link: &'static str, verdict: Verdict, message: impl Into<String>) -> Self {
        Self { link, verdict, message: message.into(), cure: None }
    }

    pub(super) fn fine(link: &'static str, message: impl Into<String>) -> Self {
        Self::new(link, Verdict::Fine, message)
    }

    pub(super) fn doubt(link: &'static str, message: impl Into<String>) -> Self {
        Self::new(link, Verdict::Doubt, message)
    }

    pub(super) fn fault(link: &'static str, message: impl Into<String>) -> Self {
        Self::new(link, Verdict::Fault, message)
    }

    pub(super) fn untried(link: &'static str, message: impl Into<String>) -> Self {
        Self::new(link, Verdict::Untried, message)
    }

    /// Broken, as an error tells.
    pub(super) fn of_error(link: &'static str, error: &Error) -> Self {
        Self { cure: error.hint().map(str::to_owned), ..Self::fault(link, error.to_string()) }
    }

    /// With what to do about it.
    pub(super) fn cure(mut self, cure: impl Into<String>) -> Self {
        self.cure = Some(cure.into());
        self
    }

    /// For people.
    pub(super) fn lines(&self, style: Style) -> Vec<String> {
        let sign = match self.verdict {
            Verdict::Fine => style.good(style.sign("✓", "+")),
            Verdict::Doubt => style.warn("!"),
            Verdict::Fault => style.bad(style.sign("✗", "x")),
            Verdict::Untried => style.dim(style.sign("–", "-")),
        };
        let message = escape(&self.message);
        let mut lines = match self.verdict {
            Verdict::Untried => vec![format!("{sign} {:<NAME$} {}", self.link, style.dim(message))],
            _ => vec![format!("{sign} {:<NAME$} {message}", self.link)],
        };
        if let Some(cure) = &self.cure {
            lines.push(format!("{:width$}{} {}", "", style.accent("hint:"), escape(cure), width = NAME + 3));
        }
        lines
    }
}

/// For programs: `{"ok", "checks": [{"check", "verdict", "message", "hint"}]}`.
pub(super) fn json(findings: &[Finding]) -> Value {
    let checks: Vec<Value> = findings
        .iter()
        .map(|it| {
            json!({ "check": it.link, "verdict": it.verdict.name(), "message": it.message, "hint": it.cure })
        })
        .collect();
    let ok = findings.iter().all(|finding| finding.verdict != Verdict::Fault);
    json!({ "v": 1, "ok": ok, "checks": checks })
}
