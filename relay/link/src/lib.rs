//! Frames over one WebSocket, the same on both sides.
//!
//! A [`Link`] owns the socket: it batches what is sent, lets parts of large bodies travel between other frames,
//! keeps the heartbeat, and notices a peer that is gone. [`Stream`] is what it goes over, and [`Now`] where both
//! sides take wall time from.

mod heartbeat;
mod link;
pub mod now;
mod stream;

pub use heartbeat::{DEAD_AFTER, HEARTBEAT};
pub use link::{Limits, Link, LinkError, Metered, websocket_config};
pub use now::Now;
pub use stream::Stream;
