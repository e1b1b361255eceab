//! The law of the architecture (see `docs/architecture.md`), held by reading every source and every manifest.

#[cfg(test)]
mod layering {
    pub(super) mod law;
    pub(super) mod source;
    pub(super) mod tree;
}

use layering::law::LAWS;
use layering::source::Source;
use layering::tree::{self, forbidden_dependencies, sources, text};

/// A manifest, and the beginnings of crate names that may not stand among its dependencies.
const MANIFESTS: [(&str, &[&str]); 4] = [
    ("Cargo.toml", &[]),
    ("relay/Cargo.toml", &["=muxhook", "colored", "indicatif", "crossterm"]),
    ("relay/link/Cargo.toml", &["=muxhook", "muxhook-relay", "hyper", "clap", "rusqlite"]),
    (
        "relay/protocol/Cargo.toml",
        &["=muxhook", "muxhook-", "tokio", "hyper", "clap", "rustls", "rusqlite", "tungstenite", "getrandom"],
    ),
];

/// Most lines of a source file before its tests, and of a `main.rs`.
const MOST_LINES: usize = 400;
const MOST_LINES_OF_MAIN: usize = 40;

fn too_long(source: &Source) -> Option<String> {
    let most = if source.file.ends_with("/main.rs") { MOST_LINES_OF_MAIN } else { MOST_LINES };
    let message = || format!("{}: {} lines before its tests, {most} at most", source.file, source.lines);
    (source.lines > most).then(message)
}

#[test]
fn no_source_breaks_the_law() {
    let broken: Vec<_> =
        sources().iter().flat_map(|source| LAWS.iter().flat_map(|law| law.broken_by(source))).collect();
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn each_row_refuses_what_breaks_it() {
    for law in LAWS {
        assert!(!law.breaks.is_empty(), "{}: no counterexample", law.says);
        for (file, text) in law.breaks {
            let found = law.broken_by(&Source::read(file, text));
            assert!(!found.is_empty(), "{}: blind to {text} in {file}", law.says);
        }
    }
}

#[test]
fn what_only_looks_like_a_breach_passes() {
    let innocent = r#####"
        //! println!("a comment"); tokio::net; async
        use std::io::{self, Write};
        pub(crate) struct Options { pub print: bool, colored: bool }
        pub(in crate::session) fn not_equal(clapping: u8) -> bool { clapping != (1) }
        const TEXT: &str = r#"println!("{}") crate::printer tokio::io::stdout() muxhook_relay"#;
        fn f(error: io::Error, options: &Options) -> bool { /* eprintln!() */ print(options.print, options.colored) }
        #[cfg(test)]
        mod tests { use crate::printer::Printer; #[test] fn t() { println!("{:?}", muxhook_relay::x()) } }
        #[cfg(all(test, unix))]
        fn helper() { eprintln!("x") }
        #[cfg(test)]
        mod testing;
    "#####;
    for file in ["src/session.rs", "src/intake/filters.rs", "src/commands/listen.rs"] {
        let source = Source::read(file, &innocent.replace("use std::io", "use std::fmt"));
        let broken: Vec<_> = LAWS.iter().flat_map(|law| law.broken_by(&source)).collect();
        assert!(broken.is_empty(), "{broken:#?}");
    }
    let source = Source::read("src/session.rs", innocent);
    assert_eq!(source.test_modules, ["src/session/testing"]);
    assert_eq!(source.lines, 7);
}

#[test]
fn code_that_is_not_for_tests_is_read() {
    let law = LAWS.iter().find(|law| law.says.starts_with("only the printer")).unwrap();
    let text = "#[cfg(test)]\nmod tests { fn t() {} }\n#[cfg(not(test))]\nfn f() { print!(\"x\") }";
    let broken = law.broken_by(&Source::read("src/api.rs", text));
    assert_eq!(broken, ["src/api.rs:4: `print!`: only the printer writes to a terminal"]);
}

#[test]
fn each_row_holds_somewhere() {
    // Rooms that the architecture names and that are still to come.
    let coming = ["relay/src/journal"];
    let sources = sources();
    for law in LAWS.iter().filter(|law| !law.within.iter().all(|place| coming.contains(place))) {
        assert!(sources.iter().any(|source| law.holds_in(&source.file)), "{}: holds nowhere", law.says);
    }
}

#[test]
fn no_source_is_too_long() {
    let long: Vec<_> = sources().iter().filter_map(too_long).collect();
    assert!(long.is_empty(), "\n{}\n", long.join("\n"));

    let lines = |n: usize, tests| format!("{}{tests}", "fn f() {}\n".repeat(n));
    let tests = "#[cfg(test)]\nmod tests {}\n";
    assert!(too_long(&Source::read("src/a.rs", &lines(400, tests))).is_none());
    assert!(too_long(&Source::read("src/a.rs", &lines(401, tests))).is_some());
    assert!(too_long(&Source::read("src/main.rs", &lines(41, ""))).is_some());
    assert!(too_long(&Source::read("relay/src/main.rs", &lines(40, ""))).is_none());
}

#[test]
fn no_crate_depends_on_what_it_may_not_know() {
    for (file, never) in MANIFESTS {
        let manifest = text(file);
        assert_eq!(forbidden_dependencies(&manifest, never), Vec::<String>::new(), "{file}");
        assert!(manifest.contains("[lints]\nworkspace = true"), "{file} does not take the workspace's lints");
    }
    let relay = "[dependencies]\nmuxhook-protocol = '1'\n[dev-dependencies]\nmuxhook = '1'";
    assert_eq!(forbidden_dependencies(relay, &["=muxhook"]), ["muxhook"]);
    let protocol = "[target.'cfg(unix)'.dependencies]\ntokio-util = '1'\n[build-dependencies]\nclap = '4'";
    assert_eq!(forbidden_dependencies(protocol, &["tokio", "clap"]), ["tokio-util", "clap"]);
}

/// The table of threats in SECURITY.md is worth what its tests are: each that it names is a function or a file of tests.
#[test]
fn each_threat_names_tests_that_are_there() {
    let (document, sources) = (tree::text("SECURITY.md"), tree::all());
    let (_, threats) = document.split_once("\n## Threats\n").unwrap();
    let is_there = |name: &str| {
        let (function, file) = (format!("fn {name}("), format!("/{name}.rs"));
        sources.iter().any(|(path, text)| path.ends_with(&file) || text.contains(&function))
            || sources.iter().any(|(path, _)| path.contains(&format!("tests/{name}/")))
    };
    let rows: Vec<_> = threats.lines().filter(|line| line.starts_with("| ")).collect();
    for row in &rows {
        let shown_by = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        let names: Vec<_> =
            shown_by.split('`').skip(1).step_by(2).filter(|name| !name.contains('/')).collect();
        assert!(*shown_by == *"shown by" || shown_by.contains('`'), "no test: {row}");
        for name in names.iter().flat_map(|name| name.split("::")) {
            assert!(is_there(name), "there is no test {name}: {row}");
        }
    }
    assert!(rows.len() > 40, "{}", rows.len());
}
