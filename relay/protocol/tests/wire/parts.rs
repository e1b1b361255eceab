//! Large bodies, cut and put together again.

use bytes::Bytes;
use muxhook_protocol::frame::{DeliverHead, PART_SIZE};
use muxhook_protocol::parts::{Assembler, Outgoing, PartError};
use muxhook_protocol::{Delivery, DeliveryId, Frame, Headers, Outcome, Reply};
use proptest::prelude::*;

use crate::samples;

const MAX_BODY: usize = 4 * PART_SIZE;

fn id(number: u8) -> DeliveryId {
    DeliveryId::new(u64::from(number), &[number; 10])
}

/// Bytes of which no two places look alike.
fn body(size: usize, seed: u8) -> Bytes {
    (0..size).map(|at| (at % 251) as u8 ^ (at / 251) as u8 ^ seed).collect::<Vec<_>>().into()
}

fn delivery(number: u8, body: Bytes) -> Delivery {
    Delivery { id: id(number), body, ..samples::delivery().0 }
}

fn outgoing(frame: &Frame) -> Outgoing {
    match frame {
        Frame::Deliver { delivery, .. } => {
            Outgoing::deliver(DeliverHead::of(delivery, 0), delivery.headers.iter(), &delivery.body)
        }
        Frame::Outcome { id, outcome, .. } => Outgoing::outcome(*id, outcome),
        control => Outgoing::control(control),
    }
}

fn messages(frame: &Frame) -> Vec<Bytes> {
    let mut outgoing = outgoing(frame);
    let first = outgoing.first().clone();
    std::iter::once(first).chain(std::iter::from_fn(|| outgoing.next_part())).collect()
}

fn decoded(frame: &Frame) -> Vec<Frame> {
    messages(frame).into_iter().map(|message| Frame::decode(message).unwrap()).collect()
}

fn deliver(number: u8, size: usize) -> Frame {
    let delivery = delivery(number, body(size, number));
    Frame::Deliver { delivery: delivery.into(), size: size as u64 }
}

fn replied(number: u8, size: usize) -> Frame {
    let headers = Headers::from_iter([("x", "y")]);
    let reply = Reply { status: 200, headers, body: body(size, number), truncated: false };
    Frame::Outcome { id: id(number), outcome: Outcome::Replied(reply), size: size as u64 }
}

/// Feeds `frames` to `assembler`, and gives what came out whole, or the first error.
fn accept(assembler: &mut Assembler, frames: Vec<Frame>) -> Result<Vec<Frame>, PartError> {
    frames.into_iter().filter_map(|frame| assembler.accept(frame).transpose()).collect()
}

fn size() -> impl Strategy<Value = usize> {
    let around =
        (0..=4_usize, -2..=2_isize).prop_map(|(parts, off)| (parts * PART_SIZE).saturating_add_signed(off));
    prop_oneof![3 => around.prop_map(|size| size.min(MAX_BODY)), 1 => 0..=MAX_BODY]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn interleaved_bodies_come_out_whole(
        sizes in prop::collection::vec((size(), any::<bool>()), 1..8),
        turns in prop::collection::vec(any::<prop::sample::Index>(), 64),
    ) {
        let frames: Vec<_> = sizes.iter().zip(0_u8..).map(|((size, reply), number)| {
            if *reply { replied(number, *size) } else { deliver(number, *size) }
        }).collect();
        let mut queues: Vec<_> = frames.iter().map(|frame| messages(frame).into_iter()).collect();
        let mut assembler = Assembler::new(MAX_BODY as u64, queues.len());
        let mut whole = Vec::new();
        for turn in turns.iter().cycle() {
            if queues.is_empty() {
                break;
            }
            let at = turn.index(queues.len());
            match queues[at].next() {
                Some(message) => {
                    let frame = Frame::decode(message).unwrap();
                    whole.extend(assembler.accept(frame).unwrap());
                }
                None => drop(queues.swap_remove(at)),
            }
        }
        let number = |frame: &Frame| match frame {
            Frame::Deliver { delivery, .. } => delivery.id,
            Frame::Outcome { id, .. } => *id,
            other => panic!("{other:?} came out"),
        };
        whole.sort_by_key(number);
        prop_assert_eq!(whole, frames);
    }

    /// A message lost, repeated or swapped with its neighbour never goes unnoticed, and never panics.
    #[test]
    fn misled_parts_are_noticed(size in PART_SIZE + 1..=MAX_BODY, which in any::<prop::sample::Index>(), how in 0..3) {
        let mut frames = decoded(&deliver(1, size));
        let at = which.index(frames.len());
        match how {
            0 => drop(frames.remove(at)),
            1 => frames.insert(at, frames[at].clone()),
            _ if at + 1 < frames.len() => frames.swap(at, at + 1),
            _ => return Ok(()),
        }
        let last_lost = how == 0 && at == frames.len();
        let result = accept(&mut Assembler::new(MAX_BODY as u64, 4), frames);
        prop_assert_eq!(result, if last_lost { Ok(Vec::new()) } else { Err(PartError::Misfit) });
    }
}

#[test]
fn a_body_is_cut_where_it_must_be() {
    for (size, expected) in [
        (0, 1),
        (1, 1),
        (PART_SIZE - 1, 1),
        (PART_SIZE, 1),
        (PART_SIZE + 1, 2),
        (2 * PART_SIZE, 2),
        (2 * PART_SIZE + 1, 3),
    ] {
        for frame in [deliver(1, size), replied(1, size)] {
            let messages = messages(&frame);
            assert_eq!(messages.len(), expected, "{size}");
            assert!(messages.iter().all(|message| message.len() < PART_SIZE + 1024), "{size}");
            assert_eq!(outgoing(&frame).has_parts(), expected > 1, "{size}");
        }
    }
}

#[test]
fn the_size_told_is_the_body_s_own() {
    let (delivery, _) = samples::delivery();
    let head = DeliverHead { size: 1, ..DeliverHead::of(&delivery, 0) };
    let first = Outgoing::deliver(head, delivery.headers.iter(), &delivery.body).first().clone();
    let size = delivery.body.len() as u64;
    assert_eq!(Frame::decode(first), Ok(Frame::Deliver { delivery: delivery.into(), size }));
}

#[test]
fn a_frame_weighs_what_it_holds() {
    let small = outgoing(&deliver(1, 10));
    assert_eq!(small.weight(), small.first().len());
    let mut large = outgoing(&deliver(1, 3 * PART_SIZE));
    let weight = large.weight();
    assert!((3 * PART_SIZE..5 * PART_SIZE).contains(&weight), "{weight}");
    while large.next_part().is_some() {}
    assert_eq!((large.weight(), large.next_part()), (large.first().len(), None));
}

#[test]
fn control_frames_pass_through() {
    let mut assembler = Assembler::new(0, 0);
    for (_, frame) in samples::all() {
        if !matches!(frame, Frame::Deliver { .. } | Frame::Outcome { .. } | Frame::Part { .. }) {
            assert_eq!(assembler.accept(frame.clone()), Ok(Some(frame)));
        }
    }
}

#[test]
fn parts_that_fit_nothing_are_refused() {
    let whole = decoded(&deliver(1, 3 * PART_SIZE));
    let part = |offset, last, data: &[u8]| Frame::Part {
        id: id(1),
        offset: PART_SIZE as u64 + offset,
        last,
        data: Bytes::copy_from_slice(data),
    };
    let rest = vec![b'x'; 2 * PART_SIZE];
    for (why, misfit) in [
        ("a hole", part(1, false, b"x")),
        ("an overlap", Frame::Part { id: id(1), offset: 0, last: false, data: Bytes::from_static(b"x") }),
        ("nothing in it", part(0, false, b"")),
        ("an end too early", part(0, true, b"x")),
        ("an end that is not said", part(0, false, &rest)),
        ("more than announced", part(0, true, &[&rest[..], b"x"].concat())),
        (
            "an offset without end",
            Frame::Part { id: id(1), offset: u64::MAX, last: true, data: rest.clone().into() },
        ),
        ("another body", Frame::Part { id: id(2), offset: 0, last: true, data: Bytes::from_static(b"x") }),
        ("a second beginning", whole[0].clone()),
    ] {
        let mut assembler = Assembler::new(MAX_BODY as u64, 4);
        assert_eq!(assembler.accept(whole[0].clone()), Ok(None));
        assert_eq!(assembler.accept(misfit), Err(PartError::Misfit), "{why}");
    }
}

#[test]
fn the_largest_body_is_taken_and_no_larger() {
    for frame in [deliver as fn(u8, usize) -> Frame, replied] {
        for (size, expected) in [(MAX_BODY, None), (MAX_BODY + 1, Some(PartError::TooLarge(MAX_BODY as u64)))]
        {
            let mut assembler = Assembler::new(MAX_BODY as u64, 1);
            assert_eq!(accept(&mut assembler, decoded(&frame(1, size))).err(), expected, "{size}");
        }
        let mut assembler = Assembler::new(9, 1);
        assert_eq!(accept(&mut assembler, decoded(&frame(1, 10))).err(), Some(PartError::TooLarge(9)));
    }
}

#[test]
fn bodies_under_way_are_bounded_and_an_end_makes_room() {
    let mut assembler = Assembler::new(MAX_BODY as u64, 2);
    let mut first = decoded(&deliver(1, PART_SIZE + 1)).into_iter();
    assert_eq!(assembler.accept(first.next().unwrap()), Ok(None));
    assert_eq!(assembler.accept(decoded(&replied(2, PART_SIZE + 1)).remove(0)), Ok(None));
    let third = decoded(&deliver(3, PART_SIZE + 1)).remove(0);
    assert_eq!(assembler.accept(third.clone()), Err(PartError::TooMany(2)));
    let small = deliver(4, 10);
    assert_eq!(assembler.accept(small.clone()), Ok(Some(small)), "a whole body needs no room");
    assert_eq!(assembler.accept(first.next().unwrap()), Ok(Some(deliver(1, PART_SIZE + 1))));
    assert_eq!(assembler.accept(third), Ok(None));
}
