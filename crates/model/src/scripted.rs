//! A model without weights, for tests of everything above this room.
//!
//! Its logits are a pure hash of the sequence's tokens, but it learns those tokens only from the
//! key-value memory, through the block table it is given, as a real model does. A wrong block
//! table, a stale block, a block written by two sequences or a skipped position changes the hash.

use crate::forward::{Forward, Logits, Segment, StepRows, TokenId, WantedLogits};
use crate::kv::{KvBlockId, KvElement, KvNumbers, KvPool, KvShape};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a script wants next: it sees the tokens so far and adds to the logits of some tokens.
type Script = Box<dyn Fn(&[TokenId], &mut [f32]) + Send>;

/// A [`Forward`] whose logits are a hash of the token history, with scripts on top.
///
/// Unscripted logits lie in -4..4; a favoured token gets [`ScriptedModel::FAVOURED_LOGIT`].
pub struct ScriptedModel {
    vocab_size: usize,
    context_tokens_max: usize,
    seed: u64,
    script: Option<Script>,
    counters: Arc<ScriptedCounters>,
    /// The tokens of the segment at work, read back from memory.
    history: Vec<TokenId>,
}

/// What a [`ScriptedModel`] was asked to compute; stays readable when the model is given away.
#[derive(Debug, Default)]
pub struct ScriptedCounters {
    steps: AtomicUsize,
    rows: AtomicUsize,
    logits_rows: AtomicUsize,
}

impl ScriptedCounters {
    /// Calls of `forward`.
    pub fn steps(&self) -> usize {
        self.steps.load(Ordering::Relaxed)
    }

    /// Token rows over all calls.
    pub fn rows(&self) -> usize {
        self.rows.load(Ordering::Relaxed)
    }

    /// Logits rows over all calls.
    pub fn logits_rows(&self) -> usize {
        self.logits_rows.load(Ordering::Relaxed)
    }
}

impl ScriptedModel {
    /// The logit of a token that a script favours: it takes all probability in f32 softmax terms.
    pub const FAVOURED_LOGIT: f32 = 200.0;

    /// A model over token ids `0..vocab_size`.
    pub fn new(vocab_size: usize, context_tokens_max: usize) -> Self {
        assert!(vocab_size > 0, "a vocabulary has at least one token");
        ScriptedModel {
            vocab_size,
            context_tokens_max,
            seed: 0,
            script: None,
            counters: Arc::default(),
            history: Vec::new(),
        }
    }

    /// Another model: other logits for every history.
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// `script` sees the tokens of a sequence so far and may change the logits of the next one.
    pub fn with_script(mut self, script: impl Fn(&[TokenId], &mut [f32]) + Send + 'static) -> Self {
        self.script = Some(Box::new(script));
        self
    }

    /// Forces texts: after `prompt` the model favours the tokens of `output`, one after the other.
    ///
    /// Each entry is (prompt, output); the first entry that fits a history counts. Histories that
    /// fit none keep their hashed logits. Token ids outside of the vocabulary favour nothing.
    pub fn with_outputs(self, outputs: Vec<(Vec<TokenId>, Vec<TokenId>)>) -> Self {
        self.with_script(move |history, logits| {
            let next = outputs.iter().find_map(|(prompt, output)| {
                let rest = history.strip_prefix(prompt.as_slice())?;
                output.strip_prefix(rest)?.first()
            });
            if let Some(logit) = next.and_then(|&token| logits.get_mut(token as usize)) {
                *logit = Self::FAVOURED_LOGIT;
            }
        })
    }

    /// A handle that tells how much was computed.
    pub fn counters(&self) -> Arc<ScriptedCounters> {
        Arc::clone(&self.counters)
    }

    /// The logits that follow `history`: what [`Forward::forward`] leaves for its last token.
    pub fn logits_after(&self, history: &[TokenId]) -> Vec<f32> {
        let mut logits = vec![0.0; self.vocab_size];
        let hash =
            history.iter().enumerate().fold(self.start_hash(), |hash, (position, &token)| {
                hash_position(hash, token, position_mark(position))
            });
        self.fill_logits(hash, history, &mut logits);
        logits
    }

    fn start_hash(&self) -> u64 {
        scramble(self.seed ^ 0x6a65_746f_6e00_0001)
    }

    fn fill_logits(&self, hash: u64, history: &[TokenId], logits: &mut [f32]) {
        for (token, logit) in logits.iter_mut().enumerate() {
            let bits = scramble(hash.wrapping_add(token as u64)) >> 40;
            *logit = bits as f32 / (1u32 << 21) as f32 - 4.0;
        }
        if let Some(script) = &self.script {
            script(history, logits);
        }
    }

    /// Stores the segment's tokens in its blocks.
    fn store(&self, segment: &Segment, kv: &mut KvPool) {
        for (index, &token) in segment.tokens.iter().enumerate() {
            assert!(
                (token as usize) < self.vocab_size,
                "token {token} is outside of the vocabulary"
            );
            let position = segment.first_position + index;
            let (block, key, value) = place(kv, &segment.kv_blocks, position);
            let KvNumbers::F32(numbers) = kv.block_mut(block) else {
                panic!("a scripted model's pool has its own shape, in f32");
            };
            numbers[key] = f32::from_bits(token);
            numbers[value] = f32::from_bits(position_mark(position));
        }
    }

    /// Computes one segment whose tokens are stored, from what the memory says.
    fn compute(&mut self, segment: &Segment, kv: &KvPool, logits: &mut [f32]) {
        let end = segment.first_position + segment.tokens.len();
        let first_wanted = match segment.logits {
            WantedLogits::None => return,
            WantedLogits::Last => end - 1,
            WantedLogits::All => segment.first_position,
        };
        let mut rows = logits.chunks_exact_mut(self.vocab_size);
        let mut history = std::mem::take(&mut self.history);
        history.clear();
        let mut hash = self.start_hash();
        for position in 0..end {
            let (token, mark) = load(kv, &segment.kv_blocks, position);
            history.push(token);
            hash = hash_position(hash, token, mark);
            if position >= first_wanted {
                let row = rows.next().expect("one row per wanted position");
                self.fill_logits(hash, &history, row);
            }
        }
        self.history = history;
    }
}

impl Forward for ScriptedModel {
    fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    fn context_tokens_max(&self) -> usize {
        self.context_tokens_max
    }

    fn kv_shape(&self) -> KvShape {
        KvShape { layer_count: 1, kv_head_count: 1, head_dim: 1, element: KvElement::F32 }
    }

    fn forward(&mut self, rows: &StepRows, kv: &mut KvPool, logits: &mut Logits) {
        self.counters.steps.fetch_add(1, Ordering::Relaxed);
        self.counters.rows.fetch_add(rows.row_count(), Ordering::Relaxed);
        self.counters.logits_rows.fetch_add(rows.logits_count(), Ordering::Relaxed);
        logits.resize(rows.logits_count(), self.vocab_size);
        for segment in &rows.segments {
            self.store(segment, kv);
        }
        let mut rest = logits.values_mut();
        for segment in &rows.segments {
            let (own, others) = rest.split_at_mut(segment.logits_count() * self.vocab_size);
            self.compute(segment, kv, own);
            rest = others;
        }
    }
}

/// Where `position` lives: its block, and the index of its key and its value.
fn place(kv: &KvPool, table: &[KvBlockId], position: usize) -> (KvBlockId, usize, usize) {
    let (index, offset) = (position / kv.block_tokens(), position % kv.block_tokens());
    let block = *table.get(index).expect("the block table covers the segment's positions");
    let key = kv.key_start(0, offset);
    (block, key, key + kv.value_distance())
}

/// The token and the position mark that memory holds at `position`; zeros where nothing was stored.
fn load(kv: &KvPool, table: &[KvBlockId], position: usize) -> (TokenId, u32) {
    let (block, key, value) = place(kv, table, position);
    match kv.block(block) {
        KvNumbers::F32(numbers) if !numbers.is_empty() => {
            (numbers[key].to_bits(), numbers[value].to_bits())
        }
        _ => (0, 0),
    }
}

/// Distinguishes position 0 from memory that was never written.
fn position_mark(position: usize) -> u32 {
    u32::try_from(position + 1).expect("positions fit 32 bits")
}

fn hash_position(hash: u64, token: TokenId, mark: u32) -> u64 {
    scramble(hash ^ (u64::from(mark) << 32 | u64::from(token)))
}

/// A bijection of 64 bits that spreads neighbours apart (finalizer of SplitMix64, Steele et al.).
fn scramble(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(tokens: &[TokenId], first_position: usize, blocks: &[u32]) -> Segment {
        Segment {
            tokens: tokens.to_vec(),
            first_position,
            kv_blocks: blocks.iter().map(|&block| KvBlockId(block)).collect(),
            logits: WantedLogits::All,
        }
    }

    fn run(model: &mut ScriptedModel, kv: &mut KvPool, segments: Vec<Segment>) -> Vec<Vec<f32>> {
        let mut logits = Logits::new();
        model.forward(&StepRows { segments }, kv, &mut logits);
        (0..logits.rows()).map(|row| logits.row(row).to_vec()).collect()
    }

    #[test]
    fn logits_depend_on_the_history_alone() {
        let mut model = ScriptedModel::new(50, 100);
        let tokens = [3, 1, 4, 1, 5, 9, 2, 6];
        for block_tokens in [1, 2, 3, 8] {
            for chunk in [1, 3, 8] {
                let mut kv = KvPool::new(model.kv_shape(), block_tokens, 20);
                let table: Vec<u32> = (0..8).map(|block| 19 - 2 * block).collect();
                let mut rows = Vec::new();
                for (index, part) in tokens.chunks(chunk).enumerate() {
                    let own = segment(part, index * chunk, &table);
                    let neighbour = segment(&[7, 7], 0, &[0, 2]);
                    let mut step = run(&mut model, &mut kv, vec![own, neighbour]);
                    step.truncate(part.len());
                    rows.extend(step);
                }
                for (index, row) in rows.iter().enumerate() {
                    assert_eq!(row, &model.logits_after(&tokens[..=index]));
                    assert!(row.iter().all(|logit| (-4.0..=4.0).contains(logit)));
                }
            }
        }
    }

    #[test]
    fn a_wrong_block_table_shows() {
        let mut model = ScriptedModel::new(50, 100);
        let mut kv = KvPool::new(model.kv_shape(), 2, 10);
        run(&mut model, &mut kv, vec![segment(&[1, 2, 3, 4], 0, &[0, 1])]);
        let right = model.logits_after(&[1, 2, 3, 4, 5]);
        let tables: [&[u32]; 4] = [&[0, 1, 2], &[1, 0, 2], &[0, 0, 2], &[0, 5, 2]];
        for (index, table) in tables.into_iter().enumerate() {
            let rows = run(&mut model, &mut kv, vec![segment(&[5], 4, table)]);
            assert_eq!(rows[0] == right, index == 0, "table {table:?}");
        }
    }

    #[test]
    fn a_block_overwritten_by_a_neighbour_shows_and_a_copied_one_serves() {
        let mut model = ScriptedModel::new(50, 100);
        let mut kv = KvPool::new(model.kv_shape(), 2, 10);
        run(&mut model, &mut kv, vec![segment(&[1, 2, 3], 0, &[0, 1])]);
        kv.copy_block(KvBlockId(1), KvBlockId(4));
        run(&mut model, &mut kv, vec![segment(&[9, 9], 2, &[0, 1])]);
        let copied = run(&mut model, &mut kv, vec![segment(&[5], 3, &[0, 4])]);
        assert_eq!(copied[0], model.logits_after(&[1, 2, 3, 5]));
        let spoiled = run(&mut model, &mut kv, vec![segment(&[5], 3, &[0, 1])]);
        assert_ne!(spoiled[0], copied[0]);
    }

    #[test]
    fn outputs_are_forced_and_counted() {
        let mut model = ScriptedModel::new(50, 100)
            .with_seed(1)
            .with_outputs(vec![(vec![1, 2], vec![30, 31, 0])]);
        let counters = model.counters();
        let favourite = |row: &[f32]| row.iter().position(|&logit| logit > 100.0);
        let mut kv = KvPool::new(model.kv_shape(), 4, 10);
        let rows = run(&mut model, &mut kv, vec![segment(&[1, 2, 30, 31, 0], 0, &[3, 4])]);
        let favourites: Vec<_> = rows.iter().map(|row| favourite(row)).collect();
        assert_eq!(favourites, [None, Some(30), Some(31), Some(0), None]);
        assert_eq!((counters.steps(), counters.rows(), counters.logits_rows()), (1, 5, 5));
        assert_ne!(model.logits_after(&[1]), ScriptedModel::new(50, 100).logits_after(&[1]));
    }
}
