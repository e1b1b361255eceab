//! A disk that lies, fails or is slow, and a clock that steps: see `shim.c`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::Setting;

/// A relay between which and the system stands the shim.
pub(crate) fn shim() -> Setting {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    Setting::default().with("LD_PRELOAD", LIBRARY.get_or_init(compile))
}

fn compile() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (made, library) =
        (folder.join(format!("shim-{}.so", std::process::id())), folder.join("faults-shim.so"));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/shim.c");
    let mut command = Command::new("cc");
    command.args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]).arg(&made).arg(source).arg("-ldl");
    let output = command.output().expect("a C compiler, `cc`");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::rename(made, &library).unwrap();
    library
}
