//! Texts inside parameters, turned into token ids once per request.
//!
//! `logit_bias` and others may hold texts. What a text is in tokens only a vocabulary can tell, so
//! whoever has one calls [`SamplingParams::resolve_texts`] before a pipeline is built. What was
//! asked stays as it was; the ids stand beside it.

use super::breakers::DryBreakers;
use super::{ParamError, SamplingParams};
use crate::TokenId;
use std::sync::Arc;

/// What parameters need to know of a tokenizer.
pub trait Vocabulary {
    /// The tokens of a text as it stands inside of an output: nothing is put before or after it,
    /// and the text of a special token is only text. Empty where it has no tokens.
    fn encode(&self, text: &str) -> Vec<TokenId>;

    /// The bytes that a token adds to a text (for a special token, its text); none if it has none.
    fn piece(&self, id: TokenId) -> &[u8];

    /// Blanks that a text loses at its beginning when tokens are decoded.
    fn leading_blanks_dropped(&self) -> usize {
        0
    }

    /// Number of ids: the highest and one.
    fn size(&self) -> usize;
}

/// The ids that stand for the texts of a request.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct ResolvedTexts {
    /// `logit_bias`: every token of a text gets the text's bias.
    pub biases: Vec<(TokenId, f64)>,
    /// `bad_words`: the sequences that spell them.
    pub bad_words: Vec<Vec<TokenId>>,
    /// `dry_sequence_breakers`.
    pub dry_breakers: DryBreakers,
}

impl SamplingParams {
    /// Looks up the texts that parameters hold; call it once, before building a pipeline.
    ///
    /// # Errors
    /// A text that is no token of this vocabulary.
    pub fn resolve_texts(&mut self, vocabulary: &dyn Vocabulary) -> Result<(), ParamError> {
        if self.unresolved_text().is_none() {
            return Ok(());
        }
        let mut texts = ResolvedTexts::default();
        for (text, bias) in &self.logit_bias.texts {
            let ids = encode("logit_bias", text, vocabulary)?;
            texts.biases.extend(ids.into_iter().map(|id| (id, *bias)));
        }
        for word in &self.stages.bad_words {
            texts.bad_words.extend(bad_word(word, vocabulary)?);
        }
        if self.stages.dry.multiplier > 0.0 {
            let breakers = &self.stages.dry.sequence_breakers;
            texts.dry_breakers = DryBreakers::from_texts(breakers, vocabulary);
        }
        self.texts = Some(Arc::new(texts));
        Ok(())
    }

    /// The first parameter whose texts are not looked up yet. A caller without a vocabulary refuses
    /// such a request: a pipeline built from it would leave those texts out.
    pub fn unresolved_text(&self) -> Option<&'static str> {
        if self.texts.is_some() {
            return None;
        }
        let stages = &self.stages;
        let dry = stages.dry.multiplier > 0.0 && !stages.dry.sequence_breakers.is_empty();
        let unresolved = [
            ("logit_bias", !self.logit_bias.texts.is_empty()),
            ("bad_words", !stages.bad_words.is_empty()),
            ("dry_sequence_breakers", dry),
        ];
        unresolved.iter().find(|(_, holds_texts)| *holds_texts).map(|&(name, _)| name)
    }

    /// The sequences of tokens that spell the bad words.
    pub(crate) fn bad_word_tokens(&self) -> &[Vec<TokenId>] {
        self.texts.as_deref().map_or(&[], |texts| &texts.bad_words)
    }

    /// The tokens of DRY's breakers.
    pub(crate) fn dry_breakers(&self) -> DryBreakers {
        self.texts.as_deref().map(|texts| texts.dry_breakers.clone()).unwrap_or_default()
    }
}

/// How a word is spelled at the beginning of a text and, where that is as many tokens of which the
/// first is another one, after a blank: vLLM's rule.
fn bad_word(word: &str, vocabulary: &dyn Vocabulary) -> Result<Vec<Vec<TokenId>>, ParamError> {
    let word = word.trim_start();
    let plain = encode("bad_words", word, vocabulary)?;
    let spaced = encode("bad_words", &format!(" {word}"), vocabulary)?;
    let differs = spaced[0] != plain[0] && spaced.len() == plain.len();
    Ok(if differs { vec![plain, spaced] } else { vec![plain] })
}

/// The tokens of `text`, of which there must be some.
fn encode(
    param: &str,
    text: &str,
    vocabulary: &dyn Vocabulary,
) -> Result<Vec<TokenId>, ParamError> {
    let ids = vocabulary.encode(text);
    if ids.is_empty() {
        return Err(ParamError {
            param: param.to_owned(),
            message: format!(
                "`{param}` must hold texts that the model has tokens for; {text:?} has none"
            ),
        });
    }
    Ok(ids)
}
