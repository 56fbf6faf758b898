//! The numbers of OpenAI's rate limit headers.

/// What is allowed, left, and how long until all of it is free again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// What is allowed.
    pub limit: u64,
    /// What is left.
    pub remaining: u64,
    /// Until all of it is free again, if nothing is added.
    pub reset_ms: u64,
}

/// Rates of a key; none where it has no such bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Requests per minute.
    pub requests: Option<Rate>,
    /// Tokens per minute; of a day or a month where only those are bounded.
    pub tokens: Option<Rate>,
}

impl Rates {
    /// `x-ratelimit-limit-requests` and its like.
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        const REQUESTS: [&str; 3] = [
            "x-ratelimit-limit-requests",
            "x-ratelimit-remaining-requests",
            "x-ratelimit-reset-requests",
        ];
        const TOKENS: [&str; 3] = [
            "x-ratelimit-limit-tokens",
            "x-ratelimit-remaining-tokens",
            "x-ratelimit-reset-tokens",
        ];
        let mut headers = Vec::new();
        for (names, rate) in [(REQUESTS, self.requests), (TOKENS, self.tokens)] {
            let Some(Rate { limit, remaining, reset_ms }) = rate else { continue };
            let values = [limit.to_string(), remaining.to_string(), duration(reset_ms)];
            headers.extend(names.into_iter().zip(values));
        }
        headers
    }
}

/// As that API writes durations: `0s`, `120ms`, `7.66s`, `6m0s`, `24h0m0s`.
fn duration(ms: u64) -> String {
    let (hours, minutes, rest_ms) = (ms / 3_600_000, ms / 60_000 % 60, ms % 60_000);
    let seconds = {
        let digits = format!("{}.{:03}", rest_ms / 1000, rest_ms % 1000);
        format!("{}s", digits.trim_end_matches('0').trim_end_matches('.'))
    };
    match (hours, minutes) {
        (0, 0) if (1..1000).contains(&ms) => format!("{ms}ms"),
        (0, 0) => seconds,
        (0, minutes) => format!("{minutes}m{seconds}"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_that_api_does() {
        let written = [0, 120, 1000, 7660, 360_000, 86_400_000, 3_660_500].map(duration);
        assert_eq!(written, ["0s", "120ms", "1s", "7.66s", "6m0s", "24h0m0s", "1h1m0.5s"]);
    }

    #[test]
    fn only_bounds_that_exist_have_headers() {
        assert!(Rates::default().headers().is_empty());
        let tokens = Some(Rate { limit: 9, remaining: 0, reset_ms: 61_000 });
        let headers = Rates { requests: None, tokens }.headers();
        assert_eq!(headers[2], ("x-ratelimit-reset-tokens", "1m1s".to_owned()));
        assert_eq!(headers.len(), 3);
    }
}
