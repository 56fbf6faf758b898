//! Every key of `jeton.yaml`: what it holds, its default, what it means. Nothing about a key is
//! said anywhere else but where its value is used.

use super::ROUTES;
use super::plans::UtcOffset;
use super::shape::{Field, Section, Shape};
use sampling::params::REASONING_EFFORTS;
use std::ops::RangeInclusive;

/// The memory for keys and values that a model may be given, in GiB.
pub const KV_GB: RangeInclusive<f64> = 0.001..=1_000_000.0;
/// The largest number of tokens that a setting may name.
pub(super) const TOKENS_MAX: u64 = 1 << 40;
/// Most entries of a list or map.
const COUNT_MAX: usize = 1000;
const DAY_S: f64 = 86_400.0;

const TOKENS: Shape = Shape::Integer(1, TOKENS_MAX);
const TOKENS_OR_NONE: Shape = Shape::Integer(0, TOKENS_MAX);
const CALLS: Shape = Shape::Integer(1, 1_000_000_000);
const SECONDS: Shape = Shape::Number(0.001, DAY_S);
const NAMES: Shape = Shape::OneOrMany(&Shape::Name, COUNT_MAX);
const PATH: Shape = Shape::Text(4096);
const SWITCH: Shape = Shape::Word(&["on", "off"]);
const OVER: Shape = Shape::Word(&["clamp", "reject"]);

/// The whole file.
pub static ROOT: Section = Section {
    name: "jeton.yaml",
    about: "Every key may be left out. A key that is written and left empty counts as left out.",
    fields: &[
        Field::new(
            "server",
            Shape::Section(&SERVER),
            "",
            "The address, its bounds, and who may come in.",
        ),
        Field::new(
            "models",
            Shape::List(&Shape::Section(&MODEL), 64),
            "the model inside the program, `jeton-tiny`",
            "The models. The first answers requests that name none.",
        ),
        Field::new(
            "presets",
            Shape::Map { key: "preset", names: &[], of: &TOKENS, count_max: COUNT_MAX },
            "short 50, medium 150, long 500",
            "Lengths by name, for `length` in requests, rules and scenarios. A file that has this \
             key names all of them.",
        ),
        Field::new(
            "limits",
            Shape::Section(&LIMITS),
            "",
            "Bounds of every request. Of all bounds that apply (key, scenario, route, model, \
             server) the tightest counts: the largest `min` and the smallest `max`, together with \
             what its owner says about requests outside. Where `min` is above `max`, `max` counts.",
        ),
        Field::new(
            "routes",
            Shape::Map {
                key: "route",
                names: ROUTES,
                of: &Shape::Section(&LIMITS),
                count_max: COUNT_MAX,
            },
            "",
            "Bounds by route.",
        ),
        Field::new(
            "defaults",
            Shape::List(&Shape::Section(&RULE), COUNT_MAX),
            "",
            "What counts when a request says nothing: the first rule whose conditions hold. \
             The response names it.",
        ),
        Field::new(
            "scenarios",
            Shape::Map {
                key: "scenario",
                names: &[],
                of: &Shape::Section(&SCENARIO),
                count_max: COUNT_MAX,
            },
            "",
            "Settings by name, for requests with `scenario: NAME`.",
        ),
        Field::new(
            "thinking",
            Shape::Section(&THINKING),
            "",
            "Whether and how long models think, as far as they mark their thoughts.",
        ),
        Field::new(
            "plans",
            Shape::Map {
                key: "plan",
                names: &[],
                of: &Shape::Section(&PLAN),
                count_max: COUNT_MAX,
            },
            "",
            "What keys may do. `jeton key create --plan NAME` makes a key of a plan.",
        ),
        Field::new(
            "prices",
            Shape::Section(&PRICES),
            "everything is free",
            "Prices of models without their own, for a million tokens.",
        ),
        Field::new("currency", Shape::Name, "EUR", "The unit of all amounts of money."),
        Field::new("ledger", Shape::Section(&LEDGER), "", "What is written down about requests."),
    ],
};

static SERVER: Section = Section {
    name: "server",
    about: "Times are in seconds, sizes in bytes.",
    fields: &[
        Field::new(
            "host",
            Shape::Text(255),
            "127.0.0.1",
            "The address to listen on. Beyond this machine keys are needed, or `allow_no_keys`.",
        ),
        Field::new("port", Shape::Integer(0, 65_535), "8080", "The port; 0 takes a free one."),
        Field::new(
            "allow_no_keys",
            Shape::Bool,
            "false",
            "Listens beyond this machine although no keys exist.",
        ),
        Field::new(
            "plan_without_key",
            Shape::Name,
            "no bounds but those of everybody",
            "The plan of requests without a key, where none is needed.",
        ),
        Field::new("connections_max", CALLS, "4096", "Connections at once."),
        Field::new(
            "queue_max",
            CALLS,
            "1024",
            "Requests that may wait; the next one is refused with 429.",
        ),
        Field::new("body_bytes_max", Shape::Integer(1024, 1 << 30), "8388608", "A request's body."),
        Field::new(
            "header_bytes_max",
            Shape::Integer(8192, 1 << 20),
            "32768",
            "A request's headers together.",
        ),
        Field::new("header_timeout_s", SECONDS, "10", "Until a request's headers are there."),
        Field::new("body_timeout_s", SECONDS, "30", "Until a request's body is there."),
        Field::new("idle_timeout_s", SECONDS, "75", "A connection without a request."),
        Field::new(
            "request_timeout_s",
            Shape::Number(0.0, DAY_S),
            "3600",
            "A whole request; 0 sets no bound.",
        ),
        Field::new(
            "write_timeout_s",
            SECONDS,
            "30",
            "How long a reader may take nothing before its request is given up.",
        ),
        Field::new(
            "stream_keep_alive_s",
            SECONDS,
            "15",
            "Between the comments that keep a silent stream open.",
        ),
        Field::new(
            "shutdown_drain_s",
            Shape::Number(0.0, DAY_S),
            "30",
            "What running requests have left when the server is told to stop.",
        ),
        Field::new(
            "cors_origins",
            Shape::OneOrMany(&ORIGIN, COUNT_MAX),
            "none",
            "Web pages of other origins that may call.",
        ),
        Field::new("open_metrics", Shape::Bool, "false", "`/metrics` answers without a key."),
    ],
};

const ORIGIN: Shape = Shape::Checked {
    rule: "an origin like https://example.org:8443, without a path, or * for all",
    check: is_origin,
};

fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let allowed = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
    text == "*" || host.is_some_and(|host| !host.is_empty() && host.chars().all(allowed))
}

static MODEL: Section = Section {
    name: "model",
    about: "A model and how it runs.",
    fields: &[
        Field::required("id", Shape::Name, "Its name in requests and in `/v1/models`."),
        Field::new(
            "path",
            PATH,
            "the model inside the program",
            "A GGUF file, or a folder with safetensors files.",
        ),
        Field::new("draft", PATH, "none", "A smaller model that guesses ahead."),
        Field::new(
            "context_tokens",
            TOKENS,
            "what the model was made for",
            "Tokens of prompt and answer together.",
        ),
        Field::new("threads", Shape::Integer(1, 1024), "one per core", "Threads that compute."),
        Field::new(
            "kv_gb",
            Shape::Number(*KV_GB.start(), *KV_GB.end()),
            "the server's choice",
            "Memory for keys and values, in GiB.",
        ),
        Field::new(
            "running_max",
            Shape::Integer(1, 65_536),
            "the server's choice",
            "Requests that are computed at once.",
        ),
        Field::new(
            "prefill_beside_tokens",
            Shape::Integer(1, 1 << 20),
            "64",
            "Tokens of prompts that are computed in a step in which others write: more end prompts \
             sooner, fewer keep the others' pace.",
        ),
        Field::new("prices", Shape::Section(&PRICES), "those of everybody", "Its prices."),
        Field::new("limits", Shape::Section(&LIMITS), "", "Bounds of requests for it."),
        Field::new(
            "thinking",
            Shape::Section(&THINKING),
            "as for everybody, key by key",
            "Whether and how long it thinks.",
        ),
        Field::new("locked", Shape::Section(&LOCKED), "", "Parameters that nobody may change."),
    ],
};

static LOCKED: Section = Section {
    name: "locked",
    about: "For models whose makers fix how they choose.",
    fields: &[
        Field::required("values", Shape::Parameters, "The parameters and their values."),
        Field::new("reason", Shape::Text(500), "", "Why; told with each answer that it concerns."),
        Field::new(
            "when_set",
            Shape::Word(&["replace", "reject"]),
            "replace",
            "A request that sets one to something else: the locked value counts and the response \
             says so, or it is refused.",
        ),
    ],
};

static LIMITS: Section = Section {
    name: "limits",
    about: "Used for everybody, and under routes, models, scenarios and plans.",
    fields: &[
        Field::new("max_tokens", Shape::Section(&TOKEN_LIMITS), "", "Tokens of an answer."),
        Field::new(
            "over_limit",
            OVER,
            "clamp, or what `limits` says",
            "What a request asks for outside of the bounds: it becomes the nearest bound, or is \
             refused. Defaults are never refused.",
        ),
        Field::new(
            "over_window",
            OVER,
            "reject, or what `limits` says",
            "A number that does not fit into the context window beside the prompt: it is refused \
             with `context_length_exceeded`, or becomes what fits. Presets and defaults always \
             become what fits. Of several the most particular counts: key, scenario, route, \
             model, server.",
        ),
    ],
};

static TOKEN_LIMITS: Section = Section {
    name: "max_tokens",
    about: "Thinking and answer together.",
    fields: &[
        Field::new("min", TOKENS, "none", "The least that a request has."),
        Field::new("max", TOKENS, "none", "The most."),
        Field::new(
            "default",
            TOKENS,
            "the model's recommendation, or the rest of the window",
            "When neither the request nor a rule says anything. Of several the most particular \
             counts: key, scenario, route, model, server.",
        ),
    ],
};

static RULE: Section = Section {
    name: "rule",
    about: "A rule sets a limit, or whether the model thinks, or both.",
    fields: &[
        Field::required("name", Shape::Name, "Its name, as responses tell it."),
        Field::new("when", Shape::Section(&WHEN), "always", "All of these must hold."),
        Field::new("max_tokens", TOKENS, "", "The limit."),
        Field::new("preset", Shape::Name, "", "The limit, as a preset."),
        Field::new(
            "thinking",
            SWITCH,
            "",
            "Whether the model thinks. Not together with `when.prompt_tokens`: the prompt is \
             counted after this is decided.",
        ),
        Field::new(
            "learned",
            Shape::Reserved(
                "limits learned from the ledger's history come with the lab and are not there \
                 yet; give `max_tokens` or `preset`",
            ),
            "",
            "Kept for limits learned from history.",
        ),
    ],
};

static WHEN: Section = Section {
    name: "when",
    about: "A condition that is left out, or an empty list, holds. Lists hold when one of their \
            entries does.",
    fields: &[
        Field::new("prompt_tokens", Shape::Section(&RANGE), "any", "Tokens of the prompt."),
        Field::new(
            "class",
            Shape::OneOrMany(&Shape::Word(&["chat", "summary", "code", "json", "thinking"]), 16),
            "any",
            "The kind of request, guessed from its format and a few words of its last message.",
        ),
        Field::new("route", Shape::OneOrMany(&Shape::Word(ROUTES), 16), "any", "The route."),
        Field::new("model", NAMES, "any", "Ids of models."),
        Field::new("tag", NAMES, "any", "The request's `tag`."),
        Field::new("scenario", NAMES, "any", "The request's `scenario`."),
        Field::new("plan", NAMES, "any", "The plan of the key."),
    ],
};

static RANGE: Section = Section {
    name: "range",
    about: "Both ends included.",
    fields: &[
        Field::new("min", TOKENS_OR_NONE, "none", "The least."),
        Field::new("max", TOKENS_OR_NONE, "none", "The most."),
    ],
};

static SCENARIO: Section = Section {
    name: "scenario",
    about: "What a request says itself counts before its scenario.",
    fields: &[
        Field::new(
            "generation_config",
            Shape::Parameters,
            "",
            "Parameters by any of their names (docs/PARAMETERS.md), `max_new_tokens` and \
             `enable_thinking` among them.",
        ),
        Field::new("length", Shape::Name, "", "The limit, as a preset."),
        Field::new("limits", Shape::Section(&LIMITS), "", "Bounds of requests of this scenario."),
    ],
};

static THINKING: Section = Section {
    name: "thinking",
    about: "What contradicts the mode is taken out of a request, and the response says so.",
    fields: &[
        Field::new(
            "mode",
            Shape::Word(&["on", "off", "client"]),
            "client",
            "Every request thinks, none does, or the request says it.",
        ),
        Field::new(
            "default",
            SWITCH,
            "the model's own",
            "In mode `client`, for requests that say nothing. Rules come first.",
        ),
        Field::new("budget", Shape::Section(&BUDGET), "", "Tokens of a thought."),
        Field::new(
            "answer_reserve_tokens",
            TOKENS_OR_NONE,
            "none",
            "Tokens of the limit that are kept for the answer when the request keeps none; at most \
             half of the limit. Makes limits shape the text, so that several limits are several \
             runs.",
        ),
        Field::new(
            "effort",
            Shape::Map {
                key: "effort",
                names: REASONING_EFFORTS,
                of: &Shape::Section(&EFFORT),
                count_max: 16,
            },
            "the shares of docs/THINKING.md",
            "Budgets by the word of `reasoning_effort`.",
        ),
    ],
};

static BUDGET: Section = Section {
    name: "budget",
    about: "The same under every limit; beside an `answer_reserve` what fits into it. A prompt \
            that is no conversation (`/v1/completions`, `/generate`) has no thoughts to bound.",
    fields: &[
        Field::new(
            "max",
            TOKENS_OR_NONE,
            "none",
            "The most that a request may think. A beam search cannot be held to it, so that it is \
             refused unless thinking is off.",
        ),
        Field::new(
            "default",
            TOKENS_OR_NONE,
            "none",
            "When the request names neither a budget nor an effort.",
        ),
    ],
};

static EFFORT: Section = Section {
    name: "effort",
    about: "Either a number of tokens or a share of the limit.",
    fields: &[
        Field::new("tokens", TOKENS_OR_NONE, "", "Tokens of thought."),
        Field::new(
            "share",
            Shape::Number(0.0, 1.0),
            "",
            "A share of the limit, from 0 to 1, rounded down.",
        ),
        Field::new("tokens_max", TOKENS_OR_NONE, "none", "The most that the share may come to."),
    ],
};

const MODEL_PATTERN: Shape = Shape::Checked {
    rule: "the id of a model, or its beginning and a *",
    check: |text| {
        let id = text.strip_suffix('*').unwrap_or(text);
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "._-:/".contains(c);
        !text.is_empty() && text.len() <= 64 && id.chars().all(is_allowed)
    },
};

/// What a plan may hold; a key's own settings are of the same form.
pub(super) static PLAN: Section = Section {
    name: "plan",
    about: "Minutes are any 60 seconds. Days and months are those of the calendar at \
            `utc_offset`.",
    fields: &[
        Field::new(
            "models",
            Shape::OneOrMany(&MODEL_PATTERN, COUNT_MAX),
            "all",
            "Ids of models that may be used and seen; a `*` at the end stands for anything.",
        ),
        Field::new("limits", Shape::Section(&LIMITS), "", "Bounds of its requests."),
        Field::new("requests_per_minute", CALLS, "no bound", "Requests in any 60 seconds."),
        Field::new("tokens_per_minute", TOKENS, "no bound", "Tokens in any 60 seconds."),
        Field::new("tokens_per_day", TOKENS, "no bound", "Tokens of a day."),
        Field::new("tokens_per_month", TOKENS, "no bound", "Tokens of a month."),
        Field::new("money_per_day", Shape::Money, "no bound", "Money of a day."),
        Field::new("money_per_month", Shape::Money, "no bound", "Money of a month."),
        Field::new("concurrency", CALLS, "no bound", "Requests at once."),
        Field::new(
            "reserve",
            Shape::Word(&["prompt", "limit"]),
            "prompt",
            "What a running request takes from the budgets before it has ended. `prompt`: nothing \
             waits for tokens that may never come, and a budget may be exceeded by what requests \
             at once produce. `limit`: no budget is ever exceeded, and large limits wait.",
        ),
        Field::new(
            "utc_offset",
            Shape::Checked {
                rule: UtcOffset::RULE,
                check: |text| UtcOffset::parse(text).is_some(),
            },
            "\"+00:00\"",
            "Where days and months begin.",
        ),
    ],
};

static PRICES: Section = Section {
    name: "prices",
    about: "For a million tokens. Costs are exact to a billionth of the currency.",
    fields: &[
        Field::new("prompt", Shape::Money, "0", "Tokens of prompts."),
        Field::new(
            "cached_prompt",
            Shape::Money,
            "as `prompt`",
            "Tokens of prompts that were computed before.",
        ),
        Field::new("thinking", Shape::Money, "as `answer`", "Tokens of thoughts."),
        Field::new("answer", Shape::Money, "0", "Tokens of answers."),
    ],
};

static LEDGER: Section = Section {
    name: "ledger",
    about: "Every request, its limits, tokens, times and cost.",
    fields: &[
        Field::new("path", PATH, "the server's choice", "The file of the database."),
        Field::new(
            "keep_text",
            Shape::Bool,
            "false",
            "Keeps the texts of answers too; prompts are never kept.",
        ),
        Field::new(
            "durability",
            Shape::Word(&["process", "power"]),
            "process",
            "What an entry survives: the end of the process at any moment, or loss of power too, \
             for which every answer's end waits for the disk.",
        ),
        Field::new(
            "retention_days",
            Shape::Integer(1, 36_500),
            "for ever",
            "Days after which entries are removed. At least 31 where a plan has a budget of a \
             month.",
        ),
    ],
};
