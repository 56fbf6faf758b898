//! Joining neighbouring symbols, best pair first: the one loop under every pair-merging tokenizer.
//!
//! ```text
//! put every neighbouring pair that may join into a queue
//! while the queue is not empty:
//!     take the pair with the lowest rank, the leftmost among equals
//!     skip it if one of its two symbols has changed since
//!     join the two; queue the new symbol with each of its neighbours
//! ```
//!
//! Byte-pair encoding ranks a pair by its place in the list of merges, SentencePiece by the score
//! of the token it forms. A word of n symbols costs O(n log n), whatever its content.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::TokenId;

/// A piece of the text that is, or may become, one token. There are as many as characters, so its
/// places are kept in four bytes each: the longest text accepted is far shorter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Symbol {
    start: u32,
    /// `start` for a symbol that was joined into its left neighbour.
    end: u32,
    /// The token with this text, if the vocabulary has one.
    pub id: Option<TokenId>,
    previous: u32,
    next: u32,
}

impl Symbol {
    /// First byte in the text.
    pub(crate) fn start(&self) -> usize {
        self.start as usize
    }

    /// Byte after the last.
    pub(crate) fn end(&self) -> usize {
        self.end as usize
    }
}

/// No neighbour on this side.
const NONE: u32 = u32::MAX;

/// A pair that may join: rank first, then place, so that the order of the queue is the rule above.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Pair {
    rank: u32,
    left: u32,
    right: u32,
    /// End of the right symbol when the pair was queued, and start of the left one: a symbol only
    /// ever grows to the right, so the two ends tell whether the pair is still what it was.
    left_end: u32,
    right_end: u32,
    joined: TokenId,
}

/// Scratch memory, reused from word to word.
#[derive(Default)]
pub(crate) struct Merger {
    symbols: Vec<Symbol>,
    queue: BinaryHeap<Reverse<Pair>>,
}

impl Merger {
    /// Forgets the last word.
    pub(crate) fn clear(&mut self) {
        self.symbols.clear();
        self.queue.clear();
    }

    /// Appends the next symbol of the word.
    pub(crate) fn push(&mut self, start: usize, end: usize, id: Option<TokenId>) {
        let place = |at: usize| u32::try_from(at).expect("texts are shorter than 4 GiB");
        let (index, start, end) = (place(self.symbols.len()), place(start), place(end));
        let previous = if index == 0 { NONE } else { index - 1 };
        if let Some(last) = self.symbols.last_mut() {
            last.next = index;
        }
        self.symbols.push(Symbol { start, end, id, previous, next: NONE });
    }

    /// Joins symbols until no pair may join. `rank` gives, for two neighbours, the rank of their
    /// pair (lower joins first) and the id of the token they form.
    pub(crate) fn join_all(&mut self, rank: impl Fn(&Symbol, &Symbol) -> Option<(u32, TokenId)>) {
        for right in 1..self.symbols.len() as u32 {
            self.enqueue(right - 1, right, &rank);
        }
        while let Some(Reverse(pair)) = self.queue.pop() {
            let (left, right) =
                (self.symbols[pair.left as usize], self.symbols[pair.right as usize]);
            let stale = left.start == left.end
                || right.start == right.end
                || left.end != pair.left_end
                || right.end != pair.right_end;
            if stale {
                continue;
            }
            self.symbols[pair.left as usize].end = right.end;
            self.symbols[pair.left as usize].id = Some(pair.joined);
            self.symbols[pair.left as usize].next = right.next;
            self.symbols[pair.right as usize].end = right.start;
            if right.next != NONE {
                self.symbols[right.next as usize].previous = pair.left;
                self.enqueue(pair.left, right.next, &rank);
            }
            if left.previous != NONE {
                self.enqueue(left.previous, pair.left, &rank);
            }
        }
    }

    /// The symbols that are left, in order.
    pub(crate) fn joined(&self) -> impl Iterator<Item = &Symbol> {
        self.symbols.iter().filter(|symbol| symbol.start != symbol.end)
    }

    fn enqueue(
        &mut self,
        left: u32,
        right: u32,
        rank: &impl Fn(&Symbol, &Symbol) -> Option<(u32, TokenId)>,
    ) {
        let (a, b) = (&self.symbols[left as usize], &self.symbols[right as usize]);
        if let Some((rank, joined)) = rank(a, b) {
            let (left_end, right_end) = (a.end, b.end);
            self.queue.push(Reverse(Pair { rank, left, right, left_end, right_end, joined }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(word: &str, rules: &[(&str, u32)]) -> Vec<String> {
        let mut merger = Merger::default();
        for (start, character) in word.char_indices() {
            merger.push(start, start + character.len_utf8(), None);
        }
        merger.join_all(|left, right| {
            let text = &word[left.start()..right.end()];
            rules.iter().find(|(rule, _)| *rule == text).map(|(_, rank)| (*rank, 0))
        });
        merger.joined().map(|symbol| word[symbol.start()..symbol.end()].to_owned()).collect()
    }

    #[test]
    fn the_lowest_rank_joins_first_and_the_leftmost_among_equals() {
        assert_eq!(join("abc", &[("ab", 1), ("bc", 0)]), ["a", "bc"]);
        assert_eq!(join("aaa", &[("aa", 0)]), ["aa", "a"]);
        assert_eq!(join("aaaa", &[("aa", 0), ("aaaa", 1)]), ["aaaa"]);
        assert_eq!(join("abcd", &[("cd", 0), ("ab", 1), ("abcd", 2)]), ["abcd"]);
        assert_eq!(join("", &[]), Vec::<String>::new());
    }
}
