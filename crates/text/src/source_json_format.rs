//! The shape of `tokenizer.json`, read without intermediate copies of the large lists.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use tokenizers::AddedToken;

use crate::limits::{MERGES_MAX, VOCAB_TOKENS_MAX};
use crate::{TokenId, VocabError};

/// The whole file; what is not listed here has no influence on ids or text.
#[derive(Deserialize)]
pub(crate) struct File {
    #[serde(default, deserialize_with = "null_is_default")]
    pub added_tokens: Vec<AddedEntry>,
    pub normalizer: Option<Value>,
    pub pre_tokenizer: Option<Value>,
    pub post_processor: Option<Value>,
    pub decoder: Option<Value>,
    pub model: Model,
}

/// One of `added_tokens`.
#[derive(Deserialize)]
pub(crate) struct AddedEntry {
    pub id: TokenId,
    pub content: String,
    #[serde(default)]
    single_word: bool,
    #[serde(default)]
    lstrip: bool,
    #[serde(default)]
    rstrip: bool,
    #[serde(default)]
    normalized: bool,
    #[serde(default)]
    pub special: bool,
}

impl AddedEntry {
    pub(crate) fn into_token(self) -> AddedToken {
        AddedToken::from(self.content, self.special)
            .single_word(self.single_word)
            .lstrip(self.lstrip)
            .rstrip(self.rstrip)
            .normalized(self.normalized)
    }
}

/// `model`, for both kinds that are supported.
#[derive(Deserialize)]
pub(crate) struct Model {
    #[serde(rename = "type")]
    kind: Option<String>,
    pub vocab: Tokens,
    pub merges: Option<Merges>,
    pub unk_token: Option<String>,
    pub unk_id: Option<TokenId>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub byte_fallback: bool,
    #[serde(default, deserialize_with = "null_is_default")]
    pub fuse_unk: bool,
    #[serde(default, deserialize_with = "null_is_default")]
    pub ignore_merges: bool,
    continuing_subword_prefix: Option<String>,
    end_of_word_suffix: Option<String>,
}

impl Model {
    /// `BPE` or `Unigram`; old files do not say and are told by their lists.
    pub(crate) fn kind(&self) -> Result<&'static str, VocabError> {
        let marks = [&self.continuing_subword_prefix, &self.end_of_word_suffix];
        if let Some(mark) = marks.into_iter().flatten().find(|mark| !mark.is_empty()) {
            return Err(VocabError::Unsupported {
                what: "marking of words in model",
                given: mark.clone(),
                known: "none (no continuing_subword_prefix, no end_of_word_suffix)".to_owned(),
            });
        }
        match (self.kind.as_deref(), self.vocab.has_scores) {
            (Some("BPE") | None, false) => Ok("BPE"),
            (Some("Unigram") | None, true) => Ok("Unigram"),
            (Some("BPE"), true) => Err(VocabError::Json("a BPE vocabulary is an object".into())),
            (Some("Unigram"), false) => {
                Err(VocabError::Json("a Unigram vocabulary is a list of pairs".into()))
            }
            (Some(other), _) => Err(VocabError::Unsupported {
                what: "model",
                given: other.to_owned(),
                known: "BPE, Unigram".to_owned(),
            }),
        }
    }
}

/// `model.vocab`: `{"text": id}`, or `[["text", score]]` in the order of ids.
pub(crate) struct Tokens {
    pub entries: Vec<(String, TokenId)>,
    scores: Vec<f64>,
    has_scores: bool,
}

impl Tokens {
    /// Hands the scores over, in the order of ids; empty for a vocabulary without.
    pub(crate) fn take_scores(&mut self) -> Vec<f64> {
        std::mem::take(&mut self.scores)
    }
}

impl<'de> Deserialize<'de> for Tokens {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TokensVisitor;

        impl<'de> Visitor<'de> for TokensVisitor {
            type Value = Tokens;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object of ids or a list of scored tokens")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tokens, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry::<String, TokenId>()? {
                    check_count(entries.len(), VOCAB_TOKENS_MAX, "tokens")?;
                    entries.push(entry);
                }
                Ok(Tokens { entries, scores: Vec::new(), has_scores: false })
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Tokens, A::Error> {
                let (mut entries, mut scores) = (Vec::new(), Vec::new());
                while let Some((text, score)) = seq.next_element::<(String, f64)>()? {
                    check_count(entries.len(), VOCAB_TOKENS_MAX, "tokens")?;
                    entries.push((text, entries.len() as TokenId));
                    scores.push(score);
                }
                Ok(Tokens { entries, scores, has_scores: true })
            }
        }

        deserializer.deserialize_any(TokensVisitor)
    }
}

/// `model.merges`: `"left right"` or `["left", "right"]`; one long text with the places to cut.
#[derive(Default)]
pub(crate) struct Merges {
    text: String,
    /// (end of the left half, end of the right half) of each rule, in bytes.
    ends: Vec<(usize, usize)>,
}

impl Merges {
    /// Number of rules.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The two halves of a rule.
    pub(crate) fn get(&self, index: usize) -> (&str, &str) {
        let start = if index == 0 { 0 } else { self.ends[index - 1].1 };
        let (middle, end) = self.ends[index];
        (&self.text[start..middle], &self.text[middle..end])
    }

    fn push(&mut self, left: &str, right: &str) {
        self.text.push_str(left);
        let middle = self.text.len();
        self.text.push_str(right);
        self.ends.push((middle, self.text.len()));
    }
}

impl<'de> Deserialize<'de> for Merges {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MergesVisitor;

        impl<'de> Visitor<'de> for MergesVisitor {
            type Value = Merges;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a list of merges")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Merges, A::Error> {
                let mut merges = Merges::default();
                while seq.next_element_seed(MergeSeed(&mut merges))?.is_some() {
                    check_count(merges.len(), MERGES_MAX, "merges")?;
                }
                Ok(merges)
            }
        }

        deserializer.deserialize_seq(MergesVisitor)
    }
}

/// Reads one rule into the list.
struct MergeSeed<'m>(&'m mut Merges);

impl<'de> serde::de::DeserializeSeed<'de> for MergeSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for MergeSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("two tokens, as a list or with one blank between")
    }

    fn visit_str<E: Error>(self, rule: &str) -> Result<(), E> {
        if rule.starts_with("#version") {
            return Ok(());
        }
        let halves = rule.split_once(' ').filter(|(_, right)| !right.contains(' '));
        let (left, right) = halves
            .ok_or_else(|| E::custom(format!("merge {rule:?} is not two tokens with one blank")))?;
        self.0.push(left, right);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let missing = || A::Error::custom("a merge has two tokens");
        let left: String = seq.next_element()?.ok_or_else(missing)?;
        let right: String = seq.next_element()?.ok_or_else(missing)?;
        if seq.next_element::<IgnoredAny>()?.is_some() {
            return Err(missing());
        }
        self.0.push(&left, &right);
        Ok(())
    }
}

fn check_count<E: Error>(count: usize, max: usize, what: &str) -> Result<(), E> {
    if count >= max {
        return Err(E::custom(format!("more than {max} {what}")));
    }
    Ok(())
}

/// Reads `null` as the default value.
fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
