//! Memory for keys and values, in blocks of consecutive positions that the engine names by id.

/// Names one block of a [`KvPool`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KvBlockId(pub u32);

/// How one key or value number is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KvElement {
    /// 4 bytes, exact.
    F32,
    /// 2 bytes.
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
}

/// The blocks' memory. A block's memory is taken when it is first written, never before.
#[derive(Debug)]
pub struct KvPool {
    shape: KvShape,
    block_tokens: usize,
    /// One entry per block; empty until first used. Layout inside is this crate's business.
    blocks: Vec<Vec<u8>>,
}

impl KvPool {
    /// A pool of `block_count` blocks of `block_tokens` positions each.
    pub fn new(shape: KvShape, block_tokens: usize, block_count: usize) -> Self {
        assert!(block_tokens > 0, "a block holds at least one position");
        KvPool { shape, block_tokens, blocks: vec![Vec::new(); block_count] }
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

    /// Copies the contents of block `from` into block `to` (copy on write of a shared block).
    pub fn copy_block(&mut self, from: KvBlockId, to: KvBlockId) {
        let bytes = std::mem::take(&mut self.blocks[from.0 as usize]);
        self.blocks[to.0 as usize].clone_from(&bytes);
        self.blocks[from.0 as usize] = bytes;
    }
}
