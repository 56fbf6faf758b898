//! Texts inside parameters, turned into token ids once per request.
//!
//! `logit_bias` and others may hold texts. What a text is in tokens only a vocabulary can tell, so
//! whoever has one calls [`SamplingParams::resolve_texts`] before a pipeline is built. What was
//! asked stays as it was; the ids stand beside it.

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

    /// Number of ids: the highest and one.
    fn size(&self) -> usize;
}

/// The ids that stand for the texts of a request.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct ResolvedTexts {
    /// `logit_bias`: every token of a text gets the text's bias.
    pub biases: Vec<(TokenId, f64)>,
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
        self.texts = Some(Arc::new(texts));
        Ok(())
    }

    /// The first parameter whose texts are not looked up yet. A caller without a vocabulary refuses
    /// such a request: a pipeline built from it would leave those texts out.
    pub fn unresolved_text(&self) -> Option<&'static str> {
        if self.texts.is_some() {
            return None;
        }
        (!self.logit_bias.texts.is_empty()).then_some("logit_bias")
    }
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
