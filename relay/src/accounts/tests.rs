use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::TempDir;

use super::*;

fn now() -> Now {
    Now::from_fn(|| 1_700_000_000_000)
}

fn accounts() -> (TempDir, Accounts) {
    let dir = tempfile::tempdir().unwrap();
    let accounts = Accounts::open(dir.path(), now()).unwrap();
    (dir, accounts)
}

fn account(name: &str) -> AccountName {
    name.parse().unwrap()
}

fn endpoint(name: &str) -> EndpointId {
    name.parse().unwrap()
}

/// Whom the secret acts for.
fn acts_for(accounts: &Accounts, secret: &str) -> Option<AccountName> {
    accounts.authenticate(secret).unwrap().map(|pass| pass.account)
}

/// The bytes of every file in the folder.
fn bytes_of(dir: &TempDir) -> Vec<u8> {
    let files = fs::read_dir(dir.path()).unwrap();
    files.flat_map(|file| fs::read(file.unwrap().path()).unwrap()).collect()
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn a_token_acts_for_its_account_until_it_is_revoked() {
    let (_dir, accounts) = accounts();
    let mine = accounts.create_token(&account("mine"), "laptop").unwrap();
    let other = accounts.create_token(&account("other"), "").unwrap();
    assert_eq!(acts_for(&accounts, mine.secret.reveal()), Some(account("mine")));
    assert_eq!(acts_for(&accounts, other.secret.reveal()), Some(account("other")));

    accounts.revoke_token(&mine.id).unwrap();
    assert_eq!(acts_for(&accounts, mine.secret.reveal()), None);
    assert_eq!(acts_for(&accounts, other.secret.reveal()), Some(account("other")));
}

#[test]
fn a_foreign_secret_acts_for_nobody() {
    let (_dir, accounts) = accounts();
    let token = accounts.create_token(&account("mine"), "").unwrap();
    let text = token.secret.reveal();
    for wrong in ["", "mxh_", &text[..text.len() - 1], &text.to_uppercase(), &"x".repeat(1 << 20), &token.id]
    {
        assert_eq!(acts_for(&accounts, wrong), None, "{wrong:.60}");
    }
}

#[test]
fn a_secret_has_256_bits_and_no_debug_form() {
    let secret = Token::random().unwrap();
    assert_eq!(secret.reveal().len(), 56);
    assert!(secret.reveal().starts_with("mxh_"));
    assert_ne!(secret.reveal(), Token::random().unwrap().reveal());
    assert_eq!(format!("{secret:?}"), "Token(…)");
    assert!(Token::given(secret.reveal()).is_ok());
}

#[test]
fn only_hashes_reach_the_disk() {
    let (dir, accounts) = accounts();
    let first = accounts.create_token(&account("mine"), "the-label-is-there").unwrap();
    let given = Token::given(&"correct-horse-battery-staple-42".repeat(2)).unwrap();
    accounts.replace_bootstrap_token(&account("mine"), "bootstrap", &given).unwrap();
    let rotated = accounts.rotate_token(&first.id).unwrap();
    let bytes = bytes_of(&dir);
    assert!(holds(&bytes, "the-label-is-there"), "the write-ahead log is among the files");
    for secret in [&first.secret, &given, &rotated.secret] {
        assert!(!holds(&bytes, secret.reveal()));
        assert!(!holds(&bytes, &secret.reveal()[4..20]));
    }
}

#[test]
fn rotating_ends_the_old_secret_and_keeps_the_id() {
    let (_dir, accounts) = accounts();
    let old = accounts.create_token(&account("mine"), "laptop").unwrap();
    let new = accounts.rotate_token(&old.id).unwrap();
    assert_eq!(new.id, old.id);
    assert_eq!(acts_for(&accounts, old.secret.reveal()), None);
    assert_eq!(acts_for(&accounts, new.secret.reveal()), Some(account("mine")));
    assert_eq!(accounts.list_tokens().unwrap().len(), 1);
}

#[test]
fn what_is_revoked_stays_so() {
    let (_dir, accounts) = accounts();
    let given = Token::given(&"x".repeat(32)).unwrap();
    accounts.replace_bootstrap_token(&account("mine"), "bootstrap", &given).unwrap();
    let id = accounts.list_tokens().unwrap()[0].id.clone();
    let revoked = accounts.revoke_token(&id).unwrap();
    assert_eq!(accounts.revoke_token(&id).unwrap(), revoked, "to revoke again changes nothing");
    assert!(matches!(accounts.rotate_token(&id), Err(Error::Revoked(_))));
    let again = accounts.replace_bootstrap_token(&account("mine"), "bootstrap", &given);
    assert!(matches!(again, Err(Error::Revoked(_))), "a restart doesn't bring it back");
    assert_eq!(acts_for(&accounts, given.reveal()), None);
}

#[test]
fn ids_that_nobody_has_are_named() {
    let (_dir, accounts) = accounts();
    let message = accounts.revoke_token("nope\u{1b}").unwrap_err().to_string();
    assert_eq!(message, r#"there is no token with the id "nope\u{1b}": `token list` shows the ids"#);
    assert!(matches!(accounts.rotate_token("nope"), Err(Error::UnknownToken(_))));
}

#[test]
fn a_bootstrap_token_replaces_the_one_before() {
    let (_dir, accounts) = accounts();
    let (mine, other) = (account("mine"), account("other"));
    let [first, second] = ["a", "b"].map(|letter| Token::given(&letter.repeat(32)).unwrap());
    accounts.replace_bootstrap_token(&mine, "bootstrap", &first).unwrap();
    let before = accounts.list_tokens().unwrap();
    accounts.replace_bootstrap_token(&mine, "bootstrap", &first).unwrap();
    assert_eq!(accounts.list_tokens().unwrap(), before, "the same secret again changes nothing");

    let laptop = accounts.create_token(&mine, "laptop").unwrap();
    accounts.replace_bootstrap_token(&mine, "bootstrap", &second).unwrap();
    assert_eq!(acts_for(&accounts, first.reveal()), None);
    assert_eq!(acts_for(&accounts, second.reveal()), Some(mine.clone()));
    assert_eq!(acts_for(&accounts, laptop.secret.reveal()), Some(mine));
    let foreign = accounts.replace_bootstrap_token(&other, "bootstrap", &second);
    assert!(matches!(foreign, Err(Error::InUse(_))));
}

#[test]
fn a_given_token_must_be_hard_to_guess_and_fit_a_header() {
    let refusal = |text: &str| Token::given(text).unwrap_err().to_string();
    assert_eq!(
        refusal("hunter2"),
        "a token has at least 32 characters, and this one has 7: `openssl rand -hex 32` makes a good one"
    );
    assert_eq!(refusal(&"x".repeat(513)), "a token has at most 512 characters, and this one has 513");
    let unfit = "a token has letters, digits and signs of ASCII alone, and no white space";
    assert_eq!(refusal(&"pass word ".repeat(5)), unfit);
    assert_eq!(refusal(&"schlüssel".repeat(5)), unfit);
}

#[test]
fn labels_fit_in_a_line() {
    let (_dir, accounts) = accounts();
    for label in ["two\nlines", "\u{1b}[31m", "\u{9b}", &"x".repeat(65)] {
        assert!(matches!(accounts.create_token(&account("a"), label), Err(Error::BadLabel)), "{label:?}");
    }
    assert!(accounts.list_tokens().unwrap().is_empty());
}

#[test]
fn the_first_token_is_made_once() {
    let (_dir, accounts) = accounts();
    let first = accounts.create_first_token(&AccountName::default(), "first").unwrap().unwrap();
    assert!(accounts.create_first_token(&AccountName::default(), "first").unwrap().is_none());
    accounts.revoke_token(&first.id).unwrap();
    assert!(accounts.create_first_token(&AccountName::default(), "first").unwrap().is_none());
}

#[test]
fn the_last_use_is_kept_to_the_minute() {
    static MILLIS: AtomicU64 = AtomicU64::new(1_000_000);
    let dir = tempfile::tempdir().unwrap();
    let accounts = Accounts::open(dir.path(), Now::from_fn(|| MILLIS.load(Ordering::Relaxed))).unwrap();
    let token = accounts.create_token(&account("a"), "").unwrap();
    let last_used = || accounts.list_tokens().unwrap()[0].last_used_at;
    let use_at = |millis| {
        MILLIS.store(millis, Ordering::Relaxed);
        accounts.authenticate(token.secret.reveal()).unwrap();
    };
    assert_eq!(last_used(), None);
    use_at(1_000_000);
    assert_eq!(last_used(), Some(1_000_000));
    use_at(1_059_999);
    assert_eq!(last_used(), Some(1_000_000));
    use_at(1_060_000);
    assert_eq!(last_used(), Some(1_060_000));
}

#[test]
fn a_busy_file_delays_no_authentication() {
    let (dir, accounts) = accounts();
    let token = accounts.create_token(&account("a"), "").unwrap();
    let writer = Connection::open(dir.path().join("relay.db")).unwrap();
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(acts_for(&accounts, token.secret.reveal()), Some(account("a")));
    assert_eq!(accounts.list_tokens().unwrap()[0].last_used_at, None, "the other process still writes");
    writer.execute_batch("ROLLBACK").unwrap();
    accounts.authenticate(token.secret.reveal()).unwrap();
    assert!(accounts.list_tokens().unwrap()[0].last_used_at.is_some());
}

#[test]
fn an_endpoint_belongs_to_who_claimed_it_first() {
    let (_dir, accounts) = accounts();
    let (mine, other) = (account("mine"), account("other"));
    accounts.create_token(&mine, "").unwrap();
    accounts.create_token(&other, "").unwrap();
    let name = endpoint("video-hooks");

    let claimed = accounts.claim_endpoint(&mine, Some(&name)).unwrap();
    assert!(claimed.is_new);
    assert_eq!(
        claimed.endpoint,
        Endpoint {
            id: name.clone(),
            account: mine.clone(),
            created_at: 1_700_000_000_000,
            disabled_at: None,
            verifies: false,
        }
    );
    assert!(!accounts.claim_endpoint(&mine, Some(&name)).unwrap().is_new);
    let taken = accounts.claim_endpoint(&other, Some(&name)).unwrap_err();
    assert_eq!(taken.to_string(), "the endpoint video-hooks belongs to another account: choose another name");
    assert_eq!(accounts.endpoint_owner(&name).unwrap(), Some(mine.clone()));

    assert!(!accounts.delete_endpoint(&other, &name).unwrap(), "a foreign one can't be deleted");
    assert!(accounts.delete_endpoint(&mine, &name).unwrap());
    assert!(!accounts.delete_endpoint(&mine, &name).unwrap());
    assert_eq!(accounts.endpoint_owner(&name).unwrap(), None);
}

#[test]
fn an_endpoint_without_a_name_gets_128_random_bits() {
    let (_dir, accounts) = accounts();
    let mine = account("mine");
    accounts.create_token(&mine, "").unwrap();
    let [one, two] = [(); 2].map(|()| accounts.claim_endpoint(&mine, None).unwrap());
    assert!(one.is_new && two.is_new);
    assert_ne!(one.endpoint.id, two.endpoint.id);
    let text = one.endpoint.id.as_str();
    assert_eq!(text.len(), 26);
    assert!(text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7')), "{text}");
}

#[test]
fn endpoints_are_listed_and_counted_by_account() {
    let (_dir, accounts) = accounts();
    let (mine, other) = (account("mine"), account("other"));
    for (owner, name) in [(&mine, "zebra"), (&other, "middle"), (&mine, "apple")] {
        accounts.create_token(owner, "").unwrap();
        accounts.claim_endpoint(owner, Some(&endpoint(name))).unwrap();
    }
    let names = |account| -> Vec<String> {
        accounts.list_endpoints(account).unwrap().into_iter().map(|endpoint| endpoint.id.into()).collect()
    };
    assert_eq!(names(None), ["apple", "middle", "zebra"]);
    assert_eq!(names(Some(&mine)), ["apple", "zebra"]);
    assert_eq!(names(Some(&account("nobody"))), [""; 0]);
    assert_eq!(accounts.count_endpoints(&mine).unwrap(), 2);
}

#[test]
fn an_account_without_a_token_has_no_endpoints() {
    let (_dir, accounts) = accounts();
    let refusal = accounts.claim_endpoint(&account("typo"), Some(&endpoint("name"))).unwrap_err();
    assert_eq!(refusal.to_string(), "there is no account typo: `token create --account typo` makes it");
}

#[test]
fn account_names_keep_their_form() {
    for name in ["a", "0", "team-a", &"x".repeat(63)] {
        assert!(name.parse::<AccountName>().is_ok(), "{name}");
    }
    for name in ["", "-a", "A", "a b", "a_b", "é", "a\n", &"x".repeat(64)] {
        assert!(name.parse::<AccountName>().is_err(), "{name:?}");
    }
}

#[test]
fn two_handles_see_each_other_at_once() {
    let (dir, relay) = accounts();
    let shell = Accounts::open_existing(dir.path(), now()).unwrap();
    let token = shell.create_token(&account("mine"), "").unwrap();
    assert_eq!(acts_for(&relay, token.secret.reveal()), Some(account("mine")));
    let claimed = relay.claim_endpoint(&account("mine"), None).unwrap();
    assert_eq!(shell.endpoint_owner(&claimed.endpoint.id).unwrap(), Some(account("mine")));
    shell.revoke_token(&token.id).unwrap();
    assert_eq!(acts_for(&relay, token.secret.reveal()), None);
}

#[test]
fn many_handles_open_make_and_claim_at_once() {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let first = Arc::new(AtomicU64::new(0));
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let (dir, first) = (dir.clone(), first.clone());
            std::thread::spawn(move || {
                let accounts = Accounts::open(dir.path(), now()).unwrap();
                let mine = account("mine");
                if accounts.create_first_token(&mine, "").unwrap().is_some() {
                    first.fetch_add(1, Ordering::Relaxed);
                }
                (0..5)
                    .filter(|_| accounts.claim_endpoint(&mine, Some(&endpoint("one"))).unwrap().is_new)
                    .count()
            })
        })
        .collect();
    let made: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    assert_eq!((made, first.load(Ordering::Relaxed)), (1, 1));
}

#[test]
fn what_was_written_is_there_after_opening_anew() {
    let (dir, accounts) = accounts();
    let token = accounts.create_token(&account("mine"), "").unwrap();
    drop(accounts);
    let accounts = Accounts::open(dir.path(), now()).unwrap();
    assert_eq!(acts_for(&accounts, token.secret.reveal()), Some(account("mine")));
    let mode: String = accounts.changes().query_row("PRAGMA journal_mode", (), |row| row.get(0)).unwrap();
    let synchronous: i64 = accounts.changes().query_row("PRAGMA synchronous", (), |row| row.get(0)).unwrap();
    assert_eq!((mode.as_str(), synchronous), ("wal", 2));
}

#[cfg(unix)]
#[test]
fn folder_and_files_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("deep/data");
    let accounts = Accounts::open(&dir, now()).unwrap();
    accounts.create_token(&account("mine"), "").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    let files: Vec<_> = fs::read_dir(&dir).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(files.len() >= 3, "with the write-ahead log: {files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

fn refusal(dir: &Path) -> String {
    Accounts::open(dir, now()).unwrap_err().to_string()
}

#[test]
fn a_folder_that_cannot_be_is_named() {
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("file");
    fs::write(&file, "").unwrap();
    let message = refusal(&file.join("data"));
    assert!(message.contains("file/data can't be used: "), "{message}");
    assert!(message.ends_with("give one that this user may write"), "{message}");
}

#[test]
fn a_foreign_file_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("relay.db");
    let text = "these are my holiday notes, by no means a database\n".repeat(40);
    fs::write(&file, &text).unwrap();
    assert!(refusal(dir.path()).contains("is not a muxhook relay's database"));
    assert_eq!(fs::read_to_string(&file).unwrap(), text);

    fs::remove_file(&file).unwrap();
    Connection::open(&file).unwrap().execute_batch("CREATE TABLE bookmarks (url TEXT)").unwrap();
    assert!(refusal(dir.path()).contains("is not a muxhook relay's database"));
}

#[test]
fn a_newer_schema_is_refused() {
    let (dir, accounts) = accounts();
    accounts.changes().pragma_update(None, "user_version", 99).unwrap();
    drop(accounts);
    let message = refusal(dir.path());
    assert!(
        message
            .contains("written by a newer muxhook-relay (its tables have version 99, this program knows 4)"),
        "{message}"
    );
}

#[test]
fn to_open_what_must_exist_makes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let wrong = dir.path().join("elsewhere");
    let error = Accounts::open_existing(&wrong, now()).unwrap_err();
    assert!(matches!(error, OpenError::Missing(_)));
    assert!(!wrong.exists());
}
