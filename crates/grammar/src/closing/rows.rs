//! Earley sets that can be compared, so that equal futures are one row.
//!
//! Source: J. Earley, "An efficient context-free parsing algorithm" (1970). Here an item's origin
//! is not a position in the text but the row that stood there, and a row is known by its items
//! alone: two places of a document with the same open constructs have the same row, however they
//! came about. Completed items are dropped once they have done their work.

use llguidance::earley::lexerspec::LexemeIdx;
use llguidance::earley::{CGrammar, CSymIdx};
use std::collections::HashMap;
use std::sync::Arc;

/// Number of a row.
pub(super) type RowId = u32;

/// The origin of an item that was predicted in its own row.
const HERE: RowId = RowId::MAX;

/// A distance that is never reached: the text cannot be completed this way.
pub(super) const NEVER: u32 = u32::MAX;

/// Symbols by number, rules one behind the other: the grammar in the form that rows need.
pub(super) struct Rules {
    /// Right-hand sides, each followed by [`END`]; an item is an index into this.
    rhs: Vec<u32>,
    /// Left-hand side of the rule in which an index of `rhs` lies.
    lhs: Vec<u32>,
    symbols: Vec<Symbol>,
    start: u32,
    /// Whether a symbol stands for a grammar of its own, which is not followed here.
    pub nests: bool,
}

/// Ends a right-hand side.
const END: u32 = u32::MAX;

struct Symbol {
    rules: Vec<u32>,
    lexeme: Option<LexemeIdx>,
    nullable: bool,
    /// Fewest bytes of a text of this symbol.
    bytes_min: u32,
}

/// A row: items with something still to come.
pub(super) struct Row {
    items: Vec<Item>,
    /// Whether the document may end here.
    pub accepting: bool,
    /// Lexemes that may begin here, ascending, with the fewest bytes of the document after each.
    pub lexemes: Vec<(LexemeIdx, u32)>,
    /// Fewest bytes after a symbol that is expected here, by symbol.
    after: HashMap<u32, u32>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Item {
    dot: u32,
    origin: RowId,
}

/// All rows that were met.
#[derive(Clone)]
pub(super) struct Rows {
    rules: Arc<Rules>,
    rows: Vec<Arc<Row>>,
    known: HashMap<Vec<Item>, RowId>,
}

impl Rules {
    /// Reads a compiled grammar. `lexeme_bytes_min` tells the fewest bytes of a lexeme.
    pub fn new(grammar: &CGrammar, lexeme_bytes_min: impl FnMut(LexemeIdx) -> u32) -> Self {
        let rules = Rules { symbols: Vec::new(), ..Rules::empty() };
        let mut reader = RuleReader { grammar, numbers: HashMap::new(), rules };
        reader.read(grammar.start());
        let mut rules = reader.rules;
        rules.find_bytes_min(lexeme_bytes_min);
        rules
    }

    /// No grammar at all, until there is one.
    pub fn empty() -> Self {
        let start = Symbol { rules: Vec::new(), lexeme: None, nullable: true, bytes_min: 0 };
        Rules { rhs: Vec::new(), lhs: Vec::new(), symbols: vec![start], start: 0, nests: false }
    }

    /// Fewest bytes of each symbol: repeated until nothing gets shorter.
    fn find_bytes_min(&mut self, mut lexeme_bytes_min: impl FnMut(LexemeIdx) -> u32) {
        for symbol in &mut self.symbols {
            if symbol.nullable {
                symbol.bytes_min = 0;
            } else if let Some(lexeme) = symbol.lexeme {
                symbol.bytes_min = lexeme_bytes_min(lexeme);
            }
        }
        loop {
            let mut changed = false;
            for index in 0..self.symbols.len() {
                let rules = self.symbols[index].rules.iter();
                let best = rules.map(|&rule| self.tail_bytes_min(rule)).min().unwrap_or(NEVER);
                if best < self.symbols[index].bytes_min {
                    self.symbols[index].bytes_min = best;
                    changed = true;
                }
            }
            if !changed {
                return;
            }
        }
    }

    /// Fewest bytes from a dot to the end of its rule.
    fn tail_bytes_min(&self, dot: u32) -> u32 {
        let tail = self.rhs[dot as usize..].iter().take_while(|&&symbol| symbol != END);
        tail.fold(0, |sum: u32, &symbol| {
            sum.saturating_add(self.symbols[symbol as usize].bytes_min)
        })
    }
}

/// Numbers the symbols that the start symbol reaches.
struct RuleReader<'a> {
    grammar: &'a CGrammar,
    numbers: HashMap<usize, u32>,
    rules: Rules,
}

impl RuleReader<'_> {
    fn read(&mut self, start: CSymIdx) {
        let mut open = vec![start];
        self.symbol(start);
        while let Some(symbol) = open.pop() {
            let number = self.numbers[&symbol.as_index()];
            for &rule in self.grammar.rules_of(symbol) {
                let first = self.rules.rhs.len() as u32;
                self.rules.symbols[number as usize].rules.push(first);
                let (rhs, _, _) = self.grammar.rule_rhs(rule);
                for &part in rhs {
                    let (part_number, is_new) = self.symbol(part);
                    if is_new {
                        open.push(part);
                    }
                    self.rules.rhs.push(part_number);
                    self.rules.lhs.push(number);
                }
                self.rules.rhs.push(END);
                self.rules.lhs.push(number);
            }
        }
    }

    /// The number of a symbol, and whether it is new. The start symbol is 0.
    fn symbol(&mut self, symbol: CSymIdx) -> (u32, bool) {
        if let Some(&number) = self.numbers.get(&symbol.as_index()) {
            return (number, false);
        }
        let data = self.grammar.sym_data(symbol);
        self.rules.nests |= data.gen_grammar.is_some();
        let number = self.rules.symbols.len() as u32;
        self.rules.symbols.push(Symbol {
            rules: Vec::new(),
            lexeme: data.lexeme,
            nullable: data.is_nullable,
            bytes_min: NEVER,
        });
        self.numbers.insert(symbol.as_index(), number);
        (number, true)
    }
}

impl Rows {
    /// The row before the first byte is row 0.
    pub fn new(rules: Arc<Rules>) -> Self {
        let mut rows = Rows { rules, rows: Vec::new(), known: HashMap::new() };
        let rules = Arc::clone(&rows.rules);
        let kernel = rules.symbols[rules.start as usize].rules.iter();
        let kernel = kernel.map(|&dot| Item { dot, origin: HERE }).collect();
        let nullable = rules.symbols[rules.start as usize].nullable;
        rows.insert(kernel, nullable);
        rows
    }

    /// How many rows were met.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// The row of this number.
    pub fn get(&self, row: RowId) -> &Arc<Row> {
        &self.rows[row as usize]
    }

    /// The row after a row and one of several lexemes; none if no rule expects them.
    pub fn scan(&mut self, from: RowId, lexemes: &[LexemeIdx]) -> Option<RowId> {
        let row = Arc::clone(self.get(from));
        let mut kernel = Vec::new();
        for item in &row.items {
            let symbol = &self.rules.symbols[self.rules.rhs[item.dot as usize] as usize];
            if symbol.lexeme.is_some_and(|lexeme| lexemes.contains(&lexeme)) {
                let origin = if item.origin == HERE { from } else { item.origin };
                kernel.push(Item { dot: item.dot + 1, origin });
            }
        }
        if kernel.is_empty() { None } else { Some(self.insert(kernel, false)) }
    }

    /// Predicts and completes from the kernel, and gives the row its number.
    fn insert(&mut self, kernel: Vec<Item>, mut accepting: bool) -> RowId {
        let rules = Arc::clone(&self.rules);
        let mut agenda = kernel;
        let mut seen: std::collections::HashSet<Item> = agenda.iter().copied().collect();
        let mut next = 0;
        while let Some(&item) = agenda.get(next) {
            next += 1;
            let mut add = |item: Item, agenda: &mut Vec<Item>| {
                if seen.insert(item) {
                    agenda.push(item);
                }
            };
            let symbol = rules.rhs[item.dot as usize];
            if symbol == END {
                let lhs = rules.lhs[item.dot as usize];
                if item.origin == HERE {
                    continue; // An empty text: the symbol is nullable and was passed over.
                }
                accepting |= lhs == rules.start && item.origin == 0;
                let origin = Arc::clone(self.get(item.origin));
                for waiting in &origin.items {
                    if rules.rhs[waiting.dot as usize] == lhs {
                        let from =
                            if waiting.origin == HERE { item.origin } else { waiting.origin };
                        add(Item { dot: waiting.dot + 1, origin: from }, &mut agenda);
                    }
                }
                continue;
            }
            let symbol = &rules.symbols[symbol as usize];
            for &dot in &symbol.rules {
                add(Item { dot, origin: HERE }, &mut agenda);
            }
            if symbol.nullable {
                add(Item { dot: item.dot + 1, ..item }, &mut agenda);
            }
        }
        let mut items = agenda;
        items.retain(|item| rules.rhs[item.dot as usize] != END);
        items.sort_unstable();
        self.number(items, accepting)
    }

    fn number(&mut self, items: Vec<Item>, accepting: bool) -> RowId {
        // Whether a document may end is part of what a row is.
        let mut key = items.clone();
        key.push(Item { dot: END, origin: RowId::from(accepting) });
        if let Some(&row) = self.known.get(&key) {
            return row;
        }
        let after = self.bytes_after(&items, self.rows.is_empty());
        let mut lexemes: Vec<(LexemeIdx, u32)> = Vec::new();
        for (&symbol, &bytes) in &after {
            if let Some(lexeme) = self.rules.symbols[symbol as usize].lexeme {
                lexemes.push((lexeme, bytes));
            }
        }
        lexemes.sort_unstable_by_key(|&(lexeme, bytes)| (lexeme.as_usize(), bytes));
        lexemes.dedup_by_key(|&mut (lexeme, _)| lexeme);
        let row = self.rows.len() as RowId;
        self.rows.push(Arc::new(Row { items, accepting, lexemes, after }));
        self.known.insert(key, row);
        row
    }

    /// Fewest bytes of the document after each symbol that the items expect: repeated until
    /// nothing gets shorter, since symbols of one row can be inside each other.
    fn bytes_after(&self, items: &[Item], is_first: bool) -> HashMap<u32, u32> {
        let rules = &self.rules;
        let mut after: HashMap<u32, u32> = HashMap::new();
        if is_first {
            after.insert(rules.start, 0);
        }
        let tails: Vec<(u32, u32, u32, RowId)> = items
            .iter()
            .map(|item| {
                let symbol = rules.rhs[item.dot as usize];
                let tail = rules.tail_bytes_min(item.dot + 1);
                (symbol, tail, rules.lhs[item.dot as usize], item.origin)
            })
            .collect();
        loop {
            let mut changed = false;
            for &(symbol, tail, lhs, origin) in &tails {
                let above = match origin {
                    HERE => after.get(&lhs).copied(),
                    row => self.get(row).after.get(&lhs).copied(),
                };
                let bytes = above.unwrap_or(NEVER).saturating_add(tail);
                let known = after.entry(symbol).or_insert(NEVER);
                if bytes < *known {
                    *known = bytes;
                    changed = true;
                }
            }
            if !changed {
                return after;
            }
        }
    }
}
