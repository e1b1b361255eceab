//! The one owner of stdout and stderr.
//!
//! - [`Console`]: what a command that ends by itself has to say.
//! - [`Printer`]: what a command that goes on has to say, as [`Event`]s come: lines for people (`human`) or
//!   programs (`json`), rendered by pure functions, written by `output` so that a stream that blocks holds up nobody.
//! - [`keys`]: what a person presses meanwhile.
//! - [`Colors`], [`Style`]: how it looks, decided once for each stream.
//! - [`escape()`]: every text that came from outside passes through it before a person sees it.

mod colors;
mod console;
mod escape;
mod excerpt;
#[cfg(test)]
mod fixture;
mod human;
mod json;
pub mod keys;
mod output;
mod status;
mod style;

use std::borrow::Cow;
use std::future::Future;
use std::io;
use std::process::Stdio;

use data_encoding::BASE64;
use jiff::tz::TimeZone;

pub use colors::{ColorChoice, Colors};
pub use console::Console;
pub use escape::{escape, escape_bytes};
pub use excerpt::excerpt;
pub(crate) use human::units::{clip, shorten, span, thousands, wrap};
pub use style::{Painted, Style};

use crate::event::{Disconnected, Event, Failed, Forwarded, Refused};
use human::Human;
use output::{Batch, Output, Stream, Target};
use status::{Bar, Status};

/// For whom stdout is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// A person.
    #[default]
    Pretty,
    /// A program: NDJSON.
    Json,
    /// A program that wants deliveries alone: NDJSON of these, all else on stderr.
    Deliveries,
}

/// How much of a delivery a person sees below its line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Print {
    /// Nothing.
    #[default]
    Summary,
    /// Its body.
    Body,
    /// Its request line and headers.
    Headers,
    /// Both, and the app's answer.
    All,
}

/// How a [`Printer`] prints.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// For whom.
    pub format: Format,
    /// Only warnings on stderr.
    pub quiet: bool,
    /// How much of a delivery.
    pub print: Print,
    /// In colours or not.
    pub colors: Colors,
    /// Do not mask secrets in what a person reads.
    pub show_secrets: bool,
    /// A status line on stderr, and keys; see [`interactive`].
    pub interactive: bool,
}

/// Whether a status line and keys make sense: a person reads stderr and can press keys, stderr takes escape sequences,
/// and stdout goes to the same terminal or into a file. With a pipe, the program behind it (`less`, `grep`) has the
/// terminal to itself. Without colours (`NO_COLOR`, `TERM=dumb`) not one escape byte is written.
#[must_use]
pub fn interactive(format: Format, quiet: bool, colors: Colors) -> bool {
    format == Format::Pretty && !quiet && colors.err && Console::is_tty() && !Target::stdout().is_pipe()
}

/// What a command that runs inside of ours has for its stdout: our stderr, since our stdout is for what we print.
#[must_use]
pub fn stdout_of_others() -> Stdio {
    io::stderr().into()
}

/// What is written at once at the latest, in bytes.
const PIECE: usize = 64 * 1024;

/// Prints events as they come. It never blocks its caller, save for a disk.
pub struct Printer {
    format: Format,
    human: Human,
    status: Status,
    /// The status line does not show `status` yet.
    stale: bool,
    /// Why the link was lost, as last told; `None` while it stands.
    lost: Option<String>,
    /// The hint that a person has read last.
    hinted: Option<String>,
    /// Printed, and not flushed.
    batch: Batch,
    output: Output,
}

impl Printer {
    /// A printer on the process' own streams.
    ///
    /// # Errors
    /// When no thread can be had.
    pub fn new(options: Options) -> io::Result<Self> {
        let env = |name: &str| std::env::var(name).ok();
        let human = Human {
            out: Style::new(options.colors.out, env),
            err: Style::new(options.colors.err, env),
            zone: TimeZone::system(),
            width: Target::columns(),
            print: options.print,
            show_secrets: options.show_secrets,
            quiet: options.quiet,
            keys: options.interactive,
        };
        let bar = options.interactive.then(|| Bar::new(human.err));
        let output = Output::new(Target::stdout(), Target::stderr(), bar)?;
        Ok(Self::over(options.format, human, output))
    }

    fn over(format: Format, human: Human, output: Output) -> Self {
        Self {
            format,
            human,
            status: Status::default(),
            stale: true,
            lost: None,
            hinted: None,
            batch: Batch::default(),
            output,
        }
    }

    /// Prints `event`, which happened `at_unix_millis` (milliseconds since the Unix epoch). It is seen after the next
    /// [`flush`](Self::flush), or sooner in a flood.
    pub fn print(&mut self, at_unix_millis: u64, event: &Event) {
        self.status.note(event);
        self.stale = true;
        if self.human.width.is_some() {
            // Terminals are resized.
            self.human.width = Target::columns().or(self.human.width);
        }
        let human = &self.human;
        match self.format {
            Format::Deliveries if !matches!(event, Event::Received(_)) => {}
            Format::Json | Format::Deliveries => {
                self.batch.write(Stream::Out, |out| json::render(at_unix_millis, event, out))
            }
            Format::Pretty => {
                let event = hinted_once(&mut self.hinted, event);
                self.batch.write(Stream::Out, |out| human.render_out(at_unix_millis, &event, out))
            }
        }
        if self.is_news(event) {
            let human = &self.human;
            self.batch.write(Stream::Err, |err| human.render_err(at_unix_millis, event, err));
        }
        // A flood leaves no moment in which nothing waits: it is written in pieces.
        if self.batch.len() >= PIECE {
            self.flush();
        }
    }

    /// Each failed attempt at the link, and each end, is told to programs; people hear of a cause once, and of an
    /// end that had a beginning.
    fn is_news(&mut self, event: &Event) -> bool {
        match event {
            Event::Disconnected(Disconnected { reason, .. }) => {
                self.lost.replace(reason.clone()).as_ref() != Some(reason)
            }
            Event::Ready(_) | Event::Reconnected(_) => {
                self.lost = None;
                true
            }
            // A run that never began has nothing to sum up but the error that ends it.
            Event::Summary(_) => self.status.was_ready(),
            _ => true,
        }
    }

    /// Sends what was printed on its way: call it when no further event is waiting.
    pub fn flush(&mut self) {
        if !self.batch.is_empty() {
            self.output.put(&mut self.batch);
        }
        if std::mem::take(&mut self.stale) && self.human.keys {
            self.output.set_status(&self.status);
        }
    }

    /// Whether a [`flush`](Self::flush) would change anything that is seen.
    #[must_use]
    pub fn has_unflushed(&self) -> bool {
        !self.batch.is_empty() || (self.stale && self.human.keys)
    }

    /// Whether there is a status line, and keys may be listened for.
    #[must_use]
    pub fn is_interactive(&self) -> bool {
        self.human.keys
    }

    /// Whether the caller should go on taking deliveries. When not, [`room`](Self::room) says when. What is printed
    /// nevertheless is kept, not dropped.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.output.has_room()
    }

    /// Resolves once [`has_room`](Self::has_room) holds.
    pub fn room(&self) -> impl Future<Output = ()> + use<> {
        self.output.room()
    }

    /// Resolves once stdout was found closed: its reader has gone, and what is printed to it is dropped.
    pub fn closed(&self) -> impl Future<Output = ()> + use<> {
        self.output.closed()
    }

    /// Shows in the status line whether the user has paused the stream, and how many deliveries wait for it to go on.
    pub fn set_held(&mut self, paused: bool, waiting: usize) {
        let before = (self.status.paused, self.status.waiting);
        (self.status.paused, self.status.waiting) = (paused, waiting);
        self.stale |= before != (paused, waiting);
    }

    /// Shows in the status line how many of how many owed deliveries have been here.
    pub fn set_catching_up(&mut self, progress: Option<(u64, u64)>) {
        self.stale |= self.status.catching_up != progress;
        self.status.catching_up = progress;
    }

    /// Tells a person what the keys do.
    pub fn help(&mut self) {
        let human = &self.human;
        self.batch.write(Stream::Err, |err| human.render_help(err));
        self.flush();
    }

    /// Asks the terminal to put `text` on the clipboard (OSC 52, which also reaches through ssh). Not every terminal
    /// does, and none says whether it did.
    pub fn copy(&mut self, text: &str) {
        if self.human.keys {
            let request = format!("\x1b]52;c;{}\x07", BASE64.encode(text.as_bytes()));
            self.batch.write(Stream::Err, |err| err.extend_from_slice(request.as_bytes()));
            self.flush();
        }
    }

    /// Writes the rest, waiting a few seconds at most for a stream that blocks, and takes the status line away.
    ///
    /// # Errors
    /// What writing to stdout met. That its reader has gone is none.
    pub fn finish(mut self) -> io::Result<()> {
        self.flush();
        self.output.finish()
    }
}

/// The event, without its hint when that is the one that was read last: below each of many lines it would drown them.
fn hinted_once<'a>(last: &mut Option<String>, event: &'a Event) -> Cow<'a, Event> {
    let mut told = Cow::Borrowed(event);
    if let Event::Forwarded(Forwarded { hint: Some(hint), .. })
    | Event::Failed(Failed { hint: Some(hint), .. })
    | Event::Refused(Refused { hint: Some(hint), .. }) = event
        && last.replace(hint.clone()).as_ref() == Some(hint)
        && let Event::Forwarded(Forwarded { hint, .. })
        | Event::Failed(Failed { hint, .. })
        | Event::Refused(Refused { hint, .. }) = told.to_mut()
    {
        *hint = None;
    }
    told
}

impl Drop for Printer {
    /// An end by an error leaves no status line behind either.
    fn drop(&mut self) {
        self.flush();
        let _ = self.output.finish();
    }
}

#[cfg(test)]
mod tests;
