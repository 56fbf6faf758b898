//! Recording: told after the commit, counted once, nothing lost and nothing unbounded.

use super::{asked, entry, recorded, scratch};
use ledger::{Durability, Entry, Ledger, LedgerError, Location, Options};
use std::sync::mpsc;

#[test]
fn an_entry_is_in_the_file_when_that_is_told() {
    let (_folder, path) = scratch();
    let ledger = Ledger::open(&path).expect("a new file");
    let entry = Entry { seed: Some(u64::MAX), asked_max_tokens: Some(u64::MAX), ..entry("a") };
    recorded(&ledger, entry).expect("recorded");
    assert_eq!(asked::<i64>(&path, "SELECT count(*) FROM entries"), 1);
    assert_eq!(asked::<String>(&path, "SELECT seed FROM entries"), u64::MAX.to_string());
    assert_eq!(asked::<i64>(&path, "SELECT asked_max_tokens FROM entries"), i64::MAX);
}

#[test]
fn the_same_id_counts_once_and_the_first_stands() {
    let (_folder, path) = scratch();
    let ledger = Ledger::open(&path).expect("a new file");
    for answer_tokens in [5, 6, 7] {
        recorded(&ledger, Entry { answer_tokens, ..entry("a") }).expect("no error");
    }
    assert_eq!(asked::<i64>(&path, "SELECT sum(answer_tokens) FROM entries"), 5);
}

#[test]
fn the_last_handle_records_what_waits() {
    let (_folder, path) = scratch();
    for durability in [Durability::Process, Durability::Power] {
        let options = Options { durability, ..Options::default() };
        let ledger = Ledger::open_with(&Location::Sqlite(path.clone()), &options).expect("opens");
        for index in 0..500 {
            ledger.record(entry(&format!("{durability:?}-{index}")), Box::new(|_| {}));
        }
    }
    assert_eq!(asked::<i64>(&path, "SELECT count(*) FROM entries"), 1000);
}

#[test]
fn a_full_queue_refuses_at_the_door_and_loses_nothing() {
    let (_folder, path) = scratch();
    let options = Options { waiting_max: 2, ..Options::default() };
    let ledger = Ledger::open_with(&Location::Sqlite(path.clone()), &options).expect("opens");
    let first = ledger.reserve().expect("a place");
    let second = ledger.reserve().expect("a place");
    assert_eq!(ledger.reserve().err(), Some(LedgerError::Full { waiting_max: 2 }));
    assert_eq!(recorded(&ledger, entry("c")), Err(LedgerError::Full { waiting_max: 2 }));

    let (sender, receiver) = mpsc::channel();
    first.record(entry("a"), Box::new(move |result| sender.send(result).expect("awaited")));
    assert_eq!(receiver.recv().expect("told"), Ok(()));
    drop(second);
    assert_eq!(ledger.waiting(), 0, "places come back");
    assert_eq!(recorded(&ledger, entry("c")), Ok(()));
    assert_eq!(asked::<i64>(&path, "SELECT count(*) FROM entries"), 2);
}

#[test]
fn a_callers_panic_ends_no_accounting() {
    let ledger = Ledger::in_memory().expect("memory");
    ledger.record(entry("a"), Box::new(|_| panic!("on purpose")));
    assert_eq!(recorded(&ledger, entry("b")), Ok(()));
}

#[test]
fn the_last_handle_may_go_on_the_ledgers_own_thread() {
    let (_folder, path) = scratch();
    let ledger = Ledger::open(&path).expect("a new file");
    let (sender, receiver) = mpsc::channel();
    let kept = ledger.clone();
    let done = move |result| {
        drop(kept);
        sender.send(result).expect("awaited");
    };
    let slot = ledger.reserve().expect("a place");
    drop(ledger);
    slot.record(entry("a"), Box::new(done));
    assert_eq!(receiver.recv().expect("told"), Ok(()));
}

#[test]
fn a_wrong_entry_is_refused_alone() {
    let ledger = Ledger::in_memory().expect("memory");
    let error = recorded(&ledger, entry("")).expect_err("no id");
    assert!(matches!(error, LedgerError::Refused { field: "request_id", .. }), "{error}");
    assert_eq!(recorded(&ledger, entry("a")), Ok(()));
}

#[test]
fn text_stays_out_of_the_file_unless_switched_on() {
    for keep_text in [false, true] {
        let (_folder, path) = scratch();
        let options = Options { keep_text, ..Options::default() };
        let ledger = Ledger::open_with(&Location::Sqlite(path.clone()), &options).expect("opens");
        let text = Some("what was said".to_owned());
        recorded(&ledger, Entry { text, ..entry("a") }).expect("recorded");
        let stored = asked::<Option<String>>(&path, "SELECT text FROM entries");
        assert_eq!(stored.is_some(), keep_text);
    }
}

#[test]
fn another_process_that_writes_is_waited_for() {
    let (_folder, path) = scratch();
    let ledger = Ledger::open(&path).expect("a new file");
    let other = rusqlite::Connection::open(&path).expect("the file");
    other.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    let (sender, receiver) = mpsc::channel();
    ledger.record(entry("a"), Box::new(move |result| sender.send(result).expect("awaited")));
    let waited = receiver.recv_timeout(std::time::Duration::from_millis(300));
    assert!(waited.is_err(), "nothing is told before it is committed: {waited:?}");
    assert_eq!(ledger.waiting(), 1);
    other.execute_batch("COMMIT").expect("the lock is given back");
    assert_eq!(receiver.recv().expect("told"), Ok(()));
}

#[test]
fn what_cannot_be_written_is_told_to_everybody_who_waits() {
    let (_folder, path) = scratch();
    let ledger = Ledger::open(&path).expect("a new file");
    let other = rusqlite::Connection::open(&path).expect("the file");
    other.execute_batch("ALTER TABLE entries RENAME TO gone").expect("sabotage");
    for id in ["a", "b"] {
        let error = recorded(&ledger, entry(id)).expect_err("there is no table");
        assert!(matches!(error, LedgerError::Storage { .. }), "{error}");
        assert!(error.to_string().contains("no such table"), "{error}");
    }
    other.execute_batch("ALTER TABLE gone RENAME TO entries").expect("mended");
    assert_eq!(recorded(&ledger, entry("a")), Ok(()), "it goes on when it can");
}

#[test]
fn questions_and_records_do_not_disturb_each_other() {
    let (_folder, path) = scratch();
    for ledger in [Ledger::open(&path).expect("a file"), Ledger::in_memory().expect("memory")] {
        std::thread::scope(|scope| {
            for thread in 0..12 {
                let ledger = &ledger;
                scope.spawn(move || {
                    for index in 0..20 {
                        let key_id = Some("k".to_owned());
                        let entry = Entry {
                            key_id,
                            prompt_tokens: 1,
                            ..entry(&format!("{thread}-{index}"))
                        };
                        recorded(ledger, entry).expect("recorded");
                        let spent = ledger.spent(Some("k"), 0).expect("sums").requests;
                        assert!(spent > index, "what was told can be read: {spent}");
                    }
                });
            }
        });
        assert_eq!(ledger.spent(Some("k"), 0).expect("sums").requests, 240);
    }
}
