use std::fs;
use std::net::IpAddr;

use clap::{Args, FromArgMatches};
use tempfile::TempDir;

use super::*;

/// What flags and a config file mean, in an environment that has a home alone.
fn resolve(flags: &[&str], file: Option<&str>) -> Result<Config, String> {
    let dir = tempfile::tempdir().unwrap();
    resolve_in(&dir, flags, file, &[])
}

fn resolve_in(
    dir: &TempDir,
    flags: &[&str],
    file: Option<&str>,
    environment: &[(&str, &str)],
) -> Result<Config, String> {
    let command = Options::augment_args(clap::Command::new("serve").no_binary_name(true));
    let matches = command.try_get_matches_from(flags).map_err(|error| error.to_string())?;
    let mut options = Options::from_arg_matches(&matches).unwrap();
    if let Some(text) = file {
        let path = dir.path().join("relay.toml");
        fs::write(&path, text).unwrap();
        options.place.config = Some(path);
    }
    let environment = |name: &str| {
        let found = environment.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        found.or((name == "HOME").then_some("/home/ada")).map(Into::into)
    };
    let place = dir.path().display().to_string();
    Config::resolve(options, &environment).map_err(|error| error.to_string().replace(&place, "<dir>"))
}

fn refusal(flags: &[&str], file: Option<&str>) -> String {
    resolve(flags, file).unwrap_err()
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
fn without_a_word_it_is_this_machines_alone() {
    let config = resolve(&[], None).unwrap();
    assert_eq!(config.listen, [address("127.0.0.1:8080")]);
    assert_eq!(config.public_url(config.listen[0]).as_str(), "http://127.0.0.1:8080");
    assert_eq!(config.data_dir, PathBuf::from("/home/ada/.local/share/muxhook-relay"));
    assert_eq!(config.limits, Limits::default());
    assert_eq!(config.journal, journal::Limits::default());
    assert!(config.hold && config.keeps());
    assert_eq!((config.admin, config.takeover), (None, Duration::from_secs(20)));
    assert_eq!((config.tls, config.log), (None, LogFormat::Text));
    assert!(config.trusted_proxies.is_empty() && config.bootstrap_token.is_none());
}

#[test]
fn every_flag_has_its_effect() {
    let flags = "--listen 127.0.0.1:1 --listen [::1]:2 --public-url https://Hooks.example.com/ --data-dir data \
        --tls-cert c.pem --tls-key k.pem --trusted-proxy 10.0.0.0/8,::1 --max-body 512KiB --reply-deadline 500ms \
        --max-listeners 7 --max-connections 8 --max-connections-per-source 9 --rate 10 --grace 1m --log json --hold off --retention 90m --max-journal 1GiB --admin 0.0.0.0:9 \
        --admin-open";
    let config = resolve(&flags.split_whitespace().collect::<Vec<_>>(), None).unwrap();
    assert_everything_is_set(&config);
}

#[test]
fn every_key_of_the_file_has_its_effect() {
    let file = r#"
        listen = ["127.0.0.1:1", "[::1]:2"]
        public-url = "https://hooks.example.com"
        data-dir = "data"
        tls-cert = "c.pem"
        tls-key = "k.pem"
        plain = false
        trusted-proxy = ["10.0.0.0/8", "::1"]
        max-body = 524288
        reply-deadline = "0.5s"
        max-listeners = 7
        max-connections = 8
        max-connections-per-source = 9
        rate = 10
        grace = "60s"
        log = "json"
        hold = "off"
        retention = "1.5h"
        max-journal = 1073741824
        admin = "0.0.0.0:9"
        admin-open = true
    "#;
    assert_everything_is_set(&resolve(&[], Some(file)).unwrap());
}

fn assert_everything_is_set(config: &Config) {
    assert_eq!(config.listen, [address("127.0.0.1:1"), address("[::1]:2")]);
    assert_eq!(config.public_url(config.listen[0]).as_str(), "https://hooks.example.com");
    assert_eq!(config.data_dir, PathBuf::from("data"));
    assert_eq!(config.tls, Some(TlsFiles { cert: "c.pem".into(), key: "k.pem".into() }));
    assert!(config.trusted_proxies.contains("10.9.8.7".parse().unwrap()));
    assert!(config.trusted_proxies.contains("::1".parse().unwrap()));
    let limits = Limits {
        max_body: 512 * 1024,
        max_listeners: 7,
        max_connections: 8,
        max_connections_per_source: 9,
        rate: NonZeroU32::new(10),
        reply_deadline: Duration::from_millis(500),
        grace: Duration::from_secs(60),
        ..Limits::default()
    };
    assert_eq!(config.limits, limits);
    assert_eq!(config.log, LogFormat::Json);
    assert!(!config.hold && config.keeps());
    assert_eq!((config.admin, config.takeover), (Some(address("0.0.0.0:9")), Duration::from_secs(60)));
    let kept = (config.journal.retention, config.journal.bytes, config.journal.endpoint_bytes);
    assert_eq!(kept, (Duration::from_secs(90 * 60), 1 << 30, 1 << 28));
    assert_eq!(config.journal.owed_for, journal::Limits::default().owed_for);
}

#[test]
fn flags_go_before_the_file() {
    let file = "listen = '127.0.0.1:9'\nmax-body = '1MiB'\nplain = true\nlog = 'json'";
    let config = resolve(&["--listen", "127.0.0.1:1", "--log=text"], Some(file)).unwrap();
    assert_eq!(config.listen, [address("127.0.0.1:1")]);
    assert_eq!((config.limits.max_body, config.log), (1 << 20, LogFormat::Text));
    let refusal = refusal(&["--plain=false", "--listen=0.0.0.0:1"], Some(file));
    assert!(refusal.starts_with("plain HTTP on 0.0.0.0:1 can be read"), "{refusal}");
}

#[test]
fn with_tls_it_listens_to_the_world() {
    let config = resolve(&["--tls-cert=c", "--tls-key=k"], None).unwrap();
    assert_eq!(config.listen, [address("0.0.0.0:443")]);
    assert_eq!(config.public_url(config.listen[0]).as_str(), "https://127.0.0.1");
}

#[test]
fn plain_http_beyond_this_machine_must_be_meant() {
    insta::assert_snapshot!(
        refusal(&["--listen", "127.0.0.1:80", "--listen", "192.168.0.7:8080"], None),
        @"plain HTTP on 192.168.0.7:8080 can be read and changed on its way: give --acme-domain NAME, or --tls-cert and --tls-key, or --trusted-proxy CIDR when a proxy in front speaks TLS, or --plain when that is what you want"
    );
    for allowed in ["--plain", "--trusted-proxy=10.0.0.0/8"] {
        assert!(resolve(&["--listen=0.0.0.0:8080", allowed], None).is_ok(), "{allowed}");
    }
    assert!(resolve(&["--listen=[::ffff:127.0.0.1]:8080"], None).is_ok(), "loopback in IPv6 form");
}

#[test]
fn an_admin_address_beyond_this_machine_must_be_meant() {
    insta::assert_snapshot!(
        refusal(&["--admin", "0.0.0.0:9090", "--plain", "--trusted-proxy=10.0.0.0/8"], None),
        @"--admin 0.0.0.0:9090 can be asked from beyond this machine, by anybody and over plain HTTP: give an address such as 127.0.0.1:9090, or --admin-open when that is what you want"
    );
    let open = resolve(&["--admin=0.0.0.0:9090", "--admin-open", "--tls-cert=c", "--tls-key=k"], None);
    assert_eq!(open.unwrap().admin, Some(address("0.0.0.0:9090")), "with TLS too");
    assert!(resolve(&["--admin=[::1]:9090"], None).is_ok());
    insta::assert_snapshot!(refusal(&["--admin-open"], None), @"--admin-open opens the address of --admin, and none is given");
}

#[test]
fn a_relay_that_neither_holds_nor_remembers_keeps_nothing() {
    for (flags, keeps) in [
        (&["--hold=off", "--retention=0s"][..], false),
        (&["--hold=on", "--retention=0s"], true),
        (&["--hold=off", "--retention=1s"], true),
    ] {
        assert_eq!(resolve(flags, None).unwrap().keeps(), keeps, "{flags:?}");
    }
    let file = "hold = false\nretention = '0s'";
    assert!(!resolve(&[], Some(file)).unwrap().keeps());
    assert!(resolve(&["--hold=on"], Some(file)).unwrap().keeps(), "a flag goes before the file");
}

#[test]
fn with_acme_it_listens_to_the_world_and_port_80_is_for_http_01() {
    let flags = "--acme-domain Hooks.example.com,two.example.com --acme-email ops@example.com \
        --acme-directory https://ca.example.com/dir --acme-ca roots.pem --listen 0.0.0.0:80";
    let from_flags = resolve(&flags.split_whitespace().collect::<Vec<_>>(), None).unwrap();
    let file = r#"
        acme-domain = ["hooks.example.com", "two.example.com"]
        acme-email = "ops@example.com"
        acme-directory = "https://ca.example.com/dir"
        acme-ca = "roots.pem"
        listen = "0.0.0.0:80"
    "#;
    for config in [from_flags, resolve(&[], Some(file)).unwrap()] {
        assert_eq!(config.listen, [address("0.0.0.0:443")]);
        assert_eq!(config.public_url(address("0.0.0.0:443")).as_str(), "https://hooks.example.com");
        let acme = config.acme.unwrap();
        assert_eq!(
            acme.domains.iter().map(Domain::as_str).collect::<Vec<_>>(),
            ["hooks.example.com", "two.example.com"]
        );
        assert_eq!(acme.email.unwrap().mailto(), "mailto:ops@example.com");
        assert_eq!(acme.directory.uri(), "https://ca.example.com/dir");
        assert_eq!((acme.ca, acme.http), (Some("roots.pem".into()), vec![address("0.0.0.0:80")]));
    }
    let usual = resolve(&["--acme-domain=a.example"], None).unwrap().acme.unwrap();
    assert_eq!(usual.directory.uri(), "https://acme-v02.api.letsencrypt.org/directory");
    assert!(usual.http.is_empty() && usual.email.is_none());
}

#[test]
fn what_acme_can_not_do_is_said() {
    insta::assert_snapshot!(
        refusal(&["--acme-email=ops@example.com"], None),
        @"--acme-email is for certificates had by ACME: give --acme-domain NAME as well"
    );
    insta::assert_snapshot!(
        refusal(&["--acme-domain=a.example", "--plain"], None),
        @"--acme-domain and --plain exclude one another: leave one out"
    );
    insta::assert_snapshot!(
        refusal(&["--acme-domain=a.example", "--tls-cert=c", "--tls-key=k"], None),
        @"--acme-domain and --tls-cert exclude one another: leave one out"
    );
    for (flag, message) in [
        ("--acme-domain=*.example.com", "a certificate for a wildcard can't be had this way"),
        ("--acme-domain=10.0.0.1", "it takes a host's name in ASCII"),
        ("--acme-domain=https://a.example", "it takes a host's name in ASCII"),
        ("--acme-email=ops", "it takes one address of mail"),
        ("--acme-email=a@b,c@d", "it takes one address of mail"),
        ("--acme-directory=http://ca.example.com", "a directory's URL begins with https://"),
        ("--acme-directory=https://me@ca.example.com", "a directory's URL begins with https://"),
    ] {
        let refused = refusal(&["--acme-domain=a.example", flag], None);
        assert!(refused.contains(message), "{flag}: {refused}");
    }
}

#[test]
fn what_does_not_go_together_is_said() {
    insta::assert_snapshot!(
        refusal(&["--tls-cert=c"], None),
        @"--tls-cert and --tls-key go together: --tls-key is missing"
    );
    insta::assert_snapshot!(
        refusal(&["--tls-cert=c", "--tls-key=k", "--plain"], None),
        @"--plain and --tls-cert exclude one another: leave one out"
    );
    insta::assert_snapshot!(refusal(&["--max-body=1GiB"], None), @"--max-body must be between 1KiB and 64MiB");
    insta::assert_snapshot!(
        refusal(&["--reply-deadline=0s"], None),
        @"--reply-deadline must be between 100ms and 60s"
    );
    insta::assert_snapshot!(
        refusal(&["--max-journal=15MiB"], None),
        @"--max-journal must be between 16MiB and what the disk has"
    );
    insta::assert_snapshot!(refusal(&["--retention=2161h"], None), @"--retention must be between 0s and 2160h (90 days)");
    assert!(resolve(&["--max-journal=16MiB", "--retention=2160h"], None).is_ok());
    for flag in ["--max-connections", "--max-connections-per-source", "--rate"] {
        for number in ["0", "1000001"] {
            let refused = refusal(&[&format!("{flag}={number}")], None);
            assert_eq!(refused, format!("{flag} must be between 1 and 1000000"));
        }
    }
}

#[test]
fn a_malformed_flag_says_what_its_form_is() {
    for (flag, message) in [
        ("--listen=:8080", "an address to listen on is an IP address and a port, such as 127.0.0.1:8080"),
        ("--public-url=hooks", "a public URL begins with https:// or http:// and a host"),
        ("--trusted-proxy=10.0.0.0/33", "a network is an IP address with a prefix length"),
        ("--max-body=5MB", "a size is a whole number with B, KiB, MiB or GiB behind it"),
        ("--grace=5", "a duration is a number with ms, s, m or h behind it"),
        ("--hold=maybe", "[possible values: on, off]"),
        ("--retention=1d", "a duration is a number with ms, s, m or h behind it"),
        ("--max-journal=4GB", "a size is a whole number with B, KiB, MiB or GiB behind it"),
        ("--admin=9090", "an address to listen on is an IP address and a port"),
        ("--log=xml", "[possible values: text, json]"),
    ] {
        let refusal = refusal(&[flag], None);
        assert!(refusal.contains(message), "{flag}: {refusal}");
    }
}

#[test]
fn a_malformed_file_is_told_with_the_place() {
    insta::assert_snapshot!(
        refusal(&[], Some("public_url = 'https://a.example'")),
        @r#"the config file <dir>/relay.toml has the unknown key "public_url": did you mean public-url?"#
    );
    insta::assert_snapshot!(
        refusal(&[], Some("xyzzy = 1")),
        @r#"the config file <dir>/relay.toml has the unknown key "xyzzy""#
    );
    for (file, message) in [
        ("log = 'text'\nmax-body = '5MB'", "line 2, column 12"),
        ("max-body = '5MB'", "a size is a whole number with B, KiB, MiB or GiB behind it"),
        ("max-listeners = -1", "invalid value: integer `-1`"),
        ("hold = 'maybe'", "expected `\"on\"` or `\"off\"`"),
        ("hold = 1", "line 1, column 8"),
        ("log = 'xml'", "expected `text` or `json`"),
        ("listen = [", "line 1, column 11"),
    ] {
        let refusal = refusal(&[], Some(file));
        assert!(refusal.starts_with("the config file <dir>/relay.toml can't be understood: "), "{refusal}");
        assert!(refusal.contains(message), "{refusal}");
    }
    let missing = refusal(&["--config=/nowhere/relay.toml"], None);
    assert!(missing.starts_with("the config file /nowhere/relay.toml can't be read: "), "{missing}");
}

#[test]
fn what_stands_in_a_malformed_file_is_not_repeated() {
    let token = "a-token-that-nobody-may-see-0123456789";
    for (file, message) in [
        (format!("log = 'text'\nbootstrap-token = {token}"), "line 2, column "),
        (format!("bootstrap-token = '{token}"), "line 1, column "),
        (format!("plain = '{token}'"), "line 1, column 9: invalid type: text, expected a boolean"),
        (format!("bootstrap-token-file = '{token}'"), "was given what may be the token itself"),
        (
            format!("bootstrap-token = '{token}'"),
            "the unknown key \"bootstrap-token\": did you mean bootstrap-token-file?",
        ),
    ] {
        let refusal = refusal(&[], Some(&file));
        assert!(refusal.contains(message) && !refusal.contains("nobody"), "{refusal}");
    }
    let missing = refusal(&["--bootstrap-token-file=/nowhere/token"], None);
    assert!(missing.contains("the bootstrap token's file /nowhere/token can't be read"), "{missing}");
}

#[test]
fn the_config_key_of_a_file_is_no_key() {
    let refusal = refusal(&[], Some("config = 'other.toml'"));
    assert!(refusal.contains("unknown key \"config\""), "{refusal}");
}

#[test]
fn the_bootstrap_token_comes_from_a_file_or_the_environment() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    fs::write(&file, format!("{}\n", "f".repeat(32))).unwrap();
    let flag = format!("--bootstrap-token-file={}", file.display());
    let secret = |config: Config| config.bootstrap_token.unwrap().reveal().to_owned();
    assert_eq!(secret(resolve(&[&flag], None).unwrap()), "f".repeat(32));

    let name = "MUXHOOK_RELAY_BOOTSTRAP_TOKEN";
    let long = "e".repeat(32);
    assert_eq!(secret(resolve_in(&dir, &[], None, &[(name, &long)]).unwrap()), long);
    insta::assert_snapshot!(
        resolve_in(&dir, &[&flag], None, &[(name, &long)]).unwrap_err(),
        @"--bootstrap-token-file and MUXHOOK_RELAY_BOOTSTRAP_TOKEN exclude one another: leave one out"
    );
    let weak = resolve_in(&dir, &[], None, &[(name, "hunter2")]).unwrap_err();
    assert!(
        weak.starts_with("the token in MUXHOOK_RELAY_BOOTSTRAP_TOKEN can't be used: a token has at least 32")
    );
    assert!(!weak.contains("hunter2"));
    assert!(!format!("{:?}", resolve_in(&dir, &[], None, &[(name, &long)])).contains(&long));
}

#[test]
fn data_goes_where_the_user_keeps_data() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir =
        |variables: &[(&str, &str)]| resolve_in(&dir, &[], None, variables).map(|config| config.data_dir);
    assert_eq!(data_dir(&[("XDG_DATA_HOME", "/data")]).unwrap(), PathBuf::from("/data/muxhook-relay"));
    let usual = PathBuf::from("/home/ada/.local/share/muxhook-relay");
    assert_eq!(data_dir(&[("XDG_DATA_HOME", "relative")]).unwrap(), usual);
    assert_eq!(
        data_dir(&[("HOME", "")]).unwrap_err(),
        "there is no home folder to keep data in: give --data-dir DIR"
    );
}

#[test]
fn a_place_reads_the_file_for_its_folder() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("relay.toml");
    fs::write(&path, "data-dir = '/srv/relay'\nmax-listeners = 5").unwrap();
    let place = Place { config: Some(path), data_dir: None };
    assert_eq!(place.clone().data_dir(&|_| None).unwrap(), PathBuf::from("/srv/relay"));
    let given = Place { data_dir: Some("given".into()), ..place };
    assert_eq!(given.data_dir(&|_| None).unwrap(), PathBuf::from("given"));
}

#[test]
fn public_urls_are_an_origin() {
    for (text, kept) in [
        ("https://hooks.example.com", "https://hooks.example.com"),
        ("https://hooks.example.com/", "https://hooks.example.com"),
        ("HTTP://LocalHost:8080", "http://localhost:8080"),
        ("http://[::1]:80", "http://[::1]:80"),
    ] {
        assert_eq!(text.parse::<PublicUrl>().unwrap().as_str(), kept);
    }
    for text in [
        "",
        "hooks.example.com",
        "ftp://a",
        "https://",
        "https://:1",
        "https://a:0",
        "https://a:99999",
        "https://a b",
    ] {
        assert_eq!(text.parse::<PublicUrl>(), Err(InvalidPublicUrl::Form), "{text}");
    }
    for text in ["https://a/x", "https://a?x", "https://a#x", "https://ada:pw@a", "https://a//"] {
        assert_eq!(text.parse::<PublicUrl>(), Err(InvalidPublicUrl::More), "{text}");
    }
}

#[test]
fn addresses_follow_from_where_the_relay_is_bound() {
    let of = |text, is_tls| PublicUrl::of(address(text), is_tls).as_str().to_owned();
    assert_eq!(of("127.0.0.1:40123", false), "http://127.0.0.1:40123");
    assert_eq!(of("[::]:8443", true), "https://[::1]:8443");
    assert_eq!(of("192.0.2.1:80", false), "http://192.0.2.1");
    let endpoint = "video-hooks".parse().unwrap();
    assert_eq!(
        PublicUrl::of(address("127.0.0.1:1"), false).endpoint(&endpoint),
        "http://127.0.0.1:1/h/video-hooks"
    );
}

#[test]
fn proxies_are_networks() {
    let networks = ["10.0.0.0/8", "2001:db8::/32", "192.0.2.1"].map(|text| text.parse().unwrap());
    let proxies = TrustedProxies::new(networks.to_vec());
    let is_trusted = |text: &str| proxies.contains(text.parse::<IpAddr>().unwrap());
    for inside in ["10.255.0.1", "::ffff:10.0.0.1", "2001:db8:ffff::1", "192.0.2.1"] {
        assert!(is_trusted(inside), "{inside}");
    }
    for outside in ["11.0.0.1", "192.0.2.2", "2001:db9::1", "::1", "127.0.0.1"] {
        assert!(!is_trusted(outside), "{outside}");
    }
    assert!(!TrustedProxies::default().contains("127.0.0.1".parse().unwrap()));
}

#[test]
fn sizes_and_durations() {
    let size = |text: &str| text.parse::<ByteSize>().ok().map(|size| size.0);
    assert_eq!(
        [size("5MiB"), size("1 KiB"), size("7"), size("7B")],
        [Some(5 << 20), Some(1024), Some(7), Some(7)]
    );
    let bad = ["", "MiB", "-1", "1.5MiB", "5mb", "99999999999GiB", "1 2"];
    assert_eq!(bad.map(size), [None; 7]);
    let millis = |text: &str| text.parse::<Span>().ok().map(|span| span.0.as_millis());
    assert_eq!(
        [millis("4.5s"), millis("500ms"), millis("2m"), millis("1h")],
        [Some(4500), Some(500), Some(120_000), Some(3_600_000)]
    );
    assert_eq!(
        ["", "s", "-1s", "1", "1.2.3s", "1d", "infs", "99999999999999999999999h"].map(millis),
        [None; 8]
    );
}

#[test]
fn a_plain_url_beyond_this_machine_is_known_as_one() {
    let needs = |text: &str| text.parse::<PublicUrl>().unwrap().needs_plain();
    for text in [
        "http://hooks.example.com",
        "http://10.0.0.1:8080",
        "http://[2001:db8::1]",
        "http://localhost.example",
    ] {
        assert!(needs(text), "{text}");
    }
    for text in ["https://hooks.example.com", "http://localhost:8080", "http://127.0.0.1", "http://[::1]:80"]
    {
        assert!(!needs(text), "{text}");
    }
}
