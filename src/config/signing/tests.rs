use std::fs;

use super::*;

/// A project with an app in a folder below, where the user is.
struct Place {
    folder: tempfile::TempDir,
    around: Surroundings,
    project: Project,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path().join("app");
        fs::create_dir(&here).unwrap();
        let project = Project { path: Some(folder.path().join("muxhook.toml")), ..Project::default() };
        Self { folder, around: Surroundings { folder: Some(here), ..Surroundings::default() }, project }
    }

    fn file(self, path: &str, bytes: impl AsRef<[u8]>) -> Self {
        fs::write(self.folder.path().join(path), bytes).unwrap();
        self
    }

    fn env(mut self, value: &str) -> Self {
        self.around.env = [(SECRET_VARIABLE, value)].into_iter().collect();
        self
    }

    fn signing(&self, words: &[&str]) -> Result<Signing, Error> {
        signing_keys(&typed(words), &self.around, &self.project)
    }

    #[track_caller]
    fn keys(&self, words: &[&str], expected: &[&str]) {
        let keys = self.signing(words).unwrap().keys;
        assert_eq!(keys.iter().map(Key::expose).collect::<Vec<_>>(), expected);
    }

    #[track_caller]
    fn refuses(&self, words: &[&str], part: &str) {
        let error = self.signing(words).unwrap_err();
        assert_eq!(error.kind(), crate::error::Kind::Usage);
        let told = format!("{error} {}", error.hint().unwrap_or_default());
        assert!(told.contains(part), "`{part}` is not in: {told}");
        assert!(!told.contains("hunter"), "{told}");
    }
}

/// Pairs of a flag and its value.
fn typed(words: &[&str]) -> args::Signing {
    let mut typed = args::Signing::default();
    for pair in words.chunks(2) {
        match pair[0] {
            "--secret" => typed.secret.push(pair[1].to_owned()),
            "--secret-file" => typed.secret_file.push(pair[1].to_owned()),
            _ => typed.env_file = Some(pair[1].to_owned()),
        }
    }
    typed
}

#[test]
fn what_is_said_counts_together_and_before_the_environment() {
    let place = Place::new().env("env").file("app/s1", "f1\r\n").file("app/s2", "f2").file("app/.env", "");
    place.keys(&[], &["env"]);
    place.keys(&["--secret", "a,b", "--secret", "c"], &["a,b", "c"]);
    place.keys(&["--secret-file", "s1", "--secret-file", "s2", "--secret", "c"], &["c", "f1", "f2"]);
    let place = place.file("app/.env", "export MUX_WEBHOOK_SECRET='e1' # x\r\n");
    place.keys(&["--env-file", ".env", "--secret", "c", "--secret-file", "s1"], &["c", "f1", "e1"]);
    Place::new().keys(&[], &[]);
    Place::new().env("").keys(&[], &[]);
}

#[test]
fn equal_secrets_are_one_and_there_is_a_bound() {
    let place = Place::new();
    place.keys(&["--secret", "a", "--secret", "b", "--secret", "a"], &["a", "b"]);
    let many: Vec<String> = (0..17).flat_map(|n| ["--secret".to_owned(), format!("hunter{n}")]).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    place.refuses(&many, "17 signing secrets, 16 at most");
    assert_eq!(place.signing(&many[..32]).unwrap().keys.len(), 16);
}

#[test]
fn only_a_typed_secret_is_remarked_on() {
    let place = Place::new().env("env").file("app/s1", "f1");
    let notices = place.signing(&["--secret", "hunter2"]).unwrap().notices;
    assert_eq!(notices[0].code, "secret_on_command_line");
    assert!(!notices[0].message.contains("hunter"));
    assert_eq!(place.signing(&[]).unwrap().notices, []);
    assert_eq!(place.signing(&["--secret-file", "s1"]).unwrap().notices, []);
}

#[test]
fn what_can_be_no_secret_is_refused_by_the_name_of_its_place() {
    Place::new().refuses(&["--secret", ""], "--secret: the signing secret is empty");
    Place::new().refuses(&["--secret", "hunter 2"], "--secret: the signing secret holds white space");
    Place::new().env("hunter2 ").refuses(&[], "MUX_WEBHOOK_SECRET: the signing secret holds white space");
    for (text, part) in
        [("", "s: the signing secret is empty"), ("\n", "empty"), ("hunter\n2\n", "holds white space")]
    {
        Place::new().file("app/s", text).refuses(&["--secret-file", "s"], part);
    }
    for (text, part) in [
        ("MUX_WEBHOOK_SECRET=\n", "`MUX_WEBHOOK_SECRET` in"),
        ("MUX_WEBHOOK_SECRET=' hunter2'\n", "holds white space"),
        ("# MUX_WEBHOOK_SECRET=hunter2\n", ".env: it does not set MUX_WEBHOOK_SECRET add a line"),
    ] {
        Place::new().file("app/.env", text).refuses(&["--env-file", ".env"], part);
    }
}

#[test]
fn a_secret_file_is_small_text() {
    let place = Place::new().file("app/large", vec![b'x'; 4097]).file("app/latin", b"hunter\xe9");
    place.refuses(&["--secret-file", "large"], "--secret-file large: above 4 KiB");
    place.refuses(&["--secret-file", "latin"], "--secret-file latin: it is not UTF-8");
    place.refuses(&["--secret-file", "none"], "--secret-file none: cannot be read");
    place.refuses(&["--secret-file", "."], "--secret-file .: cannot be read");
    Place::new().file("app/windows", "\u{feff}abc\r\n").keys(&["--secret-file", "windows"], &["abc"]);
}

#[test]
fn an_env_file_is_here_or_beside_the_project_file() {
    let place = Place::new().file(".env.local", "MUX_WEBHOOK_SECRET=above");
    place.keys(&["--env-file", ".env.local"], &["above"]);
    let place = place.file("app/.env.local", "MUX_WEBHOOK_SECRET=here\nMUX_WEBHOOK_SECRET=later");
    place.keys(&["--env-file", ".env.local"], &["later"]);
    place.refuses(&["--env-file", "none"], "--env-file none: there is no such file in ");
    place.refuses(&["--env-file", "none"], "/app or ");
    let absolute = place.folder.path().join(".env.local");
    place.keys(&["--env-file", absolute.to_str().unwrap()], &["above"]);
    place.refuses(&["--env-file", "../app"], "cannot be read: it is no regular file");
}
