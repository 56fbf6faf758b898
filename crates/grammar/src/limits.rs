//! What a grammar may cost, with the reason for each number.

/// Bounds on what is compiled and on what a step may spend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest source text in bytes; a schema counts as its compact JSON. The largest schemas in
    /// public collections have about a megabyte, and their owners do not decode with them.
    pub source_bytes_max: usize,
    /// Deepest nesting of a schema, or of brackets in a regex or grammar: compilers recurse.
    pub nesting_max: usize,
    /// Most nodes (objects, lists and their entries) of a schema.
    pub schema_nodes_max: usize,
    /// Largest count in a schema or regex: `minItems`, `maxLength`, `{n,m}` and their like. Each
    /// unit of some of them becomes a state.
    pub repeat_max: usize,
    /// Most entries of a list of choices.
    pub choices_max: usize,
    /// Symbols of the compiled grammar: a few megabytes.
    pub grammar_symbols_max: usize,
    /// Regex nodes that compiling may build: about 20 milliseconds.
    pub compile_fuel: u64,
    /// Regex nodes that one step may build: about 15 milliseconds.
    pub step_fuel: u64,
    /// Parser items that one step may build: a few milliseconds.
    pub step_items_max: usize,
    /// States of all regexes together, at one to two kilobytes each.
    pub lexer_states_max: usize,
    /// States that one search for a closing may look at: some hundred milliseconds.
    pub search_states_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            source_bytes_max: 256 << 10,
            nesting_max: 64,
            schema_nodes_max: 20_000,
            repeat_max: 4096,
            choices_max: 4096,
            grammar_symbols_max: 200_000,
            compile_fuel: 1_000_000,
            step_fuel: 200_000,
            step_items_max: 50_000,
            lexer_states_max: 50_000,
            search_states_max: 20_000,
        }
    }
}
