use super::*;

const NOW: u64 = 1_796_083_200_000;
const MINUTE: u64 = 60_000;

fn relay() -> Relay {
    Relay {
        version: "0.1.0".into(),
        pid: 7,
        started_at: NOW - 200 * MINUTE,
        public_url: "https://hooks.example.com".into(),
        listeners: 12,
        observers: 1,
        requests_per_s: 41.6,
        in_flight: 3,
        owed: Some(7),
        oldest_owed_at: Some(NOW - 12 * MINUTE),
        holds: true,
        journal: JournalState::Open,
        history_dropped: 0,
        certificate: Some(Certificate { expires_at: Some(NOW + 62 * 24 * 60 * MINUTE) }),
    }
}

fn endpoint(name: &str, live: Live, owed: u64) -> Endpoint {
    let oldest_owed_at = (owed > 0).then_some(NOW - 12 * MINUTE);
    Endpoint {
        endpoint: name.into(),
        account: "web".into(),
        live: Some(live),
        owed: Some(owed),
        oldest_owed_at,
    }
}

fn report() -> Report {
    let busy = Live {
        listeners: 2,
        observers: 1,
        per_s: 40.2,
        in_flight: 3,
        received: 9_000,
        last_at: Some(NOW - 40),
    };
    let slow =
        Live { listeners: 1, per_s: 1.38, received: 40, last_at: Some(NOW - 2_500), ..Live::default() };
    let left = Live { received: 7, last_at: Some(NOW - 5 * 60 * MINUTE), ..Live::default() };
    let endpoints = vec![
        endpoint("shop", busy, 0),
        endpoint("3f9ac1d2e4b5a6c7d8e9f0a1b2", slow, 0),
        endpoint("laptop", left, 7),
        Endpoint { account: "a-team-with-a-name".into(), ..endpoint("idle", Live::default(), 0) },
    ];
    Report { at: NOW, relay: Some(relay()), endpoints, more: 0 }
}

/// A report with so many endpoints, and 9,760 more.
pub(in crate::cli::status) fn sample(count: usize) -> Report {
    let name = |number| endpoint(&format!("an-endpoint-with-a-long-name-{number}"), Live::default(), 0);
    Report { endpoints: (0..count).map(name).collect(), more: 9_760, ..report() }
}

fn page(report: &Report, width: usize, rows: usize) -> String {
    lines(report, Look { width, rows, is_colored: false }).join("\n")
}

#[test]
fn a_wide_page_has_it_all() {
    insta::assert_snapshot!(page(&report(), usize::MAX, usize::MAX), @r#"
    muxhook-relay 0.1.0  up 3 h (since Mon, 30 Nov 2026 20:40:00 GMT)  https://hooks.example.com
    12 listeners  1 observer  42 requests/s  3 in flight  7 owed (the oldest 12 min)  journal open  certificate for 62 d

    ENDPOINT                    ACCOUNT             LISTEN  OBSERVE  RATE/S  IN FLIGHT  OWED  OLDEST  LAST
    shop                        web                      2        1      40          3     0           0 s
    3f9ac1d2e4b5a6c7d8e9f0a1b2  web                      1        0     1.4          0     0           2 s
    laptop                      web                      0        0       0          0     7  12 min   5 h
    idle                        a-team-with-a-name       0        0       0          0     0
    "#);
}

#[test]
fn a_narrow_page_leaves_out_what_matters_least() {
    insta::assert_snapshot!(page(&report(), 80, 3), @r#"
    muxhook-relay 0.1.0  up 3 h (since Mon, 30 Nov 2026 20:40:00 GMT)
    https://hooks.example.com
    12 listeners  1 observer  42 requests/s  3 in flight  7 owed (the oldest 12 min)
    journal open  certificate for 62 d

    ENDPOINT                  ACCOUNT  LISTEN  RATE/S  IN FLIGHT  OWED  OLDEST  LAST
    shop                      web           2      40          3     0           0 s
    3f9ac1d2e4b5a6c7d8e9f0a…  web           1     1.4          0     0           2 s
    laptop                    web           0       0          0     7  12 min   5 h
    and 1 more endpoint
    "#);
    insta::assert_snapshot!(page(&report(), 44, 2), @r#"
    muxhook-relay 0.1.0
    up 3 h (since Mon, 30 Nov 2026 20:40:00 GMT)
    https://hooks.example.com
    12 listeners  1 observer  42 requests/s
    3 in flight  7 owed (the oldest 12 min)
    journal open  certificate for 62 d

    ENDPOINT                  LISTEN  OWED  LAST
    shop                           2     0   0 s
    3f9ac1d2e4b5a6c7d8e9f0a…       1     0   2 s
    and 2 more endpoints
    "#);
    insta::assert_snapshot!(page(&report(), 24, 1), @r#"
    muxhook-relay 0.1.0
    up 3 h (since Mon, 30 N…
    https://hooks.example.c…
    12 listeners  1 observer
    42 requests/s
    3 in flight
    7 owed (the oldest 12 m…
    journal open
    certificate for 62 d

    ENDPOINT  LISTEN  OWED
    shop           2     0
    and 3 more endpoints
    "#);
}

#[test]
fn without_a_relay_it_tells_what_is_owed_alone() {
    let mut report = Report { relay: None, more: 9_744, ..report() };
    report.endpoints.iter_mut().for_each(|endpoint| endpoint.live = None);
    report.endpoints[1].owed = None;
    insta::assert_snapshot!(page(&report, usize::MAX, usize::MAX), @r#"
    ENDPOINT                    ACCOUNT             OWED  OLDEST
    shop                        web                    0
    3f9ac1d2e4b5a6c7d8e9f0a1b2  web                    ?
    laptop                      web                    7  12 min
    idle                        a-team-with-a-name     0
    and 9744 more endpoints
    "#);
}

#[test]
fn what_is_wrong_stands_out() {
    let closed = Relay {
        journal: JournalState::Closed,
        history_dropped: 5,
        certificate: Some(Certificate { expires_at: Some(NOW - 3 * MINUTE) }),
        owed: None,
        ..relay()
    };
    let report = Report { relay: Some(closed), ..report() };
    let page = lines(&report, Look { width: usize::MAX, rows: 4, is_colored: true }).join("\n");
    insta::assert_snapshot!(page.replace('\x1b', "ESC"), @r#"
    muxhook-relay 0.1.0  up 3 h (since Mon, 30 Nov 2026 20:40:00 GMT)  https://hooks.example.com
    ESC[31m12 listeners  1 observer  42 requests/s  3 in flight  JOURNAL CLOSED: nothing is held until a restart  5 not in the history  certificate EXPIRED 3 min agoESC[0m

    ESC[1mENDPOINT                    ACCOUNT             LISTEN  OBSERVE  RATE/S  IN FLIGHT  OWED  OLDEST  LASTESC[0m
    shop                        web                      2        1      40          3     0           0 s
    3f9ac1d2e4b5a6c7d8e9f0a1b2  web                      1        0     1.4          0     0           2 s
    ESC[33mlaptop                      web                      0        0       0          0     7  12 min   5 hESC[0m
    ESC[2midle                        a-team-with-a-name       0        0       0          0     0ESC[0m
    "#);
}

#[test]
fn nothing_that_another_process_says_moves_the_cursor() {
    let mut report = report();
    report.endpoints[0].endpoint = "a\x1b[2J\nb".into();
    if let Some(relay) = &mut report.relay {
        relay.public_url = "x\r\x07".into();
    }
    let page = page(&report, usize::MAX, usize::MAX);
    assert!(page.chars().all(|char| char == '\n' || !char.is_control()), "{page:?}");
    assert!(page.contains("a?[2J?b"), "{page}");
}
