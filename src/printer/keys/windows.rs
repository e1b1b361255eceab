//! The keyboard by the console, which reads a key without echo and leaves Ctrl-C alone.

use std::io;
use std::thread;

use console::Term;
use tokio::sync::mpsc;

use super::Key;

/// Starts the thread that reads keys. It ends with the process, or at the first key after `pressed`'s receiver has gone.
pub(super) fn listen(pressed: mpsc::Sender<Key>) -> io::Result<()> {
    let read = move || {
        let terminal = Term::stderr();
        while let Ok(key) = terminal.read_key() {
            if pressed.is_closed() {
                break;
            }
            if let console::Key::Char(char) = key
                && let Some(key) = Key::of(char)
            {
                // More presses than can wait are forgotten.
                let _ = pressed.try_send(key);
            }
        }
    };
    thread::Builder::new().name("keys".to_owned()).spawn(read).map(drop)
}

/// Nothing was changed.
pub(super) fn restore() {}
