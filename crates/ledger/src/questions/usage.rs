//! Who used what: sums and percentiles over entries, by group.

use super::percentiles::{self, Percentiles};
use super::{Cost, Filter, rows_max};
use crate::utc::{DAY_MS, HOUR_MS};
use crate::{Ledger, LedgerError, utc_day, utc_time};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Row, params_from_iter};
use std::collections::HashMap;

/// What entries are put together by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupBy {
    /// The id of the key.
    Key,
    /// The name of the key.
    KeyName,
    /// The plan of the key.
    Plan,
    /// The model.
    Model,
    /// The path of the API.
    Route,
    /// The client's label.
    Tag,
    /// The scenario.
    Scenario,
    /// The kind of request.
    Class,
    /// The length preset.
    Preset,
    /// The API's word for why it ended.
    FinishReason,
    /// How it ended.
    Status,
    /// The day of arrival in UTC, as `2026-11-21`.
    Day,
    /// The hour of arrival in UTC, as `2026-11-21T08:00:00Z`.
    Hour,
}

impl GroupBy {
    /// Everything that entries can be put together by.
    pub const ALL: [GroupBy; 13] = [
        GroupBy::Key,
        GroupBy::KeyName,
        GroupBy::Plan,
        GroupBy::Model,
        GroupBy::Route,
        GroupBy::Tag,
        GroupBy::Scenario,
        GroupBy::Class,
        GroupBy::Preset,
        GroupBy::FinishReason,
        GroupBy::Status,
        GroupBy::Day,
        GroupBy::Hour,
    ];

    /// The word on the command line and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            GroupBy::Key => "key",
            GroupBy::KeyName => "key_name",
            GroupBy::Plan => "plan",
            GroupBy::Model => "model",
            GroupBy::Route => "route",
            GroupBy::Tag => "tag",
            GroupBy::Scenario => "scenario",
            GroupBy::Class => "class",
            GroupBy::Preset => "preset",
            GroupBy::FinishReason => "finish_reason",
            GroupBy::Status => "status",
            GroupBy::Day => "day",
            GroupBy::Hour => "hour",
        }
    }

    /// What has this name.
    pub fn from_name(name: &str) -> Option<GroupBy> {
        GroupBy::ALL.into_iter().find(|group| group.name() == name)
    }

    fn is_time(self) -> bool {
        matches!(self, GroupBy::Day | GroupBy::Hour)
    }

    fn sql(self) -> String {
        match self {
            GroupBy::Key => "key_id".to_owned(),
            GroupBy::Day => format!("time_ms / {DAY_MS}"),
            GroupBy::Hour => format!("time_ms / {HOUR_MS}"),
            other => other.name().to_owned(),
        }
    }
}

/// Usage by group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usage {
    /// The groups: by day or hour the newest first, then those with the most requests.
    pub rows: Vec<UsageRow>,
    /// Groups beyond the rows that were asked for.
    pub left_out: u64,
}

/// The usage of one group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UsageRow {
    /// What its entries have in common, in the order of what was asked for; `None` where they have
    /// none.
    pub group: Vec<Option<String>>,
    /// Requests, whatever became of them.
    pub requests: u64,
    /// Requests that were answered.
    pub done: u64,
    /// Requests that the client took back.
    pub cancelled: u64,
    /// Requests that broke on this side.
    pub failed: u64,
    /// Requests that were turned away.
    pub rejected: u64,
    /// Tokens of prompts, the cached ones among them.
    pub prompt_tokens: u64,
    /// Tokens of prompts that did not have to be computed.
    pub cached_tokens: u64,
    /// Tokens of thought.
    pub thinking_tokens: u64,
    /// Tokens of answers.
    pub answer_tokens: u64,
    /// Money, by currency, in the order of their names.
    pub costs: Vec<Cost>,
    /// Answered requests that ended at a limit (`finish_reason` is `length`).
    pub truncated: u64,
    /// Limits asked for against what was used of them.
    pub limits: LimitUse,
    /// Time to the first token.
    pub ttft_ms: Percentiles,
    /// Time per token after it.
    pub tpot_ms: Percentiles,
    /// Time from arrival to the end.
    pub total_ms: Percentiles,
}

impl UsageRow {
    /// The share of the answered requests that ended at a limit.
    pub fn truncated_share(&self) -> Option<f64> {
        (self.done > 0).then(|| self.truncated as f64 / self.done as f64)
    }
}

/// Limits asked for against what was used of them, over the answered requests that asked for one.
/// Used is per choice, thinking and answer together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LimitUse {
    /// How many there are.
    pub requests: u64,
    /// The mean limit, in tokens.
    pub asked_mean: Option<f64>,
    /// The mean of what was used of it, in tokens.
    pub used_mean: Option<f64>,
    /// What was used, all together, as a share of what was asked for.
    pub used_share: Option<f64>,
}

impl Ledger {
    /// Who used what, by `by` (all together when it is empty), in at most `rows` rows. Reads every
    /// entry that the filter lets through, and sorts their times, in bounded memory.
    ///
    /// # Errors
    /// When `rows` is not 1 to [`crate::ROWS_MAX`] or `by` has more than [`GroupBy::ALL`], or what
    /// the file says.
    pub fn usage(
        &self,
        filter: &Filter,
        by: &[GroupBy],
        rows: usize,
    ) -> Result<Usage, LedgerError> {
        let rows = rows_max("rows", rows)?;
        if by.len() > GROUPS_MAX {
            let allowed = format!("a list of at most {GROUPS_MAX}");
            return Err(LedgerError::Question { field: "by", allowed });
        }
        self.shared.pool.with(|connection| {
            // One transaction: what is recorded meanwhile is in all of the sums or in none.
            let transaction = connection.transaction()?;
            read_usage(&transaction, filter, by, rows)
        })
    }
}

/// One value that entries are put together by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Group {
    None,
    Number(i64),
    Text(Vec<u8>),
}

impl Group {
    fn of(value: ValueRef<'_>) -> Group {
        match value {
            ValueRef::Integer(number) => Group::Number(number),
            ValueRef::Text(text) => Group::Text(text.to_vec()),
            _ => Group::None,
        }
    }

    /// The `count` groups of a row, from column `start` on.
    pub(super) fn read(row: &Row<'_>, start: usize, count: usize) -> rusqlite::Result<Vec<Group>> {
        (start..start + count).map(|column| row.get_ref(column).map(Group::of)).collect()
    }

    /// Whether `groups` are those of a row, from column `start` on.
    pub(super) fn are(groups: &[Group], row: &Row<'_>, start: usize) -> bool {
        groups.iter().enumerate().all(|(index, group)| match (group, row.get_ref(start + index)) {
            (Group::None, Ok(ValueRef::Null)) => true,
            (Group::Number(number), Ok(ValueRef::Integer(other))) => *number == other,
            (Group::Text(text), Ok(ValueRef::Text(other))) => text == other,
            _ => false,
        })
    }

    fn shown(&self, by: GroupBy) -> Option<String> {
        match self {
            Group::None => None,
            Group::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
            Group::Number(number) => {
                let number = u64::try_from(*number).unwrap_or(0);
                Some(match by {
                    GroupBy::Day => utc_day(number * DAY_MS),
                    _ => utc_time(number * HOUR_MS),
                })
            }
        }
    }
}

/// The most that entries are put together by at once: everything there is.
const GROUPS_MAX: usize = GroupBy::ALL.len();

/// Of what is summed up: the limits that were asked for.
const ASKED: &str = "status = 'done' AND asked_max_tokens IS NOT NULL";

fn read_usage(
    connection: &Connection,
    filter: &Filter,
    by: &[GroupBy],
    rows: i64,
) -> rusqlite::Result<Usage> {
    let (condition, values) = filter.condition();
    let groups: String = by.iter().map(|group| format!(", {}", group.sql())).collect();
    let read = Reading { connection, by, groups: &groups, condition: &condition, values: &values };
    let mut sums = read.sums(rows)?;
    read.add_costs(&mut sums)?;
    read.add_percentiles(&mut sums)?;
    let groups_in_all = sums.first().map_or(0, |sum| sum.groups_in_all);
    let left_out = groups_in_all.saturating_sub(sums.len() as u64);
    Ok(Usage { rows: sums.into_iter().map(|sum| sum.row).collect(), left_out })
}

/// One question while it is answered.
pub(super) struct Reading<'a> {
    pub(super) connection: &'a Connection,
    pub(super) by: &'a [GroupBy],
    /// The groups as further columns.
    pub(super) groups: &'a str,
    pub(super) condition: &'a str,
    pub(super) values: &'a [Value],
}

/// A row and what its other parts are found by.
struct Sum {
    key: Vec<Group>,
    row: UsageRow,
    groups_in_all: u64,
    ttft_count: u64,
    tpot_count: u64,
    total_count: u64,
}

impl Reading<'_> {
    /// Columns `first` to those of the groups, for GROUP BY and ORDER BY.
    fn group_columns(&self, first: usize) -> Vec<String> {
        (first..first + self.by.len()).map(|column| column.to_string()).collect()
    }

    fn sums(&self, rows: i64) -> rusqlite::Result<Vec<Sum>> {
        let used = "(thinking_tokens + answer_tokens) * 1.0 / max(choices, 1)";
        const FIRST_GROUP: usize = 19;
        let columns = self.group_columns(FIRST_GROUP);
        let grouped = match columns.is_empty() {
            true => String::new(),
            false => format!("GROUP BY {}", columns.join(", ")),
        };
        let times = self.by.iter().zip(&columns).filter(|(group, _)| group.is_time());
        let mut order: Vec<String> = times.map(|(_, column)| format!("{column} DESC")).collect();
        order.push("2 DESC".to_owned());
        order.extend(columns.iter().cloned());
        let sql = format!(
            "SELECT count(*) OVER (), count(*), \
             sum(status = 'done'), sum(status = 'cancelled'), sum(status = 'failed'), \
             sum(status = 'rejected'), \
             sum(prompt_tokens), sum(cached_tokens), sum(thinking_tokens), sum(answer_tokens), \
             sum(status = 'done' AND finish_reason IS 'length'), \
             count(*) FILTER (WHERE {ASKED}), \
             avg(asked_max_tokens) FILTER (WHERE {ASKED}), avg({used}) FILTER (WHERE {ASKED}), \
             total({used}) FILTER (WHERE {ASKED}) \
             / nullif(total(asked_max_tokens) FILTER (WHERE {ASKED}), 0), \
             count(ttft_ms) FILTER (WHERE status = 'done'), \
             count(tpot_ms) FILTER (WHERE status = 'done'), \
             count(total_ms) FILTER (WHERE status = 'done'){} \
             FROM entries WHERE {} {grouped} ORDER BY {} LIMIT {rows}",
            self.groups,
            self.condition,
            order.join(", ")
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        statement
            .query_map(params_from_iter(self.values), |row| {
                let key = Group::read(row, FIRST_GROUP - 1, self.by.len())?;
                self.sum(row, key)
            })?
            .collect()
    }

    fn sum(&self, row: &Row<'_>, key: Vec<Group>) -> rusqlite::Result<Sum> {
        // A sum over nothing is NULL.
        let count = |column: usize| -> rusqlite::Result<u64> {
            let value: Option<i64> = row.get(column)?;
            Ok(u64::try_from(value.unwrap_or(0)).unwrap_or(0))
        };
        let group = key.iter().zip(self.by).map(|(value, by)| value.shown(*by)).collect();
        let limits = LimitUse {
            requests: count(11)?,
            asked_mean: row.get(12)?,
            used_mean: row.get(13)?,
            used_share: row.get(14)?,
        };
        let usage = UsageRow {
            group,
            requests: count(1)?,
            done: count(2)?,
            cancelled: count(3)?,
            failed: count(4)?,
            rejected: count(5)?,
            prompt_tokens: count(6)?,
            cached_tokens: count(7)?,
            thinking_tokens: count(8)?,
            answer_tokens: count(9)?,
            truncated: count(10)?,
            limits,
            ..UsageRow::default()
        };
        Ok(Sum {
            key,
            row: usage,
            groups_in_all: count(0)?,
            ttft_count: count(15)?,
            tpot_count: count(16)?,
            total_count: count(17)?,
        })
    }

    /// Money apart: two currencies do not add up.
    fn add_costs(&self, sums: &mut [Sum]) -> rusqlite::Result<()> {
        let places = places(sums);
        let mut columns = self.group_columns(3);
        columns.push("1".to_owned());
        let sql = format!(
            "SELECT currency, sum(cost_nano){} FROM entries WHERE {} GROUP BY {} ORDER BY 1",
            self.groups,
            self.condition,
            columns.join(", ")
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params_from_iter(self.values))?;
        while let Some(row) = rows.next()? {
            let key = Group::read(row, 2, self.by.len())?;
            if let Some(place) = places.get(&key) {
                let cost = Cost { currency: row.get(0)?, nano: row.get(1)? };
                sums[*place].row.costs.push(cost);
            }
        }
        Ok(())
    }

    fn add_percentiles(&self, sums: &mut [Sum]) -> rusqlite::Result<()> {
        let places = places(sums);
        let of = |column: &'static str, count: fn(&Sum) -> u64| {
            let counts: Vec<u64> = sums.iter().map(count).collect();
            percentiles::of_groups(self, column, &places, &counts)
        };
        let ttft_ms = of("ttft_ms", |sum| sum.ttft_count)?;
        let tpot_ms = of("tpot_ms", |sum| sum.tpot_count)?;
        let total_ms = of("total_ms", |sum| sum.total_count)?;
        for (index, sum) in sums.iter_mut().enumerate() {
            sum.row.ttft_ms = ttft_ms[index];
            sum.row.tpot_ms = tpot_ms[index];
            sum.row.total_ms = total_ms[index];
        }
        Ok(())
    }
}

/// Where each group is.
fn places(sums: &[Sum]) -> HashMap<Vec<Group>, usize> {
    sums.iter().enumerate().map(|(index, sum)| (sum.key.clone(), index)).collect()
}
