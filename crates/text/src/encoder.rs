//! Text to ids: cut out the added tokens, normalize the rest, cut it into words, encode each word.
//!
//! The first three steps are Hugging Face `tokenizers`, so that a `tokenizer.json` means here what
//! it means there; the words are encoded by our own pair merging, or its Unigram model.

use std::ops::Range;

use ahash::AHashMap;
use tokenizers::models::bpe::BpeTrainer;
use tokenizers::models::unigram::Unigram;
use tokenizers::normalizers::NormalizerWrapper;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::{
    AddedToken, AddedVocabulary, Model, OffsetReferential, OffsetType, PreTokenizer, Token,
};

use crate::merge::Merger;
use crate::model_bpe::Bpe;
use crate::model_spm::Spm;
use crate::vocab::Vocab;
use crate::{EncodeError, TokenId, VocabError};

/// The rules by which words become ids.
pub(crate) enum WordModel {
    /// Merges in order.
    Bpe(Bpe),
    /// Merges by score.
    Spm(Spm),
    /// The likeliest segmentation.
    Unigram(Box<Unigram>),
}

/// Everything between a text and its ids, but begin and end tokens.
pub(crate) struct Encoder {
    /// Finds all added tokens.
    added: AddedVocabulary,
    /// Finds the added tokens that plain text may become; special ones stay text.
    added_plain: AddedVocabulary,
    normalizer: Option<NormalizerWrapper>,
    pre_tokenizer: Option<PreTokenizerWrapper>,
    model: WordModel,
}

impl Encoder {
    /// `added` lists the tokens that are matched whole, before anything else looks at the text;
    /// each must be in the vocabulary.
    pub(crate) fn new(
        vocab: &Vocab,
        added: Vec<AddedToken>,
        normalizer: Option<NormalizerWrapper>,
        pre_tokenizer: Option<PreTokenizerWrapper>,
        model: WordModel,
    ) -> Result<Self, VocabError> {
        let mut all = AddedVocabulary::new();
        all.add_tokens(added, &IdsOf(vocab), normalizer.as_ref()).map_err(|error| {
            VocabError::Invalid { what: "the list of added tokens", reason: error.to_string() }
        })?;
        let mut added_plain = all.clone();
        added_plain.set_encode_special_tokens(true);
        Ok(Self { added: all, added_plain, normalizer, pre_tokenizer, model })
    }

    /// Appends the ids of a text.
    pub(crate) fn encode(
        &self,
        vocab: &Vocab,
        text: &str,
        parse_special: bool,
        out: &mut Vec<TokenId>,
    ) -> Result<(), EncodeError> {
        let failed = |error: tokenizers::Error| EncodeError::NotExpressible(error.to_string());
        let added = if parse_special { &self.added } else { &self.added_plain };
        let mut cut = added.extract_and_normalize(self.normalizer.as_ref(), text);
        if let Some(pre_tokenizer) = &self.pre_tokenizer {
            pre_tokenizer.pre_tokenize(&mut cut).map_err(failed)?;
        }
        let mut merger = Merger::default();
        // Where in `out` the ids of each word seen so far begin and end: words repeat.
        let mut seen: AHashMap<&str, (usize, usize)> = AHashMap::new();
        for (word, _, tokens) in cut.get_splits(OffsetReferential::Normalized, OffsetType::None) {
            if let Some(tokens) = tokens {
                out.extend(tokens.iter().map(|token| token.id));
                continue;
            }
            if let Some((start, end)) = seen.get(word) {
                out.extend_from_within(*start..*end);
                continue;
            }
            let start = out.len();
            match &self.model {
                WordModel::Bpe(bpe) => bpe.encode_word(vocab, word, &mut merger, out),
                WordModel::Spm(spm) => spm.encode_text(vocab, word, &mut merger, out),
                WordModel::Unigram(unigram) => {
                    let tokens = unigram.tokenize(word).map_err(failed)?;
                    out.extend(tokens.iter().map(|token| token.id));
                }
            }
            seen.insert(word, (start, out.len()));
        }
        Ok(())
    }

    /// Where in a text stand the tokens that `parse_special` finds and plain text may not become:
    /// byte ranges, in order.
    pub(crate) fn special_ranges(&self, text: &str) -> Vec<Range<usize>> {
        let decoder = self.added.get_added_tokens_decoder();
        let is_special = |token: &Token| decoder.get(&token.id).is_some_and(|added| added.special);
        let cut = self.added.extract_and_normalize(self.normalizer.as_ref(), text);
        let splits = cut.get_splits(OffsetReferential::Original, OffsetType::Byte);
        let specials = splits.into_iter().filter(|(_, _, tokens)| {
            tokens.as_ref().is_some_and(|tokens| tokens.iter().any(is_special))
        });
        specials.map(|(_, (start, end), _)| start..end).collect()
    }

    /// Whether a token is matched whole wherever it appears.
    pub(crate) fn is_added(&self, id: TokenId) -> bool {
        self.added.get_added_tokens_decoder().contains_key(&id)
    }
}

/// The vocabulary in the shape in which `tokenizers` asks for ids. It only ever asks for ids.
struct IdsOf<'v>(&'v Vocab);

impl Model for IdsOf<'_> {
    type Trainer = BpeTrainer;

    fn token_to_id(&self, token: &str) -> Option<u32> {
        self.0.id(token)
    }

    fn get_vocab_size(&self) -> usize {
        self.0.len()
    }

    fn id_to_token(&self, id: u32) -> Option<String> {
        self.0.text(id).map(str::to_owned)
    }

    fn tokenize(&self, _: &str) -> tokenizers::Result<Vec<Token>> {
        Ok(Vec::new())
    }

    fn get_vocab(&self) -> std::collections::HashMap<String, u32> {
        std::collections::HashMap::new()
    }

    fn save(
        &self,
        _: &std::path::Path,
        _: Option<&str>,
    ) -> tokenizers::Result<Vec<std::path::PathBuf>> {
        Err("this view of a vocabulary has nothing to save".into())
    }

    fn get_trainer(&self) -> BpeTrainer {
        BpeTrainer::default()
    }
}
