//! What an entry of the table of parameters is made of.

use super::table::PARAMS;
use super::{ParamValue, SamplingParams};
use crate::TokenId;

/// One parameter.
#[derive(Clone, Copy)]
pub struct ParamSpec {
    /// Its name.
    pub name: &'static str,
    /// Names that other programs give it; accepted everywhere.
    pub aliases: &'static [&'static str],
    /// Type and range, and where its value goes.
    pub kind: Kind,
    /// The narrower range that OpenAI's API allows, where it does.
    pub openai_range: Option<(f64, f64)>,
    /// The value at which it changes nothing, as text; empty where there is none.
    pub neutral: &'static str,
    /// The value used when a request does not set it, as text; empty where there is none.
    pub default: &'static str,
    /// What it does, in a sentence.
    pub help: &'static str,
    /// Where its definition comes from.
    pub source: &'static str,
    pub(super) get: fn(&SamplingParams) -> Option<ParamValue>,
}

/// Type and range of a parameter.
///
/// Ranges include their ends, unless they say "above" or "below".
#[derive(Clone, Copy)]
pub enum Kind {
    /// A number from `min` to `max`.
    Float {
        /// Smallest value.
        min: f64,
        /// Whether `min` itself is excluded.
        above_min: bool,
        /// Largest value.
        max: f64,
        /// Whether `max` itself is excluded.
        below_max: bool,
        /// Stores the checked value.
        #[doc(hidden)]
        set: fn(&mut SamplingParams, f64),
    },
    /// A whole number from `min` to `max`.
    Integer {
        /// Smallest value.
        min: i128,
        /// Largest value.
        max: i128,
        /// Stores the checked value.
        #[doc(hidden)]
        set: fn(&mut SamplingParams, i128),
    },
    /// A whole number from `min` to `max`, or a list of distinct ones: one run for all of them.
    Limits {
        /// Smallest value.
        min: i128,
        /// Largest value.
        max: i128,
        /// Most entries of a list.
        count_max: usize,
        /// Stores the checked values; the flag says whether they came as a list.
        #[doc(hidden)]
        set: fn(&mut SamplingParams, Vec<usize>, bool),
    },
    /// true or false.
    Bool {
        /// Stores the value.
        #[doc(hidden)]
        set: fn(&mut SamplingParams, bool),
    },
    /// A text or a list of texts.
    Texts {
        /// Most entries.
        count_max: usize,
        /// Longest entry, in bytes.
        bytes_max: usize,
        /// Stores the checked values.
        #[doc(hidden)]
        set: fn(&mut SamplingParams, Vec<String>),
    },
    /// A token id or a list of token ids.
    TokenIds {
        /// Most entries.
        count_max: usize,
        /// Stores the checked values.
        #[doc(hidden)]
        set: fn(&mut SamplingParams, Vec<TokenId>),
    },
    /// Several lists of token ids, none of them empty.
    TokenLists {
        /// Most lists.
        count_max: usize,
        /// Most ids of a list.
        tokens_max: usize,
        /// Stores the checked values.
        #[doc(hidden)]
        set: fn(&mut SamplingParams, Vec<Vec<TokenId>>),
    },
    /// A number of tokens and a factor, above 0.
    CountAndFactor {
        /// Largest factor.
        factor_max: f64,
        /// Stores the checked values.
        #[doc(hidden)]
        set: fn(&mut SamplingParams, (usize, f64)),
    },
    /// A map from token id or text to a number from `min` to `max`; "-inf" and false are bans.
    TokenMap {
        /// Most entries.
        count_max: usize,
        /// Most bytes of a text.
        bytes_max: usize,
        /// Smallest finite value.
        min: f64,
        /// Largest value.
        max: f64,
        /// Stores the checked values.
        #[doc(hidden)]
        set: fn(&mut SamplingParams, TokenBiases),
    },
    /// One of some names.
    Choice {
        /// The names.
        names: &'static [&'static str],
        /// Stores the checked name.
        #[doc(hidden)]
        set: fn(&mut SamplingParams, &'static str),
    },
    /// A list of stage names, each at most once.
    Stages {
        /// Stores the checked names.
        #[doc(hidden)]
        set: fn(&mut SamplingParams, Vec<&'static str>),
    },
}

/// What is added to the logits of tokens: a finite number, or -inf for a ban.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TokenBiases {
    /// By id, ascending and distinct.
    pub ids: Vec<(TokenId, f64)>,
    /// By text, distinct, in the order given.
    pub texts: Vec<(String, f64)>,
}

impl ParamSpec {
    /// An entry without neutral value, default and help, for the others to be filled in.
    pub(super) const fn named(name: &'static str, aliases: &'static [&'static str]) -> Self {
        Self {
            name,
            aliases,
            kind: Kind::Bool { set: |_, _| {} },
            openai_range: None,
            neutral: "",
            default: "",
            help: "",
            source: "",
            get: |_| None,
        }
    }

    /// The entry with this name or alias.
    pub fn find(name: &str) -> Option<&'static Self> {
        PARAMS.iter().find(|spec| spec.names().any(|known| known == name))
    }

    /// The name and the aliases.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }
}

impl TokenBiases {
    pub(super) fn value(&self) -> Option<ParamValue> {
        let ids = self.ids.iter().map(|&(id, bias)| (id.to_string(), ParamValue::Float(bias)));
        let texts = self.texts.iter().map(|(text, bias)| (text.clone(), ParamValue::Float(*bias)));
        let entries: Vec<_> = ids.chain(texts).collect();
        (!entries.is_empty()).then_some(ParamValue::Map(entries))
    }
}
