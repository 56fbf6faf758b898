//! Runs a model over whole sequences, cut in different ways.

use model::{Forward, KvBlockId, KvPool, Logits, Segment, StepRows, WantedLogits};

/// How a sequence is fed to the model.
#[derive(Clone, Copy, Debug)]
pub struct Feed {
    /// Tokens per step.
    pub chunk_tokens: usize,
    /// Positions per key-value block.
    pub block_tokens: usize,
}

/// Everything in one step, one block.
pub const WHOLE: Feed = Feed { chunk_tokens: 4096, block_tokens: 64 };

/// Blocks for `tokens` positions, every third id from `first` on, backwards: no two neighbours.
pub fn scattered_blocks(first: u32, tokens: usize, block_tokens: usize) -> Vec<KvBlockId> {
    let count = tokens.div_ceil(block_tokens) as u32;
    (0..count).rev().map(|index| KvBlockId(first + 3 * index)).collect()
}

/// Logits of every position of `tokens`.
pub fn logits_of(model: &mut dyn Forward, tokens: &[u32], feed: Feed) -> Vec<Vec<f32>> {
    let kv_blocks = scattered_blocks(1, tokens.len(), feed.block_tokens);
    let mut kv = KvPool::new(model.kv_shape(), feed.block_tokens, 3 * kv_blocks.len() + 1);
    let mut logits = Logits::new();
    let mut rows = Vec::new();
    for (index, chunk) in tokens.chunks(feed.chunk_tokens).enumerate() {
        let segment = Segment {
            tokens: chunk.to_vec(),
            first_position: index * feed.chunk_tokens,
            kv_blocks: kv_blocks.clone(),
            logits: WantedLogits::All,
        };
        model.forward(&StepRows { segments: vec![segment] }, &mut kv, &mut logits);
        assert_eq!(logits.rows(), chunk.len());
        rows.extend((0..logits.rows()).map(|row| logits.row(row).to_vec()));
    }
    rows
}

/// Continues several prompts together by their most likely tokens, `count` of them each.
pub fn greedy(model: &mut dyn Forward, prompts: &[Vec<u32>], count: usize) -> Vec<Vec<u32>> {
    let block_tokens = 16;
    let longest = prompts.iter().map(Vec::len).max().unwrap_or(0) + count;
    let per_sequence = 3 * longest.div_ceil(block_tokens);
    let mut kv = KvPool::new(model.kv_shape(), block_tokens, per_sequence * prompts.len());
    let tables: Vec<Vec<KvBlockId>> = (0..prompts.len())
        .map(|index| scattered_blocks((index * per_sequence) as u32, longest, block_tokens))
        .collect();
    let mut gaps = prompts.to_vec();
    let mut positions = vec![0; prompts.len()];
    let mut outputs = vec![Vec::new(); prompts.len()];
    let mut logits = Logits::new();
    for _ in 0..count {
        let segments = (0..prompts.len()).map(|index| Segment {
            tokens: gaps[index].clone(),
            first_position: positions[index],
            kv_blocks: tables[index].clone(),
            logits: WantedLogits::Last,
        });
        model.forward(&StepRows { segments: segments.collect() }, &mut kv, &mut logits);
        for index in 0..prompts.len() {
            let next = most_likely(logits.row(index));
            positions[index] += gaps[index].len();
            gaps[index] = vec![next];
            outputs[index].push(next);
        }
    }
    outputs
}

/// The first of the largest logits.
pub fn most_likely(logits: &[f32]) -> u32 {
    let mut best = 0;
    for (index, logit) in logits.iter().enumerate() {
        if *logit > logits[best] {
            best = index;
        }
    }
    best as u32
}

/// The largest absolute difference.
pub fn max_error(got: &[Vec<f32>], expected: &[Vec<f32>]) -> f32 {
    assert_eq!(got.len(), expected.len(), "rows");
    let mut worst = 0.0f32;
    for (got, expected) in got.iter().zip(expected) {
        assert_eq!(got.len(), expected.len(), "logits per row");
        for (got, expected) in got.iter().zip(expected) {
            let error = (got - expected).abs();
            assert!(!error.is_nan(), "not a number: {got} {expected}");
            worst = worst.max(error);
        }
    }
    worst
}

/// Bits, so that equality is exact and a failure shows where.
pub fn bits(rows: &[Vec<f32>]) -> Vec<Vec<u32>> {
    rows.iter().map(|row| row.iter().map(|logit| logit.to_bits()).collect()).collect()
}

/// Logits of all positions, the same bits for all ways to cut the sequence.
pub fn logits_cut_in_all_ways(model: &mut dyn Forward, tokens: &[u32]) -> Vec<Vec<f32>> {
    let whole = logits_of(model, tokens, WHOLE);
    for chunk_tokens in [1, 7, 4096] {
        for block_tokens in [4, 16] {
            let feed = Feed { chunk_tokens, block_tokens };
            let cut = logits_of(model, tokens, feed);
            assert!(bits(&cut) == bits(&whole), "other bits under {feed:?}");
        }
    }
    whole
}
