//! What a person presses while a command goes on.
//!
//! Only line editing and echo are switched off: Ctrl-C, Ctrl-Z and Ctrl-\ stay signals, and output stays as it is.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
use unix as system;
#[cfg(windows)]
mod windows;
#[cfg(windows)]
use windows as system;

use std::io;

use tokio::sync::mpsc;

/// Presses that may wait; more are forgotten.
const WAITING: usize = 8;

/// A key that means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// `r`: the last delivery once more.
    Replay,
    /// `c`: the address to the clipboard.
    Copy,
    /// `p`: stop, or go on.
    Pause,
    /// `q`: the end.
    Quit,
    /// `?`: what the keys do.
    Help,
}

impl Key {
    fn of(char: char) -> Option<Self> {
        match char.to_ascii_lowercase() {
            'r' => Some(Self::Replay),
            'c' => Some(Self::Copy),
            'p' => Some(Self::Pause),
            'q' => Some(Self::Quit),
            '?' | 'h' => Some(Self::Help),
            _ => None,
        }
    }
}

/// The keyboard. Dropping it gives the terminal back as it was.
#[derive(Debug)]
pub struct Keys(Option<mpsc::Receiver<Key>>);

impl Keys {
    /// No keyboard: [`next`](Self::next) waits for ever.
    #[must_use]
    pub fn off() -> Self {
        Self(None)
    }

    /// Listens on stdin, which must be a terminal.
    ///
    /// # Errors
    /// When the terminal can't be set, or no thread be had.
    pub fn listen() -> io::Result<Self> {
        let (pressed, presses) = mpsc::channel(WAITING);
        system::listen(pressed)?;
        Ok(Self(Some(presses)))
    }

    /// The next key. Waits for ever once the keyboard has gone. May be dropped while waiting without losing a key.
    pub async fn next(&mut self) -> Key {
        if let Some(presses) = &mut self.0 {
            if let Some(key) = presses.recv().await {
                return key;
            }
            self.0 = None;
        }
        std::future::pending().await
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        if let Some(presses) = &mut self.0 {
            presses.close();
        }
        restore_terminal();
    }
}

/// Gives the terminal back as it was before [`Keys::listen`]; does nothing otherwise. For ends that drop nothing, such
/// as [`std::process::exit`].
pub fn restore_terminal() {
    system::restore();
}

#[cfg(test)]
mod tests;
