//! `wait`: what scripts rely on.

use std::fs::File;

use rustix::process::{Pid, Signal, test_kill_process};
use serde_json::Value;

use crate::home::{Home, free_port};
use crate::http::{App, post};
use crate::running::Running;

/// A command that says when it was started, and has done well.
const STARTED: &[&str] = &["--", "echo", "started"];

impl Home {
    /// Where the endpoint `ci` of this machine's relay is posted to.
    fn ci(&self) -> String {
        format!("http://127.0.0.1:{}/h/ci-1", self.port)
    }

    /// Starts to wait at that endpoint.
    #[track_caller]
    fn wait(&self, args: &[&str], command: &[&str]) -> Running {
        self.start(&[&["wait", "--endpoint", "ci-1"], args, command].concat())
    }

    /// The same, and gives it back once the relay has confirmed the subscription.
    #[track_caller]
    fn subscribed(&self, args: &[&str]) -> Running {
        let running = self.wait(args, STARTED);
        running.err.wait_for("started\n");
        running
    }
}

/// A shell that runs `script`.
fn sh(script: &str) -> [&str; 4] {
    ["--", "sh", "-c", script]
}

#[track_caller]
fn send(url: &str, event_type: &str, id: &str) {
    let body = format!(r#"{{"type":"{event_type}","id":"{id}","data":{{"passthrough":"p-{id}"}}}}"#);
    let answer = post(url, &body);
    assert_eq!(answer.status(), 200, "{answer:?}");
}

fn ids(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["event_id"].as_str().unwrap()).collect()
}

#[test]
fn its_help_is_what_it_was_agreed_to_be() {
    insta::assert_snapshot!(Home::new().run(&["wait", "-h"]).with(0, "").out);
}

#[test]
fn it_ends_with_the_event_and_nothing_else_on_stdout() {
    let home = Home::new();
    let running = home.subscribed(&["video.asset.ready"]);
    send(&home.ci(), "video.asset.created", "e1");
    send(&home.ci(), "video.asset.ready", "e2");
    let ended = running.end().with(0, "");
    assert_eq!((ended.out.lines().count(), ended.err.as_str()), (1, "started\n"), "{}", ended.out);
    assert!(ended.out.contains("received      video.asset.ready"), "{}", ended.out);
}

#[test]
fn its_json_is_that_of_listen() {
    let home = Home::new();
    let listening = home.start(&["listen", "--json", "--endpoint", "ci-1"]);
    listening.line("ready");
    let running = home.subscribed(&["*.ready", "--json", "--match", "data.passthrough=p-e?"]);
    send(&format!("{}/s?q=1", home.ci()), "video.asset.ready", "e1");
    let ended = running.end().with(0, "started");
    listening.line("event");
    let listened = listening.stop().with(0, "").out;
    // Each line is of its own time.
    let timeless = |line: &str| {
        let (head, rest) = line.split_once(r#""at":""#).unwrap();
        format!("{head}{}", rest.split_once(r#"","#).unwrap().1)
    };
    let event = listened.lines().find(|line| line.contains(r#""kind":"event""#)).unwrap();
    assert_eq!(ended.out.lines().map(timeless).collect::<Vec<_>>(), [timeless(event)]);
}

#[test]
fn an_event_that_is_sent_again_counts_once() {
    let home = Home::new();
    let running = home.subscribed(&["video.asset.*", "--json", "--count", "2"]);
    for id in ["e1", "e1", "e2"] {
        send(&home.ci(), "video.asset.ready", id);
    }
    assert_eq!(ids(&running.end().with(0, "").lines()), ["e1", "e2"]);
}

#[test]
fn a_field_tells_one_run_from_another() {
    let home = Home::new();
    let filters = ["--match", "data.passthrough=p-mine*", "--match", "id=*-2"];
    let running = home.subscribed(&[&["a.b,video.asset.ready", "--json"], &filters[..]].concat());
    for id in ["theirs-2", "mine-1", "mine-2"] {
        send(&home.ci(), "video.asset.ready", id);
    }
    let ended = running.end().with(0, "wait a.b matches no event type that muxhook knows");
    assert_eq!(ids(&ended.lines()), ["mine-2"]);
}

#[test]
fn when_the_time_passes_it_says_what_came_and_what_to_check() {
    let home = Home::new();
    let ended = home.run(&["wait", "video.asset.ready", "--timeout", "50ms", "--json"]);
    let ended = ended
        .with(4, "no video.asset.ready came within 50ms, and nothing else did\n hint: only this machine");
    assert_eq!(ended.out, "");
}

#[test]
fn what_came_instead_is_told_with_what_to_check() {
    let home = Home::new();
    // It answers, however early the wait is over.
    let listening = home.start(&["listen", "--endpoint", "ci-1"]);
    listening.address();
    let came = "came within TIME, but 2 others did; the last: video.asset.ready (not id=x), video.\\x1b[2J\n \
                hint: events do reach http://127.0.0.1";
    // A busy machine may need a longer time.
    let is_told = ["500ms", "2s", "8s"].into_iter().any(|time| {
        let running = home.subscribed(&["video.asset.ready", "--match", "id=x", "--timeout", time]);
        send(&home.ci(), "video.asset.ready", "e1");
        send(&home.ci(), r"video.\u001b[2J", "e2");
        let ended = running.end().with(4, "no video.asset.ready with id=x came within");
        ended.err.replace(time, "TIME").contains(came)
    });
    assert!(is_told);
}

#[test]
fn an_event_that_the_command_triggers_comes_and_whether_an_app_took_it_decides() {
    let home = Home::new();
    let muxhook = assert_cmd::cargo::cargo_bin!("muxhook").to_str().unwrap();
    let trigger = [muxhook, "trigger", "video.asset.ready", "--endpoint", "ci-1"];
    let wait = || home.wait(&["video.asset.ready", "--json"], &[&["--"], &trigger[..]].concat()).end();
    // The relay runs in `wait`, and nobody forwards.
    let ended = wait().with(4, "nobody forwards it to an app: it was only looked at");
    assert!(ended.err.ends_with("failed with exit code 4\n"), "{}", ended.err);

    let app = App::new(|_| ("204 No Content", String::new()));
    let listening = home.start(&["listen", "--json", "--endpoint", "ci-1", "-f", &app.url()]);
    listening.line("ready");
    let ended = wait().with(0, "204");
    assert_eq!(ended.lines()[0]["event_type"], "video.asset.ready");
    assert_eq!(app.seen().len(), 1);
}

#[test]
fn a_command_that_fails_is_not_waited_on() {
    let home = Home::new();
    for (script, code, says) in [
        ("echo out; exit 3", 3, "out\nerror: sh failed with exit code 3\n"),
        ("kill -9 $$", 137, "error: sh was ended by signal 9\n"),
        ("exit 255", 255, "error: sh failed with exit code 255\n"),
    ] {
        let ended = home.wait(&["video.asset.ready", "--json"], &sh(script)).end();
        assert_eq!((ended.code, ended.err.as_str(), ended.out.as_str()), (code, says, ""));
    }
}

#[test]
fn a_command_that_cannot_be_started_is_told_by_its_code() {
    let home = Home::new();
    home.write("plain.txt", "no program");
    home.write("no-such-shell", "#!/no/such/shell\n");
    std::fs::set_permissions(home.path("no-such-shell"), std::os::unix::fs::PermissionsExt::from_mode(0o700))
        .unwrap();
    for (command, code, says) in [
        ("./upload.sh", 127, "error: ./upload.sh cannot be started: No such file"),
        ("no-such-program", 127, "is it spelled right, and in PATH?"),
        ("./no-such-shell", 127, "of a script"),
        ("./plain.txt", 126, "error: ./plain.txt cannot be started: Permission denied"),
        ("", 127, "cannot be started"),
    ] {
        let ended = home.wait(&["video.asset.ready"], &["--", command]).end();
        assert_eq!((ended.code, ended.out.as_str()), (code, ""), "{}", ended.err);
        assert!(ended.err.to_lowercase().contains(&says.to_lowercase()), "{}", ended.err);
    }
}

#[test]
fn an_event_before_the_command_ends_lets_it_finish_and_its_code_decides() {
    for code in [0, 7] {
        let home = Home::new();
        let script = format!("echo started; until [ -e go ]; do sleep 0.02; done; echo over; exit {code}");
        let running = home.wait(&["video.asset.ready", "--json", "--timeout", "19s"], &sh(&script));
        running.err.wait_for("started");
        send(&home.ci(), "video.asset.ready", "e1");
        running.line("event");
        // What else the command makes come has an answer as well.
        send(&home.ci(), "video.asset.ready", "e2");
        home.write("go", "");
        let ended = running.end().with(code, "over\n");
        assert_eq!(ids(&ended.lines()), ["e1"]);
    }
}

#[test]
fn a_command_has_our_stdin_and_leaves_stdout_alone() {
    let home = Home::new();
    home.write("input", "from stdin\n");
    let script = sh("cat; echo noise; echo more >&2; echo started");
    let mut command =
        home.muxhook(&[&["wait", "*", "--endpoint", "ci-1", "--json", "-q"], &script[..]].concat());
    command.stdin(File::open(home.path("input")).unwrap());
    let running = Running::start(command);
    running.err.wait_for("started");
    send(&home.ci(), "video.asset.ready", "e1");
    let ended = running.end().with(0, "from stdin\nnoise\nmore\nstarted\n");
    assert_eq!(ids(&ended.lines()), ["e1"]);
}

#[test]
fn when_the_time_passes_the_command_ends_too() {
    let home = Home::new();
    let script = sh("trap 'echo asked; exit 0' TERM; echo started; while :; do sleep 0.02; done");
    let ended = home.wait(&["video.asset.ready", "--timeout", "1s"], &script).end();
    let ended = ended.with(4, "the command was still running, and is ended");
    assert_eq!(ended.out, "");
    // A busy machine may not come to start the shell in that time.
    assert_eq!(ended.err.contains("asked"), ended.err.contains("started"), "{}", ended.err);
}

#[test]
fn what_the_command_has_started_ends_with_it() {
    let home = Home::new();
    // It holds stderr open, so that whoever reads that would wait on.
    let running = home.wait(&["*"], &sh("echo started; sleep 60; echo over"));
    running.err.wait_for("started");
    running.stop().with(130, "started\n");
    let deaf = "sh -c 'trap \"\" TERM; echo started; exec sleep 60'";
    let script = format!("trap 'echo asked' TERM; {deaf} & while :; do sleep 0.02; done");
    let running = home.wait(&["*"], &sh(&script));
    running.err.wait_for("started");
    running.signal(Signal::TERM);
    running.err.wait_for("asked");
    running.stop().with(130, "");
}

#[test]
fn a_signal_ends_both() {
    for signal in [Signal::TERM, Signal::INT] {
        let home = Home::new();
        let script = sh("trap 'echo asked; exit 9' TERM; echo started; while :; do sleep 0.02; done");
        let running = home.wait(&["video.asset.ready"], &script);
        running.err.wait_for("started");
        running.signal(signal);
        let ended = running.end();
        assert_eq!((ended.code, ended.out.as_str()), (130, ""));
        // In between, the shell may tell that its `sleep` was ended too.
        assert!(ended.err.starts_with("started\n") && ended.err.ends_with("asked\n"), "{}", ended.err);
    }
}

#[test]
fn a_second_signal_ends_a_command_that_does_not_listen() {
    let home = Home::new();
    let running =
        home.wait(&["*"], &sh("trap 'echo asked' TERM; echo $$ started; while :; do sleep 0.02; done"));
    running.err.wait_for("started");
    let pid = running.err.text().split(' ').next().unwrap().parse().ok().and_then(Pid::from_raw).unwrap();
    running.signal(Signal::TERM);
    running.err.wait_for("asked");
    running.signal(Signal::TERM);
    running.end().with(130, "");
    assert!(test_kill_process(pid).is_err(), "the command goes on");
}

#[test]
fn it_outlives_the_relay_unless_told_otherwise() {
    let home = Home::new();
    let first = home.start(&["listen", "--json", "--endpoint", "ci-1"]);
    first.line("ready");
    let (patient, hasty) = (home.subscribed(&["a.b", "--json"]), home.subscribed(&["a.b", "--no-retry"]));
    drop(first);
    let ended = hasty.end().with(3, "the link to the relay is lost");
    assert_eq!(ended.out, "");
    patient.err.wait_for("the link is back");
    send(&home.ci(), "a.b", "e1");
    assert_eq!(ids(&patient.end().with(0, "").lines()), ["e1"]);
}

#[test]
fn a_relay_that_is_not_there_ends_it_at_once_when_told_so() {
    let home = Home::new();
    let relay = format!("http://127.0.0.1:{}", free_port());
    let args = ["wait", "video.asset.ready", "--relay", &relay, "--no-retry", "--quiet"];
    let mut command = home.muxhook(&[&args, STARTED].concat());
    command.env("MUXHOOK_TOKEN", "t0ken");
    let ended = Running::start(command).end().hides("t0ken").with(3, "nothing listens there");
    assert!(!ended.err.contains("started"), "{}", ended.err);
}

#[test]
fn a_script_has_the_event_in_a_variable() {
    let home = Home::new();
    let muxhook = assert_cmd::cargo::cargo_bin!("muxhook").display();
    let script = format!(
        "set -e; event=$('{muxhook}' wait video.asset.ready --endpoint ci-1 --json -- \
         sh -c 'echo chatty; echo started') && echo \"$event\" | head -c 9; echo; \
         '{muxhook}' wait video.asset.ready --timeout 10ms || echo code $?; \
         gone=$('{muxhook}' wait video.asset.ready -- false); echo never"
    );
    let mut command = std::process::Command::new("sh");
    let like = home.muxhook(&[]);
    command.args(["-c", &script]).env_clear().current_dir(home.path(""));
    command
        .envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .env("PATH", "/usr/bin:/bin");
    command.stdin(std::process::Stdio::null());
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let running = Running::start(command);
    running.err.wait_for("started");
    send(&home.ci(), "video.asset.ready", "e1");
    let ended = running.end().with(1, "error: false failed with exit code 1");
    assert_eq!(ended.out, "{\"v\":1,\"k\ncode 4\n");
}

#[test]
fn a_reader_that_has_gone_is_a_clean_end_but_for_the_command() {
    for code in [0, 7] {
        let home = Home::new();
        let script = format!("echo started; until [ -e go ]; do sleep 0.02; done; exit {code}");
        let args =
            [&["wait", "*", "--endpoint", "ci-1", "--json", "--timeout", "19s"], &sh(&script)[..]].concat();
        let (running, out) = Running::start_unread(home.muxhook(&args));
        running.err.wait_for("started");
        drop(out);
        home.write("go", "");
        let ended = running.end();
        assert_eq!((ended.code, ended.err.contains("error: sh failed")), (code, code != 0), "{}", ended.err);
    }
}

#[test]
fn a_relay_that_is_never_reached_is_given_up_in_time_even_without_a_reader() {
    let home = Home::new();
    let relay = format!("http://127.0.0.1:{}", free_port());
    let args = ["wait", "*", "--relay", &relay, "--timeout", "10ms"];
    let mut command = home.muxhook(&[&args, STARTED].concat());
    let (running, out) = Running::start_unread({
        command.env("MUXHOOK_TOKEN", "t0ken");
        command
    });
    drop(out);
    let says = format!("the relay at {relay} was not reached within 5s: ");
    let ended = running.end().hides("t0ken").with(3, &says);
    assert!(!ended.err.contains("started"), "{}", ended.err);
}

#[test]
fn a_person_is_told_what_is_waited_for_and_where() {
    let home = Home::new();
    let args = ["wait", "video.asset.ready", "--match", "id=e1", "--endpoint", "ci-1"];
    let (running, screen) = home.on_terminal(&args).start();
    screen.shown.wait_for(&format!("waiting for video.asset.ready with id=e1 at {}", home.ci()));
    send(&home.ci(), "video.asset.ready", "e1");
    let ended = running.end().with(0, "received");
    assert!(!ended.err.contains("Listening on"), "{}", ended.err);
    let (running, screen) = home.on_terminal(&[&args[..], &["--quiet"], STARTED].concat()).start();
    screen.shown.wait_for("started");
    send(&home.ci(), "video.asset.ready", "e1");
    let ended = running.end().with(0, "received");
    assert!(!ended.err.contains("waiting for"), "{}", ended.err);
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_started() {
    let home = Home::new();
    for (args, says) in [
        (&["video.asset.raedy"][..], "did you mean video.asset.ready?"),
        (&["a,,b"], "wait a,,b: an empty glob matches nothing"),
        (&["a b"], "wait a b: white space"),
        (&[], "<GLOB,…>"),
        (&["a.b", "--match", "data.passthrough"], "--match data.passthrough: it has no `=`: write PATH=GLOB"),
        (&["a.b", "--timeout", "5"], "--timeout: `5` is no time: write a time with its unit"),
        (&["a.b", "--count", "0"], "'--count <N>'"),
        (&["a.b", "--endpoint", "No!"], "--endpoint"),
        (&["a.b", "./upload.sh"], "unexpected argument './upload.sh'"),
    ] {
        let ended = home.run(&[&["wait"], args, &["--", "echo", "started"]].concat()).with(2, says);
        assert!(!ended.err.contains("started\n"), "{}", ended.err);
    }
}
