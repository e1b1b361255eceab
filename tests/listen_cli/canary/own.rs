//! The relay that `listen` brings along: its token stands in the state folder, for the commands of this user alone.

use serde_json::Value;

use super::watch::Watch;
use crate::http::{App, post};

#[test]
fn the_relay_of_this_machine_tells_nothing() {
    let (watch, app) = (Watch::new(), App::counting());
    let secret = watch.canary("the signing secret");
    let signed = [("MUX_WEBHOOK_SECRET", &*secret), ("RUST_LOG", "trace")];
    let first = watch.start(&["listen", "-f", &app.url()], &signed);
    let address = first.address();
    let kept: Value = serde_json::from_str(&watch.home.read("state/muxhook/embedded.json")).unwrap();
    watch.watch("the token of this machine's relay", kept["token"].as_str().unwrap());
    let second = watch.start(&["listen", "--json", "-f", &app.url()], &signed);
    second.err.wait_for("Listening on");
    assert_eq!(post(&address, "{}").status(), 200);

    watch.run(&["trigger", "video.asset.ready"], &signed).with(0, "");
    // What a command that is run can see of who runs it.
    let look = ["--", "sh", "-c", "cat /proc/$PPID/cmdline /proc/self/cmdline 2>/dev/null; true"];
    let wait = ["wait", "video.asset.ready", "--timeout", "50ms"];
    watch.run(&[&wait[..], &look].concat(), &signed);
    assert!(watch.run(&["status"], &signed).out.contains("runs on this machine"));
    watch.run(&["status", "--json"], &signed).with(0, "");
    watch.run(&["endpoints", "list", "--json"], &signed).with(0, "");
    let list = watch.run(&["events", "list", "--json"], &signed).with(0, "");
    let line: Value = serde_json::from_str(list.out.lines().next().unwrap()).unwrap();
    let id = line["delivery"].as_str().unwrap();
    watch.run(&["events", "show", id], &signed).with(0, "");
    watch.run(&["events", "export", id, "--as", "curl"], &signed).with(0, "");
    watch.run(&["events", "replay", id], &signed).with(0, "");
    watch.run(&["doctor"], &signed).with(0, "");
    watch.list_processes("listen --json");
    watch.stop("listen", first).with(0, "");
    second.err.wait_for("the link is back");
    let moved: Value = serde_json::from_str(&watch.home.read("state/muxhook/embedded.json")).unwrap();
    watch.watch("the token of the relay that moved", moved["token"].as_str().unwrap());
    watch.stop("listen --json", second).with(0, "");
    watch.run(&["demo"], &signed).with(0, "");
    watch.nothing_was_told(&[]);
}
