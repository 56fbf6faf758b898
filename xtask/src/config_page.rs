//! The page about `jeton.yaml`, from the table of its keys, and the schema for editors.

use policy::config::shape::{Field, Section, Shape};
use policy::config::{
    Config, DEPTH_MAX, EXAMPLE, FILE_BYTES_MAX, KEYS_MAX, NODES_MAX, ROOT, ROUTES,
};
use std::fmt::Write;

/// Where the page is.
pub const PATH: &str = "docs/CONFIG.md";
/// Where the schema is.
pub const SCHEMA_PATH: &str = "docs/jeton.schema.json";

const BEGINNING: &str = "\
# Configuration

Made by `cargo xtask docs` from the table in `crates/policy/src/config`; change it there.

`jeton serve` needs no configuration: it serves the model inside the program on this machine, to
whoever is on it, without bounds but the model's own. `jeton serve --config jeton.yaml` governs it.

The shortest file that does something:

```yaml
limits:
  max_tokens: {max: 1000}
```

Now who asks for 5000 tokens gets 1000, and the response says so:

```json
\"limits\": {\"max_tokens\": {\"asked\": 5000, \"effective\": 1000, \"set_by\": \"admin\",
  \"rule\": \"limits.max_tokens.max\",
  \"steps\": [{\"by\": \"request\", \"value\": 5000},
            {\"by\": \"admin\", \"value\": 1000, \"rule\": \"limits.max_tokens.max\"}]}}
```

Everything that is wrong in a file is told at once, each with its place:

```
jeton.yaml:2:3: limits.max_token: is not a key here; did you mean `max_tokens`?
jeton.yaml:7:9: server.port: must be a whole number from 0 to 65535; given 99999
```

";

const DECISION: &str = "\
## How many tokens a request gets

1. **What it begins with.** The number that the request asks for (`max_tokens` and its other
   names), or several; else its preset (`length`); else its scenario's; else the first rule of
   `defaults` that fits; else the `default` of its key, scenario, route, model or the server, the
   first that has one; else what the model's own files recommend; else all that the window has room
   for.
2. **Bounds.** Of all `min` and `max` that apply the tightest counts. What is outside becomes the
   bound (`over_limit: clamp`) or is refused (`reject`). Defaults are never refused. The model's own
   maximum is one of the bounds.
3. **Budgets.** What the key's day and month have left bounds the answers of the request together.
4. **The window.** A number that does not fit beside the prompt is refused with
   `context_length_exceeded` and the numbers (`over_window: clamp` makes it what fits); presets and
   defaults become what fits.

Each step that changes the number is in the response, with who (`request`, `preset`, `scenario`,
`tag`, `default`, `admin`, `key`, `budget`, `model`, `context`) and the rule. Asking for more never
gives less. A list of limits goes through the steps one by one; limits that come out equal are run
for once, and reported.

## Thinking

`mode: on` and `off` count for everybody, and what contradicts them is taken out of the request;
`client` follows the request, then the rules, then `default`. A budget is what the request names,
else what `effort` says about its word, else `budget.default`; never above `budget.max`. It is the
same under every limit, so that a smaller limit gives the beginning of a larger one; beside an
answer's reserve it is what the limit leaves.

## Budgets of keys

Requests and tokens per minute are those of any 60 seconds (counted by the second, so that an event
counts for 60 to 61). Days and months are those of the calendar at `utc_offset`. A request counts
when it comes in, its tokens and money when it ends. Tokens are those of prompt and answer.

With `reserve: prompt` a running request holds its prompt. Alone, no request exceeds the day or the
month, since what is left bounds its limit; requests at once may exceed them together, by at most
their limits. Tokens per minute do not bound an answer; what it takes beyond them the next requests
wait for. With `reserve: limit` a running request holds its whole limit, and nothing is ever
exceeded; requests with large limits wait longer.

A request that does not fit gets status 429 with the budget's name, what is used and left, when it
resets, and `Retry-After`. `x-ratelimit-limit-requests`, `-remaining-requests`, `-reset-requests`
and the same for tokens are in every answer to a key that has such budgets, and in the 429.

## Money

Prices are for a million tokens, in decimal digits, and nothing is rounded but the total of a
request, to a billionth of the currency. A request costs what it produced, never its limit.

";

/// The page.
pub fn page() -> String {
    let mut page = String::from(BEGINNING);
    // Writing to a String cannot fail.
    let _ = writeln!(
        page,
        "## A whole file\n\n[examples/jeton.yaml](../examples/jeton.yaml):\n\n```yaml\n{EXAMPLE}\
         ```\n"
    );
    page.push_str(DECISION);
    let _ = writeln!(
        page,
        "## Keys\n\n{}\n\nAliases (`*name`) work; tags and a second document do not. A file has at \
         most {FILE_BYTES_MAX} bytes, {DEPTH_MAX} levels, {KEYS_MAX} keys in a map and {NODES_MAX} \
         values, those that aliases repeat included.\n\nRoutes are called {}.\n\n\
         Editors complete and check with [jeton.schema.json](jeton.schema.json):\n\n\
         ```yaml\n# yaml-language-server: $schema=docs/jeton.schema.json\n```\n",
        ROOT.about,
        ROUTES.iter().map(|route| format!("`{route}`")).collect::<Vec<_>>().join(", "),
    );
    for section in sections() {
        page.push_str(&section_text(section));
    }
    page.truncate(page.trim_end().len());
    page.push('\n');
    page
}

/// The schema.
pub fn schema() -> String {
    let schema = serde_json::to_string_pretty(&Config::json_schema());
    schema.expect("maps with text keys can be written") + "\n"
}

/// Every group of keys once, in the order in which they are met.
fn sections() -> Vec<&'static Section> {
    let mut sections: Vec<&Section> = vec![&ROOT];
    let mut next = 0;
    while let Some(section) = sections.get(next) {
        next += 1;
        for below in section.fields.iter().filter_map(|field| field.shape.section()) {
            if !sections.iter().any(|known| std::ptr::eq(*known, below)) {
                sections.push(below);
            }
        }
    }
    sections
}

fn section_text(section: &Section) -> String {
    let is_root = std::ptr::eq(section, &ROOT);
    let about = if is_root { "The keys at the top." } else { section.about };
    let mut text = format!("### {}\n\n{about}\n\n", section.name);
    text.push_str(
        "| key | what it holds | without it | what it means |\n| --- | --- | --- | --- |\n",
    );
    for Field { name, shape, default, help, is_required } in section.fields {
        if let Shape::Reserved(_) = shape {
            continue;
        }
        let without = match (*is_required, *default) {
            (true, _) => "must be there",
            (false, default) => default,
        };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| `{name}` | {} | {without} | {help} |", holds(shape));
    }
    text.push('\n');
    text
}

/// What a key holds, with links to groups of keys.
fn holds(shape: &Shape) -> String {
    match shape {
        Shape::Section(section) => format!("[{0}](#{1})", section.name, anchor(section.name)),
        Shape::List(of, _) => format!("list of {}", holds(of)),
        Shape::OneOrMany(of, _) => format!("{}, or a list", holds(of)),
        Shape::Map { key, names, of, .. } => match names {
            [] => format!("by {key}: {}", holds(of)),
            names => {
                let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
                format!("by {key} ({}): {}", names.join(", "), holds(of))
            }
        },
        Shape::Parameters => "[parameters](PARAMETERS.md)".to_owned(),
        Shape::Name => "a name".to_owned(),
        Shape::Word(words) => {
            words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
        }
        shape => shape.rule().replace(" to 1099511627776", " up").replace('*', "\\*"),
    }
}

/// As web pages of repositories name the places of headings.
fn anchor(name: &str) -> String {
    name.to_lowercase().chars().filter(|c| c.is_alphanumeric() || "_-".contains(*c)).collect()
}
