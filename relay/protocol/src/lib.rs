//! The language muxhook's CLI and relay speak.
//!
//! Pure data and pure functions: no runtime, socket, clock, file or command line.
//!
//! - [`delivery`]: one request that the relay received for an endpoint.
//! - [`outcome`]: what became of handing it to the app.
//! - [`headers`]: HTTP header fields as ordered pairs of any bytes.
//! - [`frame`]: what travels over the WebSocket, and its one canonical layout.
//! - [`parts`]: how a large body is cut into messages and put together again.
//! - [`history`]: what the relay's API says of deliveries that came.
//! - [`endpoint`]: the ids and names that addresses are made of.
//! - [`mux`]: what is known of Mux's events.

pub mod delivery;
pub mod endpoint;
pub mod frame;
pub mod headers;
pub mod history;
pub mod mux;
pub mod outcome;
pub mod parts;
mod plain;

pub use delivery::{Delivery, DeliveryId};
pub use endpoint::EndpointId;
pub use frame::Frame;
pub use headers::Headers;
pub use outcome::{FailReason, Failure, Outcome, Reply};

/// The WebSocket subprotocol that both sides must agree on (RFC 6455 §1.9).
pub const SUBPROTOCOL: &str = "muxhook.v1";

/// Path of the relay's WebSocket.
pub const CONNECT_PATH: &str = "/_relay/v1/connect";

/// Response header by which the relay says who gave the answer: `app`, `skipped`, `none`, `held` or `relay`.
pub const ANSWER_HEADER: &str = "muxhook-answer";

/// Response header by which the relay names a request that failed, so that its log can be searched for it.
pub const REQUEST_HEADER: &str = "muxhook-request";

/// Request header that carries the delivery's id to the app, and response header of what the relay answers itself.
pub const DELIVERY_HEADER: &str = "muxhook-delivery";

/// Response header that marks an app's answer whose body was above [`MAX_REPLY_BODY`] and was left out.
pub const TRUNCATED_HEADER: &str = "muxhook-truncated";

/// Largest body of an app's answer that travels back, in bytes.
pub const MAX_REPLY_BODY: usize = 1024 * 1024;

/// The request method of every delivery until other methods are carried.
pub const POST: &str = "POST";
