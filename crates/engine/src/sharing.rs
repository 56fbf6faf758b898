//! Equal beginnings are computed once: blocks in memory are shared, and blocks that are just being
//! computed are waited for.

use crate::kv_blocks::{BlockCopy, KvBlocks};
use crate::sequence::Sequence;
use model::{KvBlockId, TokenId};
use std::collections::BTreeSet;

/// The full blocks that sequences of this step are filling: nobody else computes them beside.
///
/// A sequence that stands at the start of such a block gets no rows in this step, and shares the
/// block once it is sealed. Whoever fills a block came earlier, has rows in this step, and waits
/// for nobody: so the block is sealed in the end, or its writer gone, and nobody waits forever.
#[derive(Debug, Default)]
pub(crate) struct BlocksInWork {
    /// What each block follows, and its tokens.
    blocks: BTreeSet<(Option<KvBlockId>, Box<[TokenId]>)>,
}

impl BlocksInWork {
    /// Whether `sequence` should wait for a block that another is filling. If not, the block that
    /// it fills itself is noted.
    pub fn must_wait(&mut self, blocks: &KvBlocks, sequence: &Sequence) -> bool {
        let block_tokens = blocks.block_tokens();
        let start = sequence.table.sealed_count * block_tokens;
        let Some(tokens) = sequence.tokens.get(start..start + block_tokens) else { return false };
        // A block that was computed and could not be sealed is in nobody's work.
        if !blocks.shares_prefixes() || sequence.computed_count >= start + block_tokens {
            return false;
        }
        let is_new = self.blocks.insert((sequence.table.last_sealed(), tokens.into()));
        // A last token is computed anyway: there would be nothing to share.
        !is_new && sequence.gap() > 1 && continues_sealed_blocks(sequence, block_tokens)
    }
}

/// Skips the blocks at the start of the gap that are in memory already, but not the last token:
/// its logits must be computed.
pub(crate) fn share_whole_blocks(blocks: &mut KvBlocks, sequence: &mut Sequence) {
    let block_tokens = blocks.block_tokens();
    while continues_sealed_blocks(sequence, block_tokens) && sequence.gap() > block_tokens {
        let start = sequence.computed_count;
        let tokens = &sequence.tokens[start..start + block_tokens];
        if !blocks.grow_shared(&mut sequence.table, tokens) {
            break;
        }
        sequence.skip(block_tokens);
    }
}

/// When the gap is exactly one block that is in memory, copies it and leaves only the last token.
pub(crate) fn share_last_block(
    blocks: &mut KvBlocks,
    sequence: &mut Sequence,
) -> Option<BlockCopy> {
    let block_tokens = blocks.block_tokens();
    if !continues_sealed_blocks(sequence, block_tokens)
        || sequence.gap() != block_tokens
        || block_tokens == 1
    {
        return None;
    }
    let tokens = &sequence.tokens[sequence.computed_count..];
    let copy = blocks.grow_copied(&mut sequence.table, tokens)?;
    sequence.skip(block_tokens - 1);
    Some(copy)
}

/// Whether the next row starts a block, and everything before it is sealed.
fn continues_sealed_blocks(sequence: &Sequence, block_tokens: usize) -> bool {
    !sequence.scores_prompt
        && sequence.table.sealed_count == sequence.table.blocks.len()
        && sequence.computed_count == sequence.table.sealed_count * block_tokens
}
