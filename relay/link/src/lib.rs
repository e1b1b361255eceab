//! Frames over one WebSocket, the same on both sides: batching, parts, heartbeat and watchdog. And the clock.

pub mod now;

pub use now::Now;
