//! Single courses of events, each for a rule of its own.

use super::*;

/// What is held while a read is under way that did not see it yet.
#[tokio::test]
async fn what_comes_in_the_middle_of_a_read_is_read_for() {
    let mut world = World::new();
    world.enter(0, false);
    assert!(matches!(world.course.next(world.now), Action::Read { after: 0, .. }));
    world.hold();
    world.course.found(0, Vec::new());
    world.run();
    assert_eq!(world.sent, [1]);
}

#[tokio::test]
async fn what_could_not_be_read_is_read_again() {
    let mut world = World::new();
    world.enter(0, false);
    world.hold();
    assert!(matches!(world.course.next(world.now), Action::Read { after: 0, .. }));
    world.course.unread(None, world.now);
    world.run();
    world.settle(0, How::Fails);
    world.now += Duration::from_secs(2);
    assert!(matches!(world.course.next(world.now), Action::Again { seq: 1 }));
    world.course.unread(Some(1), world.now);
    world.run();
    assert_eq!(world.sent, [1, 1]);
}

#[test]
fn the_plan_grows_from_a_second_to_an_hour() {
    let mut world = World::new();
    world.hold();
    world.enter(0, false);
    world.run();
    let mut waits = Vec::new();
    for _ in 0..9 {
        world.settle(0, How::Fails);
        let due = world.run().expect("nothing planned");
        waits.push((due - world.now).as_secs());
        world.now = due;
        world.run();
    }
    assert_eq!(waits, [1, 5, 30, 120, 600, 1800, 3600, 3600, 3600]);
}

#[test]
fn many_are_sent_one_at_a_time() {
    let mut world = World::new();
    (0..1000).for_each(|_| world.hold());
    world.enter(0, false);
    world.run();
    for _ in 0..1000 {
        assert_eq!(world.listeners[0].in_hand.len(), 1);
        world.settle(0, How::Accepts);
        world.run();
    }
    assert!(world.owed.is_empty() && world.sent.into_iter().eq(1..=1000));
}

/// An outcome that comes when nobody waits for its replay any more is one of that replay, and late.
#[tokio::test]
async fn what_comes_after_a_replay_counts_as_replayed() {
    let mut world = World::new();
    world.hold();
    world.enter(0, false);
    world.replay(0);
    world.run();
    assert!(world.sent.is_empty(), "it has it in hand");
    assert!(!world.course.begin_replay(id_of(1), &[], world.now), "one at a time");
    let seat = world.listeners[0].seat.clone().unwrap();
    world.give_up();
    world.run();
    assert!(!world.course.begin_replay(id_of(1), &[], world.now), "it has it in hand still");
    let settled = world.course.settle(id_of(1), &seat, &outcome(How::Fails), world.now).unwrap();
    assert_eq!((settled.replayed, settled.is_over), (true, false));
    world.listeners[0].in_hand.clear();
    world.now += Duration::from_secs(1);
    world.run();
    assert_eq!(world.sent, [1], "owed as before");
}

/// What a listener came back with may never have been marked as owed, so that it does not look for its app on account
/// of that: the next does not overtake it all the same.
#[tokio::test]
async fn what_was_in_hand_over_a_reconnect_keeps_its_turn_while_the_app_is_away() {
    let mut world = World::new();
    world.hold();
    world.hold();
    world.enter(0, false);
    world.run();
    world.leave(0);
    world.enter(0, true);
    world.run();
    assert_eq!(world.sent, [1]);
    world.settle(0, How::IsAway);
    world.run();
    assert_eq!(world.sent, [1, 1]);
    world.settle(0, How::IsAway);
    assert_eq!(world.run(), None, "it waits for the app");
    world.step(Step::Reachable { listener: 0 });
    world.settle(0, How::Accepts);
    world.run();
    assert_eq!(world.sent, [1, 1, 1, 2]);
}

/// One that says again and again what came of its replay is heard once.
#[tokio::test]
async fn a_replay_hears_each_listener_once() {
    let mut world = World::new();
    world.hold();
    world.enter(0, false);
    world.replay(0);
    let seat = world.listeners[0].seat.clone().unwrap();
    let mut tell = || world.course.settle(id_of(1), &seat, &outcome(How::Fails), world.now);
    assert!(tell().is_some_and(|settled| settled.replayed));
    assert_eq!(tell(), None);
}

/// Who left a delivery out and is gone is not remembered, however many they are.
#[tokio::test]
async fn what_was_left_out_by_those_who_are_gone_is_forgotten() {
    let mut world = World::new();
    world.hold();
    for _ in 0..3 {
        for number in 0..3 {
            world.enter(number, false);
            world.run();
            world.settle(number, How::Skips);
            world.leave(number);
        }
    }
    world.enter(3, false);
    assert!(world.course.skipped.is_empty(), "{:?}", world.course.skipped);
    world.run();
    world.settle(3, How::Accepts);
    assert!(world.owed.is_empty());
}
