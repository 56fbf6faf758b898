//! A tokenizer from `tokenizer.json`, the format of Hugging Face `tokenizers`.
//!
//! The vocabulary and the merges, which are nearly all of the file, are read straight into our own
//! lists; only the small parts (normalizer, pre-tokenizer, post-processor) go through `tokenizers`.
//! `truncation` and `padding` are not applied: lengths are the caller's business.

use std::sync::Arc;

use serde_json::Value;
use tokenizers::models::unigram::Unigram;
use tokenizers::normalizers::NormalizerWrapper;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::processors::PostProcessorWrapper;
use tokenizers::{Encoding, PostProcessor, Token};

use crate::encoder::{Encoder, WordModel};
use crate::limits::TOKENIZER_JSON_BYTES_MAX;
use crate::model_bpe::{Bpe, BpeOptions};
use crate::pieces::Pieces;
use crate::source_json_decoder::piece_rule;
use crate::source_json_format::{AddedEntry, File, Model, Tokens};
use crate::vocab::{TokenKind, Vocab, check_size};
use crate::{SpecialIds, TokenId, Tokenizer, VocabError, charsmap, limits};

impl Tokenizer {
    /// Builds a tokenizer from the bytes of `tokenizer.json` and, for the special ids, the content
    /// of `tokenizer_config.json` (`bos_token` and its like).
    pub fn from_json(
        tokenizer_json: &[u8],
        tokenizer_config: Option<&Value>,
    ) -> Result<Self, VocabError> {
        let size = tokenizer_json.len();
        check_size("the length of tokenizer.json in bytes", size, TOKENIZER_JSON_BYTES_MAX)?;
        let mut file: File = serde_json::from_slice(tokenizer_json)
            .map_err(|error| VocabError::Json(error.to_string()))?;
        let scores = file.model.vocab.take_scores();
        let vocab = vocab_of(&mut file.model.vocab, &file.added_tokens)?;
        let model = word_model(&file.model, scores, &vocab)?;
        let rule = piece_rule(file.decoder.as_ref())?;
        let normalizer = normalizer_of(file.normalizer)?;
        let pre_tokenizer = pre_tokenizer_of(file.pre_tokenizer)?;
        let (prefix, suffix) = surroundings(file.post_processor, &vocab)?;
        let added = file.added_tokens.into_iter().map(AddedEntry::into_token).collect();
        let encoder = Encoder::new(&vocab, added, normalizer, pre_tokenizer, model)?;
        let pieces = Pieces::new(&vocab, &rule, |id| encoder.is_added(id));
        let special_ids = special_ids(&vocab, tokenizer_config, &file.model);
        let pieces = Arc::new(pieces);
        Ok(Self { vocab, encoder, pieces, special_ids, prefix, suffix })
    }
}

/// Puts the model's tokens and the added ones into one list by id.
fn vocab_of(tokens: &mut Tokens, added: &[AddedEntry]) -> Result<Vocab, VocabError> {
    let own = std::mem::take(&mut tokens.entries);
    let ids = own.iter().map(|(_, id)| *id).chain(added.iter().map(|entry| entry.id));
    let length = ids.max().map_or(0, |highest| highest as usize + 1);
    check_size("the highest token id", length, limits::VOCAB_TOKENS_MAX)?;
    let mut texts = vec![String::new(); length];
    let mut kinds = vec![TokenKind::Hole; length];
    for (text, id) in own {
        let index = id as usize;
        if kinds[index] != TokenKind::Hole {
            return Err(duplicate(text, id, format!("the id of {:?}", texts[index])));
        }
        (texts[index], kinds[index]) = (text, TokenKind::Normal);
    }
    for entry in added {
        let index = entry.id as usize;
        if kinds[index] != TokenKind::Hole && texts[index] != entry.content {
            let detail = format!("the id of {:?}", texts[index]);
            return Err(duplicate(entry.content.clone(), entry.id, detail));
        }
        texts[index].clone_from(&entry.content);
        kinds[index] = if entry.special { TokenKind::Control } else { TokenKind::UserDefined };
    }
    let vocab = Vocab::new(&texts, kinds)?;
    for id in 0..length as TokenId {
        let text = vocab.text(id).expect("ids below the length have a text");
        let first = vocab.id(text).unwrap_or(id);
        if first != id && vocab.kind(id) != Some(TokenKind::Hole) {
            return Err(duplicate(text.to_owned(), id, format!("it has the id {first} too")));
        }
    }
    Ok(vocab)
}

fn duplicate(token: String, id: TokenId, detail: String) -> VocabError {
    VocabError::Duplicate { token, id, detail }
}

fn word_model(model: &Model, scores: Vec<f64>, vocab: &Vocab) -> Result<WordModel, VocabError> {
    match model.kind()? {
        "BPE" => {
            let unk = unknown_id(model, vocab)?;
            let options = BpeOptions {
                ignore_merges: model.ignore_merges,
                byte_fallback: model.byte_fallback,
                fuse_unk: model.fuse_unk,
                unk,
            };
            let merges = model.merges.as_ref().ok_or(VocabError::Missing("model.merges"))?;
            let halves = (0..merges.len()).map(|index| merges.get(index));
            Ok(WordModel::Bpe(Bpe::new(vocab, halves, options)?))
        }
        _ => {
            let pairs = matchable_texts(vocab).zip(scores).collect();
            Ok(WordModel::Unigram(Box::new(unigram(pairs, model.unk_id, model.byte_fallback)?)))
        }
    }
}

/// The texts that plain text may become, in the order of ids. Unigram would match special tokens
/// by their text; they keep an entry that never matches.
pub(crate) fn matchable_texts(vocab: &Vocab) -> impl Iterator<Item = String> {
    (0..vocab.len() as TokenId).map(|id| {
        let plain = vocab.kind(id).is_some_and(|kind| !kind.is_special());
        vocab.text(id).filter(|_| plain).unwrap_or_default().to_owned()
    })
}

/// The likeliest-segmentation model over (text, score) pairs in the order of their ids.
pub(crate) fn unigram(
    pairs: Vec<(String, f64)>,
    unk: Option<TokenId>,
    byte_fallback: bool,
) -> Result<Unigram, VocabError> {
    if let Some(id) = pairs.iter().position(|(_, score)| !score.is_finite()) {
        let reason = format!("the score of token {id} is not a finite number");
        return Err(VocabError::Invalid { what: "the list of scores", reason });
    }
    if let Some(id) = unk.filter(|id| *id as usize >= pairs.len()) {
        let (what, id, vocab_size) = ("unk_id", id.into(), pairs.len());
        return Err(VocabError::IdOutOfRange { what, id, vocab_size });
    }
    Unigram::from(pairs, unk.map(|id| id as usize), byte_fallback)
        .map_err(|error| VocabError::Invalid { what: "the model", reason: error.to_string() })
}

fn unknown_id(model: &Model, vocab: &Vocab) -> Result<Option<TokenId>, VocabError> {
    let Some(text) = &model.unk_token else { return Ok(None) };
    let id = vocab.id(text).ok_or_else(|| {
        let reason = format!("{text:?} is not in the vocabulary");
        VocabError::Invalid { what: "model.unk_token", reason }
    })?;
    Ok(Some(id))
}

fn normalizer_of(part: Option<Value>) -> Result<Option<NormalizerWrapper>, VocabError> {
    let Some(part) = part else { return Ok(None) };
    check_depth("the normalizer", &part, 0)?;
    check_charsmaps(&part)?;
    // Read from text: the charsmap's reader wants to borrow its base64.
    let parsed = serde_json::from_str(&part.to_string());
    parsed.map(Some).map_err(|error| unusable("the normalizer", &error))
}

fn pre_tokenizer_of(part: Option<Value>) -> Result<Option<PreTokenizerWrapper>, VocabError> {
    let Some(part) = part else { return Ok(None) };
    check_depth("the pre-tokenizer", &part, 0)?;
    let parsed = serde_json::from_value(part);
    parsed.map(Some).map_err(|error| unusable("the pre-tokenizer", &error))
}

/// How deep the parts of a pipeline may be nested. Their reader tries several shapes at each
/// level, so its time grows exponentially with the depth; real files use two levels.
const PART_DEPTH_MAX: usize = 8;

fn check_depth(what: &'static str, part: &Value, depth: usize) -> Result<(), VocabError> {
    if depth > PART_DEPTH_MAX {
        let reason = format!("it is nested more than {PART_DEPTH_MAX} levels deep");
        return Err(VocabError::Invalid { what, reason });
    }
    match part {
        Value::Array(items) => items.iter().try_for_each(|item| check_depth(what, item, depth + 1)),
        Value::Object(items) => {
            items.values().try_for_each(|item| check_depth(what, item, depth + 1))
        }
        _ => Ok(()),
    }
}

/// Checks every `precompiled_charsmap` inside a normalizer.
fn check_charsmaps(part: &Value) -> Result<(), VocabError> {
    match part {
        Value::Array(items) => items.iter().try_for_each(check_charsmaps),
        Value::Object(items) => items.iter().try_for_each(|(key, item)| match item {
            Value::String(text) if key == "precompiled_charsmap" => {
                charsmap::check(&charsmap::base64_bytes(text)?)
            }
            other => check_charsmaps(other),
        }),
        _ => Ok(()),
    }
}

/// Ids that stand before and after every text: what the post-processor puts around a probe.
fn surroundings(
    part: Option<Value>,
    vocab: &Vocab,
) -> Result<(Vec<TokenId>, Vec<TokenId>), VocabError> {
    const WHAT: &str = "the post-processor";
    let Some(part) = part else { return Ok((Vec::new(), Vec::new())) };
    check_depth(WHAT, &part, 0)?;
    let processor: PostProcessorWrapper =
        serde_json::from_value(part).map_err(|error| unusable(WHAT, &error))?;
    let probe = TokenId::MAX;
    let encoding = Encoding::from_tokens(vec![Token::new(probe, "x".to_owned(), (0, 1))], 0);
    let processed = processor
        .process(encoding, None, true)
        .map_err(|error| VocabError::Invalid { what: WHAT, reason: error.to_string() })?;
    let ids = processed.get_ids();
    let mut sides = ids.split(|id| *id == probe);
    let (Some(before), Some(after), None) = (sides.next(), sides.next(), sides.next()) else {
        let reason = "it does not write the text exactly once".to_owned();
        return Err(VocabError::Invalid { what: WHAT, reason });
    };
    if let Some(id) = before.iter().chain(after).find(|id| **id as usize >= vocab.len()) {
        let (id, vocab_size) = (u64::from(*id), vocab.len());
        return Err(VocabError::IdOutOfRange {
            what: "an id of the post-processor",
            id,
            vocab_size,
        });
    }
    Ok((before.to_vec(), after.to_vec()))
}

/// Roles as `tokenizer_config.json` names them: a text, or an object with `content`.
fn special_ids(vocab: &Vocab, config: Option<&Value>, model: &Model) -> SpecialIds {
    let role = |key: &str| {
        let entry = config?.get(key)?;
        let text = entry.as_str().or_else(|| entry.get("content")?.as_str())?;
        vocab.id(text)
    };
    let eos = role("eos_token");
    let model_unk = model.unk_token.as_deref().and_then(|text| vocab.id(text)).or(model.unk_id);
    SpecialIds {
        bos: role("bos_token"),
        eos,
        unk: role("unk_token").or(model_unk),
        pad: role("pad_token"),
        eot: role("eot_token"),
        ends: eos.into_iter().collect(),
    }
}

fn unusable(what: &'static str, error: &serde_json::Error) -> VocabError {
    VocabError::Invalid { what, reason: error.to_string() }
}
