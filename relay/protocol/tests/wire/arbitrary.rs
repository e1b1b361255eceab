//! Any frame that a peer may send.

use bytes::Bytes;
use muxhook_protocol::frame::{
    Ack, Backlog, Gap, Hello, Limits, Notice, Owed, Refused, RefusedCode, Restarting, Role, Since, Welcome,
};
use muxhook_protocol::outcome::{FailReason, Failure};
use muxhook_protocol::{Delivery, DeliveryId, EndpointId, Frame, Headers, Outcome, Reply};
use proptest::prelude::*;

pub(crate) fn frame() -> impl Strategy<Value = Frame> {
    prop_oneof![
        5 => (delivery(), more()).prop_map(|(delivery, more)| {
            let size = (delivery.body.len() as u64).saturating_add(more);
            Frame::Deliver { delivery: Box::new(delivery), size }
        }),
        5 => (id(), outcome(), more()).prop_map(|(id, outcome, more)| {
            let size = match &outcome {
                Outcome::Replied(reply) => (reply.body.len() as u64).saturating_add(more),
                _ => 0,
            };
            Frame::Outcome { id, outcome, size }
        }),
        2 => (id(), any::<u64>(), any::<bool>(), body())
            .prop_map(|(id, offset, last, data)| Frame::Part { id, offset, last, data }),
        1 => id().prop_map(|id| Frame::Answered { id }),
        3 => control(),
    ]
}

fn control() -> impl Strategy<Value = Frame> {
    prop_oneof![
        hello().prop_map(Frame::Hello),
        welcome().prop_map(Frame::Welcome),
        (refused_code(), text(), any::<bool>()).prop_map(|(code, message, fatal)| Frame::Refused(Refused {
            code,
            message,
            fatal
        })),
        any::<u64>().prop_map(|reconnect_in_ms| Frame::Restarting(Restarting { reconnect_in_ms })),
        (text(), text()).prop_map(|(code, message)| Frame::Notice(Notice { code, message })),
        (any::<[u64; 3]>(), text()).prop_map(|([from_seq, to_seq, count], why)| Frame::Gap(Gap {
            from_seq,
            to_seq,
            count,
            why
        })),
        any::<u64>().prop_map(|after| Frame::Past { after }),
        Just(Frame::Reachable),
        Just(Frame::Unknown),
    ]
}

fn hello() -> impl Strategy<Value = Hello> {
    let role = prop::sample::select(vec![Role::Listener, Role::Observer]);
    let prefer = prop::collection::vec(endpoint(), 0..3);
    let resume = prop::collection::vec(id(), 0..3);
    let ack = prop::sample::select(vec![Ack::App, Ack::Relay]);
    let owed = prop::sample::select(vec![Owed::Deliver, Owed::Later, Owed::Discard]);
    let since = (any::<u64>(), any::<u64>(), prop::option::of(any::<u64>()))
        .prop_map(|(at, after, until)| Since { at, after, until });
    let wishes = (role, ack, owed, prop::option::of(since));
    (text(), prop::option::of(endpoint()), prefer, text(), wishes, resume).prop_map(
        |(agent, endpoint, prefer, listener, (role, ack, owed, since), resume)| Hello {
            agent,
            endpoint,
            prefer,
            listener,
            role,
            ack,
            owed,
            since,
            resume,
        },
    )
}

fn welcome() -> impl Strategy<Value = Welcome> {
    let limits =
        (any::<u32>(), any::<u64>()).prop_map(|(in_flight, max_body)| Limits { in_flight, max_body });
    let backlog = (any::<u64>(), prop::option::of(any::<u64>()))
        .prop_map(|(count, oldest_at)| Backlog { count, oldest_at });
    let rest = (any::<u32>(), backlog, any::<u64>(), any::<[Option<bool>; 2]>());
    (endpoint(), text(), text(), any::<u64>(), text(), limits, rest).prop_map(
        |(endpoint, public_url, account, session, server, limits, (others, owed, seq, [holds, history]))| {
            Welcome {
                endpoint,
                public_url,
                account,
                session,
                server,
                limits,
                others,
                owed,
                seq,
                holds,
                history,
            }
        },
    )
}

fn refused_code() -> impl Strategy<Value = RefusedCode> {
    use RefusedCode::{EndpointTaken, Forbidden, Internal, Protocol, TooManySessions};
    prop::sample::select(vec![EndpointTaken, TooManySessions, Internal, Forbidden, Protocol])
}

fn delivery() -> impl Strategy<Value = Delivery> {
    let line = (text(), text(), prop::option::of(text()), headers());
    (id(), any::<u64>(), any::<u64>(), any::<u32>(), line, any::<[bool; 2]>(), body()).prop_map(
        |(id, seq, received_at, attempt, (method, path, query, headers), [owed, replayed], body)| Delivery {
            id,
            seq,
            received_at,
            attempt,
            method: method.into(),
            path: path.into(),
            query: query.map(Into::into),
            headers,
            owed,
            replayed,
            body,
        },
    )
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        3 => (any::<u16>(), headers(), body(), any::<bool>())
            .prop_map(|(status, headers, body, truncated)| Reply { status, headers, body, truncated })
            .prop_map(Outcome::Replied),
        1 => (prop::sample::select(FailReason::ALL.to_vec()), text())
            .prop_map(|(reason, message)| Outcome::Failed(Failure { reason, message })),
        1 => text().prop_map(|filter| Outcome::Skipped { filter }),
        1 => text().prop_map(|reason| Outcome::Refused { reason }),
    ]
}

pub(crate) fn id() -> impl Strategy<Value = DeliveryId> {
    (any::<u64>(), any::<[u8; 10]>()).prop_map(|(millis, tail)| DeliveryId::new(millis, &tail))
}

fn endpoint() -> impl Strategy<Value = EndpointId> {
    "[a-z0-9][a-z0-9-]{2,62}".prop_map(|text| text.parse().unwrap())
}

fn headers() -> impl Strategy<Value = Headers> {
    prop::collection::vec((text(), value()), 0..8).prop_map(Headers::from_iter)
}

/// Mostly what is usual, and anything.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[a-z0-9/=?&-]{0,24}", 1 => "[ -~]{0,24}", 1 => any::<String>()]
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => "[ -~]{0,80}".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..24),
    ]
}

fn body() -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), 0..64).prop_map(Bytes::from)
}

/// By how much a body's size is above what travels in its first message.
fn more() -> impl Strategy<Value = u64> {
    prop_oneof![2 => Just(0), 1 => any::<u64>()]
}
