//! Every bound of this crate, with its unit and its reason.

/// Tokens in a vocabulary, holes between ids included. The largest public vocabularies hold about
/// 260 000; a file that claims an id beyond this bound would only make us reserve memory.
pub const VOCAB_TOKENS_MAX: usize = 1 << 22;

/// Merge rules of a byte-pair vocabulary. Llama 3 has 280 147.
pub const MERGES_MAX: usize = 1 << 23;

/// Bytes of one token's text. Real vocabularies stay below 1 KiB (runs of blanks).
pub const TOKEN_BYTES_MAX: usize = 1 << 16;

/// Bytes of all tokens' texts together. The largest public vocabularies hold about 3 MB.
pub const VOCAB_BYTES_MAX: usize = 1 << 30;

/// Bytes of a `tokenizer.json`. The largest public ones are about 35 MB.
pub const TOKENIZER_JSON_BYTES_MAX: usize = 256 << 20;

/// Bytes of a text given to `encode`; a context window of a million tokens is about 5 MB. Encoding
/// takes up to about 100 bytes of memory for each byte of text, for the normalizer keeps where each
/// byte came from and a word without end is merged as a whole.
pub const ENCODE_TEXT_BYTES_MAX: usize = 16 << 20;

/// Bytes of a SentencePiece character map (`precompiled_charsmap`); T5's has 0.3 MB.
pub const CHARSMAP_BYTES_MAX: usize = 16 << 20;

/// Bytes of a chat template's source. The longest public ones are about 20 KB.
pub const TEMPLATE_BYTES_MAX: usize = 1 << 20;

/// Bytes of a rendered prompt.
pub const RENDERED_BYTES_MAX: usize = 64 << 20;

/// Instructions one rendering may execute. The heaviest conformance case needs fewer than 10 000;
/// the bound is reached within seconds even by a template made to loop for ever.
pub const TEMPLATE_FUEL_MAX: u64 = 20_000_000;

/// Nested calls (macros, loops calling themselves) of one rendering.
pub const TEMPLATE_DEPTH_MAX: usize = 200;

/// Bytes of the values one rendering makes, all together. A prompt of a million tokens is about
/// 5 MB, and a template takes each text through its hands a few times.
pub const TEMPLATE_MADE_BYTES_MAX: usize = 192 << 20;

/// Bytes of one text, or of a list with all its texts, that a template makes.
pub const TEMPLATE_VALUE_BYTES_MAX: usize = 8 << 20;

/// Bytes one rendering may read, the same ones again and again included: it ends in seconds.
pub const TEMPLATE_WORK_BYTES_MAX: usize = 4 << 30;

/// Items of one list or map a template makes, those of the lists in it included.
pub const TEMPLATE_ITEMS_MAX: usize = 1_000_000;

/// Operations in one expression. The longest expression of a public template has about 30.
pub const TEMPLATE_LINKS_MAX: usize = 300;

/// `elif` branches of a template. Public ones have about 20.
pub const TEMPLATE_ELIFS_MAX: usize = 200;
