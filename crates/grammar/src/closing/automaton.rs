//! A grammar followed byte by byte: a row of open constructs, and a place inside a lexeme.
//!
//! A lexeme ends where no allowed lexeme can go on with the next byte (the longest match, as the
//! parser that makes the masks has it); a lazy one, and one that can only end, ends at once.

use super::hashing::NumberMap;
use super::rows::{RowId, Rows, Rules};
use crate::error::MatchError;
use crate::limits::Limits;
use llguidance::api::ParserLimits;
use llguidance::derivre::StateID;
use llguidance::earley::CGrammar;
use llguidance::earley::lexerspec::LexemeIdx;
use llguidance::earley::regexvec::{LexemeSet, RegexVec};
use std::sync::Arc;

/// Where a text stands. Equal states have equal futures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(super) place: Place,
    /// How far the current lexeme is.
    pub(super) lexer: StateID,
}

/// A row, and whether the white space that may follow it was already skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub row: RowId,
    pub skipped: bool,
}

/// The automaton with all states met so far. Each matcher has its own.
#[derive(Clone)]
pub(crate) struct Automaton {
    pub(super) rows: Rows,
    pub(super) lexer: RegexVec,
    lexeme_count: usize,
    /// Lexemes that are skipped between others.
    skips: Vec<LexemeIdx>,
    /// Whether a skip may follow a skip.
    skips_repeat: bool,
    /// Where documents begin.
    start: State,
    /// The lexer state in which a place begins.
    starts: NumberMap<Place, StateID>,
    /// What follows a place when its lexeme ends in a lexer state.
    followers: NumberMap<(Place, StateID), Option<Place>>,
    /// Fewest bytes to the end of a lexeme, by lexer states that hold that lexeme only.
    pub(super) lexeme_bytes: NumberMap<StateID, u32>,
    /// Fewest bytes to the end of the document by state, as the grammar alone tells them.
    pub(super) document_bytes: NumberMap<State, u32>,
    /// The same, found by following the bytes.
    pub(super) proven_bytes: NumberMap<State, u32>,
    /// Fewest tokens to the end of the document, where a search has found them.
    pub(super) closing_tokens: NumberMap<State, usize>,
    /// The bytes that bring a state nearer to the end, with what they lead to.
    pub(super) descents: NumberMap<State, Arc<[(u8, State)]>>,
    limits: Limits,
}

impl Automaton {
    /// Reads a compiled grammar.
    ///
    /// # Errors
    /// When its regexes cost more than the limits allow.
    pub fn new(
        grammar: &CGrammar,
        skips_repeat: bool,
        limits: &Limits,
    ) -> Result<Self, MatchError> {
        let spec = grammar.lexer_spec();
        let mut parser_limits =
            ParserLimits { initial_lexer_fuel: limits.compile_fuel, ..ParserLimits::default() };
        let lexer = spec.to_regex_vec(&mut parser_limits);
        let lexer = lexer.map_err(|error| MatchError::Failed(error.to_string()))?;
        let first = Place { row: 0, skipped: true };
        let mut automaton = Automaton {
            rows: Rows::new(Arc::new(Rules::empty())),
            lexer,
            lexeme_count: spec.lexemes.len(),
            skips: spec.skip_by_class.clone(),
            skips_repeat,
            start: State { place: first, lexer: StateID::DEAD },
            starts: NumberMap::default(),
            followers: NumberMap::default(),
            lexeme_bytes: NumberMap::default(),
            document_bytes: NumberMap::default(),
            proven_bytes: NumberMap::default(),
            closing_tokens: NumberMap::default(),
            descents: NumberMap::default(),
            limits: limits.clone(),
        };
        automaton.refuel(limits.compile_fuel);
        let rules = Rules::new(grammar, |lexeme| automaton.lexeme_bytes_min(lexeme));
        if rules.nests {
            let problem = "grammars inside of a grammar (`%json`, `@name`) are not supported";
            return Err(MatchError::Failed(problem.to_string()));
        }
        automaton.rows = Rows::new(Arc::new(rules));
        automaton.start = automaton.begin(first);
        automaton.check()?;
        Ok(automaton)
    }

    /// Where documents begin.
    pub fn start(&self) -> State {
        self.start
    }

    /// Lets the next calls spend up to the limit of a step.
    pub fn refuel_step(&mut self) {
        self.refuel(self.limits.step_fuel);
    }

    fn refuel(&mut self, fuel: u64) {
        self.lexer.set_fuel(fuel);
        self.lexer.set_max_states(self.limits.lexer_states_max);
    }

    /// Whether everything so far was within the limits; once it was not, nothing is to be trusted.
    pub fn check(&self) -> Result<(), MatchError> {
        if let Some(problem) = self.lexer.get_error() {
            return Err(MatchError::Failed(problem));
        }
        let rows_max = self.limits.lexer_states_max;
        match self.rows.len() > rows_max {
            true => Err(MatchError::Failed(format!("more than {rows_max} parser states"))),
            false => Ok(()),
        }
    }

    /// The state after one more byte; none if the byte cannot stand here.
    pub fn step(&mut self, state: State, byte: u8) -> Option<State> {
        let next = self.lexer.transition(state.lexer, byte);
        if !next.is_dead() {
            return self.settle(state.place, next);
        }
        let place = self.follower(state.place, state.lexer)?;
        let first = self.begin(place).lexer;
        let next = self.lexer.transition(first, byte);
        if next.is_dead() { None } else { self.settle(place, next) }
    }

    /// The state after a text.
    pub fn step_all(&mut self, state: State, bytes: &[u8]) -> Option<State> {
        bytes.iter().try_fold(state, |state, &byte| self.step(state, byte))
    }

    /// Whether the document is complete here.
    pub fn is_accepting(&mut self, state: State) -> bool {
        if self.rows.get(state.place.row).accepting && state == self.begin(state.place) {
            return true;
        }
        let follower = self.follower(state.place, state.lexer);
        follower.is_some_and(|place| self.rows.get(place.row).accepting)
    }

    /// A lexeme that must end here is ended.
    fn settle(&mut self, place: Place, lexer: StateID) -> Option<State> {
        if !lexer.has_lowest_match() {
            return Some(State { place, lexer });
        }
        let place = self.follower(place, lexer)?;
        Some(self.begin(place))
    }

    /// The place after the lexemes that match in `lexer`.
    fn follower(&mut self, place: Place, lexer: StateID) -> Option<Place> {
        if let Some(&known) = self.followers.get(&(place, lexer)) {
            return known;
        }
        let description = self.lexer.state_desc(lexer);
        let lexemes = match lexer.has_lowest_match() {
            true => description.lazy_accepting.as_slice(),
            false => description.greedy_accepting.as_slice(),
        };
        let follower = if lexemes.is_empty() {
            None
        } else if lexemes.iter().any(|lexeme| self.skips.contains(lexeme)) {
            Some(Place { skipped: !self.skips_repeat, ..place })
        } else {
            let lexemes = lexemes.to_vec();
            self.rows.scan(place.row, &lexemes).map(|row| Place { row, skipped: false })
        };
        self.followers.insert((place, lexer), follower);
        follower
    }

    /// The state at the beginning of a place.
    pub(super) fn begin(&mut self, place: Place) -> State {
        if let Some(&lexer) = self.starts.get(&place) {
            return State { place, lexer };
        }
        let mut allowed = LexemeSet::new(self.lexeme_count);
        let row = self.rows.get(place.row);
        for &(lexeme, _) in &row.lexemes {
            allowed.add(lexeme);
        }
        // White space goes between parts, never after the last.
        if !place.skipped && !row.lexemes.is_empty() {
            self.skips.iter().for_each(|&skip| allowed.add(skip));
        }
        let lexer = self.lexer.initial_state(&allowed);
        self.starts.insert(place, lexer);
        State { place, lexer }
    }

    /// Whether the lexeme is skipped between others.
    pub(super) fn is_skip(&self, lexeme: LexemeIdx) -> bool {
        self.skips.contains(&lexeme)
    }

    /// The lexer state with everything but one lexeme left out.
    pub(super) fn limited_to(&mut self, lexer: StateID, lexeme: LexemeIdx) -> StateID {
        let mut only = LexemeSet::new(self.lexeme_count);
        only.add(lexeme);
        self.lexer.limit_state_to(lexer, &only)
    }

    fn lexeme_bytes_min(&mut self, lexeme: LexemeIdx) -> u32 {
        let mut only = LexemeSet::new(self.lexeme_count);
        only.add(lexeme);
        let lexer = self.lexer.initial_state(&only);
        self.lexeme_bytes_to_end(lexer)
    }
}
