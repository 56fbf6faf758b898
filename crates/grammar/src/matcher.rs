//! One document on its way: what may come next, and how it can be closed.

use crate::closing::{Automaton, State};
use crate::error::MatchError;
use crate::limits::Limits;
use crate::vocabulary::GrammarVocabulary;
use llguidance::TokenParser;
use sampling::mask::TokenMask;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use text::TokenId;

/// Follows one document token by token.
pub struct Matcher {
    parser: TokenParser,
    automaton: Automaton,
    state: State,
    /// The rest of the closing that was found last, while it is followed.
    closing: Option<Vec<TokenId>>,
    vocabulary: Arc<GrammarVocabulary>,
    search_states_max: usize,
}

impl Matcher {
    pub(crate) fn new(
        parser: TokenParser,
        automaton: Automaton,
        vocabulary: Arc<GrammarVocabulary>,
        limits: &Limits,
    ) -> Self {
        let state = automaton.start();
        let search_states_max = limits.search_states_max;
        Matcher { parser, automaton, state, closing: None, vocabulary, search_states_max }
    }

    /// Writes the tokens that may come next into `mask`: none when nothing can follow. Tokens that
    /// end a text are never among them; whether one may stand here, [`Matcher::is_accepting`] says.
    ///
    /// # Errors
    /// When this step costs more than its limits allow.
    pub fn mask(&mut self, mask: &mut TokenMask) -> Result<(), MatchError> {
        mask.clear();
        if self.parser.stopped() {
            return Ok(());
        }
        let allowed = guarded(|| self.parser.compute_mask().map_err(|error| error.to_string()));
        match allowed {
            Ok(allowed) => mask.copy_words(allowed.as_slice()),
            Err(_) if self.parser.stop_reason().is_ok() => {}
            Err(problem) => return Err(MatchError::Failed(problem)),
        }
        Ok(())
    }

    /// Makes a token part of the document. Tokens that end a text are not to be given.
    ///
    /// # Errors
    /// When the token does not fit; the matcher is then of no further use.
    pub fn accept(&mut self, token: TokenId) -> Result<(), MatchError> {
        let not_allowed = MatchError::NotAllowed { token };
        if token as usize >= self.vocabulary.size() || self.parser.stopped() {
            return Err(not_allowed);
        }
        let state = self.state_after(token)?.ok_or(not_allowed)?;
        let consumed = guarded(|| {
            self.parser.consume_token(token).map_err(|error| error.to_string())?;
            self.parser.check_stop().map_err(|error| error.to_string())
        });
        consumed.map_err(MatchError::Failed)?;
        self.state = state;
        // What is left of a shortest closing is a shortest one.
        let closing = self.closing.take().filter(|closing| closing.first() == Some(&token));
        self.closing = closing.map(|closing| closing[1..].to_vec());
        Ok(())
    }

    /// Whether the document is complete as it stands.
    pub fn is_accepting(&mut self) -> bool {
        guarded(|| Ok(self.parser.is_accepting())).unwrap_or(false)
    }

    /// Whether the document is complete and nothing may follow.
    pub fn is_finished(&mut self) -> bool {
        self.parser.stopped() && self.is_accepting()
    }

    /// A shortest way to a complete document, if it has at most `tokens_max` tokens: empty when the
    /// document is complete.
    ///
    /// # Errors
    /// When the search costs more than its limits allow.
    pub fn closing(&mut self, tokens_max: usize) -> Result<Option<Vec<TokenId>>, MatchError> {
        if self.closing.is_none() {
            self.closing = self.closing_from(self.state, tokens_max)?;
        }
        Ok(self.closing.clone().filter(|closing| closing.len() <= tokens_max))
    }

    /// Whether the document could still be closed with at most `tokens_max` further tokens once
    /// `token` stands here.
    ///
    /// Costs next to nothing while `tokens_max` is at least the bytes of the shortest closing: each
    /// byte has a token of its own (where it has not, the search is always made).
    ///
    /// # Errors
    /// When following the grammar costs more than its limits allow.
    pub fn closes_after(&mut self, token: TokenId, tokens_max: usize) -> Result<bool, MatchError> {
        let Some(state) = self.state_after(token)? else { return Ok(false) };
        if self.vocabulary.spells_every_byte {
            let bytes = self.automaton.bytes_to_end(state, self.search_states_max);
            self.automaton.check()?;
            if bytes.is_some_and(|bytes| bytes as usize <= tokens_max) {
                return Ok(true);
            }
        }
        match self.automaton.known_closing_tokens(state) {
            Some(needed) => Ok(needed <= tokens_max),
            None => Ok(self.closing_from(state, tokens_max)?.is_some()),
        }
    }

    fn closing_from(
        &mut self,
        state: State,
        tokens_max: usize,
    ) -> Result<Option<Vec<TokenId>>, MatchError> {
        self.automaton.refuel_step();
        let trie = self.vocabulary.trie();
        let closing = self.automaton.closing(trie, state, tokens_max, self.search_states_max)?;
        if closing.is_some() || !self.vocabulary.spells_every_byte {
            return Ok(closing);
        }
        // A search that was given up: byte after byte always leads to the end.
        let bytes = self.automaton.bytes_of_closing(state, self.search_states_max);
        self.automaton.check()?;
        let bytes = bytes.filter(|bytes| bytes.len() <= tokens_max);
        let spell = |bytes: Vec<u8>| {
            bytes.iter().map(|&byte| trie.token_id_at_bytes(&[byte])).collect::<Option<Vec<_>>>()
        };
        Ok(bytes.and_then(spell))
    }

    fn state_after(&mut self, token: TokenId) -> Result<Option<State>, MatchError> {
        self.automaton.refuel_step();
        let bytes = self.vocabulary.trie().token(token);
        let state = match bytes {
            [] => None,
            bytes => self.automaton.step_all(self.state, bytes),
        };
        self.automaton.check()?;
        Ok(state)
    }
}

impl std::fmt::Debug for Matcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Matcher").field("state", &self.state).finish_non_exhaustive()
    }
}

/// Turns a panic of the parser into an error.
fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    match std::panic::catch_unwind(AssertUnwindSafe(work)) {
        Ok(outcome) => outcome,
        Err(_) => Err("the parser failed".to_string()),
    }
}
