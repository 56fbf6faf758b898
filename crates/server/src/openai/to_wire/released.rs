//! What belongs to tokens goes out with their text: text that is held back, since it may become a
//! stop string or is half a character, holds back what is told of its tokens.

use std::collections::VecDeque;

/// Things that belong to tokens, until the text of their token is told.
pub struct Released<T> {
    /// Where the token's text begins, in bytes of all text, and what belongs to it.
    waiting: VecDeque<(usize, T)>,
    token_bytes: usize,
    told_bytes: usize,
}

impl<T> Released<T> {
    /// Before the first token. `dropped_bytes` of the tokens' own text are not told: the blank with
    /// which some vocabularies begin every text.
    pub fn new(dropped_bytes: usize) -> Self {
        Released { waiting: VecDeque::new(), token_bytes: 0, told_bytes: dropped_bytes }
    }

    /// A token of that many bytes.
    pub fn push(&mut self, bytes: usize, thing: T) {
        self.waiting.push_back((self.token_bytes, thing));
        self.token_bytes += bytes;
    }

    /// That many bytes were told: what belongs to tokens that begin in them.
    pub fn told(&mut self, bytes: usize) -> Vec<T> {
        self.told_bytes += bytes;
        let mut out = Vec::new();
        while self.waiting.front().is_some_and(|(start, _)| *start < self.told_bytes) {
            out.extend(self.waiting.pop_front().map(|(_, thing)| thing));
        }
        out
    }

    /// The text is over. What is left belongs to it too, unless a stop string cut it off.
    pub fn finish(&mut self, was_cut: bool) -> Vec<T> {
        let rest = self.waiting.drain(..).map(|(_, thing)| thing);
        if was_cut { Vec::new() } else { rest.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_back_comes_with_its_text() {
        let mut released = Released::new(0);
        released.push(2, 'a');
        released.push(3, 'b');
        assert_eq!(released.told(0), []);
        assert_eq!(released.told(2), ['a']);
        assert_eq!(released.told(1), ['b']);
        released.push(4, 'c');
        assert_eq!(released.told(2), []);
        assert_eq!(released.finish(true), []);
        released.push(1, 'd');
        assert_eq!(released.finish(false), ['d']);
    }

    #[test]
    fn a_blank_that_is_dropped_counts() {
        let mut released = Released::new(1);
        released.push(2, 'a');
        released.push(1, 'b');
        assert_eq!(released.told(2), ['a', 'b']);
    }
}
