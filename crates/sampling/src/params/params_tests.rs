use super::*;
use crate::beam::EarlyStopping;

fn one(name: &str, value: ParamValue) -> Result<SamplingParams, ParamError> {
    SamplingParams::from_values([(name, value)])
}

fn message(name: &str, value: ParamValue) -> String {
    let error = one(name, value).expect_err("must be refused");
    assert_eq!(error.param, name);
    error.message
}

/// A legal value that differs from the default.
fn sample(kind: &Kind) -> ParamValue {
    match kind {
        Kind::Float { min, max, .. } => ParamValue::Float(0.5_f64.max(min + 0.25).min(*max)),
        Kind::Integer { max, .. } => ParamValue::Int(7.min(*max)),
        Kind::Limits { .. } => ParamValue::List(vec![ParamValue::Int(9), ParamValue::Int(4)]),
        Kind::Bool { .. } => ParamValue::Bool(true),
        Kind::Texts { .. } => ParamValue::List(vec![ParamValue::Str("END".into())]),
        Kind::TokenIds { .. } => ParamValue::List(vec![ParamValue::Int(3), ParamValue::Int(9)]),
        Kind::TokenLists { .. } => ParamValue::List(vec![
            ParamValue::List(vec![ParamValue::Int(4)]),
            ParamValue::List(vec![ParamValue::Int(1), ParamValue::Int(2)]),
        ]),
        Kind::CountAndFactor { .. } => {
            ParamValue::List(vec![ParamValue::Int(9), ParamValue::Float(1.5)])
        }
        Kind::TokenMap { .. } => ParamValue::Map(vec![
            ("5".into(), ParamValue::Float(-1.5)),
            ("8".into(), ParamValue::Float(f64::NEG_INFINITY)),
        ]),
        Kind::Choice { names, .. } => ParamValue::Str(names[names.len() - 1].into()),
        Kind::Stages { .. } => ParamValue::List(
            ["min_p", "temperature"].map(|name| ParamValue::Str(name.into())).into(),
        ),
    }
}

#[test]
fn every_entry_of_the_table_reaches_its_own_field() {
    let default = SamplingParams::default();
    for spec in PARAMS {
        let value = match spec.name {
            "do_sample" => ParamValue::Bool(false),
            _ => sample(&spec.kind),
        };
        let with = match spec.name {
            "top_logprobs" => Some(("logprobs", ParamValue::Bool(true))),
            "num_return_sequences" | "num_beam_groups" => Some(("num_beams", ParamValue::Int(7))),
            _ => None,
        };
        for name in spec.names() {
            let values = with.clone().into_iter().chain([(name, value.clone())]);
            let params = SamplingParams::from_values(values).expect(name);
            assert_eq!(params.value_of(spec).as_ref(), Some(&value), "{name}");
            for other in PARAMS {
                let untouched = other.name == spec.name
                    || with.as_ref().is_some_and(|(needed, _)| *needed == other.name)
                    || (params.is_beam_search() && other.name == "do_sample")
                    || params.value_of(other) == default.value_of(other);
                assert!(untouched, "{name} changes {}", other.name);
            }
        }
    }
}

#[test]
fn the_table_is_complete_and_has_no_name_twice() {
    let mut names = Vec::new();
    for spec in PARAMS {
        assert!(spec.help.ends_with('.') && spec.help.len() > 20, "{}", spec.name);
        assert!(!spec.source.is_empty(), "{}", spec.name);
        let default = SamplingParams::default().value_of(spec);
        let shown = default.map(|value| match value {
            ParamValue::Str(text) => text,
            other => other.to_string(),
        });
        let shown = shown.unwrap_or_default();
        assert_eq!(shown, spec.default, "default of {}", spec.name);
        for name in spec.names() {
            assert!(!names.contains(&name), "{name} is there twice");
            names.push(name);
        }
    }
}

#[test]
fn messages_name_the_parameter_its_range_and_what_was_given() {
    assert_eq!(
        message("top_p", ParamValue::Float(1.5)),
        "`top_p` must be a number in [0, 1]; given 1.5"
    );
    assert_eq!(
        message("temperature", ParamValue::Float(f64::NAN)),
        "`temperature` must be a number in [0, 100]; given NaN"
    );
    assert_eq!(
        message("max_new_tokens", ParamValue::Int(0)),
        "`max_new_tokens` must be a whole number in [1, 4294967295] or a list of 1 to 64 \
         different ones; given 0"
    );
    assert_eq!(
        message("epsilon_cutoff", ParamValue::Int(1)),
        "`epsilon_cutoff` must be a number in [0, 1); given 1"
    );
    assert_eq!(
        message("do_sample", ParamValue::Str("yes".into())),
        "`do_sample` must be true or false; given \"yes\""
    );
    assert!(message("tempreature", ParamValue::Int(1)).contains("`temperature`"));
}

#[test]
fn infinite_and_missing_numbers_are_refused_everywhere() {
    for spec in PARAMS {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(one(spec.name, ParamValue::Float(bad)).is_err(), "{} {bad}", spec.name);
        }
    }
}

#[test]
fn one_parameter_under_two_names_is_refused() {
    let values = [("max_tokens", ParamValue::Int(5)), ("n_predict", ParamValue::Int(6))];
    let error = SamplingParams::from_values(values).expect_err("twice");
    assert_eq!(
        error.message,
        "`n_predict` and `max_tokens` are the same parameter; give one of them"
    );
    let values = [("seed", ParamValue::Int(5)), ("seed", ParamValue::Int(5))];
    assert!(SamplingParams::from_values(values).is_err());
}

#[test]
fn stop_strings_and_stages_are_checked_entry_by_entry() {
    let texts = |texts: &[&str]| {
        ParamValue::List(texts.iter().map(|&text| ParamValue::Str(text.into())).collect())
    };
    let rule = "`stop` must be at most 16 texts of 1 to 256 bytes; given";
    assert_eq!(message("stop", texts(&["a"; 17])), format!("{rule} 17"));
    assert_eq!(message("stop", ParamValue::Int(5)), format!("{rule} 5"));
    assert_eq!(message("stop", ParamValue::Str(String::new())), format!("{rule} one of 0 bytes"));
    let entry = |index: usize| format!("`stop[{index}]` must be a text of 1 to 256 bytes; given");
    assert_eq!(message("stop", texts(&["a", ""])), format!("{} one of 0 bytes", entry(1)));
    let long = texts(&["x".repeat(257).as_str()]);
    assert_eq!(message("stop", long), format!("{} one of 257 bytes", entry(0)));
    let mixed = ParamValue::List(vec![ParamValue::Str("a".into()), ParamValue::Int(1)]);
    assert_eq!(message("stop", mixed), format!("{} 1", entry(1)));
    let ids = ParamValue::List(vec![ParamValue::Int(1), ParamValue::Int(-1)]);
    assert_eq!(
        message("stop_token_ids", ids.clone()),
        "`stop_token_ids[1]` must be a token id; given -1"
    );
    assert_eq!(
        message("bad_words_ids", ParamValue::List(vec![ids])),
        "`bad_words_ids[0][1]` must be a token id; given -1"
    );
    assert_eq!(one("stop", ParamValue::Str("\n".into())).expect("one text").stop(), ["\n"]);
    let wrong = message("samplers", texts(&["top_k", "topp"]));
    assert_eq!(wrong, "`samplers` names no stage \"topp\"; did you mean `top_p`?");
    assert!(message("samplers", texts(&["top_k", "top_k"])).contains("`top_k` is twice"));
}

#[test]
fn biases_are_numbers_or_bans_for_distinct_ids() {
    let map = |entries: &[(&str, ParamValue)]| {
        ParamValue::Map(
            entries.iter().map(|(id, value)| ((*id).to_owned(), value.clone())).collect(),
        )
    };
    let bans = [("7", ParamValue::Bool(false)), ("2", ParamValue::Str("-inf".into()))];
    let params = one("logit_bias", map(&bans)).expect("two bans");
    assert!(params.logit_bias().eq([(2, f64::NEG_INFINITY), (7, f64::NEG_INFINITY)]));
    let bad = [
        map(&[("", ParamValue::Int(1))]),
        map(&[(&"x".repeat(257), ParamValue::Int(1))]),
        map(&[("x", ParamValue::Int(1)), ("x", ParamValue::Int(2))]),
        map(&[("-1", ParamValue::Int(1))]),
        map(&[("1", ParamValue::Float(f64::NAN))]),
        map(&[("1", ParamValue::Float(f64::INFINITY))]),
        map(&[("1", ParamValue::Bool(true))]),
        map(&[("1", ParamValue::Int(1)), ("01", ParamValue::Int(2))]),
    ];
    for value in bad {
        message("logit_bias", value);
    }
    assert!(params.check_vocabulary(8).is_ok());
    let error = params.check_vocabulary(7).expect_err("id 7");
    assert_eq!(error.message, "`logit_bias` must hold token ids below 7; given 7");
}

#[test]
fn parameters_that_contradict_each_other_are_refused() {
    let values = [("min_tokens", ParamValue::Int(9)), ("max_tokens", ParamValue::Int(5))];
    let error = SamplingParams::from_values(values).expect_err("9 > 5");
    assert_eq!(error.message, "`min_tokens` must be at most `max_tokens` (5); given 9");
    assert!(one("top_logprobs", ParamValue::Int(3)).is_err());
}

#[test]
fn any_64_bit_seed_is_taken() {
    assert_eq!(one("seed", ParamValue::Int(-1)).expect("signed").seed(), Some(u64::MAX));
    let largest = ParamValue::Int(i128::from(u64::MAX));
    assert_eq!(one("seed", largest).expect("unsigned").seed(), Some(u64::MAX));
    assert!(one("seed", ParamValue::Int(1 << 64)).is_err());
}

#[test]
fn the_narrower_ranges_of_the_api_are_a_check_of_their_own() {
    let bias = |value| ParamValue::Map(vec![("1".into(), ParamValue::Float(value))]);
    let fits = |name, value| one(name, value).expect("usable").check_openai_ranges().is_ok();
    assert!(fits("temperature", ParamValue::Float(2.0)));
    assert!(!fits("temperature", ParamValue::Float(2.5)));
    assert!(!fits("frequency_penalty", ParamValue::Int(-3)));
    assert!(fits("logit_bias", bias(-100.0)));
    assert!(!fits("logit_bias", bias(-100.5)));
    assert!(!fits("logit_bias", bias(f64::NEG_INFINITY)));
}

/// Words of letters; a token is a letter, and its id the letter's place in the alphabet.
struct Letters;

impl Vocabulary for Letters {
    fn encode(&self, text: &str) -> Vec<TokenId> {
        let letters = text.bytes().filter(u8::is_ascii_lowercase);
        letters.map(|letter| TokenId::from(letter - b'a')).collect()
    }

    fn piece(&self, id: TokenId) -> &[u8] {
        &b"abcdefghijklmnopqrstuvwxyz"[id as usize..][..1]
    }

    fn size(&self) -> usize {
        26
    }
}

#[test]
fn biases_may_be_named_by_text_and_written_as_pairs() {
    let pair = |target, bias| ParamValue::List(vec![target, bias]);
    let pairs = ParamValue::List(vec![
        pair(ParamValue::Str("cab".into()), ParamValue::Int(2)),
        pair(ParamValue::Int(1), ParamValue::Bool(false)),
        pair(ParamValue::Str("12b".into()), ParamValue::Float(0.5)),
    ]);
    let mut params = one("logit_bias", pairs.clone()).expect("three biases");
    assert_eq!(params.unresolved_text(), Some("logit_bias"));
    params.resolve_texts(&Letters).expect("letters");
    assert_eq!(params.unresolved_text(), None);
    let never = f64::NEG_INFINITY;
    assert!(params.logit_bias().eq([(1, never), (2, 2.0), (0, 2.0), (1, 2.0), (1, 0.5)]));
    let written = params.value_of(ParamSpec::find("logit_bias").expect("it exists"));
    assert_eq!(
        one("logit_bias", written.expect("biases"))
            .expect("again")
            .value_of(ParamSpec::find("logit_bias").expect("it exists")),
        params.value_of(ParamSpec::find("logit_bias").expect("it exists"))
    );

    let mut unknown =
        one("logit_bias", ParamValue::Map(vec![("!".into(), ParamValue::Int(1))])).expect("a text");
    let error = unknown.resolve_texts(&Letters).expect_err("no letters");
    assert!(error.message.contains("`logit_bias`") && error.message.contains("\"!\""), "{error}");
    for bad in [
        pair(ParamValue::Int(1), ParamValue::Int(2)),
        ParamValue::List(vec![pair(ParamValue::Float(0.5), ParamValue::Int(1))]),
        ParamValue::List(vec![ParamValue::List(vec![ParamValue::Int(1)])]),
    ] {
        message("logit_bias", bad);
    }
}

#[test]
fn a_list_of_limits_runs_to_the_largest_and_holds_different_ones() {
    let list =
        |limits: &[i128]| ParamValue::List(limits.iter().map(|&n| ParamValue::Int(n)).collect());
    let params = SamplingParams::from_values([("max_tokens", list(&[50, 200, 20]))]).expect("fine");
    assert_eq!((params.max_tokens(), params.limits()), (Some(200), &[50, 200, 20][..]));
    let one = params.with_max_tokens(50).expect("one of them");
    assert_eq!((one.max_tokens(), one.limits()), (Some(50), &[][..]));
    let many: Vec<i128> = (1..=65).collect();
    for (bad, says) in [
        (list(&[]), "a list of 0"),
        (list(&many), "a list of 65"),
        (list(&[3, 3]), "3 twice"),
        (list(&[3, 0]), "given 0"),
        (ParamValue::Str("many".into()), "\"many\""),
    ] {
        let error = SamplingParams::from_values([("max_tokens", bad)]).expect_err(says);
        assert!(error.message.contains(says) && error.message.contains("1 to 64"), "{error}");
    }
    let with_min = [("max_tokens", list(&[50, 9])), ("min_tokens", ParamValue::Int(10))];
    let error = SamplingParams::from_values(with_min).expect_err("9 is too few");
    assert!(error.message.contains("(9)"), "{error}");
    assert!(params.with_max_tokens(0).is_err());
}

#[test]
fn beam_parameters_that_do_not_go_together_are_refused_by_name() {
    let int = ParamValue::Int;
    let refused = |param: &str, values: Vec<(&str, ParamValue)>| {
        let error = SamplingParams::from_values(values).expect_err("must be refused");
        assert_eq!(error.param, param, "{}", error.message);
        assert!(error.message.contains("num_beam"), "{}", error.message);
    };
    let beams = || ("num_beams", int(4));
    refused("num_return_sequences", vec![beams(), ("num_return_sequences", int(5))]);
    refused("num_beam_groups", vec![beams(), ("num_beam_groups", int(3))]);
    refused("diversity_penalty", vec![beams(), ("diversity_penalty", ParamValue::Float(0.5))]);
    refused("do_sample", vec![beams(), ("do_sample", ParamValue::Bool(true))]);
    refused("logprobs", vec![beams(), ("logprobs", ParamValue::Bool(true))]);
    let textbook = ("beam_method", ParamValue::Str("textbook".into()));
    refused("beam_method", vec![beams(), textbook, ("num_beam_groups", int(2))]);

    let params = SamplingParams::from_values([beams()]).expect("valid");
    assert!(params.is_beam_search() && params.is_greedy());
    let early = |value: ParamValue| {
        let params = one("early_stopping", value).expect("valid");
        params.beams().early_stopping
    };
    assert_eq!(early(ParamValue::Bool(true)), EarlyStopping::AtOnce);
    assert_eq!(early(ParamValue::Str("true".into())), EarlyStopping::AtOnce);
    assert_eq!(early(ParamValue::Str("never".into())), EarlyStopping::Never);
    assert_eq!(early(ParamValue::Bool(false)), EarlyStopping::Heuristic);
    assert!(message("early_stopping", int(2)).contains("one of false, true, never; given 2"));
}

#[test]
fn bad_lists_and_pairs_are_refused_with_their_bounds() {
    let list = |values: Vec<ParamValue>| ParamValue::List(values);
    let text = |text: &str| ParamValue::Str(text.into());
    let words = "`bad_words` must be at most 1024 texts of 1 to 256 bytes; given";
    let word = "`bad_words[0]` must be a text of 1 to 256 bytes; given";
    assert_eq!(message("bad_words", list(vec![text("")])), format!("{word} one of 0 bytes"));
    assert_eq!(message("bad_words", list(vec![text("a"); 1025])), format!("{words} 1025"));
    let breakers = "`dry_sequence_breakers[0]` must be a text of 1 to 40 bytes; given";
    let long = list(vec![text(&"x".repeat(41))]);
    assert_eq!(message("dry_sequence_breakers", long), format!("{breakers} one of 41 bytes"));
    let none = one("dry_sequence_breakers", list(vec![text("none")])).expect("llama.cpp's word");
    assert!(none.stages().dry.sequence_breakers.is_empty());

    let lists = "`bad_words_ids[0]` must be a list of 1 to 64 token ids; given";
    let ids = |count| list(vec![ParamValue::Int(1); count]);
    assert_eq!(message("bad_words_ids", list(vec![ids(0)])), format!("{lists} one of 0 ids"));
    assert_eq!(message("bad_words_ids", list(vec![ids(65)])), format!("{lists} one of 65 ids"));
    assert_eq!(message("bad_words_ids", ids(2)), format!("{lists} 1"));
    message("bad_words_ids", list(vec![list(vec![ParamValue::Int(-1)])]));

    let pair = "`exponential_decay_length_penalty` must be a list of two: a whole number in \
                [0, 4294967295] and a number in (0, 100]; given";
    let decay = |a, b| list(vec![ParamValue::Float(a), ParamValue::Float(b)]);
    let refused = |value| message("exponential_decay_length_penalty", value);
    assert_eq!(refused(decay(5.0, 0.0)), format!("{pair} [5, 0]"));
    assert_eq!(refused(decay(0.5, 1.1)), format!("{pair} [0.5, 1.1]"));
    assert_eq!(refused(decay(5.0, f64::NAN)), format!("{pair} [5, NaN]"));
    assert_eq!(refused(ParamValue::Float(1.1)), format!("{pair} 1.1"));

    assert_eq!(
        message("mirostat", ParamValue::Int(3)),
        "`mirostat` must be a whole number in [0, 2]; given 3"
    );
    assert_eq!(
        message("penalty_scope", text("prompt")),
        "`penalty_scope` must be one of output, prompt_and_output; given \"prompt\""
    );
    assert!(message("dry_base", ParamValue::Float(0.5)).contains("[1, 100]"));
    assert!(message("dry_base", ParamValue::Float(1e308)).ends_with("given 1e308"));
    assert!(message("top_h", ParamValue::Int(0)).contains("(0, 1]"));
    assert!(message("repeat_last_n", ParamValue::Int(-2)).contains("[-1, 4294967295]"));
}

#[test]
fn lists_of_tokens_are_held_to_the_vocabulary_and_not_empty() {
    let ids = |ids: &[i128]| ParamValue::List(ids.iter().copied().map(ParamValue::Int).collect());
    for name in ["allowed_token_ids", "banned_token_ids"] {
        let params = one(name, ids(&[3, 7])).expect("ids");
        assert!(params.check_vocabulary(8).is_ok());
        let error = params.check_vocabulary(7).expect_err("id 7");
        assert_eq!(error.message, format!("`{name}` must hold token ids below 7; given 7"));
    }
    let both = |allowed: &[i128], banned: &[i128]| {
        let lists = [("allowed_token_ids", ids(allowed)), ("banned_token_ids", ids(banned))];
        SamplingParams::from_values(lists).expect("ids").check_vocabulary(8)
    };
    assert!(both(&[3, 5], &[5]).is_ok());
    let rule = "`banned_token_ids` must leave at least one token of `allowed_token_ids`";
    assert!(both(&[3, 5], &[5, 3]).expect_err("none left").message.starts_with(rule));
    let all = one("banned_token_ids", ids(&[0, 1, 2])).expect("ids");
    assert!(all.check_vocabulary(4).is_ok() && all.check_vocabulary(3).is_err());
    let words = one("bad_words_ids", ParamValue::List(vec![ids(&[1, 9])])).expect("a word");
    assert_eq!(words.check_vocabulary(9).expect_err("id 9").param, "bad_words_ids");
    assert_eq!(
        message("allowed_token_ids", ids(&[])),
        "`allowed_token_ids` must hold at least one token id; given none"
    );
}
