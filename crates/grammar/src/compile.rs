//! A source becomes a grammar: once per request, before it is queued.

use crate::closing::Automaton;
use crate::error::{GrammarError, MatchError};
use crate::limits::Limits;
use crate::matcher::Matcher;
use crate::source::GrammarSource;
use crate::vocabulary::GrammarVocabulary;
use llguidance::TokenParser;
use llguidance::api::{ParserLimits, TopLevelGrammar};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, OnceLock};

/// Room for compilers that recurse: 64 levels of nesting need well under a tenth of it.
const STACK_BYTES: usize = 32 << 20;
/// Longest message of the compiler that is passed on: it can quote the whole source.
const PROBLEM_CHARS_MAX: usize = 400;

/// A compiled grammar, ready to make matchers. Shared by the requests that ask for it.
pub struct Grammar {
    source: GrammarSource,
    parser: Mutex<TokenParser>,
    automaton: Mutex<Automaton>,
    vocabulary: Arc<GrammarVocabulary>,
    limits: Limits,
    /// Fewest bytes of a whole document.
    bytes_min: usize,
    /// Fewest tokens of a whole document; found when first asked for.
    tokens_min: OnceLock<Option<usize>>,
}

impl Grammar {
    /// Compiles a source for a vocabulary.
    ///
    /// # Errors
    /// When the source is larger than its limits, not understood, not supported, or no text that
    /// the vocabulary can spell satisfies it.
    pub fn compile(
        vocabulary: &Arc<GrammarVocabulary>,
        source: &GrammarSource,
        limits: &Limits,
    ) -> Result<Grammar, GrammarError> {
        let kind = source.kind();
        let checked = source.checked(limits)?;
        let skips_repeat = !source.is_json();
        let work = || compile_parts(vocabulary, kind, checked, skips_repeat, limits);
        let (parser, automaton, bytes_min) = on_large_stack(kind, work)?;
        let grammar = Grammar {
            source: source.clone(),
            parser: Mutex::new(parser),
            automaton: Mutex::new(automaton),
            vocabulary: Arc::clone(vocabulary),
            limits: limits.clone(),
            bytes_min,
            tokens_min: OnceLock::new(),
        };
        if grammar.fits(limits.search_states_max / 4) {
            return Ok(grammar);
        }
        match grammar.tokens_min() {
            Some(_) => Ok(grammar),
            None if vocabulary.spells_every_byte => Err(GrammarError::Invalid {
                kind,
                problem: format!(
                    "its shortest text is too long: {} steps of a search do not reach its end",
                    limits.search_states_max
                ),
            }),
            None => Err(GrammarError::Unspeakable { vocab_size: vocabulary.size() }),
        }
    }

    /// The name of its source: `json_object`, `json_schema`, `regex`, `lark` or `choice`.
    pub fn kind(&self) -> &'static str {
        self.source.kind()
    }

    /// What it was compiled from.
    pub fn source(&self) -> &GrammarSource {
        &self.source
    }

    /// A matcher at the beginning of a document.
    pub fn matcher(&self) -> Matcher {
        let parser = self.parser.lock().expect("nothing panics while it is held").deep_clone();
        let automaton = self.automaton.lock().expect("nothing panics while it is held").clone();
        Matcher::new(parser, automaton, Arc::clone(&self.vocabulary), &self.limits)
    }

    /// Whether some document has at most `tokens_max` tokens. Mostly cheaper to say than how many
    /// the shortest has: no document needs more tokens than bytes where each byte has a token.
    pub fn fits(&self, tokens_max: usize) -> bool {
        let by_bytes = self.vocabulary.spells_every_byte && self.bytes_min <= tokens_max;
        by_bytes || self.document_tokens_min() <= tokens_max
    }

    /// Fewest tokens of a complete document. The first call searches.
    pub fn document_tokens_min(&self) -> usize {
        self.tokens_min().unwrap_or(usize::MAX)
    }

    fn tokens_min(&self) -> Option<usize> {
        *self.tokens_min.get_or_init(|| {
            let closing = self.matcher().closing(usize::MAX).ok()??;
            Some(closing.len())
        })
    }
}

impl std::fmt::Debug for Grammar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Grammar").field("kind", &self.kind()).finish_non_exhaustive()
    }
}

fn compile_parts(
    vocabulary: &GrammarVocabulary,
    kind: &'static str,
    checked: TopLevelGrammar,
    skips_repeat: bool,
    limits: &Limits,
) -> Result<(TokenParser, Automaton, usize), GrammarError> {
    let factory = &vocabulary.factory;
    let logger = llguidance::Logger::new(0, 0);
    let parser_limits = parser_limits(limits);
    let caps = Default::default();
    let init = llguidance::api::GrammarInit::Serialized(checked);
    let parser = factory.create_parser_from_init_ext(init, logger, caps, parser_limits);
    let mut parser = parser.map_err(|error| refusal(kind, &format!("{error:#}")))?;
    check_features(kind, &parser)?;
    parser.start_without_prompt();
    let failed = |error: MatchError| match error {
        MatchError::Failed(problem) => refusal(kind, &problem),
        other => refusal(kind, &other.to_string()),
    };
    let automaton = Automaton::new(parser.parser.grammar(), skips_repeat, limits);
    let mut automaton = automaton.map_err(failed)?;
    automaton.refuel_step();
    let start = automaton.start();
    let bytes = automaton.bytes_to_end(start, limits.search_states_max);
    automaton.check().map_err(failed)?;
    match bytes {
        Some(bytes) => Ok((parser, automaton, bytes as usize)),
        None => Err(GrammarError::Unsatisfiable {
            kind,
            problem: "its rules never come to an end, or only after a text that is too long to \
                      be found"
                .to_string(),
        }),
    }
}

fn parser_limits(limits: &Limits) -> ParserLimits {
    ParserLimits {
        initial_lexer_fuel: limits.compile_fuel,
        step_lexer_fuel: limits.step_fuel,
        step_max_items: limits.step_items_max,
        max_lexer_states: limits.lexer_states_max,
        max_grammar_size: limits.grammar_symbols_max,
        verbose_errors: false,
        ..ParserLimits::default()
    }
}

/// Features of the compiler that have no meaning here or cannot be closed within a limit.
fn check_features(kind: &'static str, parser: &TokenParser) -> Result<(), GrammarError> {
    let grammar = parser.parser.grammar();
    let spec = grammar.lexer_spec();
    let unsupported = [
        (grammar.parametric(), "parameters of rules"),
        (spec.has_stop, "`stop` and `suffix`"),
        (spec.has_max_tokens, "`max_tokens` of a rule"),
        (spec.has_temperature, "`temperature` of a rule"),
        (spec.special_token_rx.is_some(), "special tokens"),
    ];
    match unsupported.iter().find(|(used, _)| *used) {
        None => Ok(()),
        Some((_, feature)) => {
            let problem = format!("{feature} are not supported; allowed are rules and terminals");
            Err(GrammarError::Invalid { kind, problem })
        }
    }
}

/// Sorts what the compiler says, and says in our words what it says in terms of its options.
fn refusal(kind: &'static str, problem: &str) -> GrammarError {
    if problem.contains("oneOf constraints are not supported") {
        let problem = "`oneOf` is supported where its alternatives cannot overlap: by their type \
                       or by a required property with different constants; use `anyOf` otherwise"
            .to_string();
        return GrammarError::Invalid { kind, problem };
    }
    if problem.starts_with("panic") {
        let problem = "its compiler cannot read it; allowed are rules and terminals, and no \
                       special tokens (`<...>`)"
            .to_string();
        return GrammarError::Invalid { kind, problem };
    }
    // The cause of a regex error stands on its last line, below a picture of the place.
    let first = problem.lines().next().unwrap_or_default().trim_end_matches(':');
    let cause = problem.lines().rev().find_map(|line| line.strip_prefix("error: "));
    let whole = cause.map_or(first.to_string(), |cause| format!("{first}: {cause}"));
    let problem: String = whole.chars().take(PROBLEM_CHARS_MAX).collect();
    match problem.contains("nsatisfiable") {
        true => GrammarError::Unsatisfiable { kind, problem },
        false => GrammarError::Invalid { kind, problem },
    }
}

/// Runs a compiler where neither its recursion nor its panics do harm.
fn on_large_stack<T: Send>(
    kind: &'static str,
    work: impl FnOnce() -> Result<T, GrammarError> + Send,
) -> Result<T, GrammarError> {
    let failed = |problem: &str| GrammarError::Invalid { kind, problem: problem.to_string() };
    std::thread::scope(|scope| {
        let caught = || std::panic::catch_unwind(AssertUnwindSafe(work));
        let builder = std::thread::Builder::new().stack_size(STACK_BYTES);
        let thread = builder.spawn_scoped(scope, caught);
        let thread =
            thread.map_err(|error| failed(&format!("no thread to compile in: {error}")))?;
        match thread.join() {
            Ok(Ok(outcome)) => outcome,
            _ => Err(failed("the compiler could not read it")),
        }
    })
}
