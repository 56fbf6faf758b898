//! Every bound of this room, with its unit and its reason, and the configuration of an engine.

use crate::rejection::ConfigError;
use model::{KvShape, TokenId};

/// Positions per block of key-value memory. Small blocks share more of a prompt and waste less at
/// its end; large ones make shorter block tables. 16 wastes 7.5 positions per sequence on average.
pub const KV_BLOCK_TOKENS: usize = 16;

/// Largest block, in positions: beyond this a short prompt shares nothing.
pub const KV_BLOCK_TOKENS_MAX: usize = 1024;

/// Most blocks of a pool. Each costs about 100 bytes of accounts whether used or not.
pub const KV_BLOCKS_MAX: usize = 1 << 24;

/// Rows computed in a step, at most. More rows use the processor better, and make everyone's next
/// token wait longer: a step is the unit in which sequences wait for each other, and in which
/// newcomers, cancels and deadlines are seen. A prompt of 1,024 tokens costs 5.8 s of a core in
/// steps of 64 rows, and 5.2 to 5.6 s in steps of 128, 256 or 512 (0.6 billion 8-bit weights).
pub const STEP_TOKENS_MAX: usize = 256;

/// Rows of prompts in a step in which others decode, at most. With a model of 0.6 billion 8-bit
/// weights and 7 who decode, 64 rows make a step 4.2 times as long and compute prompts at 94 % of
/// full speed; 32 rows 2.5 times and 75 %, 128 rows 7.8 times and 100 %: below 64 a prompt pays for
/// the reading of the weights, above it others wait for nothing.
pub const PREFILL_TOKENS_BESIDE_DECODE: usize = 64;

/// What a prompt token that is computed counts in the service that an owner gets.
pub const PROMPT_TOKEN_WEIGHT: u64 = 1;

/// What a generated token counts beside a prompt token. Tokens of a prompt are computed together,
/// generated ones one per step: twice the price is what Sheng et al. take, and what sellers ask is
/// two to five times.
pub const OUTPUT_TOKEN_WEIGHT: u64 = 2;

/// How much more service an owner may have got, in weighted tokens, than another whose request
/// waits for the rows of that owner's own long prompt: some long prompts.
pub const OWNER_LEAD_MAX: u64 = 16_384;

/// Owners without requests whose service is remembered. Each is some 100 bytes; who is forgotten
/// begins again like a new one.
pub const OWNERS_REMEMBERED_MAX: usize = 1024;

/// Sequences that run at once. Each needs a row in every step. With 0.6 billion 8-bit weights a
/// step costs some 38 ms of a core and 3 ms per row: 32 rows give 72 % of all that a machine can
/// compute, 64 rows 83 %, 128 rows 91 %, while each answer slows down in proportion.
pub const SEQUENCES_MAX: usize = 64;

/// Requests that wait. Each holds its prompt in memory; who would wait behind more than these is
/// better told at once.
pub const QUEUE_REQUESTS_MAX: usize = 1024;

/// Prompt rows per step whose logits are wanted. Each keeps a row as long as the vocabulary in
/// memory: 0.6 MB for 150 000 tokens.
pub const SCORED_ROWS_MAX: usize = 32;

/// Longest draft, in tokens: beyond it even text that copies its prompt gains little, since each
/// token computed costs its share of a step.
pub const DRAFT_TOKENS_MAX: usize = 16;

/// Drafted tokens per step, over all sequences. Each keeps a row of logits in memory, and where
/// that many rows are computed together, more of them are no longer free.
pub const DRAFT_ROWS_MAX: usize = 64;

/// Alternatives reported with each prompt token: as many as `top_logprobs` allows for new ones.
pub const PROMPT_LOGPROBS_MAX: usize = 20;

/// Candidates that each list of a trace names at most. A trace of a dozen stages with 64 each is
/// about 40 kB per token.
pub const TRACE_CANDIDATES_MAX: usize = 64;

/// Bytes that a server lets the events of one request hold: an answer of 6,000 tokens with the
/// longest traces, or of a million without.
pub const REQUEST_EVENT_BYTES_MAX: usize = 256 << 20;

/// Hypotheses that the tree of a beam search lists, over all steps: about 3 MB. Later steps are
/// left out of it.
pub const BEAM_TREE_ENTRIES_MAX: usize = 65_536;

/// Events that may wait for a reader when the caller has no better idea. A reader that falls a
/// thousand tokens behind has gone away in all but name.
pub const STREAM_EVENTS_MAX: usize = 1024;

/// Most tokens before its bound in which a thought is ended at a natural place. A sentence or a
/// line is shorter.
pub const SOFT_CLOSE_TOKENS_MAX: usize = 256;

/// Tokens of a tool call within a thought after which the thought may be ended all the same: a
/// model that only mentions the beginning of a call must not think for ever.
pub const TOOL_CALL_TOKENS_MAX: usize = 1024;

/// Tokens after which a message's header is taken for text. Real ones have about ten.
pub const HEADER_TOKENS_MAX: usize = 64;

const _: () = assert!(KV_BLOCK_TOKENS.is_power_of_two());
const _: () = assert!(KV_BLOCK_TOKENS <= KV_BLOCK_TOKENS_MAX);
const _: () = assert!(KV_BLOCKS_MAX < u32::MAX as usize, "block ids have 32 bits");
const _: () = assert!(SEQUENCES_MAX <= STEP_TOKENS_MAX, "every running sequence gets a row");
const _: () = assert!(SCORED_ROWS_MAX > 0, "a scored prompt must advance");

/// What an engine may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineConfig {
    /// Positions per block of key-value memory: a power of two up to [`KV_BLOCK_TOKENS_MAX`].
    pub kv_block_tokens: usize,
    /// Blocks in the pool, up to [`KV_BLOCKS_MAX`]. Their memory is taken when they are first used.
    /// All sequences together never hold more; one alone must fit.
    pub kv_blocks_max: usize,
    /// Rows per step, at least `sequences_max`.
    pub step_tokens_max: usize,
    /// Rows of prompts, and of texts that are computed again, in a step in which others decode, at
    /// least 1: how much a long prompt stretches the others' steps. Each such sequence gets a row
    /// in any case.
    pub prefill_tokens_beside_decode: usize,
    /// Sequences that run at once, at least 1.
    pub sequences_max: usize,
    /// Requests that wait beyond those that run.
    pub queue_requests_max: usize,
    /// Bytes that the events of one request may hold when nobody takes them before its end: what
    /// could need more is refused with the numbers, or its default limit shrunk. No bound where
    /// everybody streams, or asks for little.
    pub request_event_bytes_max: usize,
    /// Whether sequences with equal beginnings hold the same blocks, and blocks outlive them.
    pub prefix_sharing: bool,
    /// Longest draft of a sequence, in tokens, up to [`DRAFT_TOKENS_MAX`]; 0 drafts nothing.
    pub draft_tokens_max: usize,
    /// The model's end-of-sequence ids; without them the tokenizer's.
    pub eos_ids: Option<Vec<TokenId>>,
}

/// 4096 blocks of 16 positions: 65 536 positions.
impl Default for EngineConfig {
    fn default() -> Self {
        EngineConfig {
            kv_block_tokens: KV_BLOCK_TOKENS,
            kv_blocks_max: 4096,
            step_tokens_max: STEP_TOKENS_MAX,
            prefill_tokens_beside_decode: PREFILL_TOKENS_BESIDE_DECODE,
            sequences_max: SEQUENCES_MAX,
            queue_requests_max: QUEUE_REQUESTS_MAX,
            request_event_bytes_max: usize::MAX,
            prefix_sharing: true,
            draft_tokens_max: DRAFT_TOKENS_MAX,
            eos_ids: None,
        }
    }
}

impl EngineConfig {
    /// This configuration with as many blocks as `bytes` of key-value memory hold.
    pub fn with_kv_bytes(mut self, shape: KvShape, bytes: usize) -> Self {
        let block_bytes = shape.position_bytes().saturating_mul(self.kv_block_tokens).max(1);
        self.kv_blocks_max = (bytes / block_bytes).min(KV_BLOCKS_MAX);
        self
    }

    /// Positions that the pool holds.
    pub fn kv_tokens(&self) -> usize {
        self.kv_blocks_max.saturating_mul(self.kv_block_tokens)
    }

    /// Checks every number, so that no later line has to.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let in_range = |name, given: usize, min: usize, max: usize| {
            if (min..=max).contains(&given) {
                Ok(())
            } else {
                Err(ConfigError::OutOfRange { name, given, min, max })
            }
        };
        in_range("kv_block_tokens", self.kv_block_tokens, 1, KV_BLOCK_TOKENS_MAX)?;
        if !self.kv_block_tokens.is_power_of_two() {
            return Err(ConfigError::NotAPowerOfTwo { given: self.kv_block_tokens });
        }
        in_range("kv_blocks_max", self.kv_blocks_max, 1, KV_BLOCKS_MAX)?;
        in_range("step_tokens_max", self.step_tokens_max, 1, 1 << 20)?;
        let beside = self.prefill_tokens_beside_decode;
        in_range("prefill_tokens_beside_decode", beside, 1, 1 << 20)?;
        in_range("sequences_max", self.sequences_max, 1, self.step_tokens_max)?;
        in_range("draft_tokens_max", self.draft_tokens_max, 0, DRAFT_TOKENS_MAX)?;
        in_range("queue_requests_max", self.queue_requests_max, 0, 1 << 20)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::KvElement;

    #[test]
    fn configurations_are_checked() {
        let good = EngineConfig::default();
        assert_eq!(good.check(), Ok(()));
        let bad = [
            EngineConfig { kv_block_tokens: 0, ..good.clone() },
            EngineConfig { kv_block_tokens: 12, ..good.clone() },
            EngineConfig { kv_block_tokens: 2048, ..good.clone() },
            EngineConfig { kv_blocks_max: 0, ..good.clone() },
            EngineConfig { step_tokens_max: 0, ..good.clone() },
            EngineConfig { prefill_tokens_beside_decode: 0, ..good.clone() },
            EngineConfig { sequences_max: 0, ..good.clone() },
            EngineConfig { sequences_max: STEP_TOKENS_MAX + 1, ..good.clone() },
            EngineConfig { queue_requests_max: usize::MAX, ..good.clone() },
            EngineConfig { draft_tokens_max: 17, ..good.clone() },
        ];
        for config in bad {
            assert!(config.check().is_err(), "{config:?}");
        }
    }

    #[test]
    fn bytes_become_blocks() {
        let shape =
            KvShape { layer_count: 2, kv_head_count: 3, head_dim: 8, element: KvElement::F16 };
        let config = EngineConfig::default().with_kv_bytes(shape, 192 * 16 * 5 + 100);
        assert_eq!((shape.position_bytes(), config.kv_blocks_max), (192, 5));
        assert_eq!(config.kv_tokens(), 80);
        assert!(EngineConfig::default().with_kv_bytes(shape, 100).check().is_err());
    }
}
