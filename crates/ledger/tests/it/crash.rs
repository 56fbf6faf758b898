//! Killed at any moment: what was reported is in the file, once, and the file is whole.

use super::{asked, entry, recorded, scratch};
use ledger::{Entry, Ledger};
use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Names the file to the process that will be killed.
const CHILD_FILE: &str = "JETON_LEDGER_CRASH_FILE";
/// Names the round to it, so that its ids are new.
const CHILD_ROUND: &str = "JETON_LEDGER_CRASH_ROUND";
const ROUNDS: u64 = 24;

/// Records until it is killed; reports every `done` in one write of a whole line.
fn record_for_ever(path: &Path, round: &str) -> ! {
    let ledger = Ledger::open(path).expect("it opens after every kill");
    for index in 0u64.. {
        let request_id = format!("{round}-{index:08}");
        let line = format!("\ndone {request_id}\n");
        let tag = Some("x".repeat((index * 37 % 300) as usize));
        let done = move |result: Result<(), _>| {
            result.expect("recorded");
            // Past the test harness, which would catch what is printed.
            std::io::stdout().write_all(line.as_bytes()).expect("the parent reads");
            std::io::stdout().flush().expect("the parent reads");
        };
        // Sometimes many wait, sometimes none.
        while ledger.waiting() > (index % 64) as usize {
            std::thread::yield_now();
        }
        ledger.record(Entry { tag, ..entry(&request_id) }, Box::new(done));
    }
    unreachable!("it counts for ever")
}

#[test]
fn what_the_killed_process_records() {
    if let (Some(path), Ok(round)) = (std::env::var_os(CHILD_FILE), std::env::var(CHILD_ROUND)) {
        record_for_ever(Path::new(&path), &round);
    }
    // Run as a test it records one entry twice, as a process that was killed before it heard of the
    // first time would.
    let (_folder, path) = scratch();
    for _ in 0..2 {
        let ledger = Ledger::open(&path).expect("it opens");
        recorded(&ledger, entry("again")).expect("recorded");
    }
    assert_eq!(asked::<i64>(&path, "SELECT count(*) FROM entries"), 1);
}

/// Runs the recorder, kills it so many reports and microseconds later; what it reported.
fn killed(path: &Path, round: u64) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "crash::what_the_killed_process_records", "--nocapture"])
        .env(CHILD_FILE, path)
        .env(CHILD_ROUND, round.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut reported = Vec::new();
    let mut line = String::new();
    // Rounds end after 1 to 2000 reports, and at some point of what comes next.
    let reports = 1 + (round * round * 53) % 2000;
    let mut read = |reported: &mut Vec<String>| {
        line.clear();
        let bytes = lines.read_line(&mut line).expect("it is text");
        // A line that was cut off by the kill has no end.
        if let Some(id) = line.strip_suffix('\n').and_then(|line| line.strip_prefix("done ")) {
            reported.push(id.to_owned());
        }
        bytes > 0
    };
    while (reported.len() as u64) < reports {
        assert!(read(&mut reported), "it ended by itself in round {round}");
    }
    std::thread::sleep(Duration::from_micros(round * 397 % 3000));
    child.kill().expect("SIGKILL");
    child.wait().expect("it is dead");
    while read(&mut reported) {}
    reported
}

#[test]
fn what_was_reported_survives_the_kill() {
    let (_folder, path) = scratch();
    let mut reported = HashSet::new();
    for round in 0..ROUNDS {
        reported.extend(killed(&path, round));
        // As it lies there after the kill, the log still beside it.
        let ledger = Ledger::open(&path).expect("it opens");
        recorded(&ledger, entry(&format!("after-{round}"))).expect("it goes on");
    }
    assert_eq!(asked::<String>(&path, "PRAGMA integrity_check"), "ok");
    let connection = rusqlite::Connection::open(&path).expect("the file");
    let mut statement = connection.prepare("SELECT request_id FROM entries").expect("SQL");
    let stored: Vec<String> = statement
        .query_map([], |row| row.get(0))
        .expect("rows")
        .map(|id| id.expect("text"))
        .collect();
    let distinct: HashSet<&String> = stored.iter().collect();
    assert_eq!(distinct.len(), stored.len(), "exactly once");
    let lost: Vec<&String> = reported.iter().filter(|id| !distinct.contains(id)).collect();
    assert!(
        lost.is_empty(),
        "{} of {} lost, such as {:?}",
        lost.len(),
        reported.len(),
        lost.first()
    );
    assert!(reported.len() as u64 > ROUNDS * 100, "it did record: {}", reported.len());
}
