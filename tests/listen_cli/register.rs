//! `register` and `unregister`, at a stand-in of Mux's API.

use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;
use serde_json::Value;

use crate::home::{Home, free_port};
use crate::mux::{Mux, SILENCE, TOKEN_SECRET};
use crate::relay::Relay;
use crate::running::{Ended, Running};
use crate::terminal::Terminal;

/// A user who is logged in to a relay that the outside knows by a public address, and Mux.
pub(crate) struct Stage {
    pub(crate) home: Home,
    pub(crate) mux: Mux,
    relay: Relay,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self::at("https://hooks.example.com")
    }

    fn at(public_url: &str) -> Self {
        let home = Home::new();
        let (relay, token) = Relay::first_with(&home, free_port(), &["--public-url", public_url]);
        home.feed(&["login", &relay.url], &token).with(0, "logged in to");
        Self { home, mux: Mux::new(), relay }
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        self.run_with(args, [])
    }

    /// With further environment variables.
    pub(crate) fn run_with<const N: usize>(&self, args: &[&str], variables: [(&str, String); N]) -> Ended {
        let mut command = self.home.muxhook(args);
        command.envs(self.mux.variables()).envs(variables);
        let ended = Running::start(command).end().hides(TOKEN_SECRET);
        assert!(!ended.out.contains('\x1b') && !ended.err.contains('\x1b'), "{} {}", ended.out, ended.err);
        ended
    }

    fn json(&self, args: &[&str]) -> Value {
        let ended = self.run(&[args, &["--json"]].concat()).with(0, "");
        serde_json::from_str(&ended.out).unwrap_or_else(|error| panic!("{error}: {}", ended.out))
    }

    fn on_terminal(&self, args: &[&str]) -> Terminal {
        let terminal = self.home.on_terminal(args);
        self.mux.variables().iter().fold(terminal, |terminal, (name, value)| terminal.env(name, value))
    }

    fn forget_secrets(&self) {
        std::fs::remove_file(self.home.path("state/muxhook/webhooks.json")).unwrap();
    }
}

#[test]
fn a_webhook_is_made_once_and_its_secret_kept_and_hidden() {
    let stage = Stage::new();
    let made = stage.run(&["register", "--yes"]).with(0, "is kept on this machine").hides(&Mux::secret("w1"));
    assert!(
        made.out
            .starts_with("made webhook w1 in Dev\\x1b[2J of Acme: Mux sends to https://hooks.example.com/h/"),
        "{}",
        made.out
    );
    let webhooks = stage.mux.webhooks();
    assert_eq!(webhooks.len(), 1);
    let kept = stage.home.path("state/muxhook/webhooks.json");
    assert!(std::fs::read_to_string(&kept).unwrap().contains(&Mux::secret("w1")));
    assert_eq!(std::fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);

    let again = stage.run(&["register"]).with(0, "").hides(&Mux::secret("w1"));
    assert!(again.out.starts_with("nothing to do: webhook w1 in"), "{}", again.out);
    assert_eq!(stage.mux.changes(), ["POST"]);
    let shown = stage.run(&["register", "--show-secrets"]).with(0, "");
    assert!(shown.out.ends_with(&format!("\nMUX_WEBHOOK_SECRET={}\n", Mux::secret("w1"))), "{}", shown.out);

    // The address is this machine's own, the one that `listen` takes.
    let listener = stage.home.start(&["listen"]);
    assert_eq!(listener.address(), webhooks[0].1);
}

#[test]
fn programs_read_what_became_of_it() {
    let stage = Stage::new();
    let made = stage.json(&["register", "--yes", "--endpoint", "my-app"]);
    for (name, value) in [
        ("webhook", "w1"),
        ("endpoint", "my-app"),
        ("address", "https://hooks.example.com/h/my-app"),
        ("organization", "Acme"),
        ("environment", "Dev\u{1b}[2J"),
        ("environment_id", "env1"),
    ] {
        assert_eq!(made[name], value, "{made}");
    }
    let flags =
        |value: &Value| ["created", "enabled", "changed", "secret_known"].map(|name| value[name] == true);
    assert_eq!(flags(&made), [true, true, true, true], "{made}");
    assert_eq!(made.get("secret"), None);
    let again = stage.json(&["register", "--endpoint", "my-app", "--show-secrets"]);
    assert_eq!(flags(&again), [false, true, false, true], "{again}");
    assert_eq!(again["secret"], Mux::secret("w1"));
}

#[test]
fn without_a_terminal_it_wants_yes_and_with_one_it_asks() {
    let stage = Stage::new();
    let told = stage.run(&["register"]).with(2, "--yes").with(2, "Dev\\x1b[2J").with(2, "Acme");
    assert!(told.err.contains("https://hooks.example.com/h/"), "{}", told.err);
    for answer in ["n", "", "nonsense"] {
        let (running, screen) = stage.on_terminal(&["register", "--color", "never"]).start();
        screen.shown.wait_for("Go on? [y/N]");
        screen.answer(answer);
        running.end().with(1, "nothing was changed, since the answer was no");
    }
    assert!(stage.mux.changes().is_empty());
    let (running, screen) = stage.on_terminal(&["register", "--color", "never"]).start();
    screen.shown.wait_for("Go on? [y/N]");
    assert!(screen.shown.text().contains("A webhook will be made at Mux:"));
    screen.answer("y");
    running.end().with(0, "made webhook w1");
    let (running, screen) = stage.on_terminal(&["unregister", "--color", "never"]).start();
    screen.shown.wait_for("Go on? [y/N]");
    screen.answer("yes");
    running.end().with(0, "disabled webhook w1");
}

#[test]
fn a_webhook_whose_secret_is_unknown_is_said_so_and_the_secret_taken() {
    let stage = Stage::new();
    for elsewhere in
        ["https://a.example", "https://hooks.example.com/h/my-app", "https://b.example", "https://c.example"]
    {
        stage.mux.make(elsewhere);
    }
    let register = ["register", "--endpoint", "my-app"];
    let run = |args: &[&str]| stage.run(&[&register, args].concat());
    run(&[]).with(0, "its signing secret is not known here").with(0, "--secret-file").with(0, "--recreate");
    assert_eq!(stage.json(&register)["secret_known"], false);
    run(&["--write-env", ".env"]).with(1, "its signing secret is not known here").with(1, "--recreate");
    assert!(!stage.home.path(".env").exists());

    let taken = run(&["--secret", "the-s3cret-of-old"]).with(0, "").hides("the-s3cret-of-old").out;
    assert!(taken.starts_with("took the secret of webhook w2"), "{taken}");
    let known = stage.json(&[&register[..], &["--show-secrets"]].concat());
    assert_eq!((&known["secret"], &known["changed"]), (&"the-s3cret-of-old".into(), &false.into()));
    assert!(stage.mux.changes().is_empty());
    run(&["--secret", "one", "--secret", "two"]).with(2, "one signing secret");
    run(&["--secret", "one", "--recreate"]).with(2, "cannot be used with");
}

#[test]
fn a_secret_that_can_not_be_that_of_a_new_webhook_is_left_aside() {
    let stage = Stage::new();
    let made = stage.run(&["register", "--yes", "--secret", "another-s3cret"]).with(0, "is left aside");
    assert!(made.hides("another-s3cret").out.starts_with("made webhook w1"));
    assert_eq!(stage.json(&["register", "--show-secrets"])["secret"], Mux::secret("w1"));
}

#[test]
fn a_webhook_is_made_anew_when_asked_to() {
    let stage = Stage::new();
    stage.run(&["register", "--yes"]).with(0, "");
    stage.forget_secrets();
    stage.run(&["register", "--recreate"]).with(2, "Whoever else checks by the old").with(2, "--yes");
    let made = stage.run(&["register", "--recreate", "--yes"]).with(0, "is kept").hides(&Mux::secret("w2"));
    assert!(made.out.starts_with("made webhook w2 anew"), "{}", made.out);
    assert_eq!(stage.mux.changes(), ["POST", "DELETE", "POST"]);
    assert_eq!(stage.mux.webhooks().len(), 1);
    assert_eq!(stage.json(&["register", "--show-secrets"])["secret"], Mux::secret("w2"));

    stage.mux.answers("POST", "500 Internal Server Error", "");
    stage
        .run(&["register", "--recreate", "--yes"])
        .with(1, "the old webhook is deleted; then: Mux's API answers 500");
}

#[test]
fn the_secret_is_put_into_a_projects_file_and_the_rest_left_alone() {
    let stage = Stage::new();
    stage.home.write(".env.local", "A=1\nMUX_WEBHOOK_SECRET=old # why\nB='2'");
    let mode = |mode| {
        std::fs::set_permissions(stage.home.path(".env.local"), PermissionsExt::from_mode(mode)).unwrap()
    };
    mode(0o640);
    let set = ["register", "--yes", "--write-env", ".env.local"];
    stage.run(&set).with(0, "MUX_WEBHOOK_SECRET is set in .env.local").hides(&Mux::secret("w1"));
    let text = stage.home.read(".env.local");
    assert!(text.starts_with("A=1\n") && text.ends_with("\nB='2'") && !text.contains("old"), "{text}");
    assert!(text.contains(&Mux::secret("w1")), "{text}");
    let now = |file: &str| std::fs::metadata(stage.home.path(file)).unwrap().permissions().mode() & 0o777;
    assert_eq!(now(".env.local"), 0o640);
    mode(0o440);
    stage.run(&set).with(0, "MUX_WEBHOOK_SECRET stood in .env.local already");
    assert_eq!(stage.home.read(".env.local"), text);

    stage.run(&["register", "--write-env", "new.env"]).with(0, "is set in new.env");
    assert_eq!(now("new.env"), 0o600);
    assert_eq!(stage.home.read("new.env"), format!("MUX_WEBHOOK_SECRET={}\n", Mux::secret("w1")));
    for (file, part) in
        [("no/such/.env", "no such folder"), ("state", "no regular file"), ("", "no name of a file")]
    {
        let asked = stage.mux.changes().len();
        stage.run(&["register", "--recreate", "--yes", "--write-env", file]).with(2, part);
        assert_eq!(stage.mux.changes().len(), asked, "{file}");
    }
}

#[test]
fn nothing_is_made_or_deleted_at_mux_when_the_secret_could_not_be_kept() {
    let stage = Stage::new();
    stage.mux.make("https://hooks.example.com/h/my-app");
    // Whoever is root may write everywhere else.
    let lock = stage.home.path("state/muxhook/state.lock");
    let _ = std::fs::remove_file(&lock);
    std::fs::create_dir(&lock).unwrap();
    for args in [&["--endpoint", "my-app", "--recreate"][..], &["--endpoint", "new-app"]] {
        let args = [&["register", "--yes"], args].concat();
        stage.run(&args).with(1, "state.lock cannot be used").with(1, "shows a signing secret once");
    }
    assert!(stage.mux.changes().is_empty());
}

#[test]
fn a_webhook_is_disabled_and_enabled_again_and_deleted() {
    let stage = Stage::new();
    stage.run(&["unregister", "--yes"]).with(0, "").hides("made");
    stage.run(&["register", "--yes"]).with(0, "");
    stage.run(&["unregister"]).with(2, "will be disabled").with(2, "--yes");
    assert!(stage.mux.webhooks()[0].2);
    let off = stage.run(&["unregister", "--yes"]).with(0, "");
    assert!(off.out.starts_with("disabled webhook w1 in Dev\\x1b[2J of Acme"), "{}", off.out);
    assert!(!stage.mux.webhooks()[0].2);
    let off = stage.run(&["unregister"]).with(0, "");
    assert!(off.out.starts_with("nothing to do: webhook w1"), "{}", off.out);

    stage.run(&["register"]).with(2, "is disabled, and will be enabled").with(2, "--yes");
    let on = stage.run(&["register", "--yes"]).with(0, "is kept on this machine");
    assert!(on.out.starts_with("enabled webhook w1"), "{}", on.out);
    assert!(stage.mux.webhooks()[0].2);

    let gone = stage.json(&["unregister", "--delete", "--yes"]);
    assert_eq!(
        (&gone["webhook"], &gone["deleted"], &gone["changed"]),
        (&"w1".into(), &true.into(), &true.into())
    );
    assert!(stage.mux.webhooks().is_empty());
    assert!(!stage.home.read("state/muxhook/webhooks.json").contains("s3cret"));
    let gone = stage.run(&["unregister", "--delete"]).with(0, "");
    assert!(gone.out.starts_with("nothing to do: Mux has no webhook for"), "{}", gone.out);
    assert_eq!(stage.mux.changes(), ["POST", "PATCH", "PATCH", "DELETE"]);
}

#[test]
fn an_endpoint_that_the_relay_forgot_can_still_be_unregistered() {
    let stage = Stage::new();
    stage.run(&["register", "--yes", "--endpoint", "my-app"]).with(0, "");
    stage.home.run(&["endpoints", "delete", "my-app"]).with(0, "deleted my-app");
    assert!(
        stage.run(&["unregister", "--endpoint", "my-app", "--yes"]).out.starts_with("disabled webhook w1")
    );
    assert!(!stage.mux.webhooks()[0].2);
}

#[test]
fn each_environment_has_a_webhook_and_a_secret_of_its_own() {
    let stage = Stage::new();
    stage.run(&["register", "--yes"]).with(0, "");
    stage.mux.switch_environment("env2");
    let made = stage.json(&["register", "--yes", "--show-secrets"]);
    assert_eq!((&made["created"], &made["secret"]), (&true.into(), &Mux::secret("w11").into()));
    let kept = stage.home.read("state/muxhook/webhooks.json");
    assert!(kept.contains(&Mux::secret("w1")) && kept.contains(&Mux::secret("w11")), "{kept}");
}

#[test]
fn what_mux_refuses_is_told_with_the_cure() {
    let stage = Stage::new();
    let words = r#"{"error":{"type":"t","messages":["No\u001b[2J."]}}"#;
    for (method, status, body, code, parts) in [
        (
            "GET",
            "401 Unauthorized",
            words,
            5,
            ["doesn't take this access token (it says: No\\x1b[2J.)", "MUX_TOKEN_SECRET"],
        ),
        ("GET", "403 Forbidden", words, 5, ["system:read", "System read and write"]),
        ("POST", "403 Forbidden", words, 5, ["system:write", "dashboard.mux.com/settings/access-tokens"]),
        ("POST", "409 Conflict", words, 5, ["has this address already", "run it again"]),
        ("POST", "400 Bad Request", words, 5, ["Mux refused (400 Bad Request)", "No\\x1b[2J."]),
        ("GET", "429 Too Many Requests\r\nretry-after: 0", "", 1, ["too many requests", "try again in 1 s"]),
        ("POST", "429 Too Many Requests\r\nretry-after: 7", "", 1, ["too many requests", "try again in 7 s"]),
        ("POST", "500 Internal Server Error", words, 1, ["500 Internal Server Error", "try again later"]),
        ("GET", "200 OK", "<html>", 5, ["is not Mux's API", "MUX_BASE_URL"]),
        (
            "POST",
            "200 OK",
            r#"{"data":{"id":"../..","address":"x","enabled":true}}"#,
            5,
            ["is not Mux's API", ""],
        ),
        ("GET", "302 Found\r\nlocation: https://evil.example", "", 5, ["it redirects elsewhere", ""]),
    ] {
        stage.mux.answers(method, status, body);
        let told = stage.run(&["register", "--yes"]).with(code, parts[0]).with(code, parts[1]);
        assert_eq!(told.out, "");
    }
    assert!(stage.mux.webhooks().is_empty());
}

#[test]
fn what_is_missing_to_ask_mux_is_named() {
    let stage = Stage::new();
    let run = |change: &dyn Fn(&mut std::process::Command)| {
        let mut command = stage.home.muxhook(&["register", "--yes"]);
        command.envs(stage.mux.variables());
        change(&mut command);
        Running::start(command).end().hides(TOKEN_SECRET)
    };
    run(&|command| {
        command.env_remove("MUX_TOKEN_ID");
    })
    .with(2, "MUX_TOKEN_ID is not set")
    .with(2, "dashboard.mux.com/settings/access-tokens");
    run(&|command| {
        command.env("MUX_TOKEN_SECRET", "");
    })
    .with(2, "MUX_TOKEN_SECRET is not set");
    run(&|command| {
        command.env("MUX_TOKEN_SECRET", "wr0ng");
    })
    .with(5, "doesn't take this access token")
    .hides("wr0ng");
    run(&|command| {
        command.env("MUX_BASE_URL", "http://api.mux.com");
    })
    .with(2, "MUX_BASE_URL is not where an API can be");
    run(&|command| {
        command.env("MUX_BASE_URL", format!("http://127.0.0.1:{}", free_port()));
    })
    .with(3, "Mux's API at 127.0.0.1:");
    run(&|command| {
        command.env("XDG_STATE_HOME", "/dev/null");
    })
    .with(1, "Mux shows a signing secret once");
}

#[test]
fn an_address_that_mux_cannot_reach_is_refused() {
    for (public_url, part) in [
        ("http://127.0.0.1:8080", "no further than the machine"),
        ("https://10.1.2.3", "no further than a private network"),
        ("http://hooks.example.com", "is not encrypted"),
    ] {
        let stage = Stage::at(public_url);
        stage.run(&["register", "--yes"]).with(5, part);
        assert_eq!(stage.home.run(&["endpoints", "list"]).out, "", "an endpoint was made for nothing");
        assert!(stage.mux.changes().is_empty());
    }
    let stage = Stage::at("http://hooks.example.com");
    stage.run(&["register", "--yes", "--plain"]).with(0, "is kept");

    let (home, mux) = (Home::new(), Mux::new());
    let register = || {
        let mut command = home.muxhook(&["register", "--yes"]);
        command.envs(mux.variables());
        Running::start(command).end()
    };
    register().with(3, "no relay is configured").with(3, "muxhook login");
    let listener = home.start(&["listen"]);
    listener.address();
    register().with(5, "no further than the machine").with(5, "muxhook relay serve");
    assert!(mux.changes().is_empty());
}

#[test]
fn a_secret_in_the_environment_is_not_taken_for_the_webhooks() {
    let stage = Stage::new();
    stage.mux.make("https://hooks.example.com/h/my-app");
    let mut command = stage.home.muxhook(&["register", "--endpoint", "my-app"]);
    command.envs(stage.mux.variables()).env("MUX_WEBHOOK_SECRET", "that-of-production");
    Running::start(command).end().with(0, "is not known here").hides("that-of-production");
}

#[test]
fn listen_registers_at_the_start_and_leaves_the_webhook_enabled() {
    let stage = Stage::new();
    let listen = |args: &[&str]| {
        let mut command = stage.home.muxhook(&[&["listen", "--register"], args].concat());
        command.envs(stage.mux.variables());
        Running::start(command)
    };
    listen(&[]).end().with(2, "--yes");
    assert!(stage.mux.changes().is_empty());
    let listener = listen(&["--yes"]);
    let address = listener.address();
    listener.err.wait_for("made webhook w1");
    listener.stop().with(0, "0 events").hides(&Mux::secret("w1"));
    assert_eq!(stage.mux.webhooks(), [("w1".to_owned(), address.clone(), true)]);

    let listener = listen(&["--json", "--unregister-on-exit"]);
    assert_eq!(listener.line("ready")["public_url"], address.as_str());
    let ended = listener.stop().with(0, "");
    let lines = ended.lines();
    let codes: Vec<_> =
        lines.iter().filter(|line| line["kind"] == "notice").map(|line| &line["code"]).collect();
    assert_eq!(codes, ["registered", "unregistered"]);
    assert_eq!(lines.last().unwrap()["kind"], "summary");
    assert!(!stage.mux.webhooks()[0].2);
    assert_eq!(stage.mux.changes(), ["POST", "PATCH"]);
}

#[test]
fn a_listen_that_can_not_unregister_says_so_and_ends() {
    let stage = Stage::new();
    let mut command = stage.home.muxhook(&["listen", "--register", "--unregister-on-exit", "--yes"]);
    command.envs(stage.mux.variables());
    let listener = Running::start(command);
    listener.address();
    stage.mux.answers("PATCH", "500 Internal Server Error", "");
    listener
        .stop()
        .with(0, "webhook w1 at Mux is still enabled: Mux's API answers 500")
        .with(0, "muxhook unregister");

    let home = Home::new();
    let mut command = home.muxhook(&["listen", "--register", "--yes"]);
    command.envs(stage.mux.variables());
    Running::start(command).end().with(3, "no relay is configured").with(3, "muxhook login");
    home.run(&["listen", "--unregister-on-exit"]).with(2, "--register");
}

#[test]
fn a_listen_that_gives_the_relay_up_unregisters_too() {
    let stage = Stage::new();
    let args = ["listen", "--register", "--unregister-on-exit", "--yes", "--no-retry", "--json"];
    let mut command = stage.home.muxhook(&args);
    command.envs(stage.mux.variables());
    let listener = Running::start(command);
    listener.line("ready");
    let Stage { home: _home, mux, relay } = stage;
    drop(relay);
    listener.end().with(3, "the link to the relay is lost");
    assert!(!mux.webhooks()[0].2, "it is still enabled");
}

#[test]
fn who_asks_twice_does_not_wait_for_mux() {
    let stage = Stage::new();
    let mut command = stage.home.muxhook(&["listen", "--register", "--unregister-on-exit", "--yes"]);
    command.envs(stage.mux.variables());
    let listener = Running::start(command);
    listener.address();
    stage.mux.answers("PATCH", SILENCE, "");
    let before = stage.mux.requests();
    listener.signal(Signal::INT);
    stage.mux.wait_for(before + 1);
    listener.stop().with(130, "0 events");
}

#[test]
fn listen_checks_by_the_secret_that_is_kept() {
    let stage = Stage::new();
    let listen = |args: &[&str]| stage.home.start(&[&["listen", "--json"], args].concat());
    let verdict = |listener: &Running| {
        let address = listener.line("ready")["public_url"].as_str().unwrap().to_owned();
        let local = address.replace("https://hooks.example.com", &stage.relay.url);
        let key = muxhook_protocol::mux::signature::Key::new(&Mux::secret("w1")).unwrap();
        let now = i64::try_from(muxhook_link::Now::system().unix_millis() / 1000).unwrap();
        let signature = muxhook_protocol::mux::signature::sign(&key, now, b"{}");
        let header = format!("mux-signature: {signature}\r\n");
        crate::http::Sender::to(&local).unwrap().post(&local, &header, b"{}").unwrap();
        listener.line("event")["signature"].as_str().unwrap().to_owned()
    };
    let required = ["--require-signature", "-f", "1"];
    listen(&required).end().with(2, "no signing secret to check by").with(2, "muxhook register");
    stage.run(&["register", "--yes"]).with(0, "");
    assert_eq!(verdict(&listen(&[])), "valid");
    assert_eq!(verdict(&listen(&required)), "valid");
    assert_eq!(verdict(&listen(&["--secret", "another"])), "invalid");
}
