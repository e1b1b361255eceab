//! A terminal that shows the page until somebody has seen enough. It is given back as it was, however that ends.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::getpgrp;
use rustix::stdio::{stdin, stdout};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp, tcgetwinsize, tcsetattr,
};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::page::{self, Look};
use super::{EACH, Failure};
use crate::status::{AskError, Report, ask};

/// Another screen than the one with the shell's lines; no cursor.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";
/// To the top; to the end of the line, or of the screen, nothing.
const HOME: &str = "\x1b[H";
const REST_OF_LINE: &str = "\x1b[K\r\n";
const REST_OF_SCREEN: &str = "\x1b[J";

/// How often to look whether the keyboard is still wanted.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 250_000_000 };

/// How large a terminal is that does not say: columns, rows.
const USUAL: (usize, usize) = (80, 24);

/// Whether the terminal can show a page that changes.
pub(super) fn is_possible() -> bool {
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    io::stdout().is_terminal() && !is_dumb
}

/// Columns and rows.
pub(super) fn size() -> (usize, usize) {
    match tcgetwinsize(stdout()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col.into(), size.ws_row.into()),
        _ => USUAL,
    }
}

/// Shows the relay in the folder `data_dir`, from `first` on.
pub(super) fn show(data_dir: &Path, first: Report, out: &mut impl Write) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::failed(format!("the runtime can't start: {error}")))?;
    let _entered = runtime.enter();
    let ends = Ends::new().map_err(|error| Failure::failed(format!("signals can't be awaited: {error}")))?;
    let mut keyboard = Keyboard::open();
    out.write_all(ENTER.as_bytes())?;
    let shown = runtime.block_on(go_on(data_dir.to_owned(), first, ends, keyboard.as_mut(), out));
    let left = out.write_all(LEAVE.as_bytes()).and_then(|()| out.flush());
    drop(keyboard);
    // A question under way is given up.
    runtime.shutdown_background();
    Ok(shown.and(left)?)
}

async fn go_on(
    data_dir: PathBuf,
    first: Report,
    mut ends: Ends,
    mut keyboard: Option<&mut Keyboard>,
    out: &mut impl Write,
) -> io::Result<()> {
    let (mut report, mut trouble) = (first, None);
    loop {
        draw(&report, trouble.as_deref(), out)?;
        let next = async {
            sleep(EACH).await;
            let data_dir = data_dir.clone();
            spawn_blocking(move || ask(&data_dir)).await
        };
        let mut next = std::pin::pin!(next);
        loop {
            tokio::select! {
                answer = &mut next => {
                    match answer {
                        Ok(Ok(new)) => (report, trouble) = (new, None),
                        Ok(Err(why)) => trouble = Some(words(&why)),
                        Err(_) => return Ok(()),
                    }
                    break;
                }
                is_over = ends.is_over() => match is_over {
                    true => return Ok(()),
                    false => draw(&report, trouble.as_deref(), out)?,
                },
                () = Keyboard::quit(keyboard.as_deref_mut()) => return Ok(()),
            }
        }
    }
}

fn words(why: &AskError) -> String {
    match why {
        AskError::NoRelay(_) => {
            "the relay has gone; this was its last word, and another is waited for".to_owned()
        }
        why => why.to_string(),
    }
}

fn draw(report: &Report, trouble: Option<&str>, out: &mut impl Write) -> io::Result<()> {
    let (width, height) = size();
    let is_colored = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let frame = frame(report, trouble, (width, height), is_colored);
    out.write_all(frame.as_bytes())?;
    out.flush()
}

/// One whole picture: it never scrolls.
fn frame(
    report: &Report,
    trouble: Option<&str>,
    (width, height): (usize, usize),
    is_colored: bool,
) -> String {
    let look = |rows| Look { width, rows, is_colored };
    // What stands above the rows, and the last line, is always there.
    let above =
        page::lines(report, look(0)).len() - usize::from(report.more > 0 || !report.endpoints.is_empty());
    let room = height.saturating_sub(above + 1).max(1);
    let mut lines = page::lines(report, look(room));
    let more = (report.more > 0 || report.endpoints.len() > room).then(|| lines.pop()).flatten();
    let mut last = vec![trouble.unwrap_or("q ends it").to_owned()];
    last.extend(more);
    lines.truncate(height.saturating_sub(1));
    lines.push(page::cut(&last.join("; "), width));
    let mut frame = HOME.to_owned();
    frame.push_str(&lines.join(REST_OF_LINE));
    frame.push_str("\x1b[K");
    frame.push_str(REST_OF_SCREEN);
    frame
}

/// What tells the program to end, and that the terminal has another size.
struct Ends {
    ends: [Signal; 3],
    resized: Signal,
}

impl Ends {
    fn new() -> io::Result<Self> {
        let [interrupt, terminate, hangup] =
            [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
        Ok(Self { ends: [interrupt?, terminate?, hangup?], resized: signal(SignalKind::window_change())? })
    }

    /// Whether it is the end, and not another size.
    async fn is_over(&mut self) -> bool {
        let [interrupt, terminate, hangup] = &mut self.ends;
        tokio::select! {
            _ = interrupt.recv() => true,
            _ = terminate.recv() => true,
            _ = hangup.recv() => true,
            _ = self.resized.recv() => false,
        }
    }
}

/// The keyboard, without line editing, echo and signals. Dropped, it is as it was.
struct Keyboard {
    before: Termios,
    /// Somebody has seen enough.
    quit: mpsc::Receiver<()>,
}

impl Keyboard {
    /// `None`: there is none, or it is another job's (POSIX.1-2017 §11.1.4); signals end the program all the same.
    fn open() -> Option<Self> {
        let terminal = stdin();
        let before = tcgetattr(terminal).ok()?;
        if !tcgetpgrp(terminal).is_ok_and(|group| group == getpgrp()) {
            return None;
        }
        let (pressed, quit) = mpsc::channel(1);
        let read = move || while !pressed.is_closed() && turn(&pressed).is_ok() {};
        let thread = std::thread::Builder::new().name("keys".to_owned());
        let mut mode = before.clone();
        mode.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG);
        mode.special_codes[SpecialCodeIndex::VMIN] = 1;
        mode.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(terminal, OptionalActions::Now, &mode).ok()?;
        let keyboard = Self { before, quit };
        thread.spawn(read).ok()?;
        Some(keyboard)
    }

    /// Waits until somebody has seen enough. Without a keyboard, or when that has gone, for ever.
    async fn quit(keyboard: Option<&mut Self>) {
        let quit = match keyboard {
            Some(keyboard) => keyboard.quit.recv().await,
            None => None,
        };
        if quit.is_none() {
            std::future::pending().await
        }
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        // A terminal that has gone needs nothing back.
        let _ = tcsetattr(stdin(), OptionalActions::Now, &self.before);
    }
}

/// One look at the keyboard; an error when it has gone.
fn turn(pressed: &mpsc::Sender<()>) -> rustix::io::Result<()> {
    let terminal = stdin();
    match poll(&mut [PollFd::new(&terminal, PollFlags::IN)], Some(&LOOK)) {
        Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(()),
        other => other?,
    };
    let mut bytes = [0; 32];
    match rustix::io::read(terminal, &mut bytes)? {
        0 => Err(rustix::io::Errno::IO),
        length => {
            if is_quit(&bytes[..length]) {
                // One is enough.
                let _ = pressed.try_send(());
            }
            Ok(())
        }
    }
}

/// `q`, Ctrl-C or Ctrl-D. Arrows and their like come as an escape sequence, whose letters mean nothing.
fn is_quit(bytes: &[u8]) -> bool {
    bytes.first() != Some(&0x1b) && bytes.iter().any(|byte| matches!(byte, b'q' | b'Q' | 3 | 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_never_has_more_lines_or_columns_than_the_screen() {
        let report = page::tests::sample(40);
        for size in [(200, 50), (80, 24), (40, 12), (20, 8), (10, 5)] {
            for trouble in [None, Some("the relay has gone")] {
                let picture = frame(&report, trouble, size, false);
                let lines: Vec<_> = picture
                    .split("\r\n")
                    .map(|line| line.replace("\x1b[K", "").replace("\x1b[J", "").replace(HOME, ""))
                    .collect();
                assert!(lines.len() <= size.1, "{size:?}: {picture}");
                let widest = lines.iter().map(|line| line.chars().count()).max().unwrap();
                assert!(widest <= size.0, "{size:?}: {widest} in {lines:#?}");
            }
        }
        let picture = frame(&report, None, (100, 12), false);
        assert!(picture.contains("q ends it; and 9794 more endpoints"), "{picture}");
    }
}
