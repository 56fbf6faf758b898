//! How fast entries are recorded: entries per second and the time from `record` to `done`, for both
//! durabilities and several numbers of requests that end at the same time.
//!
//! `cargo run --release -p ledger --example rate -- [FOLDER]`; the folder decides which disk.

use ledger::{Durability, Entry, Ledger, Location, NewKey, Options};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Instant;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let folder = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    println!("durability  in flight  entries/s  p50 ms  p99 ms");
    for durability in [Durability::Process, Durability::Power] {
        for in_flight in [1, 32, 1000] {
            measure(&folder, durability, in_flight)?;
        }
    }
    look_ups(&folder)
}

/// `in_flight` entries are always on their way: each `done` sends the next.
fn measure(folder: &Path, durability: Durability, in_flight: usize) -> Result<(), Failure> {
    let path = folder.join(format!("rate-{}-{durability:?}-{in_flight}.db", std::process::id()));
    let count = (in_flight * 200).clamp(1000, 50_000);
    let location = Location::Sqlite(path.clone());
    let ledger = Ledger::open_with(&location, &Options { durability, ..Options::default() })?;
    let (sender, receiver) = mpsc::channel();
    let record = |index: usize| {
        let (sender, asked) = (sender.clone(), Instant::now());
        let done = move |result: Result<(), _>| drop(sender.send(result.map(|()| asked.elapsed())));
        ledger.record(entry(index), Box::new(done));
    };
    let started = Instant::now();
    (0..in_flight).for_each(record);
    let mut waits_ms = Vec::with_capacity(count);
    for index in in_flight..count + in_flight {
        waits_ms.push(receiver.recv()??.as_secs_f64() * 1000.0);
        if index < count {
            record(index);
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    waits_ms.sort_by(f64::total_cmp);
    let at = |share: f64| waits_ms[((waits_ms.len() - 1) as f64 * share) as usize];
    let (name, rate) = (format!("{durability:?}"), count as f64 / seconds);
    println!("{name:10}  {in_flight:9}  {rate:9.0}  {:6.2}  {:6.2}", at(0.5), at(0.99));
    drop(ledger);
    remove(&path)
}

/// What a request pays for its key and its budget.
fn look_ups(folder: &Path) -> Result<(), Failure> {
    const COUNT: usize = 10_000;
    let path = folder.join(format!("rate-{}-keys.db", std::process::id()));
    let ledger = Ledger::open(&path)?;
    let new = NewKey { name: "rate".to_owned(), ..NewKey::default() };
    let (record, key) = ledger.keys().create(&new)?;
    for index in 0..COUNT {
        let key_id = Some(record.id.clone());
        ledger.record(Entry { key_id, ..entry(index) }, Box::new(|_| {}));
    }
    ledger.flush()?;
    let started = Instant::now();
    for now_ms in 0..COUNT {
        ledger.keys().find(&key, now_ms as u64)?;
    }
    let find_us = started.elapsed().as_secs_f64() * 1e6 / COUNT as f64;
    let started = Instant::now();
    let spent = ledger.spent(Some(&record.id), 0)?;
    let spent_ms = started.elapsed().as_secs_f64() * 1000.0;
    println!(
        "find a key: {find_us:.1} us; spent over {} requests: {spent_ms:.2} ms",
        spent.requests
    );
    drop(ledger);
    remove(&path)
}

fn remove(path: &Path) -> Result<(), Failure> {
    // The last handle of a file takes its log with it.
    Ok(std::fs::remove_file(path)?)
}

/// An entry with everything that a usual request has.
fn entry(index: usize) -> Entry {
    let text = |text: &str| Some(text.to_owned());
    Entry {
        request_id: format!("chatcmpl-{index:032x}"),
        time_ms: 1_795_248_874_000 + index as u64,
        model: "jeton-tiny".to_owned(),
        route: "/v1/chat/completions".to_owned(),
        key_id: text("abcdefghij"),
        key_name: text("laptop"),
        plan: text("team"),
        tag: text("story"),
        class: text("chat"),
        prompt_tokens: 120,
        answer_tokens: 180,
        choices: 1,
        asked_max_tokens: Some(1000),
        effective_max_tokens: Some(500),
        limit_set_by: text("admin"),
        queue_ms: Some(1.5),
        ttft_ms: Some(80.25),
        tpot_ms: Some(12.5),
        total_ms: Some(2330.0),
        cost_nano: 1_250_000,
        currency: "EUR".to_owned(),
        finish_reason: text("stop"),
        seed: Some(7),
        ..Entry::default()
    }
}
