#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use muxhook_protocol::parts::Assembler;
use muxhook_protocol::{Delivery, DeliveryId, Frame, Headers};

const MAX_BODY: u64 = 64;
const MAX_OPEN: usize = 3;

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

fuzz_target!(|steps: Vec<[u8; 4]>| {
    let mut assembler = Assembler::new(MAX_BODY, MAX_OPEN);
    for step in steps {
        let frame = frame(step);
        if let Frame::Deliver { delivery, size } = &frame
            && delivery.body.len() as u64 > *size
        {
            continue; // never comes out of the decoder
        }
        match assembler.accept(frame) {
            Ok(Some(Frame::Deliver { delivery, size })) => {
                assert!(size <= MAX_BODY && delivery.body.len() as u64 == size);
            }
            Ok(Some(Frame::Answered { .. }) | None) => {}
            Ok(Some(other)) => panic!("{other:?} came out"),
            Err(_) => return,
        }
    }
});
