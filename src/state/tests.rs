use super::*;
use crate::relay_url::RelayUrl;
use crate::secret::Secret;

fn state() -> (tempfile::TempDir, State) {
    let folder = tempfile::tempdir().unwrap();
    let state = State::open(Some(&folder.path().join("muxhook"))).unwrap();
    (folder, state)
}

fn remembered(endpoint: &str) -> Remembered {
    Remembered { endpoint: endpoint.parse().unwrap(), account: "acme".to_owned() }
}

fn names(memory: &Memory, place: Place<'_>) -> Vec<String> {
    memory.endpoints(place).iter().map(|known| known.endpoint.to_string()).collect()
}

#[test]
fn endpoints_are_remembered_by_relay_the_latest_first() {
    let (_folder, state) = state();
    let hooks = RelayUrl::parse("https://hooks.example.com", false).unwrap();
    for name in ["one", "two", "one"] {
        state.update(|memory| memory.remember(Place::Relay(&hooks), remembered(name))).unwrap();
    }
    state.update(|memory| memory.remember(Place::Embedded, remembered("local"))).unwrap();
    state.update(|memory| memory.embedded_port = Some(6895)).unwrap();

    let (memory, notice) = state.recall().unwrap();
    assert_eq!(notice, None);
    assert_eq!(names(&memory, Place::Relay(&hooks)), ["one", "two"]);
    assert_eq!(names(&memory, Place::Embedded), ["local"]);
    assert_eq!(memory.embedded_port, Some(6895));
    assert_eq!(memory.endpoints(Place::Relay(&hooks))[0].account, "acme");

    state.update(|memory| memory.forget(Place::Relay(&hooks), &"one".parse().unwrap())).unwrap();
    assert_eq!(names(&state.recall().unwrap().0, Place::Relay(&hooks)), ["two"]);
}

#[test]
fn memory_has_a_bound() {
    let mut memory = Memory::default();
    for number in 0..40 {
        let relay = RelayUrl::parse(&format!("https://relay-{number}.example"), false).unwrap();
        for endpoint in 0..20 {
            memory.remember(Place::Relay(&relay), remembered(&format!("name-{endpoint}")));
        }
    }
    let last = RelayUrl::parse("https://relay-39.example", false).unwrap();
    let first = RelayUrl::parse("https://relay-0.example", false).unwrap();
    assert_eq!(names(&memory, Place::Relay(&last)).len(), 8);
    assert_eq!(names(&memory, Place::Relay(&last))[0], "name-19");
    assert!(names(&memory, Place::Relay(&first)).is_empty());
}

#[test]
fn a_corrupt_file_is_set_aside() {
    let (_folder, state) = state();
    for garbage in [&b"{\"relays\": 7"[..], b"\xff\xfe", b""] {
        fs::write(state.folder.join(MEMORY), garbage).unwrap();
        let (memory, notice) = state.recall().unwrap();
        assert_eq!(memory, Memory::default());
        assert_eq!(notice.unwrap().code, "state_corrupt");
        assert_eq!(fs::read(state.folder.join("state.json.corrupt")).unwrap(), garbage);
        assert_eq!(state.recall().unwrap().1, None);
    }
}

#[test]
fn processes_wait_for_each_other() {
    let (_folder, state) = state();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let state = state.clone();
            scope.spawn(move || {
                let name = format!("name-{number}");
                state.update(|memory| memory.remember(Place::Embedded, remembered(&name))).unwrap();
            });
        }
    });
    assert_eq!(state.recall().unwrap().0.endpoints(Place::Embedded).len(), 8);
}

#[test]
fn a_folder_that_cannot_be_used_is_an_error_with_its_path() {
    assert!(matches!(State::open(None), Err(StateError::NoFolder)));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = State::open(Some(&file.join("muxhook"))).unwrap_err();
    assert!(error.to_string().contains("file/muxhook"), "{error}");
}

#[test]
fn a_running_relay_is_found_until_it_is_withdrawn() {
    let (_folder, state) = state();
    assert_eq!(state.embedded().unwrap(), None);
    let url = RelayUrl::parse("http://127.0.0.1:6894", false).unwrap();
    let relay = EmbeddedRelay { url, token: Secret::new("t0ken"), pid: 7 };
    state.publish(&relay).unwrap();
    assert_eq!(state.embedded().unwrap(), Some(relay));
    state.withdraw(8);
    assert!(state.embedded().unwrap().is_some(), "another process' relay stays");
    state.withdraw(7);
    assert_eq!(state.embedded().unwrap(), None);
}

#[test]
fn one_at_a_time_may_run_the_relay() {
    let (_folder, state) = state();
    let lock = state.lock_relay().unwrap().unwrap();
    assert!(state.lock_relay().unwrap().is_none());
    drop(lock);
    assert!(state.lock_relay().unwrap().is_some());
}

#[test]
fn a_record_that_leads_off_this_machine_is_none() {
    let (_folder, state) = state();
    for record in [
        r#"{"url":"https://evil.example","token":"t","pid":1}"#,
        r#"{"url":"http://127.0.0.1:1","token":"","pid":1}"#,
        "nonsense",
    ] {
        private_file::write(&state.folder.join(EMBEDDED), record).unwrap();
        assert_eq!(state.embedded().unwrap(), None, "{record}");
    }
}

#[cfg(unix)]
#[test]
fn a_record_that_others_may_read_is_refused_with_the_cure() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, state) = state();
    let url = RelayUrl::parse("http://127.0.0.1:6894", false).unwrap();
    state.publish(&EmbeddedRelay { url, token: Secret::new("t0ken"), pid: 7 }).unwrap();
    let path = state.folder.join(EMBEDDED);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let told = state.embedded().unwrap_err().to_string();
    assert!(
        told.contains("(mode 0644)") && told.ends_with(&format!("chmod 600 {}", path.display())),
        "{told}"
    );
    assert!(!told.contains("t0ken"));
}

#[test]
fn a_further_endpoint_has_a_valid_name() {
    assert_eq!(remembered("alice").beside(2).as_str(), "alice-2");
    let long = "a".repeat(63);
    assert_eq!(remembered(&long).beside(12).as_str(), format!("{}-12", "a".repeat(60)));
}

#[cfg(unix)]
#[test]
fn what_is_kept_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, state) = state();
    state.update(|memory| memory.embedded_port = Some(1)).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&state.folder), mode(&state.folder.join(MEMORY))), (0o700, 0o600));
}

fn registered(webhook: &str, environment: &str) -> Registered {
    Registered {
        webhook: crate::mux_api::WebhookId::new(webhook).unwrap(),
        environment: environment.to_owned(),
        address: "https://h.example/h/alice".to_owned(),
        secret: muxhook_protocol::mux::signature::Key::new(&format!("secret-of-{webhook}")).unwrap(),
    }
}

#[test]
fn a_webhooks_secret_is_kept_by_relay_endpoint_and_environment() {
    let (_folder, state) = state();
    let hooks = RelayUrl::parse("https://hooks.example.com", false).unwrap();
    let (place, alice) = (Place::Relay(&hooks), "alice".parse().unwrap());
    assert_eq!(state.webhook_secrets(place, &alice), []);
    for (webhook, environment) in [("w1", "dev"), ("w2", "prod"), ("w3", "dev")] {
        state.remember_webhook(place, &alice, registered(webhook, environment)).unwrap();
    }
    assert_eq!(state.webhooks(place, &alice).unwrap(), [registered("w3", "dev"), registered("w2", "prod")]);
    assert_eq!(state.webhook_secrets(place, &alice)[0].expose(), "secret-of-w3");
    assert!(state.webhook_secrets(place, &"bob".parse().unwrap()).is_empty());
    assert!(state.webhook_secrets(Place::Embedded, &alice).is_empty());
    state.forget_webhook(place, &alice, "dev").unwrap();
    assert_eq!(state.webhooks(place, &alice).unwrap(), [registered("w2", "prod")]);
}

#[test]
fn webhooks_have_a_bound_and_survive_a_file_that_makes_no_sense() {
    let (_folder, state) = state();
    let file = state.folder.join("webhooks.json");
    for garbage in
        [&b"{\"webhooks\": 7"[..], b"\xff\xfe", br#"{"webhooks":[{"relay":"embedded","endpoint":"alice"}]}"#]
    {
        fs::write(&file, garbage).unwrap();
        let alice: muxhook_protocol::EndpointId = "alice".parse().unwrap();
        assert_eq!(state.webhook_secrets(Place::Embedded, &alice), []);
        for number in 0..140 {
            state.remember_webhook(Place::Embedded, &alice, registered("w1", &format!("e{number}"))).unwrap();
        }
        assert_eq!(state.webhooks(Place::Embedded, &alice).unwrap().len(), 128);
        assert_eq!(fs::read(state.folder.join("webhooks.json.old")).unwrap(), garbage);
    }
}

#[test]
fn a_webhook_that_makes_no_sense_is_set_aside_with_its_file() {
    let (_folder, state) = state();
    let (alice, place) = ("alice".parse().unwrap(), Place::Embedded);
    state.remember_webhook(place, &alice, registered("w1", "dev")).unwrap();
    let file = state.folder.join("webhooks.json");
    let text =
        fs::read_to_string(&file).unwrap().replace("]}", r#",{"of":"a newer version","secret":"s"}]}"#);
    fs::write(&file, &text).unwrap();
    state.remember_webhook(place, &alice, registered("w2", "prod")).unwrap();
    assert_eq!(state.webhooks(place, &alice).unwrap().len(), 2);
    assert_eq!(fs::read_to_string(state.folder.join("webhooks.json.old")).unwrap(), text);
    fs::remove_file(state.folder.join("webhooks.json.old")).unwrap();
    state.remember_webhook(place, &alice, registered("w3", "test")).unwrap();
    assert!(!state.folder.join("webhooks.json.old").exists(), "a file of our own is not set aside");
}

#[cfg(unix)]
#[test]
fn a_webhooks_secret_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, state) = state();
    state.remember_webhook(Place::Embedded, &"alice".parse().unwrap(), registered("w1", "dev")).unwrap();
    let mode = fs::metadata(state.folder.join("webhooks.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
