//! Sums and percentiles against a reference that keeps everything in a list.

use super::{entry, recorded};
use ledger::{
    Cost, Entry, Filter, Format, GroupBy, Ledger, LedgerError, LimitUse, Percentiles, Status,
    Usage, UsageRow, utc_day, utc_time,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

#[test]
fn what_a_key_spent_is_counted_from_a_time_on() {
    let ledger = Ledger::in_memory().expect("memory");
    for (index, (key, currency)) in
        [("a", "EUR"), ("a", "USD"), ("b", "EUR"), ("a", "EUR"), ("a", "EUR")].iter().enumerate()
    {
        let paid = Entry {
            time_ms: index as u64 * 10,
            key_id: Some((*key).to_owned()),
            currency: (*currency).to_owned(),
            cost_nano: 7,
            prompt_tokens: 3,
            cached_tokens: 2,
            thinking_tokens: 5,
            answer_tokens: 11,
            ..entry(&index.to_string())
        };
        recorded(&ledger, paid).expect("recorded");
    }
    let spent = ledger.spent(Some("a"), 10).expect("sums");
    assert_eq!((spent.requests, spent.tokens(), spent.cached_tokens), (3, 3 * 19, 6));
    let cost = |currency: &str, nano| Cost { currency: currency.to_owned(), nano };
    assert_eq!(spent.costs, [cost("EUR", 14), cost("USD", 7)]);
    assert_eq!((spent.cost_nano("EUR"), spent.cost_nano("CHF")), (14, 0));
    assert_eq!(ledger.spent(Some("a"), u64::MAX).expect("sums").requests, 0);
    assert_eq!(ledger.spent(Some("nobody"), 0).expect("sums").requests, 0);
}

#[test]
fn an_empty_ledger_has_used_nothing() {
    let ledger = Ledger::in_memory().expect("memory");
    let usage = ledger.usage(&Filter::default(), &[], 1).expect("sums");
    assert_eq!(usage, Usage { rows: vec![UsageRow::default()], left_out: 0 });
    assert_eq!(usage.rows[0].truncated_share(), None);
    let usage = ledger.usage(&Filter::default(), &[GroupBy::Model], 1).expect("sums");
    assert_eq!(usage, Usage::default());
}

#[test]
fn what_does_not_fit_is_counted() {
    let ledger = Ledger::in_memory().expect("memory");
    for (index, model) in ["b", "a", "b", "c", "b", "a"].into_iter().enumerate() {
        let model = model.to_owned();
        recorded(&ledger, Entry { model, ..entry(&index.to_string()) }).expect("recorded");
    }
    let usage = ledger.usage(&Filter::default(), &[GroupBy::Model], 2).expect("sums");
    let groups: Vec<_> =
        usage.rows.iter().map(|row| (row.group[0].as_deref(), row.requests)).collect();
    assert_eq!(groups, [(Some("b"), 3), (Some("a"), 2)], "those with the most requests");
    assert_eq!(usage.left_out, 1);
    for rows in [0, ledger::ROWS_MAX + 1] {
        let error = ledger.usage(&Filter::default(), &[], rows).expect_err("too many");
        assert!(matches!(error, LedgerError::Question { field: "rows", .. }), "{error}");
    }
}

#[test]
fn more_groups_than_there_are_are_refused() {
    let ledger = Ledger::in_memory().expect("memory");
    ledger.usage(&Filter::default(), &GroupBy::ALL, 1).expect("all of them");
    let error = ledger.usage(&Filter::default(), &[GroupBy::Day; 14], 1).expect_err("too many");
    assert!(matches!(error, LedgerError::Question { field: "by", .. }), "{error}");
}

/// A label of a client that wishes the ledger no good.
fn label() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        Just(None),
        Just(Some(String::new())),
        Just(Some("a".to_owned())),
        Just(Some("'; DROP TABLE entries; --".to_owned())),
        Just(Some("a\0b".to_owned())),
        Just(Some("7".to_owned())),
        "[=+\\-@\t\r,\"'x\n]{0,4}".prop_map(Some),
        "\\PC{0,6}".prop_map(Some),
    ]
}

fn arbitrary() -> impl Strategy<Value = Entry> {
    let time = prop::option::of((0u32..4000).prop_map(|ms| f64::from(ms) / 8.0));
    let limit = prop::option::of(prop_oneof![1u64..50, Just(1 << 20)]);
    let labels = (label(), label(), label(), 0usize..4, 0u64..5);
    let counts = (0u64..100, 0u64..50, 0u64..50, 0u64..50, 0u64..3, limit, 0i64..1000);
    let rest = (time.clone(), time.clone(), time, any::<bool>(), 0u64..200_000_000);
    (labels, counts, rest).prop_map(|(labels, counts, rest)| {
        let (key_id, tag, class, status, word) = labels;
        Entry {
            time_ms: 1_795_248_874_000 + rest.4,
            model: if rest.3 { "m" } else { "n" }.to_owned(),
            key_name: key_id.clone(),
            key_id,
            tag,
            class,
            status: Status::ALL[status],
            finish_reason: (word < 4).then(|| if word < 2 { "length" } else { "stop" }.to_owned()),
            prompt_tokens: counts.0,
            cached_tokens: counts.1,
            thinking_tokens: counts.2,
            answer_tokens: counts.3,
            choices: counts.4,
            asked_max_tokens: counts.5,
            cost_nano: counts.6,
            currency: if counts.6 % 3 == 0 { "USD" } else { "EUR" }.to_owned(),
            ttft_ms: rest.0,
            tpot_ms: rest.1,
            total_ms: rest.2,
            ..Entry::default()
        }
    })
}

fn group_of(entry: &Entry, by: GroupBy) -> Option<String> {
    match by {
        GroupBy::Key => entry.key_id.clone(),
        GroupBy::Model => Some(entry.model.clone()),
        GroupBy::Tag => entry.tag.clone(),
        GroupBy::Class => entry.class.clone(),
        GroupBy::FinishReason => entry.finish_reason.clone(),
        GroupBy::Status => Some(entry.status.name().to_owned()),
        GroupBy::Day => Some(utc_day(entry.time_ms)),
        GroupBy::Hour => Some(utc_time(entry.time_ms - entry.time_ms % 3_600_000)),
        _ => None,
    }
}

fn costs_of(entries: &[&Entry]) -> Vec<Cost> {
    let mut costs = BTreeMap::new();
    for entry in entries {
        *costs.entry(entry.currency.clone()).or_insert(0) += entry.cost_nano;
    }
    costs.into_iter().map(|(currency, nano)| Cost { currency, nano }).collect()
}

fn percentiles_of(entries: &[&Entry], time: fn(&Entry) -> Option<f64>) -> Percentiles {
    let done = entries.iter().filter(|entry| entry.status == Status::Done);
    let mut times: Vec<f64> = done.filter_map(|entry| time(entry)).collect();
    times.sort_by(f64::total_cmp);
    // The smallest that at least so many percent do not exceed, by its words.
    let at = |percent: usize| {
        let is_enough = |ms: &&f64| {
            let below = times.iter().filter(|other| *other <= *ms).count();
            below * 100 >= percent * times.len()
        };
        times.iter().find(is_enough).copied()
    };
    Percentiles { p50: at(50), p95: at(95) }
}

fn row_of(group: Vec<Option<String>>, entries: &[&Entry]) -> UsageRow {
    let sum = |of: fn(&Entry) -> u64| entries.iter().map(|entry| of(entry)).sum();
    let count = |is: fn(&Entry) -> bool| entries.iter().filter(|entry| is(entry)).count() as u64;
    let asked: Vec<(f64, f64)> = entries
        .iter()
        .filter(|entry| entry.status == Status::Done)
        .filter_map(|entry| {
            let used = (entry.thinking_tokens + entry.answer_tokens) as f64;
            Some((entry.asked_max_tokens? as f64, used / entry.choices.max(1) as f64))
        })
        .collect();
    let asked_sum: f64 = asked.iter().map(|(asked, _)| asked).sum();
    let used_sum: f64 = asked.iter().map(|(_, used)| used).sum();
    let of_any = |value: f64| (!asked.is_empty()).then_some(value);
    UsageRow {
        group,
        requests: entries.len() as u64,
        done: count(|entry| entry.status == Status::Done),
        cancelled: count(|entry| entry.status == Status::Cancelled),
        failed: count(|entry| entry.status == Status::Failed),
        rejected: count(|entry| entry.status == Status::Rejected),
        prompt_tokens: sum(|entry| entry.prompt_tokens),
        cached_tokens: sum(|entry| entry.cached_tokens),
        thinking_tokens: sum(|entry| entry.thinking_tokens),
        answer_tokens: sum(|entry| entry.answer_tokens),
        costs: costs_of(entries),
        truncated: count(|entry| {
            entry.status == Status::Done && entry.finish_reason.as_deref() == Some("length")
        }),
        limits: LimitUse {
            requests: asked.len() as u64,
            asked_mean: of_any(asked_sum / asked.len() as f64),
            used_mean: of_any(used_sum / asked.len() as f64),
            used_share: of_any(used_sum / asked_sum),
        },
        ttft_ms: percentiles_of(entries, |entry| entry.ttft_ms),
        tpot_ms: percentiles_of(entries, |entry| entry.tpot_ms),
        total_ms: percentiles_of(entries, |entry| entry.total_ms),
    }
}

/// Means and shares to ten digits: sums of floats depend on their order.
fn rounded(row: &UsageRow) -> UsageRow {
    let round =
        |value: Option<f64>| value.map(|value| format!("{value:.9e}").parse().expect("a number"));
    let LimitUse { requests, asked_mean, used_mean, used_share } = row.limits;
    let limits = LimitUse {
        requests,
        asked_mean: round(asked_mean),
        used_mean: round(used_mean),
        used_share: round(used_share),
    };
    UsageRow { limits, ..row.clone() }
}

fn by_group(rows: impl IntoIterator<Item = UsageRow>) -> BTreeMap<Vec<Option<String>>, UsageRow> {
    rows.into_iter().map(|row| (row.group.clone(), rounded(&row))).collect()
}

const GROUPINGS: [&[GroupBy]; 7] = [
    &[],
    &[GroupBy::Key, GroupBy::Model],
    &[GroupBy::Tag],
    &[GroupBy::Class, GroupBy::FinishReason, GroupBy::Status],
    &[GroupBy::Day],
    &[GroupBy::Hour, GroupBy::Model],
    &[GroupBy::Scenario],
];

/// What comes out is what went in, whatever the labels are.
fn exports_are_faithful(ledger: &Ledger, entries: &[Entry]) -> Result<(), TestCaseError> {
    let export = |format| {
        let mut out = Vec::new();
        ledger.export(&Filter::default(), format, &mut out).map(|_| out).expect("exported")
    };
    let lines = String::from_utf8(export(Format::JsonLines)).expect("UTF-8");
    prop_assert_eq!(lines.lines().count(), entries.len());
    let csv = export(Format::Csv);
    let mut reader = csv::Reader::from_reader(csv.as_slice());
    let heads = reader.headers().expect("heads").clone();
    let tag_column = heads.iter().position(|head| head == "tag").expect("a column");
    for ((entry, line), row) in entries.iter().zip(lines.lines()).zip(reader.records()) {
        let json: serde_json::Value = serde_json::from_str(line).expect("JSON");
        prop_assert_eq!(json["tag"].as_str(), entry.tag.as_deref());
        prop_assert_eq!(json["key_id"].as_str(), entry.key_id.as_deref());
        prop_assert_eq!(json["tpot_ms"].as_f64(), entry.tpot_ms);
        let row = row.expect("a row");
        prop_assert_eq!(row.len(), heads.len());
        let tag = entry.tag.as_deref().unwrap_or_default();
        let cell = &row[tag_column];
        let is_same = cell == tag || cell.strip_prefix('\'') == Some(tag);
        prop_assert!(is_same, "{:?} as {:?}", tag, cell);
        prop_assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{:?}", cell);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn usage_and_spent_are_those_of_a_list(
        entries in prop::collection::vec(arbitrary(), 1..40),
        since in 0u64..200_000_000,
        filtered in any::<bool>(),
    ) {
        let ledger = Ledger::in_memory().expect("memory");
        for (index, entry) in entries.iter().enumerate() {
            let request_id = format!("r{index}");
            ledger.record(Entry { request_id, ..entry.clone() }, Box::new(|result| {
                result.expect("recorded");
            }));
        }
        ledger.flush().expect("recorded");
        exports_are_faithful(&ledger, &entries)?;
        let since_ms = 1_795_248_874_000 + since;
        let filter = match filtered {
            true => Filter {
                since_ms: Some(since_ms),
                model: Some("m".to_owned()),
                ..Filter::default()
            },
            false => Filter::default(),
        };
        let meant: Vec<&Entry> = entries
            .iter()
            .filter(|entry| !filtered || (entry.time_ms >= since_ms && entry.model == "m"))
            .collect();
        for by in GROUPINGS {
            let mut groups: BTreeMap<Vec<Option<String>>, Vec<&Entry>> = BTreeMap::new();
            for entry in &meant {
                let group = by.iter().map(|by| group_of(entry, *by)).collect();
                groups.entry(group).or_default().push(entry);
            }
            if by.is_empty() && groups.is_empty() {
                groups.insert(Vec::new(), Vec::new());
            }
            let usage = ledger.usage(&filter, by, 1000).expect("sums");
            prop_assert_eq!(usage.left_out, 0);
            let expected = groups.into_iter().map(|(group, entries)| row_of(group, &entries));
            prop_assert_eq!(by_group(usage.rows), by_group(expected), "{:?}", by);
        }
        let keys = entries.iter().map(|entry| entry.key_id.as_deref());
        for key in keys.chain([None]) {
            let of_key: Vec<&Entry> = entries
                .iter()
                .filter(|entry| entry.key_id.as_deref() == key && entry.time_ms >= since_ms)
                .collect();
            let spent = ledger.spent(key, since_ms).expect("sums");
            let read_or_wrote = |entry: &&&Entry| {
                entry.prompt_tokens + entry.thinking_tokens + entry.answer_tokens > 0
            };
            prop_assert_eq!(spent.requests, of_key.iter().filter(read_or_wrote).count() as u64);
            let tokens: u64 = of_key
                .iter()
                .map(|entry| entry.prompt_tokens + entry.thinking_tokens + entry.answer_tokens)
                .sum();
            prop_assert_eq!(spent.tokens(), tokens);
            prop_assert_eq!(spent.costs, costs_of(&of_key));
        }
    }
}
