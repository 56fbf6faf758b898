//! History, exports, pruning.

use super::{asked, entry, recorded, scratch};
use ledger::{Entry, Filter, Format, Ledger, LedgerError, Quoted, Spread, Status};
use serde_json::{Value, json};
use std::io::Write;

fn at(index: u64) -> Entry {
    Entry { time_ms: index, answer_tokens: index, ..entry(&format!("r{index}")) }
}

fn exported(ledger: &Ledger, filter: &Filter, format: Format) -> String {
    let mut out = Vec::new();
    let count = ledger.export(filter, format, &mut out).expect("exported");
    let text = String::from_utf8(out).expect("UTF-8");
    if format == Format::JsonLines {
        assert_eq!(text.lines().count() as u64, count);
    }
    text
}

#[test]
fn history_is_the_newest_answered_requests() {
    let ledger = Ledger::in_memory().expect("memory");
    for index in 0..10 {
        let status = if index % 3 == 0 { Status::Failed } else { Status::Done };
        let model = if index % 2 == 0 { "even" } else { "odd" }.to_owned();
        let class = Some("chat".to_owned());
        recorded(&ledger, Entry { status, model, class, ..at(index) }).expect("recorded");
    }
    // What went on from an earlier answer has no class, and is no answer by itself.
    recorded(&ledger, at(11)).expect("recorded");
    let tokens = |filter: &Filter, rows| -> Vec<u64> {
        let rows = ledger.history(filter, rows).expect("rows");
        rows.iter().map(|row| row.answer_tokens).collect()
    };
    assert_eq!(tokens(&Filter::default(), 4), [8, 7, 5, 4]);
    let even = Filter { model: Some("even".to_owned()), ..Filter::default() };
    assert_eq!(tokens(&even, 10_000), [8, 4, 2]);
    assert!(ledger.history(&even, 10_001).is_err());
}

#[test]
fn what_was_foretold_comes_back_with_what_came() {
    let ledger = Ledger::in_memory().expect("memory");
    let quoted = Quoted {
        tokens: Spread { p10: 1, p50: 2, p90: 3 },
        ms: Spread { p10: 1.5, p50: 2.5, p90: 3.5 },
        cost_nano: Spread { p10: 10, p50: 20, p90: 30 },
    };
    let with_quote = Entry {
        quoted: Some(quoted),
        thinking_tokens: 4,
        cost_nano: 25,
        total_ms: Some(9.0),
        ..at(1)
    };
    recorded(&ledger, with_quote).expect("recorded");
    recorded(&ledger, at(2)).expect("recorded");
    let outcomes = ledger.quotes(&Filter::default(), 10).expect("rows");
    assert_eq!(outcomes.len(), 1);
    assert_eq!(outcomes[0].quoted, quoted);
    assert_eq!((outcomes[0].tokens, outcomes[0].cost_nano), (5, 25));
    assert_eq!(outcomes[0].total_ms, Some(9.0));
}

#[test]
fn exports_hold_every_entry_as_it_was() {
    let ledger = Ledger::in_memory().expect("memory");
    let hostile = "=HYPERLINK(\"http://x\")\n,\"";
    let first = Entry {
        tag: Some(hostile.to_owned()),
        seed: Some(u64::MAX),
        ttft_ms: Some(12.25),
        stream: true,
        ..at(7)
    };
    recorded(&ledger, first).expect("recorded");
    recorded(&ledger, at(8)).expect("recorded");
    let lines = exported(&ledger, &Filter::default(), Format::JsonLines);
    let first: Value = serde_json::from_str(lines.lines().next().expect("a line")).expect("JSON");
    for (name, value) in [
        ("request_id", json!("r7")),
        ("tag", json!(hostile)),
        ("seed", json!(u64::MAX)),
        ("ttft_ms", json!(12.25)),
        ("stream", json!(true)),
        ("status", json!("done")),
        ("key_id", Value::Null),
    ] {
        assert_eq!(first[name], value, "{name}");
    }
    let mut reader = csv::Reader::from_reader(std::io::Cursor::new(exported(
        &ledger,
        &Filter { before_ms: Some(8), ..Filter::default() },
        Format::Csv,
    )));
    let heads = reader.headers().expect("heads").clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.expect("a row")).collect();
    assert_eq!(rows.len(), 1, "the filter holds");
    let cell = |name: &str| &rows[0][heads.iter().position(|head| head == name).expect(name)];
    assert_eq!(cell("tag"), format!("'{hostile}"));
    assert_eq!((cell("key_id"), cell("seed")), ("", u64::MAX.to_string().as_str()));
    assert_eq!((cell("ttft_ms"), cell("stream")), ("12.25", "true"));
}

/// Records while it is written to, and fails in the end.
struct Meanwhile<'a>(&'a Ledger, u64);

impl Write for Meanwhile<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.1 += 1;
        if self.1 > 3000 {
            return Err(std::io::ErrorKind::BrokenPipe.into());
        }
        recorded(self.0, at(10_000 + self.1)).expect("recorded while an export is under way");
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_export_of_many_pages_ends_though_entries_keep_coming() {
    let (_folder, path) = scratch();
    let ledger = Ledger::open(&path).expect("a new file");
    (0..2500).for_each(|index| ledger.record(at(index), Box::new(|_| {})));
    ledger.flush().expect("recorded");
    let mut out = Meanwhile(&ledger, 0);
    let count = ledger.export(&Filter::default(), Format::JsonLines, &mut out);
    assert_eq!(count, Ok(2500));
    let gone = ledger.export(&Filter::default(), Format::JsonLines, &mut out);
    assert!(matches!(gone, Err(LedgerError::Export { reader_is_gone: true, .. })), "{gone:?}");
}

#[test]
fn pruning_removes_what_is_older_and_leaves_nothing_of_it() {
    let (folder, path) = scratch();
    let ledger = Ledger::open(&path).expect("a new file");
    for index in 0..2600 {
        let tag = Some(format!("marker-{}", if index < 2000 { "old" } else { "new" }));
        ledger.record(Entry { tag, ..at(index) }, Box::new(|_| {}));
    }
    ledger.flush().expect("recorded");
    let pages: i64 = asked(&path, "PRAGMA page_count");
    assert_eq!(ledger.prune(2000), Ok(2000));
    assert_eq!(ledger.prune(2000), Ok(0));
    assert_eq!(asked::<i64>(&path, "SELECT count(*) FROM entries"), 600);
    assert_eq!(asked::<i64>(&path, "SELECT min(time_ms) FROM entries"), 2000);
    let left: i64 = asked(&path, "PRAGMA page_count");
    assert!(left < pages / 2, "the space is given back: {left} of {pages} pages are left");
    let mut found_new = false;
    for file in folder.path().read_dir().expect("a folder").flatten() {
        let bytes = std::fs::read(file.path()).expect("a file");
        let holds = |mark: &[u8]| bytes.windows(mark.len()).any(|window| window == mark);
        assert!(!holds(b"marker-old"), "{}", file.path().display());
        found_new |= holds(b"marker-new");
    }
    assert!(found_new, "what is kept can be found this way");
    recorded(&ledger, at(9999)).expect("it goes on");
}

#[test]
fn a_sum_for_a_budget_reads_an_index_alone() {
    let (_folder, path) = scratch();
    drop(Ledger::open(&path).expect("a new file"));
    let connection = rusqlite::Connection::open(&path).expect("the file");
    let plan = |query: &str| -> String {
        let query = format!("EXPLAIN QUERY PLAN {query}");
        connection.query_row(&query, [], |row| row.get("detail")).expect("a plan")
    };
    let spent = plan(
        "SELECT currency, sum(cost_nano), count(*), sum(prompt_tokens), sum(cached_tokens), \
         sum(thinking_tokens), sum(answer_tokens) FROM entries WHERE key_id = 'k' AND time_ms >= 5 \
         GROUP BY currency",
    );
    assert!(
        spent.contains("USING COVERING INDEX entries_of_key (key_id=? AND time_ms>?)"),
        "{spent}"
    );
    let history = plan(
        "SELECT time_ms, ttft_ms FROM entries WHERE TRUE AND model = 'm' AND status = 'done' \
         ORDER BY time_ms DESC, number DESC LIMIT 9",
    );
    assert!(history.contains("USING INDEX entries_of_model (model=? AND status=?)"), "{history}");
}
