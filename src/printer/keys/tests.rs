use super::*;

#[test]
fn letters_mean_the_same_in_either_case_and_others_nothing() {
    let keys: Vec<_> = "rCpQ?xüh\n".chars().map(Key::of).collect();
    let want = [
        Some(Key::Replay),
        Some(Key::Copy),
        Some(Key::Pause),
        Some(Key::Quit),
        Some(Key::Help),
        None,
        None,
        Some(Key::Help),
        None,
    ];
    assert_eq!(keys, want);
}

#[cfg(unix)]
#[test]
fn an_escape_sequence_presses_no_key() {
    assert_eq!(unix::keys(b"\x1b[1;5R").count(), 0);
    assert_eq!(unix::keys(b"rq").collect::<Vec<_>>(), [Key::Replay, Key::Quit]);
}

#[tokio::test]
async fn a_keyboard_that_has_gone_waits_for_ever() {
    let (pressed, presses) = mpsc::channel(1);
    let mut keys = Keys(Some(presses));
    pressed.try_send(Key::Help).unwrap();
    drop(pressed);
    assert_eq!(keys.next().await, Key::Help);
    assert!(futures_util::FutureExt::now_or_never(keys.next()).is_none());
}
