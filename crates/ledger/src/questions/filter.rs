//! Which entries are meant.

use crate::Status;
use rusqlite::types::Value;

/// Which entries are meant: those to which everything that is set applies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Arrived at this time or later.
    pub since_ms: Option<u64>,
    /// Arrived earlier than this.
    pub before_ms: Option<u64>,
    /// Came with the key of this id.
    pub key_id: Option<String>,
    /// Came with a key of this name.
    pub key_name: Option<String>,
    /// Under this plan.
    pub plan: Option<String>,
    /// Answered by this model.
    pub model: Option<String>,
    /// Asked by this path.
    pub route: Option<String>,
    /// With this label.
    pub tag: Option<String>,
    /// Of this scenario.
    pub scenario: Option<String>,
    /// Taken for this kind of request.
    pub class: Option<String>,
    /// With this length preset.
    pub preset: Option<String>,
    /// Ended with this word.
    pub finish_reason: Option<String>,
    /// Ended so.
    pub status: Option<Status>,
}

impl Filter {
    /// The condition in SQL, with a mark for every value. True when nothing is set.
    pub(super) fn condition(&self) -> (String, Vec<Value>) {
        let time = |time_ms: u64| Value::Integer(i64::try_from(time_ms).unwrap_or(i64::MAX));
        let text = |text: &String| Value::Text(text.clone());
        let parts = [
            ("time_ms >= ?", self.since_ms.map(time)),
            ("time_ms < ?", self.before_ms.map(time)),
            ("key_id = ?", self.key_id.as_ref().map(text)),
            ("key_name = ?", self.key_name.as_ref().map(text)),
            ("plan = ?", self.plan.as_ref().map(text)),
            ("model = ?", self.model.as_ref().map(text)),
            ("route = ?", self.route.as_ref().map(text)),
            ("tag = ?", self.tag.as_ref().map(text)),
            ("scenario = ?", self.scenario.as_ref().map(text)),
            ("class = ?", self.class.as_ref().map(text)),
            ("preset = ?", self.preset.as_ref().map(text)),
            ("finish_reason = ?", self.finish_reason.as_ref().map(text)),
            ("status = ?", self.status.map(|status| Value::Text(status.name().to_owned()))),
        ];
        let mut sql = "TRUE".to_owned();
        let mut values = Vec::new();
        for (part, value) in parts {
            if let Some(value) = value {
                sql.push_str(" AND ");
                sql.push_str(part);
                values.push(value);
            }
        }
        (sql, values)
    }
}
