//! The keyboard by termios (POSIX.1-2017 §11).

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::getpgrp;
use rustix::stdio::stdin;
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp, tcsetattr,
};
use tokio::sync::mpsc;

use super::Key;

/// How often to look whether the terminal is still set: after Ctrl-Z and `fg` the shell has set it back.
const LOOK: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// The terminal as it was; `None` while it has not been touched.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// Sets the terminal and starts the thread that reads it, which ends soon after `pressed`'s receiver has gone.
pub(super) fn listen(pressed: mpsc::Sender<Key>) -> io::Result<()> {
    let terminal = stdin();
    *before() = Some(tcgetattr(terminal)?);
    let read = move || while !pressed.is_closed() && turn(terminal, &pressed).is_ok() {};
    thread::Builder::new().name("keys".to_owned()).spawn(read).map(drop)
}

/// One look at the keyboard; an error when it has gone.
fn turn(terminal: BorrowedFd<'static>, pressed: &mpsc::Sender<Key>) -> rustix::io::Result<()> {
    if !in_foreground(terminal) {
        // Whoever reads or sets a terminal from the background is stopped (POSIX.1-2017 §11.1.4).
        thread::park_timeout(std::time::Duration::from_secs(1));
        return Ok(());
    }
    set(terminal)?;
    let ready = poll(&mut [PollFd::new(&terminal, PollFlags::IN)], Some(&LOOK));
    match ready {
        Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(()),
        Ok(_) if !in_foreground(terminal) => return Ok(()),
        other => other?,
    };
    let mut bytes = [0; 32];
    match rustix::io::read(terminal, &mut bytes)? {
        0 => Err(rustix::io::Errno::IO),
        length => {
            keys(&bytes[..length]).for_each(|key| {
                // More presses than can wait are forgotten.
                let _ = pressed.try_send(key);
            });
            Ok(())
        }
    }
}

/// What was pressed. Arrows and their like come as an escape sequence, whose letters mean nothing.
pub(super) fn keys(bytes: &[u8]) -> impl Iterator<Item = Key> {
    let escape = bytes.first() == Some(&0x1b);
    bytes.iter().filter(move |_| !escape).filter_map(|byte| Key::of(char::from(*byte)))
}

/// Switches line editing and echo off, unless they are or the terminal has been given back.
fn set(terminal: BorrowedFd<'_>) -> rustix::io::Result<()> {
    let before = before();
    let mut mode = tcgetattr(terminal)?;
    let off = LocalModes::ICANON | LocalModes::ECHO;
    if before.is_none() || !mode.local_modes.intersects(off) {
        return Ok(());
    }
    mode.local_modes.remove(off);
    mode.special_codes[SpecialCodeIndex::VMIN] = 1;
    mode.special_codes[SpecialCodeIndex::VTIME] = 0;
    tcsetattr(terminal, OptionalActions::Now, &mode)
}

/// Gives the terminal back.
pub(super) fn restore() {
    let terminal = stdin();
    if let Some(mode) = before().take()
        && in_foreground(terminal)
    {
        // A terminal that has gone needs nothing back.
        let _ = tcsetattr(terminal, OptionalActions::Now, &mode);
    }
}

fn in_foreground(terminal: BorrowedFd<'_>) -> bool {
    tcgetpgrp(terminal).is_ok_and(|group| group == getpgrp())
}

fn before() -> MutexGuard<'static, Option<Termios>> {
    BEFORE.lock().unwrap_or_else(PoisonError::into_inner)
}
