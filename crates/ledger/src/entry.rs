//! The account of one request.

use crate::LedgerError;

/// The longest request id, in bytes.
pub const REQUEST_ID_BYTES_MAX: usize = 128;
/// The longest label (model, tag, rule ...), in bytes; what is longer is cut at a character.
pub const LABEL_BYTES_MAX: usize = 256;
/// The longest truncation diagnosis, in bytes; what is longer is cut at a character.
pub const DIAGNOSIS_BYTES_MAX: usize = 4096;
/// The longest kept text, in bytes; what is longer is cut at a character.
pub const TEXT_BYTES_MAX: usize = 4 << 20;
/// The last millisecond of the year 9999, the last that has a date of four digits.
pub const TIME_MS_MAX: u64 = 253_402_300_799_999;
/// The most tokens of one kind in one entry, so that sums over all entries stay exact.
pub const TOKENS_MAX: u64 = 1 << 40;
/// The most that one request may cost: a million units of its currency, for the same reason.
pub const COST_NANO_MAX: i64 = 1_000_000_000_000_000;

/// How a request ended, as far as the account is concerned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// It was answered, in full or up to a limit.
    #[default]
    Done,
    /// The client went away or took it back; what was produced until then is counted.
    Cancelled,
    /// Something broke on this side.
    Failed,
    /// It was turned away before anything was produced.
    Rejected,
}

impl Status {
    /// Every status, in the order of its number in the file.
    pub const ALL: [Status; 4] =
        [Status::Done, Status::Cancelled, Status::Failed, Status::Rejected];

    /// The word in exports and filters.
    pub fn name(self) -> &'static str {
        match self {
            Status::Done => "done",
            Status::Cancelled => "cancelled",
            Status::Failed => "failed",
            Status::Rejected => "rejected",
        }
    }

    /// The status with this word.
    pub fn from_name(name: &str) -> Option<Status> {
        Status::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// A range that was foretold: one in ten below `p10`, half below `p50`, nine in ten below `p90`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spread<T> {
    /// One in ten is below.
    pub p10: T,
    /// Half is below.
    pub p50: T,
    /// Nine in ten are below.
    pub p90: T,
}

/// What was foretold about a request before it ran.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quoted {
    /// Tokens that would be produced, thinking and answer together.
    pub tokens: Spread<u64>,
    /// Milliseconds from arrival to the end.
    pub ms: Spread<f64>,
    /// Cost in 1e-9 of the currency.
    pub cost_nano: Spread<i64>,
}

/// The account of one request. Times are in milliseconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entry {
    /// The server's own id of the request, unique: what makes recording twice count once.
    /// 1 to 128 bytes.
    pub request_id: String,
    /// When it arrived, since 1970-01-01 UTC; at most [`TIME_MS_MAX`].
    pub time_ms: u64,
    /// The model that answered, by its public id.
    pub model: String,
    /// The path of the API that was called, such as `/v1/chat/completions`.
    pub route: String,
    /// The key that it came with; `None` where no keys are needed.
    pub key_id: Option<String>,
    /// The name of that key at the time.
    pub key_name: Option<String>,
    /// The plan of that key at the time.
    pub plan: Option<String>,
    /// The client's own label.
    pub tag: Option<String>,
    /// The scenario that the client named.
    pub scenario: Option<String>,
    /// What kind of request the orchestrator took it for (chat, code, JSON ...).
    pub class: Option<String>,
    /// Whether the answer was streamed.
    pub stream: bool,
    /// How it ended.
    pub status: Status,
    /// Tokens of the prompt, the cached ones among them.
    pub prompt_tokens: u64,
    /// Tokens of the prompt that did not have to be computed.
    pub cached_tokens: u64,
    /// Tokens of thought, over all choices.
    pub thinking_tokens: u64,
    /// Tokens of the answer, over all choices.
    pub answer_tokens: u64,
    /// Answers asked for; 0 counts as 1 where tokens are held against a limit.
    pub choices: u64,
    /// The limit that the client asked for, if it did. What is beyond an `i64` is stored as that.
    pub asked_max_tokens: Option<u64>,
    /// The limit that held.
    pub effective_max_tokens: Option<u64>,
    /// Who set the limit that held (`request`, `preset`, `admin` ...).
    pub limit_set_by: Option<String>,
    /// The rule that decided it.
    pub rule: Option<String>,
    /// The length preset asked for.
    pub preset: Option<String>,
    /// From arrival to the first computed row.
    pub queue_ms: Option<f64>,
    /// From arrival to the first token (TTFT).
    pub ttft_ms: Option<f64>,
    /// Per token after the first (TPOT).
    pub tpot_ms: Option<f64>,
    /// From arrival to the end.
    pub total_ms: Option<f64>,
    /// Cost in 1e-9 of the currency; 0 to [`COST_NANO_MAX`].
    pub cost_nano: i64,
    /// The currency of `cost_nano`, such as `EUR`; empty where nothing has a price.
    pub currency: String,
    /// The API's word for why it ended (of the first choice).
    pub finish_reason: Option<String>,
    /// Exactly what ended it (of the first choice).
    pub stop_reason: Option<String>,
    /// What a cut left open, if anything.
    pub truncation: Option<String>,
    /// The seed.
    pub seed: Option<u64>,
    /// What was foretold.
    pub quoted: Option<Quoted>,
    /// What was said, as far as the caller wants it kept. It is dropped unless
    /// [`crate::Options::keep_text`] is on.
    pub text: Option<String>,
}

impl Entry {
    /// The entry as it will be stored: labels cut to their limits, times that are no numbers left
    /// out.
    ///
    /// # Errors
    /// [`LedgerError::Refused`], naming the field, where storing something else than what was said
    /// would make an account wrong.
    pub(crate) fn checked(mut self, keep_text: bool) -> Result<Entry, LedgerError> {
        self.check_numbers()?;
        for label in [&mut self.model, &mut self.route, &mut self.currency] {
            cut(label, LABEL_BYTES_MAX);
        }
        for label in [
            &mut self.key_id,
            &mut self.key_name,
            &mut self.plan,
            &mut self.tag,
            &mut self.scenario,
            &mut self.class,
            &mut self.limit_set_by,
            &mut self.rule,
            &mut self.preset,
            &mut self.finish_reason,
            &mut self.stop_reason,
        ] {
            label.iter_mut().for_each(|label| cut(label, LABEL_BYTES_MAX));
        }
        self.truncation.iter_mut().for_each(|diagnosis| cut(diagnosis, DIAGNOSIS_BYTES_MAX));
        self.text = self.text.filter(|_| keep_text);
        self.text.iter_mut().for_each(|text| cut(text, TEXT_BYTES_MAX));
        for time in [&mut self.queue_ms, &mut self.ttft_ms, &mut self.tpot_ms, &mut self.total_ms] {
            *time = time.filter(|ms| ms.is_finite());
        }
        self.quoted = self.quoted.filter(|quoted| {
            let Spread { p10, p50, p90 } = quoted.ms;
            [p10, p50, p90].iter().all(|ms| ms.is_finite())
        });
        Ok(self)
    }

    fn check_numbers(&self) -> Result<(), LedgerError> {
        let refuse = |field: &'static str, allowed: String| {
            Err(LedgerError::Refused { request_id: self.request_id.clone(), field, allowed })
        };
        if self.request_id.is_empty() || self.request_id.len() > REQUEST_ID_BYTES_MAX {
            return refuse("request_id", format!("1 to {REQUEST_ID_BYTES_MAX} bytes"));
        }
        if self.time_ms > TIME_MS_MAX {
            return refuse("time_ms", format!("0 to {TIME_MS_MAX}"));
        }
        for (field, count) in [
            ("prompt_tokens", self.prompt_tokens),
            ("cached_tokens", self.cached_tokens),
            ("thinking_tokens", self.thinking_tokens),
            ("answer_tokens", self.answer_tokens),
            ("choices", self.choices),
        ] {
            if count > TOKENS_MAX {
                return refuse(field, format!("0 to {TOKENS_MAX}"));
            }
        }
        if !(0..=COST_NANO_MAX).contains(&self.cost_nano) {
            return refuse("cost_nano", format!("0 to {COST_NANO_MAX}"));
        }
        Ok(())
    }
}

/// Cuts `text` to at most `bytes_max` bytes, between characters.
fn cut(text: &mut String, bytes_max: usize) {
    let mut end = bytes_max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        Entry { request_id: "r".to_owned(), ..Entry::default() }
    }

    #[test]
    fn long_labels_are_cut_between_characters() {
        let long = Entry {
            tag: Some("ä".repeat(LABEL_BYTES_MAX)),
            model: format!("x{}", "ä".repeat(LABEL_BYTES_MAX)),
            ..entry()
        };
        let stored = long.checked(false).expect("labels are cut, not refused");
        assert_eq!(stored.tag.map(|tag| tag.len()), Some(LABEL_BYTES_MAX));
        assert_eq!(stored.model.len(), LABEL_BYTES_MAX - 1);
    }

    #[test]
    fn text_is_kept_only_where_that_is_switched_on() {
        let with_text = || Entry { text: Some("secret".to_owned()), ..entry() };
        assert_eq!(with_text().checked(false).expect("fine").text, None);
        assert_eq!(with_text().checked(true).expect("fine").text.as_deref(), Some("secret"));
    }

    #[test]
    fn numbers_that_would_spoil_sums_are_refused_by_name() {
        let wrong = [
            (Entry { request_id: String::new(), ..entry() }, "request_id"),
            (Entry { time_ms: TIME_MS_MAX + 1, ..entry() }, "time_ms"),
            (Entry { answer_tokens: TOKENS_MAX + 1, ..entry() }, "answer_tokens"),
            (Entry { cost_nano: -1, ..entry() }, "cost_nano"),
        ];
        for (entry, name) in wrong {
            let error = entry.checked(false).expect_err("refused");
            assert!(error.to_string().contains(name), "{error}");
        }
        let nan = Entry { ttft_ms: Some(f64::NAN), total_ms: Some(1.5), ..entry() };
        let stored = nan.checked(false).expect("a time that is no number is left out");
        assert_eq!((stored.ttft_ms, stored.total_ms), (None, Some(1.5)));
    }
}
