//! `install.sh` under a real POSIX shell, fed by a release server on loopback. The archives are what
//! `scripts/release` makes, of two stand-in programs.

#![cfg(unix)]

#[cfg(test)]
mod install {
    mod run;
    pub(super) mod server;
    pub(super) mod stage;
}

use install::server::Server;
use install::stage::{Stage, VERSION, archive};

#[test]
fn installs_the_latest_release_and_says_how_to_reach_it() {
    for tool in Stage::download_tools() {
        let stage = Stage::new();
        let server = Server::of(&stage.release(VERSION));
        let run = stage.install(&server).only(&tool).run(&[]);
        assert_eq!(run.code, 0, "{tool}: {run:?}");
        assert_eq!(stage.installed("muxhook"), Some(format!("muxhook {VERSION}")));
        assert_eq!(stage.installed("muxhook-relay"), Some(format!("muxhook-relay {VERSION}")));
        assert!(run.stdout.contains("is not on your PATH"), "{run:?}");
        assert_eq!(stage.left_over(), Vec::<String>::new());
        assert_eq!(server.asked(), ["/latest", "/SHA256SUMS", &format!("/{}", archive(VERSION))]);
    }
}

#[test]
fn a_second_run_changes_nothing_and_a_newer_release_replaces() {
    let stage = Stage::new();
    let server = Server::of(&stage.release(VERSION));
    stage.install(&server).run(&[]);
    let before = stage.inode("muxhook");
    let again = stage.install(&server).run(&[]);
    assert_eq!(again.code, 0, "{again:?}");
    assert!(again.stdout.contains("muxhook is up to date"), "{again:?}");
    assert_eq!(stage.inode("muxhook"), before);

    let newer = Server::of(&stage.release("10.0.0"));
    assert_eq!(stage.install(&newer).run(&[]).code, 0);
    assert_eq!(stage.installed("muxhook"), Some("muxhook 10.0.0".into()));
    assert_eq!(stage.left_over(), Vec::<String>::new());
}

#[test]
fn a_wrong_checksum_unpacks_nothing_and_leaves_what_stood() {
    for tool in Stage::download_tools() {
        let stage = Stage::new();
        stage.install(&Server::of(&stage.release(VERSION))).run(&[]);
        let mut files = stage.release("10.0.0");
        files.get_mut(&archive("10.0.0")).unwrap().push(0);
        // A tar that only tells that it was called: the order of check and unpacking is the point.
        let run = stage.install(&Server::of(&files)).only(&tool).stub("tar", "touch \"$UNPACKED\"").run(&[]);
        assert_eq!(run.code, 1, "{tool}: {run:?}");
        assert!(run.stderr.contains("the SHA-256 of"), "{run:?}");
        assert!(!stage.unpacked());
        assert_eq!(stage.installed("muxhook"), Some(format!("muxhook {VERSION}")));
        assert_eq!(stage.left_over(), Vec::<String>::new());
    }
}

#[test]
fn a_cut_download_installs_nothing() {
    for tool in Stage::download_tools() {
        for cut in [archive(VERSION), "SHA256SUMS".into()] {
            let stage = Stage::new();
            let server = Server::of(&stage.release(VERSION)).cutting(&cut);
            let run = stage.install(&server).only(&tool).stub("tar", "touch \"$UNPACKED\"").run(&[]);
            assert_eq!(run.code, 1, "{tool}, {cut}: {run:?}");
            assert!(run.stderr.contains(&format!("could not download {}/{cut}", server.url())), "{run:?}");
            assert!(!stage.unpacked());
            assert_eq!(stage.installed("muxhook"), None);
            assert_eq!(stage.left_over(), Vec::<String>::new());
        }
    }
}

#[test]
fn a_release_that_is_not_there_is_named() {
    let stage = Stage::new();
    let server = Server::of(&stage.release(VERSION));
    let run = stage.install(&server).run(&["--version", "v1.2.3"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("there is no muxhook 1.2.3 for"), "{run:?}");
    let run = stage.install(&Server::of(&Default::default())).run(&[]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("/latest; nothing was installed"), "{run:?}");
    assert_eq!(stage.installed("muxhook"), None);
}

#[test]
fn a_page_in_place_of_the_version_is_refused() {
    let stage = Stage::new();
    let server = Server::of(&[("latest".into(), b"<html>../../x</html>".to_vec())].into());
    let run = stage.install(&server).run(&[]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("does not hold a version"), "{run:?}");
    assert_eq!(server.asked(), ["/latest"]);
}

#[test]
fn an_asked_for_version_is_taken_instead_of_the_latest() {
    let stage = Stage::new();
    let mut files = stage.release("1.2.3");
    files.extend(stage.release(VERSION));
    let server = Server::of(&files);
    let run = stage.install(&server).run(&["--version", "v1.2.3"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(stage.installed("muxhook"), Some("muxhook 1.2.3".into()));
    assert!(!server.asked().contains(&"/latest".to_owned()));
}

#[test]
fn without_an_address_it_says_what_to_set() {
    let stage = Stage::new();
    let run = stage.shell().run(&[]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("MUXHOOK_DOWNLOAD_URL is not set"), "{run:?}");
    for url in
        ["http://downloads.example", "http://localhost:80@downloads.example", "ftp://x", "downloads.example"]
    {
        let run = stage.shell().env("MUXHOOK_DOWNLOAD_URL", url).run(&[]);
        assert_eq!(run.code, 1, "{url}: {run:?}");
        assert!(run.stderr.contains("must begin with https://"), "{url}: {run:?}");
    }
}

#[test]
fn a_dry_run_changes_nothing() {
    let stage = Stage::new();
    let server = Server::of(&stage.release(VERSION));
    let run = stage.install(&server).run(&["--dry-run"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stdout.contains(&format!("would download {}/{}", server.url(), archive(VERSION))), "{run:?}");
    assert_eq!(server.asked(), ["/latest"]);
    assert!(!stage.dir().exists());

    stage.install(&server).run(&[]);
    let run = stage.install(&server).run(&["--uninstall", "--dry-run"]);
    assert!(run.stdout.contains("would remove"), "{run:?}");
    assert_eq!(stage.installed("muxhook"), Some(format!("muxhook {VERSION}")));
}

#[test]
fn uninstalling_removes_the_two_programs_and_nothing_else() {
    let stage = Stage::new();
    stage.install(&Server::of(&stage.release(VERSION))).run(&[]);
    std::fs::write(stage.dir().join("neighbour"), "stays").unwrap();
    let run = stage.shell().run(&["--uninstall"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(stage.left_over(), ["neighbour"]);
    assert_eq!((stage.installed("muxhook"), stage.installed("muxhook-relay")), (None, None));
    let again = stage.shell().run(&["--uninstall"]);
    assert_eq!(again.code, 0, "{again:?}");
    assert!(again.stdout.contains("nothing to remove"), "{again:?}");
}

#[test]
fn a_program_that_does_not_run_here_replaces_nothing() {
    let stage = Stage::new();
    stage.install(&Server::of(&stage.release(VERSION))).run(&[]);
    let broken = stage.release_of("10.0.0", "case $0 in */.muxhook*) exit 1 ;; esac\n");
    let run = stage.install(&Server::of(&broken)).run(&[]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("does not run on this machine"), "{run:?}");
    assert_eq!(stage.installed("muxhook"), Some(format!("muxhook {VERSION}")));
    assert_eq!(stage.left_over(), Vec::<String>::new());
}

#[test]
fn what_is_missing_on_the_machine_is_named() {
    let stage = Stage::new();
    let server = Server::of(&stage.release(VERSION));
    let run = stage.install(&server).only("").run(&[]);
    assert!(run.code == 1 && run.stderr.contains("neither curl nor wget"), "{run:?}");
    let run = stage.install(&server).without("sha256sum").run(&[]);
    assert!(run.code == 1 && run.stderr.contains("neither sha256sum nor shasum"), "{run:?}");
    let run = stage.install(&server).stub("uname", "echo Plan9").run(&[]);
    assert!(run.code == 1 && run.stderr.contains("build from a checkout"), "{run:?}");
    assert_eq!(server.asked(), Vec::<String>::new());
}

#[test]
fn shasum_serves_where_sha256sum_is_missing() {
    let stage = Stage::new();
    let server = Server::of(&stage.release(VERSION));
    let real = stage.path_of("sha256sum");
    let stub = format!("[ \"$1 $2\" = '-a 256' ] && exec {real} \"$3\"");
    let run = stage.install(&server).without("sha256sum").stub("shasum", &stub).run(&[]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(stage.installed("muxhook"), Some(format!("muxhook {VERSION}")));
}

#[test]
fn a_checkout_is_built_and_a_piped_script_is_not_in_one() {
    let stage = Stage::new();
    let checkout = stage.checkout();
    let built = stage.shell().script(&checkout).stub("cargo", &stage.cargo_stub()).run(&[]);
    assert_eq!(built.code, 0, "{built:?}");
    assert_eq!(stage.installed("muxhook"), Some(format!("muxhook {VERSION}")));
    assert!(stage.cargo_words().contains("build --release --locked"), "{}", stage.cargo_words());

    let piped = stage.shell().piped(&checkout).stub("cargo", &stage.cargo_stub()).run(&[]);
    assert_eq!(piped.code, 1, "{piped:?}");
    assert!(piped.stderr.contains("MUXHOOK_DOWNLOAD_URL is not set"), "{piped:?}");
}

#[test]
fn a_failed_build_installs_nothing() {
    let stage = Stage::new();
    let run = stage.shell().script(&stage.checkout()).stub("cargo", "exit 101").run(&[]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("the build failed; nothing was installed"), "{run:?}");
    assert!(!stage.dir().exists());
}

#[test]
fn used_wrongly_it_exits_with_2() {
    let stage = Stage::new();
    for words in [
        &["--frobnicate"][..],
        &["now"],
        &["--version"],
        &["--version", "../x"],
        &["--uninstall", "--version", "1.0.0"],
    ] {
        let run = stage.shell().run(words);
        assert_eq!(run.code, 2, "{words:?}: {run:?}");
        assert!(run.stderr.contains("see --help"), "{run:?}");
    }
    let help = stage.shell().run(&["--help"]);
    assert!(help.code == 0 && help.stdout.contains("MUXHOOK_INSTALL_DIR"), "{help:?}");
}

#[test]
fn half_a_script_does_nothing() {
    let stage = Stage::new();
    let whole = std::fs::read_to_string(stage.script_path()).unwrap();
    assert_eq!(whole.lines().last(), Some("main \"$@\""));
    let server = Server::of(&stage.release(VERSION));
    for percent in [30, 60, 90] {
        let half = &whole.as_bytes()[..whole.len() * percent / 100];
        stage.install(&server).piped_text(half).run(&[]);
        assert!(!stage.dir().exists(), "{percent} %");
        assert_eq!(server.asked(), Vec::<String>::new());
    }
}

#[test]
fn the_same_programs_make_the_same_archive() {
    let stage = Stage::new();
    let (one, other) = (stage.release(VERSION), stage.release(VERSION));
    assert_eq!(one.keys().collect::<Vec<_>>(), ["SHA256SUMS", "latest", &archive(VERSION)]);
    if Stage::has_gnu_tar() {
        assert_eq!(one, other);
    }
}
