//! Which limit would have been enough.
//!
//! `at_least` counts what is sure to be missing. `max_tokens` adds what parts of the same kind took
//! so far in this text, and a quarter of the whole as margin; it is an estimate from one text, and
//! for thinking, which follows no pattern, twice what was given.

use super::blocks::Blocks;
use super::{Context, Open, prose};

/// Limits to try next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// No limit below this can be enough: the tokens so far, and those of the exact closing or, if
    /// there is none, one.
    pub at_least: usize,
    /// The limit to try, rounded up to two digits.
    pub max_tokens: usize,
}

/// Bytes of a token where nothing is known.
const TOKEN_BYTES_ASSUMED: usize = 4;

pub(super) fn suggest(
    text: &str,
    open: &[Open],
    closing: Option<&str>,
    blocks: &Blocks,
    context: &Context,
) -> Suggestion {
    let used = match context.completion_tokens {
        0 => text.len().div_ceil(TOKEN_BYTES_ASSUMED),
        tokens => tokens,
    };
    let tokens_of = |bytes: usize| {
        // Both are far below 2^53 in anything that fits into memory.
        (bytes as f64 * used as f64 / text.len().max(1) as f64).ceil() as usize
    };
    let closing_tokens = closing.map_or(0, |closing| match context.count_tokens {
        Some(count) => count(closing),
        None => tokens_of(closing.len()),
    });
    let at_least = used.saturating_add(closing_tokens.max(1));
    let wanted = match open.first() {
        Some(Open::Thinking) => used.saturating_mul(2),
        _ => {
            let missing = tokens_of(missing_bytes(open, blocks));
            let sum = at_least.saturating_add(missing);
            sum.saturating_add(sum / 4)
        }
    };
    Suggestion { at_least, max_tokens: two_digits_up(wanted.max(at_least)) }
}

/// Bytes of content that are missing, from the length of like parts before.
fn missing_bytes(open: &[Open], blocks: &Blocks) -> usize {
    let rest_of = |mean: usize, so_far: usize| match mean > so_far {
        true => mean - so_far,
        // Longer than its like already: half as much again as its like.
        false => mean / 2,
    };
    let sum = open.iter().map(|part| match part {
        Open::Json { .. } => blocks.json.as_ref().map_or(0, |json| {
            let (count, end) = json.members();
            end.checked_div(count).map_or(0, |mean| rest_of(mean, json.byte_count() - end))
        }),
        Open::CodeFence { .. } => {
            let (count, bytes) = blocks.closed_fences;
            bytes.checked_div(count).unwrap_or(0)
        }
        Open::List { items, announced } => blocks
            .list
            .as_ref()
            .and_then(|list| list.item_bytes_mean())
            .map_or(0, |mean| mean.saturating_mul(announced - items)),
        Open::ListItem { .. } => blocks
            .list
            .as_ref()
            .and_then(|list| list.item_bytes_mean())
            .map_or(0, |mean| rest_of(mean, blocks.paragraph.len())),
        Open::Sentence => {
            let (count, end) = prose::sentences(blocks.paragraph);
            end.checked_div(count).map_or(0, |mean| rest_of(mean, blocks.paragraph.len() - end))
        }
        _ => 0,
    });
    sum.fold(0, usize::saturating_add)
}

/// The next number with at most two digits before its zeros.
fn two_digits_up(number: usize) -> usize {
    let mut unit = 1;
    while number / unit > 99 {
        unit *= 10;
    }
    number.checked_next_multiple_of(unit).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_rounded_to_what_one_would_type() {
        for (number, rounded) in
            [(1, 1), (99, 99), (100, 100), (101, 110), (317, 320), (12_345, 13_000)]
        {
            assert_eq!(two_digits_up(number), rounded);
        }
        assert!(two_digits_up(usize::MAX) == usize::MAX);
    }
}
