//! The seam between the engine and a model: rows of a step in, logits out.

use crate::kv::{KvBlockId, KvPool, KvShape};

/// A token's number in the vocabulary.
pub type TokenId = u32;

/// A model that computes the rows of one step.
pub trait Forward: Send {
    /// Number of logits per row.
    fn vocab_size(&self) -> usize;

    /// The longest sequence, in tokens, that the model is made for.
    fn context_tokens_max(&self) -> usize;

    /// What one position of a sequence needs in the key-value memory.
    fn kv_shape(&self) -> KvShape;

    /// Computes all segments of `rows`, writes their keys and values into `kv`, and leaves one row
    /// of logits per wanted row in `logits`, in the order of the segments.
    ///
    /// The bits of a logits row depend only on the tokens of its own sequence up to it: not on the
    /// other segments, on how a prompt was cut into segments, on block size or thread count.
    ///
    /// # Panics
    /// When a segment's block table does not cover its positions, a position lies beyond
    /// [`Forward::context_tokens_max`], a token id is outside of the vocabulary, or `kv` was not
    /// made for [`Forward::kv_shape`]: the engine checks these at admission.
    fn forward(&mut self, rows: &StepRows, kv: &mut KvPool, logits: &mut Logits);
}

/// The work of one step: the gap of each planned sequence. Plain data, no scheduler inside.
#[derive(Clone, Debug, Default)]
pub struct StepRows {
    /// One entry per sequence with something to compute.
    pub segments: Vec<Segment>,
}

impl StepRows {
    /// Number of token rows over all segments.
    pub fn row_count(&self) -> usize {
        self.segments.iter().map(|segment| segment.tokens.len()).sum()
    }

    /// Number of logits rows that the step will leave.
    pub fn logits_count(&self) -> usize {
        self.segments.iter().map(Segment::logits_count).sum()
    }
}

/// Consecutive tokens of one sequence that are known but not computed.
#[derive(Clone, Debug)]
pub struct Segment {
    /// The tokens, at positions `first_position..first_position + tokens.len()`. Never empty.
    pub tokens: Vec<TokenId>,
    /// Position of the first token; everything before it is already in the key-value memory.
    pub first_position: usize,
    /// The sequence's blocks in order: position p lives in block `p / block_tokens`.
    pub kv_blocks: Vec<KvBlockId>,
    /// Which rows need logits.
    pub logits: WantedLogits,
}

impl Segment {
    /// Number of logits rows of this segment.
    pub fn logits_count(&self) -> usize {
        match self.logits {
            WantedLogits::None => 0,
            WantedLogits::Last => 1,
            WantedLogits::All => self.tokens.len(),
        }
    }
}

/// Which rows of a segment need logits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WantedLogits {
    /// None: a part of a prompt that is not its end.
    None,
    /// The last row only.
    Last,
    /// Every row: prompt scoring, or checking drafted tokens.
    All,
}

/// Logits of one step, reused between steps. Shape (rows, vocab_size).
#[derive(Clone, Debug, Default)]
pub struct Logits {
    values: Vec<f32>,
    vocab_size: usize,
}

impl Logits {
    /// An empty buffer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes room for `rows` rows of `vocab_size`; the contents are unspecified.
    pub fn resize(&mut self, rows: usize, vocab_size: usize) {
        self.vocab_size = vocab_size;
        self.values.resize(rows * vocab_size, 0.0);
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.values.len().checked_div(self.vocab_size).unwrap_or(0)
    }

    /// Row `index`.
    pub fn row(&self, index: usize) -> &[f32] {
        &self.values[index * self.vocab_size..(index + 1) * self.vocab_size]
    }

    /// All rows, to be written.
    pub fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }
}
