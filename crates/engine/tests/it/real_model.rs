//! Real models, where the reference cases are: the engine adds nothing to what the model says.

use crate::world::{Expected, greedy, int, params};
use engine::collect::Collector;
use engine::{Completion, DraftModel, Engine, EngineConfig, GenerateRequest, Speculation};
use model::{LoadOptions, LoadedModel, ModelFile, TokenId};
use sampling::params::{ParamValue, SamplingParams};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use text::Tokenizer;

/// A model's folder, with what its reference says.
pub struct Reference {
    pub folder: PathBuf,
    pub expected: Value,
}

/// One reference answer.
struct Case {
    request: GenerateRequest,
    ids: Vec<TokenId>,
    finish: String,
    text: Option<String>,
}

/// Two of the models in the folder that `JETON_CONFORMANCE` names, if it is set.
fn references() -> Vec<Reference> {
    references_named(&["llama-gqa", "qwen3"])
}

/// The models of these names in the folder that `JETON_CONFORMANCE` names, if it is set.
pub fn references_named(names: &[&str]) -> Vec<Reference> {
    let Some(root) = std::env::var_os("JETON_CONFORMANCE").map(PathBuf::from) else {
        eprintln!("skipped: JETON_CONFORMANCE is not set");
        return Vec::new();
    };
    let folder = |name| root.join("models").join(name);
    let read = |folder: PathBuf| Reference { expected: json(&folder, "expected.json"), folder };
    names.iter().map(folder).map(read).collect()
}

fn json(folder: &Path, name: &str) -> Value {
    let bytes = std::fs::read(folder.join(name)).expect("the reference has this file");
    serde_json::from_slice(&bytes).expect("the reference is JSON")
}

pub fn ids(value: &Value) -> Vec<TokenId> {
    let list = value.as_array().expect("a list of ids");
    list.iter().map(|id| id.as_u64().expect("an id") as TokenId).collect()
}

impl Reference {
    fn load(&self) -> (LoadedModel, Arc<Tokenizer>) {
        let file = ModelFile::open(&self.folder).expect("the reference model opens");
        let options = LoadOptions { threads: 2, ..LoadOptions::default() };
        let model = LoadedModel::load(&file, &options).expect("its weights are there");
        let tokenizer = std::fs::read(self.folder.join("tokenizer.json")).expect("it is there");
        let settings = json(&self.folder, "tokenizer_config.json");
        let tokenizer = Tokenizer::from_json(&tokenizer, Some(&settings)).expect("it is sound");
        (model, Arc::new(tokenizer))
    }

    pub fn engine(&self, config: EngineConfig) -> Engine {
        let (model, tokenizer) = self.load();
        let eos_ids = Some(ids(&self.expected["eos_token_ids"]));
        let config = EngineConfig { eos_ids, ..config };
        Engine::new(Box::new(model), tokenizer, config).expect("a good configuration")
    }

    /// The same with itself as its draft model.
    fn drafted_engine(&self, config: EngineConfig) -> Engine {
        let (model, tokenizer) = self.load();
        let draft = DraftModel { name: "itself".to_string(), model: Box::new(model), tokenizer };
        self.engine(config).with_draft("itself", draft).expect("the same vocabulary")
    }

    pub fn prompt(&self, case: &Value) -> Vec<TokenId> {
        let index = case["prompt"].as_u64().expect("the number of a prompt") as usize;
        ids(&self.expected["prompts"][index]["ids"])
    }

    fn cases(&self, list: &str, params: impl Fn(&Value, usize) -> SamplingParams) -> Vec<Case> {
        let cases = self.expected[list].as_array().expect("a list of cases");
        let case = |case: &Value| {
            let max_tokens = case["max_new_tokens"].as_u64().expect("a limit") as usize;
            Case {
                request: GenerateRequest::new(self.prompt(case), params(case, max_tokens), 0),
                ids: ids(&case["new_ids"]),
                finish: case["finish"].as_str().expect("a word").to_string(),
                text: case["text"].as_str().map(str::to_string),
            }
        };
        cases.iter().map(case).collect()
    }

    fn all_cases(&self) -> Vec<Case> {
        let mut cases = self.cases("greedy", |_, max_tokens| greedy(max_tokens, []));
        cases.extend(self.cases("greedy_ignoring_end", |_, max_tokens| {
            greedy(max_tokens, [("ignore_eos", ParamValue::Bool(true))])
        }));
        cases.extend(self.cases("greedy_processed", |case, max_tokens| {
            let penalty = case["repetition_penalty"].as_f64().expect("a number");
            let ngram = case["no_repeat_ngram_size"].as_u64().expect("a number") as usize;
            let penalty = ("repetition_penalty", ParamValue::Float(penalty));
            greedy(max_tokens, [penalty, ("no_repeat_ngram_size", int(ngram))])
        }));
        cases
    }
}

/// Submits everything, runs to the end, and gives the answers in order.
pub fn run_together(engine: &mut Engine, requests: &[GenerateRequest]) -> Vec<Completion> {
    let submit = |request: &GenerateRequest| {
        let collector = Collector::default();
        engine.submit(request.clone(), collector.sink()).expect("accepted");
        collector
    };
    let collectors: Vec<Collector> = requests.iter().map(submit).collect();
    engine.run_until_idle();
    collectors.iter().map(|collector| collector.take().expect("finished")).collect()
}

#[test]
fn greedy_ids_are_the_references_whatever_the_chunks_blocks_and_company() {
    for reference in references() {
        let cases = reference.all_cases();
        assert!(cases.len() >= 10, "the reference has its cases");
        for (step_tokens_max, kv_block_tokens) in
            [(1, 4), (1, 16), (7, 4), (7, 16), (64, 4), (64, 16)]
        {
            let config = EngineConfig {
                step_tokens_max,
                kv_block_tokens,
                sequences_max: step_tokens_max.min(16),
                kv_blocks_max: 2048 / kv_block_tokens,
                ..EngineConfig::default()
            };
            let mut engine = reference.engine(config);
            let requests: Vec<_> = cases.iter().map(|case| case.request.clone()).collect();
            for (case, completion) in cases.iter().zip(run_together(&mut engine, &requests)) {
                assert_eq!(completion.finished.ids, case.ids, "{:?}", reference.folder);
                assert_eq!(completion.finished.finish_reason.as_str(), case.finish);
                if let Some(text) = &case.text {
                    assert_eq!(&completion.text, text);
                }
            }
        }
    }
}

#[test]
fn guesses_change_no_id_and_a_model_that_guesses_itself_is_right() {
    for reference in references() {
        let mut cases = reference.all_cases();
        let sampled = params([
            ("max_tokens", int(30)),
            ("temperature", ParamValue::Float(0.9)),
            ("repetition_penalty", ParamValue::Float(1.2)),
        ]);
        let free = GenerateRequest::new(cases[0].request.prompt.clone(), sampled, 5);
        let alone = reference.engine(EngineConfig::default()).complete(free.clone());
        let finished = alone.expect("accepted").finished;
        cases.push(Case {
            request: free,
            ids: finished.ids,
            finish: finished.finish_reason.as_str().to_string(),
            text: None,
        });
        for (step_tokens_max, kv_block_tokens) in [(16, 4), (64, 16)] {
            for speculation in [Speculation::Lookup, Speculation::Model] {
                let config = EngineConfig {
                    step_tokens_max,
                    kv_block_tokens,
                    sequences_max: 4,
                    kv_blocks_max: 2048 / kv_block_tokens,
                    ..EngineConfig::default()
                };
                let requests: Vec<_> = cases
                    .iter()
                    .map(|case| GenerateRequest { speculation, ..case.request.clone() })
                    .collect();
                let mut engine = reference.drafted_engine(config);
                let completions = run_together(&mut engine, &requests);
                for (case, completion) in cases.iter().zip(&completions) {
                    assert_eq!(completion.finished.ids, case.ids, "{:?}", reference.folder);
                    assert_eq!(completion.finished.finish_reason.as_str(), case.finish);
                    let usage = completion.finished.usage;
                    if speculation == Speculation::Model {
                        assert_eq!(usage.accepted_draft_tokens, usage.drafted_tokens);
                    }
                }
                let accepted = completions.iter().map(|done| done.finished.usage);
                let accepted: usize = accepted.map(|usage| usage.accepted_draft_tokens).sum();
                assert!(accepted > 0, "no right guess by {speculation:?}");
            }
        }
    }
}

#[test]
fn a_seed_gives_the_same_answer_alone_and_among_eight_others() {
    for reference in references() {
        let prompts = reference.expected["prompts"].as_array().expect("a list of prompts");
        let sampled = |index: usize| {
            let params = params([
                ("max_tokens", int(24)),
                ("temperature", ParamValue::Float(0.9)),
                ("top_p", ParamValue::Float(0.95)),
                ("frequency_penalty", ParamValue::Float(0.3)),
            ]);
            let prompt = ids(&prompts[index % prompts.len()]["ids"]);
            GenerateRequest::new(prompt, params, 40 + index as u64)
        };
        let small = EngineConfig {
            step_tokens_max: 32,
            sequences_max: 9,
            kv_blocks_max: 40,
            ..EngineConfig::default()
        };
        let mut alone = reference.engine(EngineConfig::default());
        let expected = Expected::of(&alone.complete(sampled(4)).expect("accepted"));
        assert!(!expected.ids.is_empty());
        for config in [EngineConfig::default(), small] {
            let requests: Vec<_> = (0..9).map(sampled).collect();
            let completions = run_together(&mut reference.engine(config), &requests);
            assert_eq!(Expected::of(&completions[4]), expected);
        }
    }
}
