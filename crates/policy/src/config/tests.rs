use super::*;
use crate::class::CLASSES;
use crate::price::Money;
use proptest::prelude::*;
use shape::{Section, Shape};

fn read(text: &str) -> Result<Config, ConfigError> {
    Config::from_yaml(text, "jeton.yaml")
}

fn problems(text: &str) -> Vec<String> {
    read(text).expect_err("wrong").to_string().lines().map(str::to_owned).collect()
}

#[test]
fn the_example_is_right_and_says_what_its_comments_say() {
    let config = Config::from_yaml(EXAMPLE, "examples/jeton.yaml").expect("right");
    assert_eq!(config.limits.max_tokens.max, Some(1000));
    assert_eq!(config.models[0].prices.expect("prices").answer, Money(400_000_000));
    assert_eq!(config.plans["free"].utc_offset, Some(UtcOffset(60)));
    assert_eq!(config.plans["free"].models.as_deref(), Some(&["jeton-tiny".to_owned()][..]));
    assert_eq!(config.defaults[0].when.tag, ["faq"]);
    let wish = crate::Wish { max_tokens: vec![5000], ..crate::Wish::default() };
    let facts =
        crate::Facts { prompt_tokens: 9, context_tokens_max: 4096, ..crate::Facts::default() };
    let plan = crate::limits(&config, &wish, &crate::Who::default(), &facts).expect("granted");
    assert_eq!(
        plan.max_tokens.to_string(),
        "max_tokens: asked 5000 -> admin 1000 (limits.max_tokens.max)"
    );
}

#[test]
fn nothing_written_is_the_default() {
    for text in ["", "# only a comment\n", "---\n", "limits:\nmodels:\n", "{}", "\u{feff}"] {
        assert_eq!(read(text), Ok(Config::default()), "{text:?}");
    }
}

#[test]
fn all_problems_are_told_at_once_each_with_its_place() {
    let text = "\
server:
  prot: 8080
  port: 99999
presets: {short: fifty, long: 500}
limits:
  max_tokens: {min: 20, max: 10}
  over_limit: clam
models:
  - path: a.gguf
    locked: {values: {temperatur: 1, top_p: 7}}
plans:
  free: {tokens_per_day: -1, money_per_day: 1e3, reserve: true}
defaults:
  - {name: x, preset: huge}
";
    assert_eq!(
        problems(text),
        [
            "jeton.yaml:2:3: server.prot: is not a key here; did you mean `port`?",
            "jeton.yaml:3:9: server.port: must be a whole number from 0 to 65535; given 99999",
            "jeton.yaml:4:18: presets.short: must be a whole number from 1 to 1099511627776; \
             given fifty",
            "jeton.yaml:6:16: limits.max_tokens.min: must be at most max, 10; given 20",
            "jeton.yaml:7:15: limits.over_limit: must be one of clamp, reject; given clam; did \
             you mean `clamp`?",
            "jeton.yaml:9:5: models[0].id: is missing; must be a name of 1 to 64 letters, digits \
             and . _ - : /",
            "jeton.yaml:10:23: models[0].locked.values.temperatur: `temperatur` is not a \
             parameter; did you mean `temperature`?",
            "jeton.yaml:10:38: models[0].locked.values.top_p: `top_p` must be a number in [0, \
             1]; given 7",
            "jeton.yaml:12:26: plans.free.tokens_per_day: must be a whole number from 1 to \
             1099511627776; given -1",
            "jeton.yaml:12:45: plans.free.money_per_day: must be an amount like 0.15, with at \
             most nine digits behind the point; given 1e3",
            "jeton.yaml:12:59: plans.free.reserve: must be one of prompt, limit; given true",
            "jeton.yaml:14:15: defaults[0].preset: `huge` is no preset of this file; there are: \
             long",
        ]
    );
}

#[test]
fn settings_are_held_against_each_other() {
    let text = "\
models: [{id: a}, {id: a, locked: {values: {max_tokens: 5}}}]
server: {plan_without_key: fre}
defaults:
  - {name: x}
  - {name: x, max_tokens: 5, preset: short}
  - {name: y, thinking: on, when: {prompt_tokens: {min: 9, max: 1}}}
  - {name: z, preset: long, when: {model: b, plan: [free, pro], scenario: s}}
  - {name: l, learned: true, max_tokens: 1}
scenarios:
  t: {generation_config: {max_new_tokens: [1, 2], top_k: 5}, length: tiny}
thinking:
  budget: {max: 5, default: 6}
  effort: {low: {}, high: {tokens: 1, share: 0.5}, max: {tokens: 1, tokens_max: 1}}
plans:
  free: {models: [a, b, 'c*'], limits: {max_tokens: {min: 2, default: 1}}}
";
    let told = problems(text);
    let paths: Vec<&str> = told.iter().map(|line| line.split(": ").nth(1).expect("path")).collect();
    assert_eq!(
        paths,
        [
            "models[1].id",
            "models[1].locked.values",
            "server.plan_without_key",
            "defaults[0]",
            "defaults[1].name",
            "defaults[1].preset",
            "defaults[2].thinking",
            "defaults[2].when.prompt_tokens.min",
            "defaults[3].when.model",
            "defaults[3].when.plan",
            "defaults[3].when.scenario",
            "defaults[4].learned",
            "scenarios.t.generation_config",
            "scenarios.t.length",
            "scenarios.t.length",
            "thinking.budget.default",
            "thinking.effort.low",
            "thinking.effort.high",
            "thinking.effort.max",
            "plans.free.models",
            "plans.free.limits.max_tokens.default",
        ],
        "{told:#?}"
    );
    assert!(told[11].contains("come with the lab"), "{}", told[11]);
}

#[test]
fn the_ledger_keeps_what_budgets_are_counted_from() {
    let with = |days: u64, plan: &str| {
        read(&format!("plans: {{a: {{}}, free: {{{plan}}}}}\nledger:\n  retention_days: {days}"))
    };
    for budget in ["tokens_per_month: 9", "money_per_month: 1.5"] {
        let told = with(30, budget).expect_err("too short").to_string();
        let says = "jeton.yaml:3:3: ledger.retention_days: must be at least 31: plan `free` has a \
                    budget of a month, and what is left of it is counted from the ledger; given 30";
        assert_eq!(told, says);
        assert!(with(31, budget).is_ok());
    }
    assert!(with(1, "tokens_per_day: 9, money_per_day: 1").is_ok());
}

#[test]
fn what_is_no_yaml_is_told_with_its_place() {
    for (text, place) in [
        ("a: [1, 2\nb: 3", "jeton.yaml:2:"),
        ("limits: {}\nlimits: {}", "jeton.yaml:2:1: limits: is written a second time"),
        ("limits: !evil {}", "jeton.yaml:1:9: the tag `!evil`"),
        ("limits: *nobody", "jeton.yaml:1:9:"),
        ("currency: EUR\n---\ncurrency: USD", "a second document begins"),
        ("? [a]\n: 1", "a key must be a text"),
        ("- 1", "must be a map with the keys server, models"),
        ("models: 5", "must be a list of at most 64"),
        ("plans: {'': {}}", "the plan must be a name of 1 to 64"),
        ("\tserver: 1", "jeton.yaml:1:"),
        (
            "presets: {a: }",
            "presets.a: must be a whole number from 1 to 1099511627776; given nothing",
        ),
    ] {
        let told = problems(text).join("\n");
        assert!(told.contains(place), "{text:?}: {told}");
    }
}

#[test]
fn an_alias_stands_for_its_value() {
    let text = "limits: &l {max_tokens: {max: 7}}\nroutes: {chat: *l, generate: *l}";
    let config = read(text).expect("right");
    assert_eq!(config.routes["generate"], config.limits);
}

#[test]
fn hostile_files_end_in_an_error_soon() {
    let mut bomb = String::from("a: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let list = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push_str(&format!("b{level}: &a{level} [{list}]\n"));
    }
    assert!(problems(&bomb)[0].contains("more than 100000 values"), "{:?}", problems(&bomb)[0]);
    let long = format!("a: &a {}\nb: [{}]", "x".repeat(500_000), vec!["*a"; 50_000].join(","));
    assert!(problems(&long)[0].contains("more than 100000 values"));
    for deep in ["[".repeat(100_000), "- ".repeat(100_000), "{a: ".repeat(100_000)] {
        let told = problems(&deep).join("\n");
        assert!(told.contains("levels deep") || told.contains("is no YAML"), "{told:.200}");
    }
    let wide: String = (0..KEYS_MAX + 1).map(|n| format!("k{n}: 1\n")).collect();
    assert!(problems(&wide)[0].contains("at most 4096 keys"));
    let unknown: String = (0..4000).map(|n| format!("k{n}: 1\n")).collect();
    let told = problems(&unknown);
    assert_eq!(told.len(), 101);
    assert_eq!(told[100], "jeton.yaml: and 3900 more problems");
    assert!(problems(&"#".repeat(FILE_BYTES_MAX + 1))[0].contains("bytes; at most"));
}

#[test]
fn what_a_key_has_of_its_own_is_checked_like_a_plan() {
    let own = serde_json::json!({"tokens_per_day": 5, "money_per_day": 0.25, "models": "m"});
    let own = KeyPlan::from_json(&own).expect("right");
    assert_eq!(own.money_per_day, Some(Money(250_000_000)));
    let config = read("plans: {free: {tokens_per_day: 9, concurrency: 3}}").expect("right");
    let both = config.plan_of(Some("free"), Some(&own)).expect("a plan");
    assert_eq!((both.tokens_per_day, both.concurrency), (Some(5), Some(3)));
    assert!(both.allows("m") && !both.allows("n"));
    assert_eq!(config.plan_of(Some("gone"), None), None);
    let error = KeyPlan::from_json(&serde_json::json!({"tokens_per_dya": 5})).expect_err("wrong");
    assert_eq!(error, "tokens_per_dya: is not a key here; did you mean `tokens_per_day`?");
}

/// A value that a shape allows.
fn sample(shape: &Shape) -> serde_json::Value {
    use serde_json::json;
    match shape {
        Shape::Bool => json!(true),
        Shape::Text(_) | Shape::Name => json!("abc"),
        Shape::Checked { check, .. } => {
            let known = ["+02:00", "*", "abc"].into_iter().find(|text| check(text));
            json!(known.expect("one fits"))
        }
        Shape::Integer(min, _) => json!(min),
        Shape::Number(_, max) => json!(max),
        Shape::Money => json!("0.5"),
        Shape::Word(words) => json!(words[0]),
        Shape::OneOrMany(of, _) | Shape::List(of, _) => json!([sample(of)]),
        Shape::Map { names, of, .. } => json!({(*names.first().unwrap_or(&"abc")): sample(of)}),
        Shape::Section(section) => section_sample(section),
        Shape::Parameters => json!({"top_k": 5, "stop": ["a"]}),
        Shape::Reserved(_) => serde_json::Value::Null,
    }
}

fn section_sample(section: &Section) -> serde_json::Value {
    let fields = section.fields.iter().filter(|f| !matches!(f.shape, Shape::Reserved(_)));
    let fields = fields.map(|field| (field.name.to_owned(), sample(&field.shape)));
    serde_json::Value::Object(fields.collect())
}

#[test]
fn the_table_and_the_types_have_the_same_keys() {
    let full = section_sample(&ROOT);
    let config: Config = serde_json::from_value(full.clone()).expect("the types know all keys");
    assert_eq!(serde_json::to_value(&config).expect("JSON"), full);
}

#[test]
fn the_defaults_that_the_table_tells_are_those_of_the_types() {
    let server = serde_json::to_value(Server::default()).expect("JSON");
    let mut compared = 0;
    for (name, value) in server.as_object().expect("a map") {
        let Some(Shape::Section(section)) = ROOT.fields.first().map(|field| &field.shape) else {
            panic!("the first key is server");
        };
        let field = section.fields.iter().find(|field| field.name == name).expect("in the table");
        let told: serde_json::Value = match field.default.parse::<f64>() {
            Ok(number) => number.into(),
            Err(_) => serde_json::from_str(field.default).unwrap_or(field.default.into()),
        };
        let is_same = value.as_f64().map_or(*value == told, |value| told.as_f64() == Some(value));
        assert!(is_same || name == "cors_origins", "{name}: {value}, told {told}");
        compared += 1;
    }
    assert!(compared > 10);
}

#[test]
fn rules_name_every_class() {
    for (word, class) in CLASSES {
        let text = format!("defaults: [{{name: a, when: {{class: {word}}}, max_tokens: 1}}]");
        assert_eq!(read(&text).expect("right").defaults[0].when.class, [*class]);
        assert_eq!(class.as_str(), *word);
    }
}

/// Texts that are more often nearly YAML than any text.
const YAML_SIGNS: &str = concat!(
    r#"([a-c]|server|limits|models|[0-9]|: |- |\n|\n  |\[|\]|\{|\}|, |&a |\*a|!t |"|'|#|\||>"#,
    r"|\?|%|~|---\n){0,60}",
);

proptest! {
    /// JSON is YAML: what the types write is read back.
    #[test]
    fn what_is_written_is_read_again(
        max in 1u64..5000, port in any::<u16>(), price in 0i64..1_000_000_000_000,
        kv in 0.001f64..1e5, offset in -720i32..=840, text in "[a-z0-9]{1,20}",
    ) {
        let mut config = Config::default();
        config.limits.max_tokens.max = Some(max);
        config.server.port = port;
        config.prices.answer = Money(price);
        let plan = KeyPlan { utc_offset: Some(UtcOffset(offset)), ..KeyPlan::default() };
        config.plans.insert(text.clone(), plan);
        let path = Some(format!("/{text} with: \"quotes\" # and so on"));
        config.models.push(Model { id: text, path, kv_gb: Some(kv), ..Model::default() });
        let json = serde_json::to_string_pretty(&config).expect("JSON");
        prop_assert_eq!(read(&json), Ok(config));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
        let _ = read(&text);
    }

    #[test]
    fn any_text_of_yaml_signs_is_read_or_refused(
        text in YAML_SIGNS,
    ) {
        if let Err(error) = read(&text) {
            prop_assert!(!error.problems.is_empty());
            let lines = text.matches('\n').count() + 2;
            prop_assert!(error.problems.iter().all(|p| p.at.line <= lines), "{}", error);
        }
    }
}
