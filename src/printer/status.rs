//! The status line: what is going on, in one line that is drawn anew in place.

use std::fmt::Write as _;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

use super::human::units;
use super::style::Style;
use crate::event::Event;

/// The shortest time between two drawings.
const PAUSE: Duration = Duration::from_millis(125);

/// What the status line tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Status {
    link: Link,
    events: u64,
    failed: u64,
    refused: u64,
    in_flight: u64,
    latency: Option<Duration>,
    /// The user has paused the stream.
    pub(super) paused: bool,
    /// Deliveries that have arrived and are not taken up.
    pub(super) waiting: usize,
    /// How many of how many owed deliveries have been here.
    pub(super) catching_up: Option<(u64, u64)>,
}

/// How the link to the relay is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Link {
    #[default]
    Connecting,
    Live,
    Lost,
}

impl Status {
    /// Takes in what happened.
    pub(super) fn note(&mut self, event: &Event) {
        match event {
            Event::Ready(_) | Event::Reconnected(_) => self.link = Link::Live,
            Event::Disconnected(_) => self.link = Link::Lost,
            Event::Received(received) => {
                self.events += 1;
                self.in_flight += u64::from(received.awaited);
            }
            Event::Forwarded(forwarded) => {
                self.settled(!(200..300).contains(&forwarded.reply.status));
                self.latency = Some(forwarded.latency);
            }
            Event::Failed(_) => self.settled(true),
            Event::Skipped(_) => self.settled(false),
            Event::Refused(_) => {
                self.refused += 1;
                self.settled(false);
            }
            Event::Gap(_) | Event::Notice(_) | Event::Summary(_) => {}
        }
    }

    /// Whether the link stood, or was lost, before.
    pub(super) fn was_ready(&self) -> bool {
        self.link != Link::Connecting
    }

    fn settled(&mut self, failed: bool) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.failed += u64::from(failed);
    }

    /// The line, without a line break.
    pub(super) fn line(&self, style: Style) -> String {
        let (dot, sep) = (style.sign("●", "*"), style.sign(" · ", " | "));
        let mut line = match self.link {
            Link::Lost => format!("{} link lost, reconnecting", style.bad(dot)),
            _ if self.paused => format!("{} paused", style.warn(dot)),
            Link::Connecting => format!("{} connecting", style.warn(dot)),
            Link::Live => format!("{} live", style.good(dot)),
        };
        if let Some((done, total)) = self.catching_up {
            let _ = write!(line, "{sep}catching up {}/{}", units::thousands(done), units::thousands(total));
        }
        if self.waiting > 0 {
            let _ = write!(line, "{sep}{} waiting", self.waiting);
        }
        let _ = write!(line, "{sep}{}", units::count(self.events, "event"));
        if self.failed > 0 {
            let _ = write!(line, "{sep}{}", style.bad(format_args!("{} failed", self.failed)));
        }
        if self.refused > 0 {
            let _ = write!(line, "{sep}{}", style.bad(format_args!("{} refused", self.refused)));
        }
        if self.in_flight > 0 {
            let _ = write!(line, "{sep}{} in flight", self.in_flight);
        }
        if let Some(latency) = self.latency {
            let _ = write!(line, "{sep}last {}", units::latency(latency));
        }
        let _ = write!(line, "{sep}{}", style.dim("? for keys"));
        line
    }
}

/// The status line on the terminal.
pub(super) struct Bar {
    all: MultiProgress,
    bar: ProgressBar,
    style: Style,
    visible: bool,
    drawn: Option<Instant>,
}

impl Bar {
    /// A status line on stderr, not yet drawn.
    pub(super) fn new(style: Style) -> Self {
        // Twice as often as this draws, so that indicatif's own limit leaves none out.
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(16));
        let bar = all.add(ProgressBar::no_length());
        if let Ok(layout) = ProgressStyle::with_template("{wide_msg}") {
            bar.set_style(layout);
        }
        Self { all, bar, style, visible: false, drawn: None }
    }

    /// How long to wait before drawing again.
    pub(super) fn draw_in(&self, now: Instant) -> Duration {
        self.drawn.map_or(Duration::ZERO, |drawn| (drawn + PAUSE).saturating_duration_since(now))
    }

    /// Draws it.
    pub(super) fn draw(&mut self, status: &Status) {
        self.bar.set_message(status.line(self.style));
        self.visible = true;
        self.drawn = Some(Instant::now());
    }

    /// Takes it from the screen, so that other lines can be written.
    pub(super) fn hide(&mut self) {
        if std::mem::take(&mut self.visible) {
            // A terminal that has gone shows nothing to take away.
            let _ = self.all.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::printer::fixture::session;

    #[test]
    fn the_line_follows_a_session() {
        let mut status = Status::default();
        let style = Style { color: false, unicode: true };
        let mut lines = vec![status.line(style)];
        for event in session() {
            status.note(&event);
            lines.push(status.line(style));
        }
        (status.paused, status.waiting) = (true, 2);
        lines.push(status.line(Style::default()));
        (status.paused, status.waiting, status.catching_up) = (false, 0, Some((3, 1_207)));
        lines.push(status.line(style));
        lines.dedup();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
