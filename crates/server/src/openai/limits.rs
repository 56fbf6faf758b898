//! Bounds on what a request may hold, each with its unit and its reason. Bytes, nesting and values
//! of a body are bounded before it comes here (`crate::limits`); these bound what it can cost.

/// Most messages of a conversation. Longer ones are files, not talks; a template looks at each
/// message many times.
pub const MESSAGES_MAX: usize = 4096;

/// Most parts of one message's content.
pub const CONTENT_PARTS_MAX: usize = 1024;

/// Most tools of a request, as OpenAI has it.
pub const TOOLS_MAX: usize = 128;

/// Most calls of tools in one message: as many as there can be tools.
pub const TOOL_CALLS_MAX: usize = 128;

/// Longest name of a tool, in bytes, as OpenAI has it.
pub const TOOL_NAME_BYTES_MAX: usize = 64;

/// Longest parameters of one tool, in bytes of compact JSON: as the largest schema that the
/// grammar room takes.
pub const TOOL_SCHEMA_BYTES_MAX: usize = 256 << 10;

/// Most stop strings, as OpenAI has it. A request that names a profile may have more: see the
/// table of parameters.
pub const STOPS_MAX: usize = 4;

/// Most prompts of one request for completions. With `n` they make at most
/// [`CHOICES_MAX`] choices.
pub const PROMPTS_MAX: usize = 128;

/// Most choices of a request, over all its prompts: each is a sequence in the engine.
pub const CHOICES_MAX: usize = 128;

/// Most alternatives per token of `/v1/completions`, as OpenAI has it.
pub const COMPLETION_LOGPROBS_MAX: u64 = 5;

/// Most entries of `metadata`, as OpenAI has it.
pub const METADATA_MAX: usize = 16;

/// Longest key and longest value of `metadata`, in characters, as OpenAI has it.
pub const METADATA_CHARS_MAX: (usize, usize) = (64, 512);

/// Longest `tag`, `scenario`, `length`, `model` and `user`, in bytes: they go into the ledger.
pub const NAME_BYTES_MAX: usize = 256;

/// Longest deadline, in milliseconds: an hour.
pub const DEADLINE_MS_MAX: u64 = 3_600_000;

/// Most unknown fields that warnings name.
pub const UNKNOWN_FIELDS_MAX: usize = 16;
