//! Memory for keys and values, in blocks of consecutive positions that the engine names by id.
//!
//! Inside a block lie, layer after layer, first the keys and then the values of that layer:
//! `[layer][keys, values][position in block][kv_head][head_dim]`. So a kernel that works on one
//! layer reads two contiguous runs per block, and copying a block is one copy.

use kernels::Kernels;
use kernels::attention::KvBlocks;
use kernels::quant::half::narrow_f16;

/// Names one block of a [`KvPool`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KvBlockId(pub u32);

/// How one key or value number is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KvElement {
    /// 4 bytes, exact.
    F32,
    /// 2 bytes, rounded to nearest, ties to even.
    F16,
}

impl KvElement {
    /// Bytes per number.
    pub const fn bytes(self) -> usize {
        match self {
            KvElement::F32 => 4,
            KvElement::F16 => 2,
        }
    }
}

/// What one position needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KvShape {
    /// Transformer layers with attention.
    pub layer_count: usize,
    /// Key-value heads per layer.
    pub kv_head_count: usize,
    /// Numbers per head.
    pub head_dim: usize,
    /// Storage of a number.
    pub element: KvElement,
}

impl KvShape {
    /// Bytes of keys and values of one position over all layers.
    pub const fn position_bytes(&self) -> usize {
        2 * self.layer_count * self.kv_head_count * self.head_dim * self.element.bytes()
    }

    /// Numbers in the keys (or the values) of one position of one layer.
    pub const fn row_numbers(&self) -> usize {
        self.kv_head_count * self.head_dim
    }
}

/// The blocks' memory. A block's memory is taken when it is first written, never before.
#[derive(Debug)]
pub struct KvPool {
    shape: KvShape,
    block_tokens: usize,
    blocks: Vec<KvNumbers>,
    /// Blocks that have memory.
    taken_count: usize,
}

/// The numbers of one block, in the order told above; empty until first used.
#[derive(Clone, Debug)]
pub(crate) enum KvNumbers {
    /// Exact numbers.
    F32(Vec<f32>),
    /// Half precision, as bits.
    F16(Vec<u16>),
}

impl KvPool {
    /// A pool of `block_count` blocks of `block_tokens` positions each.
    pub fn new(shape: KvShape, block_tokens: usize, block_count: usize) -> Self {
        assert!(block_tokens > 0, "a block holds at least one position");
        let empty = match shape.element {
            KvElement::F32 => KvNumbers::F32(Vec::new()),
            KvElement::F16 => KvNumbers::F16(Vec::new()),
        };
        KvPool { shape, block_tokens, blocks: vec![empty; block_count], taken_count: 0 }
    }

    /// The shape of a position.
    pub fn shape(&self) -> KvShape {
        self.shape
    }

    /// Positions per block.
    pub fn block_tokens(&self) -> usize {
        self.block_tokens
    }

    /// Number of blocks.
    pub fn block_count(&self) -> usize {
        self.blocks.len()
    }

    /// Bytes of one block once it is used.
    pub fn block_bytes(&self) -> usize {
        self.block_tokens * self.shape.position_bytes()
    }

    /// Bytes taken so far: used blocks only.
    pub fn taken_bytes(&self) -> usize {
        self.taken_count * self.block_bytes()
    }

    /// Copies the contents of block `from` into block `to` (copy on write of a shared block).
    ///
    /// The destination's memory is reused when it has some; copying a block that was never written
    /// leaves the destination as it is.
    pub fn copy_block(&mut self, from: KvBlockId, to: KvBlockId) {
        let [from, to] = [from, to].map(|block| block.0 as usize);
        if from == to || self.blocks[from].is_empty() {
            return;
        }
        let [source, target] = self
            .blocks
            .get_disjoint_mut([from, to])
            .expect("both blocks are in the pool and differ");
        self.taken_count += usize::from(target.is_empty());
        target.copy_from(source);
    }

    /// Stores the key and the value of one position, `offset` positions into `block`.
    pub(crate) fn write(
        &mut self,
        kernels: &Kernels,
        block: KvBlockId,
        layer: usize,
        offset: usize,
        key: &[f32],
        value: &[f32],
    ) {
        let key_start = self.key_start(layer, offset);
        let value_start = key_start + self.value_distance();
        for (start, from) in [(key_start, key), (value_start, value)] {
            match self.block_mut(block) {
                KvNumbers::F32(numbers) => numbers[start..][..from.len()].copy_from_slice(from),
                KvNumbers::F16(numbers) => {
                    narrow_f16(kernels, from, &mut numbers[start..][..from.len()]);
                }
            }
        }
    }

    /// Keys and values of one layer in `blocks`, as attention reads them.
    ///
    /// # Panics
    /// When one of the blocks was never written.
    pub(crate) fn layer_blocks(
        &self,
        layer: usize,
        blocks: &[KvBlockId],
    ) -> (KvBlocks<'_>, KvBlocks<'_>) {
        let key_start = self.key_start(layer, 0);
        let len = self.value_distance();
        let cut = |start: usize| match self.shape.element {
            KvElement::F32 => KvBlocks::F32(
                blocks.iter().map(|&block| &self.block(block).as_f32()[start..][..len]).collect(),
            ),
            KvElement::F16 => KvBlocks::F16(
                blocks.iter().map(|&block| &self.block(block).as_f16()[start..][..len]).collect(),
            ),
        };
        (cut(key_start), cut(key_start + len))
    }

    /// The block's numbers, taking its memory if this is its first use.
    pub(crate) fn block_mut(&mut self, block: KvBlockId) -> &mut KvNumbers {
        let numbers = 2 * self.shape.layer_count * self.shape.row_numbers() * self.block_tokens;
        let block = &mut self.blocks[block.0 as usize];
        if block.is_empty() {
            block.take_memory(numbers);
            self.taken_count += 1;
        }
        block
    }

    /// The block's numbers; empty when it was never written.
    pub(crate) fn block(&self, block: KvBlockId) -> &KvNumbers {
        &self.blocks[block.0 as usize]
    }

    /// Index of the first key of `layer` at `offset` positions into a block; the value lies
    /// [`KvPool::value_distance`] numbers further.
    pub(crate) fn key_start(&self, layer: usize, offset: usize) -> usize {
        (2 * layer * self.block_tokens + offset) * self.shape.row_numbers()
    }

    /// Numbers between a key and its value.
    pub(crate) fn value_distance(&self) -> usize {
        self.block_tokens * self.shape.row_numbers()
    }
}

impl KvNumbers {
    /// The numbers of a pool of [`KvElement::F32`].
    pub(crate) fn as_f32(&self) -> &[f32] {
        match self {
            KvNumbers::F32(numbers) => numbers,
            KvNumbers::F16(_) => unreachable!("an f32 pool holds f32"),
        }
    }

    /// The numbers of a pool of [`KvElement::F16`].
    pub(crate) fn as_f16(&self) -> &[u16] {
        match self {
            KvNumbers::F16(numbers) => numbers,
            KvNumbers::F32(_) => unreachable!("an f16 pool holds f16"),
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            KvNumbers::F32(numbers) => numbers.is_empty(),
            KvNumbers::F16(numbers) => numbers.is_empty(),
        }
    }

    /// Zeroed memory straight from the system: pages come into being when they are touched.
    fn take_memory(&mut self, count: usize) {
        match self {
            KvNumbers::F32(numbers) => *numbers = vec![0.0; count],
            KvNumbers::F16(numbers) => *numbers = vec![0; count],
        }
    }

    fn copy_from(&mut self, source: &KvNumbers) {
        match (self, source) {
            (KvNumbers::F32(to), KvNumbers::F32(from)) => to.clone_from(from),
            (KvNumbers::F16(to), KvNumbers::F16(from)) => to.clone_from(from),
            _ => unreachable!("all blocks of a pool have one element type"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: KvShape =
        KvShape { layer_count: 3, kv_head_count: 2, head_dim: 4, element: KvElement::F32 };

    fn numbers(pool: &KvPool, block: u32) -> Vec<f32> {
        pool.block(KvBlockId(block)).as_f32().to_vec()
    }

    #[test]
    fn memory_is_taken_on_first_use_only() {
        let mut pool = KvPool::new(SHAPE, 4, 1000);
        assert_eq!(pool.taken_bytes(), 0);
        pool.block_mut(KvBlockId(7));
        assert_eq!(pool.taken_bytes(), 4 * SHAPE.position_bytes());
        assert_eq!(pool.taken_bytes(), pool.block_bytes());
    }

    #[test]
    fn a_copy_is_equal_and_independent() {
        let mut pool = KvPool::new(SHAPE, 4, 3);
        if let KvNumbers::F32(numbers) = pool.block_mut(KvBlockId(0)) {
            numbers.iter_mut().enumerate().for_each(|(i, number)| *number = i as f32);
        }
        pool.copy_block(KvBlockId(0), KvBlockId(2));
        assert_eq!(numbers(&pool, 0), numbers(&pool, 2));
        if let KvNumbers::F32(numbers) = pool.block_mut(KvBlockId(2)) {
            numbers[5] = -1.0;
        }
        assert_eq!(numbers(&pool, 0)[5], 5.0);
        pool.copy_block(KvBlockId(1), KvBlockId(2));
        pool.copy_block(KvBlockId(2), KvBlockId(2));
        assert_eq!(numbers(&pool, 2)[5], -1.0);
    }

    #[test]
    fn layers_keys_and_values_do_not_overlap() {
        let pool = KvPool::new(SHAPE, 4, 1);
        let mut starts: Vec<usize> = (0..3)
            .flat_map(|layer| (0..4).map(move |offset| (layer, offset)))
            .flat_map(|(layer, offset)| {
                let key = pool.key_start(layer, offset);
                [key, key + pool.value_distance()]
            })
            .collect();
        starts.sort_unstable();
        let expected: Vec<usize> = (0..24).map(|row| row * SHAPE.row_numbers()).collect();
        assert_eq!(starts, expected);
    }
}
