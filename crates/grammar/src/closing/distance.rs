//! Fewest bytes from a state to a complete document.
//!
//! The grammar alone gives a lower bound that is nearly always exact: the rest of the current
//! lexeme, and the shortest text of every symbol that is still expected. It would be wrong only
//! where two neighbouring lexemes can be read as one. So the bound is proven once per state, by
//! going the way that it points out (A* search, which goes straight where the bound is exact).

use super::automaton::{Automaton, Place, State};
use super::hashing::NumberMap;
use super::rows::NEVER;
use llguidance::derivre::StateID;
use llguidance::earley::lexerspec::LexemeIdx;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

impl Automaton {
    /// Fewest bytes from here to the end of the document, if the document can be completed within
    /// `states_max` looked-at states.
    pub fn bytes_to_end(&mut self, from: State, states_max: usize) -> Option<u32> {
        if let Some(&bytes) = self.proven_bytes.get(&from) {
            return (bytes != NEVER).then_some(bytes);
        }
        let path = self.shortest_path(from, states_max);
        let Some(path) = path else {
            self.proven_bytes.insert(from, NEVER);
            return None;
        };
        let bytes = path.len() as u32 - 1;
        for (walked, &state) in (0..).zip(&path) {
            self.proven_bytes.insert(state, bytes - walked);
        }
        Some(bytes)
    }

    /// A shortest text from here to the end of the document.
    pub fn bytes_of_closing(&mut self, from: State, states_max: usize) -> Option<Vec<u8>> {
        let path = self.shortest_path(from, states_max)?;
        let steps = path.windows(2).map(|pair| {
            let mut bytes = 0..=u8::MAX;
            bytes.find(|&byte| self.step(pair[0], byte) == Some(pair[1]))
        });
        steps.collect()
    }

    /// The states of a shortest text to the end, this one and the last included.
    fn shortest_path(&mut self, from: State, states_max: usize) -> Option<Vec<State>> {
        let mut parents: NumberMap<State, (State, u32)> = NumberMap::from_iter([(from, (from, 0))]);
        let mut states = vec![from];
        // Fewest bytes in all first; among those, the longest way gone, then the newest.
        let mut open = BinaryHeap::new();
        open.push((Reverse(self.lower_bound(from)), 0u32, 0usize));
        let mut looked_at = 0;
        while let Some((Reverse(bound), walked, index)) = open.pop() {
            let state = states[index];
            if bound == NEVER || looked_at == states_max || self.check().is_err() {
                return None;
            }
            if parents[&state].1 < walked {
                continue;
            }
            looked_at += 1;
            if self.is_accepting(state) {
                return Some(path_to(state, from, &parents));
            }
            for byte in 0..=u8::MAX {
                let Some(next) = self.step(state, byte) else { continue };
                let walked = walked + 1;
                if parents.get(&next).is_some_and(|&(_, known)| known <= walked) {
                    continue;
                }
                let bound = self.lower_bound(next);
                if bound != NEVER {
                    parents.insert(next, (state, walked));
                    states.push(next);
                    open.push((Reverse(bound.saturating_add(walked)), walked, states.len() - 1));
                }
            }
        }
        None
    }

    /// Bytes that at least are missing; [`NEVER`] where no text completes the document.
    pub(super) fn lower_bound(&mut self, state: State) -> u32 {
        if let Some(&known) = self.document_bytes.get(&state) {
            return known;
        }
        let bound = if self.is_accepting(state) { 0 } else { self.bytes_by_lexeme(state) };
        self.document_bytes.insert(state, bound);
        bound
    }

    fn bytes_by_lexeme(&mut self, state: State) -> u32 {
        let possible: Vec<LexemeIdx> = self.lexer.state_desc(state.lexer).possible.iter().collect();
        let mut best = NEVER;
        for lexeme in possible {
            let after = if self.is_skip(lexeme) {
                let skipped = Place { skipped: true, ..state.place };
                // The same row without white space before it.
                let start = self.begin(skipped);
                if start == state { NEVER } else { self.lower_bound(start) }
            } else {
                let lexemes = &self.rows.get(state.place.row).lexemes;
                let found = lexemes.iter().find(|&&(expected, _)| expected == lexeme);
                found.map_or(NEVER, |&(_, after)| after)
            };
            if after < best {
                let only = self.limited_to(state.lexer, lexeme);
                best = best.min(self.lexeme_bytes_to_end(only).saturating_add(after));
            }
        }
        best
    }

    /// Fewest bytes to where the only lexeme of a lexer state matches.
    pub(super) fn lexeme_bytes_to_end(&mut self, from: StateID) -> u32 {
        let mut parents: NumberMap<StateID, StateID> = NumberMap::from_iter([(from, from)]);
        let mut open = VecDeque::from([from]);
        let mut found = None;
        while let Some(lexer) = open.pop_front() {
            let known = self.lexeme_bytes.get(&lexer).copied();
            if self.matches(lexer) || known.is_some() {
                found = Some((lexer, known.unwrap_or(0)));
                break;
            }
            for byte in 0..=u8::MAX {
                let next = self.lexer.transition(lexer, byte);
                if !next.is_dead() && !parents.contains_key(&next) {
                    parents.insert(next, lexer);
                    open.push_back(next);
                }
            }
        }
        let Some((mut lexer, mut bytes)) = found else {
            self.lexeme_bytes.insert(from, NEVER);
            return NEVER;
        };
        self.lexeme_bytes.insert(lexer, bytes);
        while lexer != from {
            lexer = parents[&lexer];
            bytes = bytes.saturating_add(1);
            self.lexeme_bytes.insert(lexer, bytes);
        }
        bytes
    }

    fn matches(&self, lexer: StateID) -> bool {
        lexer.has_lowest_match() || self.lexer.state_desc(lexer).greedy_accepting.is_some()
    }
}

fn path_to(mut state: State, from: State, parents: &NumberMap<State, (State, u32)>) -> Vec<State> {
    let mut path = vec![state];
    while state != from {
        state = parents[&state].0;
        path.push(state);
    }
    path.reverse();
    path
}
