use std::fs;
use std::path::Path;
use std::time::Duration;

use muxhook_protocol::frame::{Ack, Owed};
use muxhook_protocol::mux::field::Match;

use super::*;
use crate::args;
use crate::error::{Error, Kind};
use crate::relay_url::RelayUrl;
use crate::secret::Secret;

/// A home folder with a project two folders below it.
struct Home {
    folder: tempfile::TempDir,
    around: Surroundings,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().to_owned();
        let here = home.join("code/app");
        fs::create_dir_all(&here).unwrap();
        let around = Surroundings {
            folder: Some(here),
            config_folder: Some(home.join(".config/muxhook")),
            state_folder: Some(home.join(".local/state/muxhook")),
            home: Some(home),
            ..Surroundings::default()
        };
        Self { folder, around }
    }

    fn env(mut self, variables: &[(&str, &str)]) -> Self {
        self.around.env = variables.iter().copied().collect();
        self
    }

    fn file(self, path: &str, text: &str) -> Self {
        crate::private_file::write(&self.folder.path().join(path), text).unwrap();
        self
    }

    fn project(self, text: &str) -> Self {
        self.file("code/muxhook.toml", text)
    }

    fn user(self, text: &str) -> Self {
        self.file(".config/muxhook/config.toml", text)
    }

    fn listen(&self, args: &args::Listen) -> Result<Listen, Error> {
        Listen::resolve(args, &self.around)
    }

    fn plain(&self) -> Listen {
        self.listen(&args::Listen::default()).unwrap()
    }

    fn refuses(&self, args: &args::Listen, parts: &[&str]) -> Error {
        let error = self.listen(args).unwrap_err();
        let told = format!("{error} | {}", error.hint().unwrap_or_default());
        for part in parts {
            assert!(told.contains(part), "`{part}` is not in: {told}");
        }
        error
    }
}

fn typed(change: impl FnOnce(&mut args::Listen)) -> args::Listen {
    let mut args = args::Listen::default();
    change(&mut args);
    args
}

fn at(relay: &str) -> args::Listen {
    typed(|args| args.relay.relay = Some(relay.to_owned()))
}

const LOGGED_IN: &str =
    "relay = 'https://stored.example'\n[relays.'https://stored.example']\ntoken = 'st0red'\n";

fn relay(listen: &Listen) -> &Relay {
    match &listen.connection.relay {
        RelayChoice::Configured(relay) => relay,
        RelayChoice::Embedded => panic!("embedded"),
    }
}

#[test]
fn with_nothing_said_there_are_defaults() {
    let listen = Home::new().plain();
    assert_eq!(listen.connection.relay, RelayChoice::Embedded);
    assert_eq!((listen.forward_to, listen.endpoint, listen.project_file), (None, None, None));
    assert_eq!((listen.timeout, listen.max_in_flight), (Duration::from_secs(30), 50));
    assert_eq!((listen.ack, listen.owed, listen.since), (Ack::App, Owed::Deliver, None));
    assert_eq!((listen.output, listen.end), (Output::default(), End::default()));
}

#[test]
fn flag_beats_environment_beats_project_beats_user() {
    let files = |home: Home| home.project("forward-to = 'project'").user("forward-to = 'user'");
    let flag = typed(|args| args.forward_to = Some("flag".to_owned()));
    let none = args::Listen::default();
    let env = [("MUXHOOK_FORWARD_TO", "env")];
    let cases = [
        (files(Home::new()).env(&env), &flag, Some("flag")),
        (files(Home::new()).env(&env), &none, Some("env")),
        (files(Home::new()).env(&[("MUXHOOK_FORWARD_TO", "")]), &none, Some("project")),
        (files(Home::new()), &none, Some("project")),
        (Home::new().user("forward-to = 'user'"), &none, Some("user")),
        (Home::new(), &none, None),
    ];
    for (home, args, expected) in cases {
        assert_eq!(home.listen(args).unwrap().forward_to.as_deref(), expected);
    }
}

#[test]
fn a_project_may_say_all_of_this() {
    let home = Home::new().project(
        "forward-to = ':3000'\nendpoint = 'alice'\nevents = ['video.*', ' master.* ']\nexclude = ['*.deleted']\nmatch = ['data.passthrough=alice*']\n\
         headers = ['X-Team: video']\ntimeout = '5s'\nmax-in-flight = 7\n\
         [routes]\n'video.upload.*' = ':1'\n'video.asset.*' = ':2'\n",
    );
    let listen = home.plain();
    assert_eq!(listen.endpoint.unwrap().as_str(), "alice");
    assert_eq!(
        (listen.events, listen.exclude),
        (vec!["video.*".into(), "master.*".into()], vec!["*.deleted".into()])
    );
    assert_eq!(listen.matches, [Match::parse("data.passthrough=alice*").unwrap()]);
    assert_eq!(format!("{:?}", listen.headers), "[HeaderOverride(x-team: …)]");
    assert_eq!((listen.timeout, listen.max_in_flight), (Duration::from_secs(5), 7));
    let routes: Vec<(&str, &str)> = listen.routes.iter().map(|(glob, to)| (&**glob, &**to)).collect();
    assert_eq!(routes, [("video.upload.*", ":1"), ("video.asset.*", ":2")], "in the order of the file");
    assert_eq!(listen.project_file, Some(home.folder.path().join("code/muxhook.toml")));

    let over = typed(|args| {
        args.events = vec!["all.*".to_owned()];
        args.route = vec!["a=b".to_owned()];
        args.matches = vec!["id=1".to_owned(), "data.x=2".to_owned()];
    });
    let listen = home.listen(&over).unwrap();
    assert_eq!(listen.matches.iter().map(Match::to_string).collect::<Vec<_>>(), ["id=1", "data.x=2"]);
    assert_eq!((listen.events, listen.routes), (vec!["all.*".into()], vec![("a".into(), "b".into())]));
}

#[test]
fn the_search_for_a_project_ends_at_home() {
    let home = Home::new().file("muxhook.toml", "forward-to = 'home'");
    assert_eq!(home.plain().forward_to.as_deref(), Some("home"));
    let mut above = Home::new().file("muxhook.toml", "forward-to = 'above'");
    above.around.home = Some(above.folder.path().join("code"));
    assert_eq!(above.plain().forward_to, None);
}

#[test]
fn a_project_has_no_say_in_relay_token_or_secret() {
    for key in ["relay", "token", "secret", "relays"] {
        let home = Home::new().project(&format!("{key} = 'https://evil.example'"));
        let error = home.refuses(&args::Listen::default(), &[key, "code/muxhook.toml", "cloned"]);
        assert_eq!(error.kind(), Kind::Usage);
    }
}

#[test]
fn mistakes_in_files_are_named_with_file_and_key() {
    for (text, parts) in [
        ("forward_to = ':3000'", &["muxhook.toml", "`forward_to`", "did you mean `forward-to`?"][..]),
        ("event = []", &["`event`", "did you mean `events`?"]),
        ("zzz = 1", &["`zzz`", "its keys are: forward-to, "]),
        ("\nforward-to = 3000", &["muxhook.toml, line 2", "expected a string"]),
        ("forward-to", &["muxhook.toml, line 1"]),
        ("timeout = '5 parsecs'", &["`timeout` in", "muxhook.toml", "5 parsecs"]),
        ("endpoint = 'A'", &["`endpoint` in", "3 to 63"]),
        ("max-in-flight = 0", &["`max-in-flight` in", "from 1 to"]),
        ("ack = 'nobody'", &["`ack` in", "`nobody` is neither `app` nor `relay`"]),
        ("headers = ['mux-signature: x']", &["`headers` in", "mux-signature"]),
        ("match = ['data.x']", &["`match` in", "muxhook.toml", "`data.x`", "PATH=GLOB"]),
        ("events = ['']", &["`events` in", "empty"]),
        ("[routes]\na = 1", &["`routes` in", "`a`"]),
    ] {
        assert_eq!(Home::new().project(text).refuses(&args::Listen::default(), parts).kind(), Kind::Usage);
    }
    Home::new().user("tokn = 'x'").refuses(&args::Listen::default(), &["config.toml", "`tokn`"]);
}

#[test]
fn mistakes_on_the_command_line_are_named_with_the_flag() {
    for (args, part) in [
        (typed(|args| args.timeout = Some("30".into())), "--timeout: `30` is no time"),
        (typed(|args| args.for_time = Some("0s".into())), "--for: it must be above zero"),
        (typed(|args| args.endpoint = Some("UP".into())), "--endpoint: "),
        (typed(|args| args.header = vec!["x".into()]), "--header: "),
        (typed(|args| args.route = vec!["x".into()]), "--route: `x`"),
        (typed(|args| args.matches = vec!["=x".into()]), "--match: `=x`: "),
        (typed(|args| args.signing.secret = vec!["".into()]), "--secret: the signing secret is empty"),
        (typed(|args| args.max_in_flight = Some(0)), "--max-in-flight: 0"),
        (at("hooks.example.com"), "--relay: it has no scheme"),
        (at("http://hooks.example.com"), "--relay: http:// would send the token"),
    ] {
        assert_eq!(Home::new().refuses(&args, &[part]).kind(), Kind::Usage);
    }
    let env = Home::new().env(&[("MUXHOOK_RELAY", "https://x/y")]);
    env.refuses(&args::Listen::default(), &["MUXHOOK_RELAY: it has a path"]);
}

#[test]
fn a_relay_is_named_by_flag_environment_or_login() {
    let stored = Home::new().user(LOGGED_IN);
    let listen = stored.plain();
    assert_eq!(relay(&listen).url.origin(), "https://stored.example");
    assert_eq!(relay(&listen).token, Secret::new("st0red"));
    assert!(relay(&listen).source.to_string().ends_with(".config/muxhook/config.toml"));

    let env = Home::new()
        .user(LOGGED_IN)
        .env(&[("MUXHOOK_RELAY", "https://env.example"), ("MUXHOOK_TOKEN", "env-t0ken")]);
    let listen = env.plain();
    assert_eq!(
        (relay(&listen).url.origin(), relay(&listen).token.expose()),
        ("https://env.example", "env-t0ken")
    );
    assert!(listen.connection.notices.is_empty());

    let mut flags = at("http://localhost:7000");
    flags.relay.token = Some(Secret::new("typed"));
    let listen = env.listen(&flags).unwrap();
    assert_eq!(
        (relay(&listen).url.origin(), relay(&listen).token.expose()),
        ("http://localhost:7000", "typed")
    );
    assert_eq!(listen.connection.notices[0].code, "token_on_command_line");
    assert!(listen.connection.notices[0].message.contains("MUXHOOK_TOKEN"));
}

#[test]
fn a_stored_token_goes_to_its_own_origin_alone() {
    let home = Home::new().user(LOGGED_IN);
    for other in ["https://stored.example:8443", "https://stored.example.evil.test", "https://other.example"]
    {
        let error = home.refuses(&at(other), &[&format!("muxhook login {other}")]);
        assert_eq!(error.kind(), Kind::Refused);
    }
    let same = home.listen(&at("https://Stored.Example:443/")).unwrap();
    assert_eq!(relay(&same).token, Secret::new("st0red"));
    let project = Home::new().user(LOGGED_IN).project("relay = 'https://evil.example'");
    project.refuses(&args::Listen::default(), &["`relay` may not stand"]);
}

#[test]
fn a_token_without_a_relay_is_a_mistake() {
    let home = Home::new().env(&[("MUXHOOK_TOKEN", "t0ken")]);
    let error = home.refuses(&args::Listen::default(), &["MUXHOOK_TOKEN: a token, but no relay"]);
    assert_eq!(error.kind(), Kind::Usage);
    let malformed = Home::new().user(LOGGED_IN).env(&[("MUXHOOK_TOKEN", "hunter 2")]);
    assert!(
        !malformed.refuses(&args::Listen::default(), &["MUXHOOK_TOKEN: "]).to_string().contains("hunter")
    );
}

#[test]
fn plain_http_to_another_machine_needs_a_word_once() {
    let url = RelayUrl::parse("http://10.0.0.7:8080", true).unwrap();
    let home = Home::new();
    let login = |plain| Login { token: Secret::new("t"), account: None, relay_ca: None, plain };
    UserFile::read(&home.around).unwrap().store(&url, &login(true)).unwrap();
    assert_eq!(relay(&home.plain()).url, url);
    assert_eq!(relay(&home.listen(&at(url.origin())).unwrap()).url, url);

    UserFile::read(&home.around).unwrap().store(&url, &login(false)).unwrap();
    home.refuses(&args::Listen::default(), &["config.toml", "http:// would send the token"]);
}

#[test]
fn the_further_certificate_is_typed_or_from_the_environment_or_stored() {
    let text = format!("{LOGGED_IN}relay-ca = '/stored.pem'\n");
    let ca = |home: &Home, args: &args::Listen| home.listen(args).unwrap().connection.relay_ca;
    let flag = typed(|args| args.relay.relay_ca = Some("/typed.pem".to_owned()));
    let none = args::Listen::default();
    let home = Home::new().user(&text);
    assert_eq!(ca(&home, &none).as_deref(), Some(Path::new("/stored.pem")));
    let home = home.env(&[("MUXHOOK_RELAY_CA", "/env.pem")]);
    assert_eq!(ca(&home, &none).as_deref(), Some(Path::new("/env.pem")));
    assert_eq!(ca(&home, &flag).as_deref(), Some(Path::new("/typed.pem")));
}

#[test]
fn logging_in_and_out_leaves_the_rest_of_the_file_alone() {
    let home = Home::new().user(
        "# mine\ntimeout = '5s'\n\n[relays.\"https://other.example\"] # theirs\ntoken = 'other'\n\n\
         [relays.\"https://hooks.example/\"]\ntoken = 'old'\n",
    );
    let hooks = RelayUrl::parse("https://hooks.example", false).unwrap();
    let login = Login {
        token: Secret::new("n3w"),
        account: Some("video \"team\"".to_owned()),
        relay_ca: Some("/ca.pem".into()),
        plain: false,
    };
    UserFile::read(&home.around).unwrap().store(&hooks, &login).unwrap();
    let user = UserFile::read(&home.around).unwrap();
    assert_eq!((user.relay.as_ref(), user.login(&hooks)), (Some(&hooks), Some(&login)));
    assert_eq!(user.relays().count(), 2);

    user.remove(&hooks).unwrap();
    let user = UserFile::read(&home.around).unwrap();
    assert_eq!((user.relay.as_ref(), user.login(&hooks)), (None, None));
    let text = fs::read_to_string(user.path.unwrap()).unwrap();
    assert!(text.contains("# mine") && text.contains("# theirs") && text.contains("'other'"), "{text}");
    assert!(!text.contains("n3w") && !text.contains("old"), "{text}");
}

#[cfg(unix)]
#[test]
fn a_file_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new().user(LOGGED_IN);
    let path = UserFile::read(&home.around).unwrap().path.unwrap();
    for mode in [0o644, 0o640, 0o604] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let error = home.refuses(&args::Listen::default(), &["may be read by others", "chmod 600"]);
        assert_eq!(error.kind(), Kind::Usage);
    }
}

#[test]
fn an_environment_shows_no_values() {
    let env: Env = [("MUXHOOK_TOKEN", "hunter2")].into_iter().collect();
    assert!(!format!("{env:?}").contains("hunter2"));
}

#[test]
fn output_and_end_follow_the_flags() {
    let home = Home::new();
    let listen =
        home.listen(&typed(|args| (args.format, args.once) = (Some(args::Format::Json), true))).unwrap();
    assert!(listen.output.json);
    assert_eq!(listen.end.count, Some(1));
    let listen = home.listen(&typed(|args| args.for_time = Some("5m".to_owned()))).unwrap();
    assert_eq!(listen.end.after, Some(Duration::from_secs(300)));
}

#[test]
fn a_wait_is_where_a_listen_is_and_takes_nothing_else_from_files() {
    let home = Home::new().project("endpoint = 'of-project'\ntimeout = '5s'\nevents = ['a.b']");
    let args = args::Wait { glob: "video.asset.ready, x".to_owned(), count: 1, ..args::Wait::default() };
    let wait = Wait::resolve(&args, &home.around).unwrap();
    assert_eq!(wait.endpoint.unwrap().as_str(), "of-project");
    assert_eq!((wait.timeout, wait.globs), (None, vec!["video.asset.ready".to_owned(), "x".to_owned()]));
    let home = home.env(&[("MUXHOOK_ENDPOINT", "of-env")]);
    assert_eq!(Wait::resolve(&args, &home.around).unwrap().endpoint.unwrap().as_str(), "of-env");
    let typed = args::Wait { endpoint: Some("typed".to_owned()), ..args };
    assert_eq!(Wait::resolve(&typed, &home.around).unwrap().endpoint.unwrap().as_str(), "typed");
}

#[test]
fn who_answers_is_said_by_flag_environment_and_file() {
    let project = |text: &str| Home::new().project(&format!("forward-to = '3000'\n{text}"));
    assert_eq!(project("ack = 'relay'").plain().ack, Ack::Relay);
    let env = project("ack = 'app'").env(&[("MUXHOOK_ACK", "relay")]);
    assert_eq!(env.plain().ack, Ack::Relay);
    let flag = env.listen(&typed(|args| args.ack = Some(args::Ack::App))).unwrap();
    assert_eq!(flag.ack, Ack::App);
    project("").env(&[("MUXHOOK_ACK", "both")]).refuses(&args::Listen::default(), &["MUXHOOK_ACK: `both`"]);
    let owed = project("").listen(&typed(|args| args.owed = Some(args::Owed::Discard))).unwrap();
    assert_eq!(owed.owed, Owed::Discard);
}

#[test]
fn what_only_looks_on_is_owed_nothing() {
    let home = Home::new().env(&[("MUXHOOK_ACK", "relay")]);
    assert_eq!(home.plain().ack, Ack::Relay, "what is only a habit is no mistake");
    for (flag, args) in [
        ("--ack", typed(|args| args.ack = Some(args::Ack::App))),
        ("--owed", typed(|args| args.owed = Some(args::Owed::Later))),
        ("--since", typed(|args| args.since = Some("10m".into()))),
    ] {
        home.refuses(&args, &[flag, "without an app", "--forward-to"]);
        let routed = args::Listen { route: vec!["video.*=3000".into()], ..args };
        home.listen(&routed).unwrap();
    }
}
