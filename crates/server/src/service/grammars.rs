//! The grammars that were compiled for a model: the latest ones are kept, since requests of an
//! application ask for the same shapes again and again.

use answers::RequestError;
use grammar::{Grammar, GrammarError, GrammarSource, GrammarVocabulary, Limits};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use text::Tokenizer;

/// Grammars that are kept. A compiled schema takes some hundred kilobytes.
const GRAMMARS_MAX: usize = 64;

/// Compiled grammars of one model.
#[derive(Default)]
pub(super) struct Grammars {
    /// Made when the first grammar is asked for.
    vocabulary: OnceLock<Arc<GrammarVocabulary>>,
    /// The one used last is the first.
    compiled: Mutex<VecDeque<(GrammarSource, Arc<Grammar>)>>,
}

impl Grammars {
    /// The grammar of a source. Others do not wait while one is compiled.
    ///
    /// # Errors
    /// When the source is refused.
    pub fn compile(
        &self,
        tokenizer: &Tokenizer,
        source: &GrammarSource,
    ) -> Result<Arc<Grammar>, RequestError> {
        if let Some(known) = self.known(source) {
            return Ok(known);
        }
        let refused =
            |error: GrammarError| RequestError::parameter(field(source), error.to_string());
        let vocabulary = match self.vocabulary.get() {
            Some(vocabulary) => vocabulary,
            None => {
                let made = GrammarVocabulary::new(tokenizer).map_err(refused)?;
                self.vocabulary.get_or_init(|| Arc::new(made))
            }
        };
        let made = Grammar::compile(vocabulary, source, &Limits::default()).map_err(refused)?;
        let made = Arc::new(made);
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        compiled.push_front((source.clone(), Arc::clone(&made)));
        compiled.truncate(GRAMMARS_MAX);
        Ok(made)
    }

    fn known(&self, source: &GrammarSource) -> Option<Arc<Grammar>> {
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        let index = compiled.iter().position(|(known, _)| known == source)?;
        let entry = compiled.remove(index)?;
        let grammar = Arc::clone(&entry.1);
        compiled.push_front(entry);
        Some(grammar)
    }
}

/// The field of a request that a source comes from.
fn field(source: &GrammarSource) -> &'static str {
    match source {
        GrammarSource::JsonObject | GrammarSource::JsonSchema(_) => "response_format",
        GrammarSource::Regex(_) => "regex",
        GrammarSource::Lark(_) => "grammar",
        GrammarSource::Choice(_) => "choice",
    }
}
