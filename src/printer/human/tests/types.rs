//! What the line of each of Mux's types says.

use serde_json::Value;

use super::*;

#[test]
fn every_type_has_its_line() {
    let at = AT - 400;
    let events: Vec<_> = catalogue::all()
        .map(|event_type| {
            let body = Bytes::from(sample::Event::of(event_type, 1, at).to_body());
            let arrival = arrival(|it| {
                it.envelope = Envelope::peek(&body);
                it.delivery.body = body;
                it.signature = Some(Verdict::Valid { age: 0, key: 0 });
            });
            forwarded(arrival, reply(200, "", ""), Duration::from_millis(12))
        })
        .collect();
    insta::assert_snapshot!(scene(&human(false, true), &events));
    for columns in [80, 100, 120] {
        let terminal = Human { width: Some(columns), ..human(false, true) };
        let text = scene(&terminal, &events);
        assert!(text.lines().all(|line| line.width() <= columns + "out| ".len()), "{columns}:\n{text}");
        assert_eq!(text.lines().count(), events.len());
        if columns == 80 {
            insta::assert_snapshot!("every_type_has_its_line_of_80_columns", text);
        }
    }
}

/// Every text in an event, with what would clear a screen, break a line, hide what follows or turn it around.
fn poisoned(value: &mut Value) {
    match value {
        Value::String(text) => *text = format!("\x1b[2J{text}\r\n\0\u{202e}"),
        Value::Array(items) => items.iter_mut().for_each(poisoned),
        Value::Object(fields) => fields.values_mut().for_each(poisoned),
        _ => {}
    }
}

#[test]
fn every_group_has_its_line_when_a_sender_is_hostile() {
    let events: Vec<_> = catalogue::groups()
        .flat_map(|(_, types)| {
            let (first, others) = types.split_first().unwrap();
            [first].into_iter().chain(others.iter().filter(|other| other.name.ends_with("errored")))
        })
        .map(|event_type| {
            let event = sample::Event::of(event_type, 1, AT - 400);
            let mut value: Value = serde_json::from_slice(&event.to_body()).unwrap();
            // Else it would be of no type that has a phrase.
            let event_type = value["type"].take();
            poisoned(&mut value);
            value["type"] = event_type;
            let body = Bytes::from(value.to_string());
            let arrival = arrival(|it| {
                it.envelope = Envelope::peek(&body);
                it.delivery.body = body;
            });
            forwarded(arrival, reply(200, "", ""), Duration::from_millis(12))
        })
        .collect();
    let text = scene(&human(false, true), &events);
    assert!(!text.chars().any(|char| char != '\n' && is_unsafe(char)), "{text}");
    assert_eq!(text.lines().count(), events.len());
    insta::assert_snapshot!(text);
}
