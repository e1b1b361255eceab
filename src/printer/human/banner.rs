//! The beginning: the address, and where it leads; and what the keys do.

use std::io::Write as _;

use super::Human;
use super::mask::without_password;
use crate::event::Ready;
use crate::printer::escape::escape;

/// What each key does.
const KEYS: [(char, &str); 5] = [
    ('r', "replay the last event"),
    ('c', "copy the address"),
    ('p', "pause, and go on"),
    ('q', "quit"),
    ('?', "this help"),
];

/// The address stands alone on its line, from the first column on, so that a triple click takes it and nothing else.
pub(super) fn ready(human: &Human, it: &Ready, err: &mut Vec<u8>) {
    let style = human.err;
    let target = it.forward_to.as_deref().map(|target| without_password(target, human.mask()));
    let nowhere = "nowhere: events are shown, and answered 200 (send them to an app with --forward-to)";
    let relay = if it.embedded { "on this machine, at " } else { "" };
    // Writing to memory never fails, here and below.
    let _ = write!(
        err,
        "{} Listening on\n\n{}\n\n{}  {}\n{}        {relay}{}\n",
        style.good(style.sign("✓", "+")),
        style.accent(escape(&it.public_url)),
        style.dim("forwards to"),
        escape(target.as_deref().unwrap_or(nowhere)),
        style.dim("relay"),
        escape(&it.relay),
    );
    if it.embedded {
        let _ = write!(
            err,
            "\nOnly this machine can reach that address, and nothing is kept for it while no muxhook\n\
             runs here. For one that Mux can reach, and that keeps what comes meanwhile, run\n\
             `{}` on a public host, then `{}` here.\n",
            style.bold("muxhook relay serve"),
            style.bold("muxhook login <its URL>"),
        );
    }
    if human.keys {
        let _ = write!(err, "\n{}\n", style.dim("Press ? for keys, q to quit."));
    }
    err.push(b'\n');
}

/// One line a key.
pub(super) fn keys(human: &Human, err: &mut Vec<u8>) {
    for (key, does) in KEYS {
        let _ = writeln!(err, "  {}  {does}", human.err.accent(key));
    }
}
