//! Keys: shown once, found by their secret alone, refused from the moment that they are revoked.

use super::{asked, scratch};
use ledger::{Found, Ledger, LedgerError, NewKey, Revoked};

fn named(name: &str) -> NewKey {
    NewKey { name: name.to_owned(), created_ms: 1000, ..NewKey::default() }
}

#[test]
fn a_key_is_found_by_its_secret_alone() {
    let ledger = Ledger::in_memory().expect("memory");
    let overrides = Some("{\"tokens_per_day\": 5}".to_owned());
    let plan = Some("team".to_owned());
    let new = NewKey { plan, overrides, admin: true, ..named("production") };
    let (record, key) = ledger.keys().create(&new).expect("made");
    assert!(key.starts_with(&format!("jt-{}-", record.id)), "{key}");
    assert_eq!(ledger.keys().find(&key, 2000), Ok(Found::Valid(record.clone())));
    let (_, other) = ledger.keys().create(&named("other")).expect("made");
    let (_, secret) = other.rsplit_once('-').expect("a secret");
    let swapped = format!("jt-{}-{secret}", record.id);
    for wrong in [swapped.as_str(), &key[..key.len() - 1], "jt-", "", "Bearer"] {
        assert_eq!(ledger.keys().find(wrong, 2000), Ok(Found::Unknown), "{wrong}");
    }
    let last = if key.ends_with('a') { "b" } else { "a" };
    let almost = format!("{}{last}", &key[..key.len() - 1]);
    assert_eq!(ledger.keys().find(&almost, 2000), Ok(Found::Unknown));
}

#[test]
fn the_file_does_not_hold_the_secret() {
    let (folder, path) = scratch();
    let ledger = Ledger::open(&path).expect("a new file");
    let (_, key) = ledger.keys().create(&named("a")).expect("made");
    let secret = key.rsplit('-').next().expect("a secret").as_bytes();
    drop(ledger);
    for file in folder.path().read_dir().expect("a folder").flatten() {
        let bytes = std::fs::read(file.path()).expect("a file");
        assert!(!bytes.windows(secret.len()).any(|window| window == secret));
    }
    let other = scratch();
    drop(Ledger::open(&other.1).expect("a new file"));
    let pepper = |path| asked::<Vec<u8>>(path, "SELECT bytes FROM pepper");
    assert_ne!(pepper(&path), pepper(&other.1));
    assert_eq!(pepper(&path).len(), 32);
}

#[test]
fn what_another_process_changes_holds_at_the_next_look_up() {
    let (_folder, path) = scratch();
    let server = Ledger::open(&path).expect("a new file");
    let cli = Ledger::open(&path).expect("the same file");
    let (record, key) = cli.keys().create(&named("a")).expect("made");
    assert_eq!(server.keys().find(&key, 2000), Ok(Found::Valid(record.clone())));
    let Revoked { key: revoked, was_before } = cli.keys().revoke("a", 3000).expect("revoked");
    assert_eq!((&revoked.id, revoked.revoked_ms, was_before), (&record.id, Some(3000), false));
    assert_eq!(server.keys().find(&key, 3000), Ok(Found::Revoked(revoked)));
}

#[test]
fn revoking_again_finds_the_first_time() {
    let ledger = Ledger::in_memory().expect("memory");
    let keys = ledger.keys();
    let revoked = |id_or_name: &str, now_ms: u64| {
        let Revoked { key, was_before } = keys.revoke(id_or_name, now_ms).expect("it is there");
        (key.id, key.revoked_ms, was_before)
    };
    let mut ids = Vec::new();
    for now_ms in [3000, 4000] {
        let (record, _) = keys.create(&named("a")).expect("made");
        assert_eq!(revoked("a", now_ms), (record.id.clone(), Some(now_ms), false));
        ids.push(record.id);
    }
    assert_eq!(revoked("a", 9000), (ids[1].clone(), Some(4000), true), "the last of this name");
    assert_eq!(revoked(&ids[0], 9000), (ids[0].clone(), Some(3000), true));
    let (live, _) = keys.create(&named("a")).expect("made");
    assert_eq!(revoked("a", 9000), (live.id, Some(9000), false), "one that holds comes first");
    assert!(matches!(keys.revoke("b", 9000), Err(LedgerError::NoSuchKey { .. })));
}

#[test]
fn a_name_is_taken_until_its_key_is_revoked() {
    let ledger = Ledger::in_memory().expect("memory");
    let (first, _) = ledger.keys().create(&named("a")).expect("made");
    let error = ledger.keys().create(&named("a")).expect_err("taken");
    assert_eq!(error, LedgerError::NameTaken { name: "a".to_owned(), id: first.id.clone() });
    let error = ledger.keys().create(&named(&first.id)).expect_err("an id is no name");
    assert!(matches!(error, LedgerError::NameTaken { .. }), "{error}");
    ledger.keys().revoke("a", 5).expect("revoked");
    ledger.keys().create(&named("a")).expect("free again");
    assert_eq!(ledger.keys().list().expect("a list").len(), 2);
}

#[test]
fn a_key_expires() {
    let ledger = Ledger::in_memory().expect("memory");
    let new = NewKey { expires_ms: Some(5000), ..named("a") };
    let (_, key) = ledger.keys().create(&new).expect("made");
    assert!(matches!(ledger.keys().find(&key, 4999), Ok(Found::Valid(_))));
    assert!(matches!(ledger.keys().find(&key, 5000), Ok(Found::Expired(_))));
}

#[test]
fn the_last_use_is_remembered_to_the_minute() {
    let ledger = Ledger::in_memory().expect("memory");
    let (_, key) = ledger.keys().create(&named("a")).expect("made");
    let last_used_ms = || {
        ledger.flush().expect("written");
        ledger.keys().list().expect("a list")[0].last_used_ms
    };
    assert_eq!(last_used_ms(), None);
    for now_ms in [60_001, 119_999, 60_000] {
        ledger.keys().find(&key, now_ms).expect("found");
        assert_eq!(last_used_ms(), Some(60_000));
    }
    ledger.keys().find(&key, 120_000).expect("found");
    assert_eq!(last_used_ms(), Some(120_000));
}

#[test]
fn wrong_names_are_refused() {
    let ledger = Ledger::in_memory().expect("memory");
    let long = "x".repeat(65);
    for name in ["", " a", "a\n", "a\u{1b}[31m", long.as_str()] {
        let error = ledger.keys().create(&named(name)).expect_err(name);
        assert!(!error.to_string().contains('\u{1b}'), "{error}");
        assert!(matches!(error, LedgerError::KeyField { field: "name", .. }), "{error}");
    }
    let plan = NewKey { plan: Some(String::new()), ..named("a") };
    let error = ledger.keys().create(&plan).expect_err("no plan");
    assert!(matches!(error, LedgerError::KeyField { field: "plan", .. }), "{error}");
    let overrides = NewKey { overrides: Some(" ".repeat(16_385)), ..named("a") };
    let error = ledger.keys().create(&overrides).expect_err("too long");
    assert!(matches!(error, LedgerError::KeyField { field: "overrides", .. }), "{error}");
}
