//! Bodies that arrive in parts.

use bytes::Bytes;
use muxhook_protocol::parts::Assembler;
use muxhook_protocol::{Delivery, DeliveryId, Frame, Headers};

const MAX_BODY: u64 = 64;
const MAX_OPEN: usize = 3;

/// No order of parts panics, breaks a limit, or gives out a body of another size than announced.
///
/// The input is frames of four bytes each; what is left over does not count.
pub(crate) fn check(input: &[u8]) {
    let mut assembler = Assembler::new(MAX_BODY, MAX_OPEN);
    for step in input.chunks_exact(4) {
        let frame = frame([step[0], step[1], step[2], step[3]]);
        if let Frame::Deliver { delivery, size } = &frame
            && delivery.body.len() as u64 > *size
        {
            continue; // never comes out of the decoder
        }
        match assembler.accept(frame) {
            Ok(Some(Frame::Deliver { delivery, size })) => {
                assert!(size <= MAX_BODY && delivery.body.len() as u64 == size);
            }
            Ok(other) => assert!(matches!(other, Some(Frame::Answered { .. }) | None), "{other:?} came out"),
            Err(_) => return,
        }
    }
}

/// Four bytes make a frame: which body, what of it, where, how much.
fn frame([which, what, place, length]: [u8; 4]) -> Frame {
    let id = DeliveryId::new(u64::from(which % 5), &[0; 10]);
    let data = Bytes::from(vec![length; usize::from(length % 40)]);
    match what % 4 {
        0 => Frame::Deliver { delivery: delivery(id, data).into(), size: u64::from(place) },
        1 => Frame::Answered { id },
        last => Frame::Part { id, offset: u64::from(place), last: last == 2, data },
    }
}

fn delivery(id: DeliveryId, body: Bytes) -> Delivery {
    Delivery {
        id,
        seq: 0,
        received_at: 0,
        attempt: 1,
        method: "POST".into(),
        path: "".into(),
        query: None,
        headers: Headers::new(),
        owed: false,
        replayed: false,
        body,
    }
}
