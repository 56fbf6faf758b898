//! How a byte-level vocabulary cuts text into words before any merge: the regular expressions that
//! the names in `tokenizer.ggml.pre` stand for.
//!
//! Each entry is a list of expressions; each one splits what the one before left uncut, and both
//! the matches and what lies between them are words. The expressions are those the models were
//! trained with (their own `tokenizer.json`); the names are those GGUF converters write.

use tokenizers::SplitDelimiterBehavior::Isolated;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};

use crate::VocabError;

/// One way to cut text, under all its names.
pub(crate) struct PreTokenizer {
    names: &'static [&'static str],
    splits: &'static [&'static str],
    /// A word that is a token is taken whole, whatever the merges say.
    pub ignore_merges: bool,
    /// Whether a begin token is written when the file does not say.
    pub add_bos: bool,
}

impl PreTokenizer {
    /// Finds a pre-tokenizer by the name in the file; a file without one means `default`.
    pub(crate) fn by_name(name: Option<&str>) -> Result<&'static Self, VocabError> {
        let name = name.unwrap_or("default");
        let found = PRE_TOKENIZERS.iter().find(|known| known.names.contains(&name));
        found.ok_or_else(|| VocabError::Unsupported {
            what: "pre-tokenizer (tokenizer.ggml.pre)",
            given: name.to_owned(),
            known: known_names(),
        })
    }

    /// Builds the splitter: the expressions in order, then bytes as characters.
    pub(crate) fn build(&self) -> Result<PreTokenizerWrapper, VocabError> {
        let mut steps = Vec::with_capacity(self.splits.len() + 1);
        for pattern in self.splits {
            let pattern = SplitPattern::Regex((*pattern).to_owned());
            let split = Split::new(pattern, Isolated, false).map_err(|error| {
                VocabError::Invalid { what: "the pre-tokenizer", reason: error.to_string() }
            })?;
            steps.push(split.into());
        }
        steps.push(ByteLevel::new(false, false, false).into());
        Ok(Sequence::new(steps).into())
    }
}

/// All accepted names, sorted, separated by commas.
pub(crate) fn known_names() -> String {
    let mut names: Vec<_> = PRE_TOKENIZERS.iter().flat_map(|known| known.names).copied().collect();
    names.sort_unstable();
    names.join(", ")
}

/// GPT-2: contractions, words and numbers with one leading blank, the rest.
const GPT2: &str = concat!(
    r"'s|'t|'re|'ve|'m|'ll|'d|",
    r" ?\p{L}+|",
    r" ?\p{N}+|",
    r" ?[^\s\p{L}\p{N}]+|",
    r"\s+(?!\S)|",
    r"\s+",
);
/// Llama 3 and GPT-4: numbers in threes, line ends stay with what precedes them.
const LLAMA3: &str = concat!(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|",
    r"[^\r\n\p{L}\p{N}]?\p{L}+|",
    r"\p{N}{1,3}|",
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|",
    r"\s*[\r\n]+|",
    r"\s+(?!\S)|",
    r"\s+",
);
/// Qwen 2: as Llama 3, digits one by one.
const QWEN2: &str = concat!(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|",
    r"[^\r\n\p{L}\p{N}]?\p{L}+|",
    r"\p{N}|",
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|",
    r"\s*[\r\n]+|",
    r"\s+(?!\S)|",
    r"\s+",
);
/// Qwen 3.5: as Qwen 2, marks belong to words.
const QWEN35: &str = concat!(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|",
    r"[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|",
    r"\p{N}|",
    r" ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|",
    r"\s*[\r\n]+|",
    r"\s+(?!\S)|",
    r"\s+",
);
/// Runs of punctuation and of the ASCII symbols `$ + < = > ^ ~ |`.
const PUNCTUATION: &str = r"[\p{P}\$\+<=>\^~\|]+";
/// Falcon: the same and the back quote.
const FALCON_PUNCTUATION: &str = r"[\p{P}\$\+<=>\^~\|`]+";
/// DeepSeek: runs of Chinese characters, kana and hangul.
const DEEPSEEK_CJK: &str = "[一-龥ࠀ-一가-\u{D7FF}]+";
/// DeepSeek LLM: ASCII and full-width punctuation with one leading blank.
const DEEPSEEK_PUNCTUATION: &str = r"\s?[!-/:-~！-／：-～‘-‟　-。]+";
/// DeepSeek LLM: letters that have a case, with one leading blank.
const DEEPSEEK_LETTERS: &str = concat!(
    r"\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-Ֆ",
    r"Ⴀ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-\x{1F7D}",
    r"ᾀ-ᾴᾶ-ᾼ\x{1FBE}ῂ-ῄῆ-ῌῐ-\x{1FD3}ῖ-\x{1FDB}ῠ-Ῥῲ-ῴῶ-ῼ",
    r"ℂℇℊ-ℓℕℙ-ℝℤ\x{2126}ℨ\x{212A}-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ",
    r"𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+",
);
/// DeepSeek V3: words take one leading sign, marks belong to words.
const DEEPSEEK3: &str = concat!(
    r##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|"##,
    r"[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|",
    r" ?[\p{P}\p{S}]+[\r\n]*|",
    r"\s*[\r\n]+|",
    r"\s+(?!\S)|",
    r"\s+",
);
/// Mistral's Tekken: words end where capitals begin, digits one by one.
const TEKKEN: &str = concat!(
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|",
    r"\p{N}|",
    r" ?[^\s\p{L}\p{N}]+[\r\n/]*|",
    r"\s*[\r\n]+|",
    r"\s+(?!\S)|",
    r"\s+",
);
/// GPT-4o (`o200k`): words end where capitals begin and keep their contraction.
const GPT4O: &str = concat!(
    r"[^\r\n\p{L}\p{N}]?",
    r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*",
    r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]+",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|",
    r"[^\r\n\p{L}\p{N}]?",
    r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+",
    r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]*",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|",
    r"\p{N}{1,3}|",
    r" ?[^\s\p{L}\p{N}]+[\r\n/]*|",
    r"\s*[\r\n]+|",
    r"\s+(?!\S)|",
    r"\s+",
);
/// Kimi K2: as GPT-4o, Chinese characters apart.
const KIMI_K2: &str = concat!(
    r"[\p{Han}]+|",
    r"[^\r\n\p{L}\p{N}]?",
    r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*",
    r"[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|",
    r"[^\r\n\p{L}\p{N}]?",
    r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+",
    r"[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|",
    r"\p{N}{1,3}|",
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|",
    r"\s*[\r\n]+|",
    r"\s+(?!\S)|",
    r"\s+",
);
/// Ling and LLaDA: as Qwen 2, line ends one by one.
const BAILINGMOE: &str = concat!(
    r"'(?i:[sdmt]|ll|ve|re)|",
    r"[^\r\n\p{L}\p{N}]?\p{L}+|",
    r"\p{N}|",
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|",
    r"\s*[\r\n]|",
    r"\s+(?!\S)|",
    r"\s+",
);
/// Seed-Coder: as Qwen 2, signs do not take line ends.
const SEED_CODER: &str = concat!(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|",
    r"[^\r\n\p{L}\p{N}]?\p{L}+|",
    r"\p{N}|",
    r" ?[^\s\p{L}\p{N}\r\n]+|",
    r"\s*[\r\n]+|",
    r"\s+(?!\S)|",
    r"\s+",
);
/// BLOOM: everything up to a blank or one of the listed punctuation marks.
const BLOOM: &str = r" ?[^(\s|.,!?…。，、।۔،)]+";

const fn plain(names: &'static [&'static str], splits: &'static [&'static str]) -> PreTokenizer {
    PreTokenizer { names, splits, ignore_merges: false, add_bos: false }
}

const fn whole_words(
    names: &'static [&'static str],
    splits: &'static [&'static str],
) -> PreTokenizer {
    PreTokenizer { names, splits, ignore_merges: true, add_bos: true }
}

const PRE_TOKENIZERS: &[PreTokenizer] = &[
    plain(&["default"], &[PUNCTUATION, GPT2, r"\p{N}+", "[0-9][0-9][0-9]"]),
    plain(
        &[
            "gpt-2",
            "phi-2",
            "mpt",
            "olmo",
            "jais",
            "trillion",
            "granite-docling",
            "exaone4",
            "gigachat",
            "a.x-4.0",
            "mellum",
            "modern-bert",
            "jina-es",
            "jina-de",
            "jina-v2-es",
            "jina-v2-de",
        ],
        &[GPT2],
    ),
    whole_words(
        &["llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2"],
        &[LLAMA3],
    ),
    plain(&["dbrx", "smaug-bpe", "glm4", "chatglm-bpe"], &[LLAMA3]),
    plain(
        &[
            "qwen2",
            "stablelm2",
            "deepseek-r1-qwen",
            "megrez",
            "hunyuan",
            "solar-open",
            "grok-2",
            "kormo",
        ],
        &[QWEN2],
    ),
    plain(&["qwen35"], &[QWEN35]),
    plain(
        &["starcoder", "refact", "command-r", "smollm", "codeshell", "exaone", "minerva-7b"],
        &[r"\p{N}", GPT2],
    ),
    plain(&["falcon"], &[FALCON_PUNCTUATION, GPT2, "[0-9][0-9][0-9]"]),
    plain(
        &["deepseek-llm"],
        &["[\r\n]", DEEPSEEK_LETTERS, DEEPSEEK_PUNCTUATION, r"\s+$", DEEPSEEK_CJK, r"\p{N}+"],
    ),
    plain(&["deepseek-coder"], &["[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", DEEPSEEK_CJK, r"\p{N}"]),
    plain(
        &["deepseek-v3", "hunyuan-dense", "joyai-llm"],
        &[r"\p{N}{1,3}", "[一-龥\u{3040}-ゟ゠-ヿ]+", DEEPSEEK3],
    ),
    whole_words(&["tekken"], &[TEKKEN]),
    plain(&["gpt-4o", "llama4", "kanana2", "minimax-m2"], &[GPT4O]),
    plain(&["kimi-k2"], &[KIMI_K2]),
    plain(&["bailingmoe", "bailingmoe2", "llada-moe"], &[BAILINGMOE]),
    plain(&["seed-coder"], &[SEED_CODER]),
    plain(&["bloom", "poro-chat", "gpt3-finnish"], &[BLOOM]),
    plain(&["viking"], &[BLOOM, r"\p{N}"]),
];

#[cfg(test)]
mod tests {
    use tokenizers::{OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer as _};

    use super::*;

    fn words(name: &str, text: &str) -> Vec<String> {
        let splitter = PreTokenizer::by_name(Some(name)).unwrap().build().unwrap();
        let mut cut = PreTokenizedString::from(text);
        splitter.pre_tokenize(&mut cut).unwrap();
        let splits = cut.get_splits(OffsetReferential::Original, OffsetType::Byte);
        splits.into_iter().map(|(word, _, _)| word.replace('Ġ', "_")).collect()
    }

    #[test]
    fn every_expression_compiles_and_no_name_is_given_twice() {
        let mut seen = std::collections::HashSet::new();
        for known in PRE_TOKENIZERS {
            known.build().unwrap();
            assert!(known.names.iter().all(|name| seen.insert(*name)), "{:?}", known.names);
        }
    }

    #[test]
    fn families_cut_numbers_and_words_differently() {
        assert_eq!(words("gpt-2", "It's 12345  x"), ["It", "'s", "_12345", "_", "_x"]);
        assert_eq!(words("llama3", "IT'S 12345"), ["IT", "'S", "_", "123", "45"]);
        assert_eq!(words("qwen2", "a12 b"), ["a", "1", "2", "_b"]);
        assert_eq!(words("starcoder", "a 12"), ["a", "_", "1", "2"]);
        assert_eq!(words("deepseek-v3", "x1234"), ["x", "123", "4"]);
        assert_eq!(words("tekken", "camelCase"), ["camel", "Case"]);
        assert_eq!(words("gpt-4o", "camelCase's"), ["camel", "Case's"]);
        assert_eq!(words("falcon", "a+b 1234"), ["a", "+", "b", "_", "123", "4"]);
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let error = PreTokenizer::by_name(Some("mystery")).err().unwrap().to_string();
        assert!(error.contains("\"mystery\"") && error.contains("llama-bpe"), "{error}");
        assert!(PreTokenizer::by_name(None).is_ok());
    }
}
