//! A tokenizer from GGUF metadata, given as plain data.

use std::sync::Arc;

use tokenizers::AddedToken;
use tokenizers::models::unigram::Unigram;
use tokenizers::normalizers::{NormalizerWrapper, Precompiled, Prepend, Replace, Sequence, Strip};
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::metaspace::{Metaspace, PrependScheme};

use crate::encoder::{Encoder, WordModel};
use crate::model_bpe::{Bpe, BpeOptions};
use crate::model_spm::Spm;
use crate::pieces::{PieceRule, Pieces};
use crate::pre_tokenizers::PreTokenizer;
use crate::source_json::{matchable_texts, unigram};
use crate::vocab::{TokenKind, Vocab};
use crate::{SpecialIds, TokenId, Tokenizer, VocabError, charsmap};

/// The blank of SentencePiece vocabularies.
const BLANK: &str = "▁";

/// The values under `tokenizer.ggml.*`, named as there. Absent values stay at their default.
///
/// `S` is a text: `String`, or `&str` to read straight from a file in memory, which spares a large
/// vocabulary half a million allocations.
#[derive(Debug, Clone, Default)]
pub struct VocabSource<S = String> {
    /// `model`: `gpt2` (byte-level pairs), `llama` (SentencePiece pairs), `t5` (Unigram).
    pub model: String,
    /// `pre`: how text is cut into words; only `gpt2` vocabularies have a choice.
    pub pre: Option<String>,
    /// `tokens`, in the order of their ids.
    pub tokens: Vec<S>,
    /// `token_type`: 1 normal, 2 unknown, 3 control, 4 user defined, 5 unused, 6 byte. Empty: all
    /// normal.
    pub token_types: Vec<i32>,
    /// `scores`, for `llama` and `t5`.
    pub scores: Vec<f32>,
    /// `merges`, for `gpt2`: two tokens with one blank between, the most important first.
    pub merges: Vec<S>,
    /// `bos_token_id`.
    pub bos_id: Option<TokenId>,
    /// `eos_token_id`.
    pub eos_id: Option<TokenId>,
    /// `unknown_token_id`.
    pub unk_id: Option<TokenId>,
    /// `padding_token_id`.
    pub pad_id: Option<TokenId>,
    /// `eot_token_id`.
    pub eot_id: Option<TokenId>,
    /// `eom_token_id`: end of a message that waits for a tool.
    pub eom_id: Option<TokenId>,
    /// `add_bos_token`.
    pub add_bos: Option<bool>,
    /// `add_eos_token`.
    pub add_eos: Option<bool>,
    /// `add_space_prefix`: whether a blank is written before the text.
    pub add_space_prefix: Option<bool>,
    /// `remove_extra_whitespaces`: whether runs of blanks become one.
    pub remove_extra_whitespaces: Option<bool>,
    /// `precompiled_charsmap`: SentencePiece's normalization table, for `t5`.
    pub precompiled_charsmap: Vec<u8>,
}

/// Texts of control tokens that end a turn in the public model families. A file names one end
/// token, or two; models trained for chat end with others as well.
const END_TEXTS: &[&str] = &[
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<end_of_turn>",
    "<|EOT|>",
    "<|end_of_turn|>",
    "<|END_OF_TURN_TOKEN|>",
    "<｜end▁of▁sentence｜>",
    "</s>",
    "<|endofturn|>",
];

/// What the kind of vocabulary decides.
struct Rules {
    normalizer: Option<NormalizerWrapper>,
    pre_tokenizer: Option<PreTokenizerWrapper>,
    model: WordModel,
    pieces: PieceRule,
    add_bos: bool,
    add_eos: bool,
}

impl Tokenizer {
    /// Builds a tokenizer from GGUF metadata.
    ///
    /// Where a text occurs twice in the list, encoding uses the lower id.
    pub fn from_vocab<S: AsRef<str>>(source: VocabSource<S>) -> Result<Self, VocabError> {
        let kinds = token_kinds(&source)?;
        let added = added_tokens(&source.tokens, &kinds);
        let vocab = Vocab::new(&source.tokens, kinds)?;
        let special_ids = special_ids(&source, &vocab)?;
        let rules = match source.model.as_str() {
            "gpt2" => byte_level_rules(&source, &vocab)?,
            "llama" => sentencepiece_rules(&source, &vocab)?,
            "t5" => unigram_rules(&source, &vocab)?,
            other => {
                return Err(VocabError::Unsupported {
                    what: "vocabulary (tokenizer.ggml.model)",
                    given: other.to_owned(),
                    known: "gpt2, llama, t5".to_owned(),
                });
            }
        };
        let added_id = |wanted: bool, id: Option<TokenId>| id.filter(|_| wanted);
        let prefix = added_id(source.add_bos.unwrap_or(rules.add_bos), special_ids.bos);
        let suffix = added_id(source.add_eos.unwrap_or(rules.add_eos), special_ids.eos);
        let (normalizer, pre_tokenizer) = (rules.normalizer, rules.pre_tokenizer);
        let encoder = Encoder::new(&vocab, added, normalizer, pre_tokenizer, rules.model)?;
        let pieces = Pieces::new(&vocab, &rules.pieces, |_| false);
        Ok(Self {
            vocab,
            encoder,
            pieces: Arc::new(pieces),
            special_ids,
            prefix: prefix.into_iter().collect(),
            suffix: suffix.into_iter().collect(),
        })
    }
}

fn token_kinds<S>(source: &VocabSource<S>) -> Result<Vec<TokenKind>, VocabError> {
    let tokens = source.tokens.len();
    if source.token_types.is_empty() {
        return Ok(vec![TokenKind::Normal; tokens]);
    }
    if source.token_types.len() != tokens {
        let (what, given) = ("the list of token types", source.token_types.len());
        return Err(VocabError::LengthMismatch { what, given, tokens });
    }
    let kind = |number: &i32| match number {
        2 => TokenKind::Unknown,
        3 => TokenKind::Control,
        4 => TokenKind::UserDefined,
        5 => TokenKind::Unused,
        6 => TokenKind::Byte,
        _ => TokenKind::Normal,
    };
    Ok(source.token_types.iter().map(kind).collect())
}

/// Tokens that are matched whole before the text is cut.
fn added_tokens<S: AsRef<str>>(tokens: &[S], kinds: &[TokenKind]) -> Vec<AddedToken> {
    let matched = |kind: TokenKind| kind.is_special() || kind == TokenKind::UserDefined;
    let texts = tokens.iter().map(AsRef::as_ref);
    let both = texts.zip(kinds).filter(|(text, kind)| matched(**kind) && !text.is_empty());
    both.map(|(text, kind)| AddedToken::from(text, kind.is_special()).normalized(false)).collect()
}

fn special_ids<S>(source: &VocabSource<S>, vocab: &Vocab) -> Result<SpecialIds, VocabError> {
    let inside = |what: &'static str, id: Option<TokenId>| match id {
        Some(id) if id as usize >= vocab.len() => {
            Err(VocabError::IdOutOfRange { what, id: id.into(), vocab_size: vocab.len() })
        }
        id => Ok(id),
    };
    let bos = inside("bos_token_id", source.bos_id)?;
    let eos = inside("eos_token_id", source.eos_id)?;
    let unk = inside("unknown_token_id", source.unk_id)?;
    let pad = inside("padding_token_id", source.pad_id)?;
    let eot = inside("eot_token_id", source.eot_id)?;
    let eom = inside("eom_token_id", source.eom_id)?;
    let mut ends: Vec<TokenId> = [eos, eot, eom].into_iter().flatten().collect();
    let known = END_TEXTS.iter().filter_map(|text| vocab.id(text));
    ends.extend(known.filter(|id| vocab.kind(*id) == Some(TokenKind::Control)));
    if has_channels(vocab) {
        // In harmony `<|end|>` ends one message of several; `<|return|>` and `<|call|>` the turn.
        let message_end = vocab.id("<|end|>");
        ends.retain(|&id| Some(id) != message_end || eos == message_end);
    }
    ends.sort_unstable();
    ends.dedup();
    Ok(SpecialIds { bos, eos, unk, pad, eot, ends })
}

/// Whether answers are made of several messages, each with a header that names its channel.
fn has_channels(vocab: &Vocab) -> bool {
    ["<|channel|>", "<|message|>", "<|return|>"].iter().all(|text| vocab.id(text).is_some())
}

fn byte_level_rules<S: AsRef<str>>(
    source: &VocabSource<S>,
    vocab: &Vocab,
) -> Result<Rules, VocabError> {
    let pre = PreTokenizer::by_name(source.pre.as_deref())?;
    let merges = || source.merges.iter().map(AsRef::as_ref);
    if let Some(index) = merges().position(|merge| !merge.contains(' ')) {
        let merge = source.merges[index].as_ref().to_owned();
        let reason = "two tokens with one blank between are expected".to_owned();
        return Err(VocabError::BadMerge { index, merge, reason });
    }
    let halves = merges().map(|merge| merge.split_once(' ').unwrap_or((merge, "")));
    let options = BpeOptions { ignore_merges: pre.ignore_merges, ..Default::default() };
    Ok(Rules {
        normalizer: None,
        pre_tokenizer: Some(pre.build()?),
        model: WordModel::Bpe(Bpe::new(vocab, halves, options)?),
        pieces: PieceRule { byte_alphabet: true, ..Default::default() },
        add_bos: pre.add_bos,
        add_eos: false,
    })
}

fn sentencepiece_rules<S>(source: &VocabSource<S>, vocab: &Vocab) -> Result<Rules, VocabError> {
    let space_prefix = source.add_space_prefix.unwrap_or(true);
    let mut steps: Vec<NormalizerWrapper> = Vec::new();
    if source.remove_extra_whitespaces == Some(true) {
        steps.push(single_blanks()?);
    }
    if space_prefix {
        steps.push(Prepend::new(BLANK.to_owned()).into());
    }
    steps.push(replace_blanks()?);
    Ok(Rules {
        normalizer: Some(Sequence::new(steps).into()),
        pre_tokenizer: None,
        model: WordModel::Spm(Spm::new(vocab, &source.scores, source.unk_id)?),
        pieces: blank_pieces(space_prefix),
        add_bos: true,
        add_eos: false,
    })
}

fn unigram_rules<S>(source: &VocabSource<S>, vocab: &Vocab) -> Result<Rules, VocabError> {
    let space_prefix = source.add_space_prefix.unwrap_or(true);
    let mut steps: Vec<NormalizerWrapper> = Vec::new();
    if !source.precompiled_charsmap.is_empty() {
        charsmap::check(&source.precompiled_charsmap)?;
        let table = Precompiled::from(&source.precompiled_charsmap);
        steps.push(table.map_err(|error| invalid_charsmap(&error))?.into());
    }
    if source.remove_extra_whitespaces.unwrap_or(true) {
        steps.push(Strip::new(true, true).into());
        steps.push(single_blanks()?);
    }
    let scheme = if space_prefix { PrependScheme::Always } else { PrependScheme::Never };
    Ok(Rules {
        normalizer: Some(Sequence::new(steps).into()),
        pre_tokenizer: Some(Metaspace::new('▁', scheme, true).into()),
        model: WordModel::Unigram(Box::new(unigram_model(source, vocab)?)),
        pieces: blank_pieces(space_prefix),
        add_bos: false,
        add_eos: true,
    })
}

fn unigram_model<S>(source: &VocabSource<S>, vocab: &Vocab) -> Result<Unigram, VocabError> {
    let what = "the list of scores";
    if source.scores.len() != vocab.len() {
        let (given, tokens) = (source.scores.len(), vocab.len());
        return Err(VocabError::LengthMismatch { what, given, tokens });
    }
    let scores = source.scores.iter().map(|score| f64::from(*score));
    let pairs = matchable_texts(vocab).zip(scores).collect();
    unigram(pairs, source.unk_id, false)
}

/// Pieces whose blanks are `▁` and whose bytes are `<0x0A>`.
fn blank_pieces(space_prefix: bool) -> PieceRule {
    PieceRule {
        byte_tokens: true,
        replacements: vec![(BLANK.to_owned(), " ".to_owned())],
        leading_blanks_dropped: usize::from(space_prefix),
        ..Default::default()
    }
}

fn replace_blanks() -> Result<NormalizerWrapper, VocabError> {
    let replace = Replace::new(" ", BLANK).map_err(|error| invalid_pattern(&error))?;
    Ok(replace.into())
}

fn single_blanks() -> Result<NormalizerWrapper, VocabError> {
    let runs = tokenizers::normalizers::replace::ReplacePattern::Regex(" {2,}".to_owned());
    Ok(Replace::new(runs, " ").map_err(|error| invalid_pattern(&error))?.into())
}

fn invalid_pattern(error: &tokenizers::Error) -> VocabError {
    VocabError::Invalid { what: "the normalizer", reason: error.to_string() }
}

fn invalid_charsmap(error: &dyn std::error::Error) -> VocabError {
    VocabError::Invalid { what: "precompiled_charsmap", reason: error.to_string() }
}
