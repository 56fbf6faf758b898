//! Who holds which block of the key-value memory: ids, reference counts, shared prefixes.
//!
//! This file never touches the memory itself; the model's pool does that under the same ids.
//!
//! A full block whose keys and values are computed can be *sealed*: it is then known by its
//! content, which is its tokens and the sealed block before it, and another sequence that starts
//! with the same tokens holds it instead of computing it again. A sealed block is never written.
//! Blocks that nobody holds keep their content until their memory is needed.
//!
//! Why a parent's id can stand for everything before a block: a sequence holds all blocks before
//! the one it shares, and gives its blocks back from the end. So a child is always reused before
//! its parent, and while a sealed child exists its parent has not changed. `take` asserts it.

use model::{KvBlockId, TokenId};
use std::collections::{BTreeMap, BTreeSet};

/// The accounts of a pool of blocks.
#[derive(Debug)]
pub(crate) struct KvBlocks {
    block_tokens: usize,
    prefix_sharing: bool,
    blocks: Vec<BlockState>,
    /// The blocks that no sequence holds, next to be reused first.
    free: BTreeSet<(ReuseOrder, KvBlockId)>,
    /// How many of the free blocks still have a content that can be found.
    cached_count: usize,
    /// Sealed blocks by a hash of their content; [`Seal`] has the content itself.
    sealed: BTreeMap<u64, KvBlockId>,
    content_hash: fn(Option<KvBlockId>, &[TokenId]) -> u64,
    /// Counts releases: the clock of the reuse order.
    release_count: u64,
}

#[derive(Debug)]
struct BlockState {
    reference_count: u32,
    order: ReuseOrder,
    seal: Option<Seal>,
}

/// What a sealed block holds.
#[derive(Debug)]
struct Seal {
    parent: Option<KvBlockId>,
    tokens: Box<[TokenId]>,
    hash: u64,
    /// Sealed blocks that name this one as their parent.
    child_count: u32,
}

/// What is reused first: memory without worth, then untouched memory, then the oldest prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum ReuseOrder {
    Worthless(u64),
    Untouched,
    Sealed(u64),
}

impl ReuseOrder {
    fn is_cached(self) -> bool {
        matches!(self, Self::Sealed(_))
    }
}

/// The blocks of one sequence, in order of position.
#[derive(Debug, Default)]
pub(crate) struct BlockTable {
    pub blocks: Vec<KvBlockId>,
    /// How many of `blocks`, from the first, are sealed.
    pub sealed_count: usize,
}

impl BlockTable {
    /// The block that the next block to be sealed follows.
    pub fn last_sealed(&self) -> Option<KvBlockId> {
        self.sealed_count.checked_sub(1).map(|index| self.blocks[index])
    }
}

impl KvBlocks {
    /// Accounts for `block_count` blocks, all free.
    pub fn new(block_count: usize, block_tokens: usize, prefix_sharing: bool) -> Self {
        let count = u32::try_from(block_count).expect("the configuration bounds the block count");
        let free = (0..count).map(|id| (ReuseOrder::Untouched, KvBlockId(id))).collect();
        let untouched =
            || BlockState { reference_count: 0, order: ReuseOrder::Untouched, seal: None };
        KvBlocks {
            block_tokens,
            prefix_sharing,
            blocks: (0..count).map(|_| untouched()).collect(),
            free,
            cached_count: 0,
            sealed: BTreeMap::new(),
            content_hash,
            release_count: 0,
        }
    }

    /// Positions per block.
    pub fn block_tokens(&self) -> usize {
        self.block_tokens
    }

    /// Whether equal blocks are held once.
    pub fn shares_prefixes(&self) -> bool {
        self.prefix_sharing
    }

    /// Blocks that no sequence holds.
    pub fn free_count(&self) -> usize {
        self.free.len()
    }

    /// Of the free blocks, those whose content a later sequence may still find.
    pub fn cached_count(&self) -> usize {
        self.cached_count
    }

    /// Blocks of the pool.
    pub fn block_count(&self) -> usize {
        self.blocks.len()
    }

    /// Adds a block of its own to the end of `table`; false when none is free.
    pub fn grow(&mut self, table: &mut BlockTable) -> bool {
        match self.take() {
            Some(block) => {
                table.blocks.push(block);
                true
            }
            None => false,
        }
    }

    /// Adds to `table` the sealed block that continues it with exactly `tokens`, if there is one.
    ///
    /// The table must hold sealed blocks only: a shared block can only follow shared ones.
    pub fn grow_shared(&mut self, table: &mut BlockTable, tokens: &[TokenId]) -> bool {
        assert_eq!(table.sealed_count, table.blocks.len(), "a shared block follows shared ones");
        match self.find(table.last_sealed(), tokens) {
            Some(block) => {
                self.hold(block);
                table.blocks.push(block);
                table.sealed_count += 1;
                true
            }
            None => false,
        }
    }

    /// Like [`KvBlocks::grow_shared`], but gives the table a block of its own to write into, and
    /// returns the sealed block whose contents must be copied there before anything else is
    /// written (copy on write).
    pub fn grow_copied(&mut self, table: &mut BlockTable, tokens: &[TokenId]) -> Option<BlockCopy> {
        assert_eq!(table.sealed_count, table.blocks.len(), "a shared block follows shared ones");
        let from = self.find(table.last_sealed(), tokens)?;
        // Held while a block is taken, so that the one taken is another.
        self.hold(from);
        let to = self.take();
        self.release(from);
        table.blocks.push(to?);
        Some(BlockCopy { from, to: to? })
    }

    /// Another table over the same blocks.
    pub fn fork(&mut self, table: &BlockTable) -> BlockTable {
        self.fork_start(table, table.blocks.len())
    }

    /// A table over the first `count` blocks of `table`.
    pub fn fork_start(&mut self, table: &BlockTable, count: usize) -> BlockTable {
        let blocks = table.blocks[..count].to_vec();
        blocks.iter().for_each(|&block| self.hold(block));
        BlockTable { blocks, sealed_count: table.sealed_count.min(count) }
    }

    /// Adds to `table` a block of its own for the contents of `from`, which another table holds.
    pub fn grow_copy_of(&mut self, table: &mut BlockTable, from: KvBlockId) -> Option<BlockCopy> {
        let to = self.take()?;
        table.blocks.push(to);
        Some(BlockCopy { from, to })
    }

    /// Makes the block at `index`, which is not sealed, the table's own before it is written.
    /// Where others hold it too, that takes a copy.
    pub fn make_own(&mut self, table: &mut BlockTable, index: usize) -> Ownership {
        let from = table.blocks[index];
        if self.state(from).reference_count == 1 {
            return Ownership::Own;
        }
        let Some(to) = self.take() else { return Ownership::NoBlock };
        self.release(from);
        table.blocks[index] = to;
        Ownership::Copied(BlockCopy { from, to })
    }

    /// Seals every block that `computed`, the tokens in memory from the first on, fill.
    ///
    /// When a block with the same content exists already, the table takes that one and gives its
    /// own back: the contents are the same bit for bit, because keys and values depend on the
    /// tokens alone.
    pub fn seal_full(&mut self, table: &mut BlockTable, computed: &[TokenId]) {
        let full = computed.chunks_exact(self.block_tokens);
        for tokens in full.skip(table.sealed_count) {
            // A block that stays unsealed leaves nothing to follow for those behind it.
            if !self.prefix_sharing || !self.seal_next(table, tokens) {
                break;
            }
        }
    }

    /// Gives the blocks of `table` back that hold none of its first `position_count` positions.
    pub fn trim(&mut self, table: &mut BlockTable, position_count: usize) {
        let needed = position_count.div_ceil(self.block_tokens);
        assert!(table.sealed_count <= needed, "what is sealed was computed");
        while table.blocks.len() > needed {
            let block = table.blocks.pop().expect("it holds more than it needs");
            self.release(block);
        }
    }

    /// Gives all blocks of `table` back, the last first.
    pub fn release_all(&mut self, table: &mut BlockTable) {
        while let Some(block) = table.blocks.pop() {
            self.release(block);
        }
        table.sealed_count = 0;
    }

    /// Seals the table's first unsealed block, which holds `tokens`; false when it cannot be.
    fn seal_next(&mut self, table: &mut BlockTable, tokens: &[TokenId]) -> bool {
        let own = table.blocks[table.sealed_count];
        let parent = table.last_sealed();
        if let Some(known) = self.find(parent, tokens) {
            self.hold(known);
            self.release(own);
            table.blocks[table.sealed_count] = known;
        } else if self.state(own).reference_count > 1 || !self.seal(own, parent, tokens) {
            // Other holders count their sealed blocks themselves, so a block is sealed by its only
            // holder; one that several hold was full and unsealable when their table was forked.
            return false;
        }
        table.sealed_count += 1;
        true
    }

    /// Takes a free block for writing; what it held is forgotten.
    fn take(&mut self) -> Option<KvBlockId> {
        let (order, block) = self.free.pop_first()?;
        self.cached_count -= usize::from(order.is_cached());
        self.unseal(block);
        self.state_mut(block).reference_count = 1;
        Some(block)
    }

    fn hold(&mut self, block: KvBlockId) {
        let order = self.state(block).order;
        let state = self.state_mut(block);
        state.reference_count += 1;
        if state.reference_count == 1 {
            self.free.remove(&(order, block));
            self.cached_count -= usize::from(order.is_cached());
        }
    }

    fn release(&mut self, block: KvBlockId) {
        self.release_count += 1;
        let tick = self.release_count;
        let state = self.state_mut(block);
        assert!(state.reference_count > 0, "a block is given back once per holder");
        state.reference_count -= 1;
        if state.reference_count == 0 {
            state.order = match state.seal {
                Some(_) => ReuseOrder::Sealed(tick),
                None => ReuseOrder::Worthless(tick),
            };
            let order = state.order;
            self.free.insert((order, block));
            self.cached_count += usize::from(order.is_cached());
        }
    }

    fn find(&self, parent: Option<KvBlockId>, tokens: &[TokenId]) -> Option<KvBlockId> {
        if !self.prefix_sharing || tokens.len() != self.block_tokens {
            return None;
        }
        let block = *self.sealed.get(&(self.content_hash)(parent, tokens))?;
        let seal = self.state(block).seal.as_ref().expect("only sealed blocks are listed");
        (seal.parent == parent && *seal.tokens == *tokens).then_some(block)
    }

    /// False when another content has the same hash; the block then stays unshared.
    fn seal(&mut self, block: KvBlockId, parent: Option<KvBlockId>, tokens: &[TokenId]) -> bool {
        let hash = (self.content_hash)(parent, tokens);
        if self.sealed.contains_key(&hash) {
            return false;
        }
        self.sealed.insert(hash, block);
        if let Some(parent) = parent {
            self.seal_mut(parent).child_count += 1;
        }
        self.state_mut(block).seal =
            Some(Seal { parent, tokens: tokens.into(), hash, child_count: 0 });
        true
    }

    fn unseal(&mut self, block: KvBlockId) {
        let Some(seal) = self.state_mut(block).seal.take() else { return };
        assert_eq!(seal.child_count, 0, "a child is reused before its parent");
        self.sealed.remove(&seal.hash);
        if let Some(parent) = seal.parent {
            self.seal_mut(parent).child_count -= 1;
        }
    }

    fn state(&self, block: KvBlockId) -> &BlockState {
        &self.blocks[block.0 as usize]
    }

    fn state_mut(&mut self, block: KvBlockId) -> &mut BlockState {
        &mut self.blocks[block.0 as usize]
    }

    fn seal_mut(&mut self, block: KvBlockId) -> &mut Seal {
        self.state_mut(block).seal.as_mut().expect("a sealed block's parent is sealed")
    }

    /// Checks every account against the tables of all sequences.
    ///
    /// # Panics
    /// When a block is neither free nor counted exactly as often as it is held, or a seal is wrong.
    pub fn check<'a>(&self, tables: impl Iterator<Item = &'a BlockTable>) {
        let mut held = vec![0u32; self.blocks.len()];
        for table in tables {
            assert!(table.sealed_count <= table.blocks.len());
            for (index, &block) in table.blocks.iter().enumerate() {
                held[block.0 as usize] += 1;
                let sealed = self.state(block).seal.is_some();
                assert_eq!(sealed, index < table.sealed_count, "block {block:?} of {table:?}");
            }
        }
        let mut child_counts = vec![0u32; self.blocks.len()];
        for (index, state) in self.blocks.iter().enumerate() {
            let block = KvBlockId(index as u32);
            assert_eq!(state.reference_count, held[index], "references of {block:?}");
            let free = self.free.contains(&(state.order, block));
            assert_eq!(free, held[index] == 0, "{block:?} is either free or held");
            if let Some(seal) = &state.seal {
                assert_eq!(self.sealed.get(&seal.hash), Some(&block));
                seal.parent.inspect(|parent| child_counts[parent.0 as usize] += 1);
            }
        }
        for (state, &child_count) in self.blocks.iter().zip(&child_counts) {
            assert_eq!(state.seal.as_ref().map_or(0, |seal| seal.child_count), child_count);
        }
        let free_count = held.iter().filter(|&&count| count == 0).count();
        assert_eq!(self.free.len(), free_count);
        let cached = |(order, _): &&(ReuseOrder, KvBlockId)| order.is_cached();
        assert_eq!(self.cached_count, self.free.iter().filter(cached).count());
        let sealed_count = self.blocks.iter().filter(|state| state.seal.is_some()).count();
        assert_eq!(self.sealed.len(), sealed_count);
    }
}

/// A copy to make in the pool before the rows of a step are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockCopy {
    pub from: KvBlockId,
    pub to: KvBlockId,
}

/// Whether a block may be written by a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ownership {
    /// Nobody else holds it.
    Own,
    /// It is a new one now; this copy comes before the writing.
    Copied(BlockCopy),
    /// Others hold it, and there is no free block to copy it to.
    NoBlock,
}

/// FNV-1a over the parent and the tokens, 32 bits at a time. Only finds: contents are compared.
fn content_hash(parent: Option<KvBlockId>, tokens: &[TokenId]) -> u64 {
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    let parent = parent.map_or(u32::MAX, |block| block.0);
    let mix = |hash: u64, word: u32| {
        let hash = (hash ^ u64::from(word)).wrapping_mul(PRIME);
        hash ^ (hash >> 29)
    };
    tokens.iter().fold(mix(OFFSET, parent), |hash, &token| mix(hash, token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Grows `table` until it covers `tokens`, sharing where possible, and seals what is full.
    fn fill(blocks: &mut KvBlocks, table: &mut BlockTable, tokens: &[TokenId]) -> bool {
        let block_tokens = blocks.block_tokens();
        let full = tokens.chunks_exact(block_tokens);
        let rest = full.remainder().len();
        for (index, chunk) in full.enumerate() {
            if table.sealed_count == table.blocks.len() && blocks.grow_shared(table, chunk) {
                continue;
            }
            if !blocks.grow(table) {
                return false;
            }
            blocks.seal_full(table, &tokens[..block_tokens * (index + 1)]);
        }
        rest == 0 || blocks.grow(table)
    }

    #[test]
    fn equal_prefixes_hold_the_same_blocks() {
        let mut blocks = KvBlocks::new(10, 2, true);
        let mut tables = [(); 3].map(|()| BlockTable::default());
        assert!(fill(&mut blocks, &mut tables[0], &[1, 2, 3, 4, 5]));
        assert!(fill(&mut blocks, &mut tables[1], &[1, 2, 3, 4, 6]));
        assert!(fill(&mut blocks, &mut tables[2], &[9, 2, 3, 4, 5]));
        assert_eq!(tables[0].blocks[..2], tables[1].blocks[..2]);
        assert_ne!(tables[0].blocks[2], tables[1].blocks[2]);
        assert_ne!(tables[0].blocks[1], tables[2].blocks[1], "same tokens after other ones");
        assert_eq!(blocks.free_count(), 10 - 3 - 1 - 3);
        blocks.check(tables.iter());
    }

    #[test]
    fn sharing_can_be_switched_off() {
        let mut blocks = KvBlocks::new(10, 2, false);
        let mut tables = [(); 2].map(|()| BlockTable::default());
        for table in &mut tables {
            assert!(fill(&mut blocks, table, &[1, 2, 3, 4]));
        }
        assert_eq!(blocks.free_count(), 6);
        blocks.check(tables.iter());
    }

    #[test]
    fn a_block_computed_twice_is_kept_once() {
        let mut blocks = KvBlocks::new(4, 2, true);
        let mut tables = [(); 2].map(|()| BlockTable::default());
        for table in &mut tables {
            assert!(blocks.grow(table));
        }
        assert_eq!(blocks.free_count(), 2);
        for table in &mut tables {
            blocks.seal_full(table, &[7, 8]);
        }
        assert_eq!(tables[0].blocks, tables[1].blocks);
        assert_eq!(blocks.free_count(), 3);
        blocks.check(tables.iter());
    }

    #[test]
    fn released_prefixes_are_found_until_their_memory_is_needed() {
        let mut blocks = KvBlocks::new(3, 2, true);
        let mut table = BlockTable::default();
        assert!(fill(&mut blocks, &mut table, &[1, 2, 3, 4]));
        let first = table.blocks[0];
        blocks.release_all(&mut table);
        assert_eq!(blocks.free_count(), 3);

        // Two new blocks: the untouched one, then the end of the old prefix; its start remains.
        let mut other = BlockTable::default();
        assert!(blocks.grow(&mut other) && blocks.grow(&mut other));
        assert!(blocks.grow_shared(&mut table, &[1, 2]));
        assert_eq!(table.blocks, [first]);
        assert!(!blocks.grow_shared(&mut table, &[3, 4]), "the end was reused");
        assert!(!blocks.grow(&mut table), "no block is left");
        blocks.check([&table, &other].into_iter());
    }

    #[test]
    fn a_copied_block_is_never_the_one_it_is_copied_from() {
        let mut blocks = KvBlocks::new(2, 2, true);
        let mut table = BlockTable::default();
        assert!(fill(&mut blocks, &mut table, &[1, 2]));
        let sealed = table.blocks[0];
        blocks.release_all(&mut table);
        let copy = blocks.grow_copied(&mut table, &[1, 2]).expect("a block is free");
        assert_eq!((copy.from, table.blocks.as_slice()), (sealed, &[copy.to][..]));
        assert_ne!(copy.from, copy.to);
        blocks.check([&table].into_iter());

        // With one block in all there is nowhere to copy to.
        let mut blocks = KvBlocks::new(1, 2, true);
        let mut table = BlockTable::default();
        assert!(fill(&mut blocks, &mut table, &[1, 2]));
        blocks.release_all(&mut table);
        assert_eq!(blocks.grow_copied(&mut table, &[1, 2]), None);
        assert!(table.blocks.is_empty());
        blocks.check([&table].into_iter());
    }

    #[test]
    fn a_forked_block_is_copied_by_all_who_write_but_the_last() {
        let mut blocks = KvBlocks::new(4, 2, true);
        let mut first = BlockTable::default();
        assert!(fill(&mut blocks, &mut first, &[1, 2, 3]));
        let mut forks = [(); 2].map(|()| blocks.fork(&first));
        assert_eq!((blocks.free_count(), forks[0].sealed_count), (2, 1));
        let shared = first.blocks[1];
        for table in &mut forks {
            let Ownership::Copied(copy) = blocks.make_own(table, 1) else {
                panic!("others hold it");
            };
            assert_eq!((copy.from, table.blocks[1]), (shared, copy.to));
        }
        assert_eq!(blocks.make_own(&mut first, 1), Ownership::Own);
        blocks.check([&first, &forks[0], &forks[1]].into_iter());

        // The same block in all three: kept once. Another one: there is no block to copy it to.
        for table in std::iter::once(&mut first).chain(&mut forks) {
            blocks.seal_full(table, &[1, 2, 3, 4]);
        }
        assert_eq!((first.blocks[1], blocks.free_count()), (forks[1].blocks[1], 2));
        assert!(blocks.grow(&mut first) && blocks.grow(&mut forks[0]));
        let mut other = blocks.fork(&first);
        assert_eq!(blocks.make_own(&mut other, 2), Ownership::NoBlock);
        blocks.check([&first, &forks[0], &forks[1], &other].into_iter());
    }

    /// Which table is refilled, and with what.
    fn traffic() -> impl Strategy<Value = Vec<(usize, Vec<TokenId>)>> {
        prop::collection::vec((0usize..4, prop::collection::vec(0u32..2, 0..9)), 1..40)
    }

    proptest! {
        /// Random prompts over a tiny alphabet come and go; every account stays right, and blocks
        /// are shared exactly where everything up to their end is equal. When hashes collide, less
        /// is shared, and never anything else.
        #[test]
        fn accounts_hold_under_any_traffic(
            block_count in 1usize..12,
            prefix_sharing: bool,
            collisions: bool,
            traffic in traffic(),
        ) {
            let mut blocks = KvBlocks::new(block_count, 2, prefix_sharing);
            if collisions {
                blocks.content_hash = |_, tokens| u64::from(tokens[0]);
            }
            let mut tables = [(); 4].map(|()| BlockTable::default());
            let mut contents: [Vec<TokenId>; 4] = Default::default();
            for (index, tokens) in traffic {
                blocks.release_all(&mut tables[index]);
                contents[index].clear();
                if fill(&mut blocks, &mut tables[index], &tokens) {
                    contents[index] = tokens;
                } else {
                    blocks.release_all(&mut tables[index]);
                }
                blocks.check(tables.iter());
                for (left, right) in [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)] {
                    let pairs = tables[left].blocks.iter().zip(&tables[right].blocks);
                    for (place, (a, b)) in pairs.enumerate() {
                        let end = 2 * (place + 1);
                        let equal = end <= contents[left].len()
                            && contents[left].get(..end) == contents[right].get(..end);
                        if collisions {
                            prop_assert!(a != b || equal);
                        } else {
                            prop_assert_eq!(a == b, equal && prefix_sharing);
                        }
                    }
                }
            }
        }
    }
}
