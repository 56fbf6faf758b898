//! The fewest tokens from a state to a complete document.
//!
//! A breadth-first search: level n holds the states that n tokens reach. A token is any way
//! through the vocabulary's trie that the automaton can follow. Ways that waste more than a few
//! bytes beyond the shortest text are left out: white space, or a character that a longer token
//! brings along, can save a token; a page of text cannot.

use super::automaton::{Automaton, State};
use super::hashing::NumberMap;
use super::rows::NEVER;
use crate::error::MatchError;
use llguidance::toktrie::{TokTrie, TokenId, TrieNode};
use std::sync::Arc;

/// Bytes that one token may waste in a small vocabulary, and in a large one, where each wasted
/// byte opens thousands of tokens.
const WASTE_BYTES_MAX: (u32, u32) = (8, 1);
/// From how many tokens a vocabulary is large.
const LARGE_VOCABULARY: usize = 4096;

/// Where each state of the search came from.
type Parents = NumberMap<State, (State, TokenId)>;

impl Automaton {
    /// A shortest closing, if one has at most `tokens_max` tokens.
    ///
    /// # Errors
    /// When following the grammar costs more than its limits allow.
    pub fn closing(
        &mut self,
        trie: &TokTrie,
        from: State,
        tokens_max: usize,
        states_max: usize,
    ) -> Result<Option<Vec<TokenId>>, MatchError> {
        if self.is_accepting(from) {
            return Ok(Some(Vec::new()));
        }
        let closing = self.search(trie, from, tokens_max, states_max)?;
        if let Some(tokens) = &closing {
            // What is left of a shortest closing is a shortest one from there.
            let mut state = Some(from);
            for (done, &token) in (0..).zip(tokens) {
                let Some(at) = state else { break };
                self.closing_tokens.insert(at, tokens.len() - done);
                state = self.step_all(at, trie.token(token));
            }
        }
        Ok(closing)
    }

    /// Fewest tokens of a closing, where an earlier search has found them.
    pub fn known_closing_tokens(&self, from: State) -> Option<usize> {
        self.closing_tokens.get(&from).copied()
    }

    fn search(
        &mut self,
        trie: &TokTrie,
        from: State,
        tokens_max: usize,
        states_max: usize,
    ) -> Result<Option<Vec<TokenId>>, MatchError> {
        let mut parents = Parents::default();
        let mut level = vec![from];
        let mut looked_at = 0;
        for tokens_after in (0..tokens_max).rev() {
            let mut next_level = Vec::new();
            for state in level {
                if looked_at == states_max {
                    return Ok(None);
                }
                looked_at += 1;
                let reached = self.expand(trie, state, tokens_after, from, &mut parents);
                self.check()?;
                for state in reached {
                    if self.is_accepting(state) {
                        return Ok(Some(tokens_to(state, from, &parents)));
                    }
                    next_level.push(state);
                }
            }
            if next_level.is_empty() {
                return Ok(None);
            }
            level = next_level;
        }
        Ok(None)
    }

    /// States that one token reaches and none before did, in the order of the tokens' bytes.
    fn expand(
        &mut self,
        trie: &TokTrie,
        state: State,
        tokens_after: usize,
        from: State,
        parents: &mut Parents,
    ) -> Vec<State> {
        let (small, large) = WASTE_BYTES_MAX;
        let waste_max = if trie.vocab_size() < LARGE_VOCABULARY { small } else { large };
        let within = self.lower_bound(state).saturating_add(waste_max);
        // Tokens that are still to come cannot bring more bytes than this.
        let bytes_after_max = tokens_after.saturating_mul(trie.max_token_len());
        let mut reached = Vec::new();
        let mut open: Vec<(&TrieNode, State, u32)> = vec![(trie.root(), state, 0)];
        let mut moves: Vec<(&TrieNode, State)> = Vec::new();
        while let Some((node, at, walked)) = open.pop() {
            moves.clear();
            if self.lower_bound(at).saturating_add(walked) == within {
                // No byte is left to waste: only those that bring the end nearer.
                let descents = self.descents(at);
                let known = |&(byte, next): &(u8, State)| {
                    trie.child_at_byte(node, byte).map(|child| (child, next))
                };
                moves.extend(descents.iter().filter_map(known));
            } else {
                for child in trie.node_children(node) {
                    moves.extend(self.step(at, child.byte()).map(|next| (child, next)));
                }
            }
            let walked = walked + 1;
            for &(child, next) in &moves {
                let missing = self.lower_bound(next);
                if missing == NEVER || missing.saturating_add(walked) > within {
                    continue;
                }
                let is_new = next != from && !parents.contains_key(&next);
                if let Some(token) = child.token_id().filter(|_| is_new)
                    && missing as usize <= bytes_after_max
                {
                    parents.insert(next, (state, token));
                    reached.push(next);
                }
                open.push((child, next, walked));
            }
        }
        reached
    }

    /// The bytes after which one byte less is missing.
    fn descents(&mut self, state: State) -> Arc<[(u8, State)]> {
        if let Some(known) = self.descents.get(&state) {
            return Arc::clone(known);
        }
        let missing = self.lower_bound(state);
        let mut descents = Vec::new();
        for byte in 0..=u8::MAX {
            if let Some(next) = self.step(state, byte)
                && self.lower_bound(next) < missing
            {
                descents.push((byte, next));
            }
        }
        let descents: Arc<[(u8, State)]> = descents.into();
        self.descents.insert(state, Arc::clone(&descents));
        descents
    }
}

fn tokens_to(mut state: State, from: State, parents: &Parents) -> Vec<TokenId> {
    let mut tokens = Vec::new();
    while state != from {
        let (parent, token) = parents[&state];
        tokens.push(token);
        state = parent;
    }
    tokens.reverse();
    tokens
}
