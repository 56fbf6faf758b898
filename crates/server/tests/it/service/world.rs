//! A service to ask, and the answers of the same model without one.

use answers::effective::Effective;
use answers::open_model::OpenModel;
use answers::prompt::{Prompt, question};
use engine::{Completion, Engine, EngineConfig, GenerateRequest, Speculation, TextOptions};
use ledger::{Filter, Ledger, UsageRow};
use model::ScriptedModel;
use policy::config::Config;
use sampling::params::ParamValue;
use server::guard::Caller;
use server::service::{Asked, Route, ServeAs, ServedModel, Service, Settled};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A service with its ledger.
pub struct World {
    pub service: Arc<Service>,
    pub ledger: Ledger,
}

impl World {
    /// On the model inside the program.
    pub fn new(config: Config) -> World {
        let model = ServedModel::open(None, ServeAs::default()).expect("the model inside");
        World::of(model, config, Ledger::in_memory().expect("memory"))
    }

    /// On a model that computes as long as `gate` is open, at once, and never ends a text.
    pub fn gated(gate: &Gate, engine: EngineConfig) -> World {
        let model = OpenModel::open(None).expect("the model inside");
        let gate = gate.clone();
        let (favoured, vocab_size) = (model.tokenizer.encode("a", text_only()), vocabulary(&model));
        let favoured = favoured.expect("encoded")[0] as usize;
        let scripted = ScriptedModel::new(vocab_size, 8192).with_script(move |_, logits| {
            gate.pass();
            logits[favoured] = ScriptedModel::FAVOURED_LOGIT;
        });
        let engine = Engine::new(Box::new(scripted), model.tokenizer.clone(), engine);
        let engine = engine.expect("valid");
        let (computing, id) = (Default::default(), "scripted".to_owned());
        let served = ServedModel::with_engine(id, model, computing, Speculation::Off, engine);
        let ledger = Ledger::in_memory().expect("memory");
        World::of(served.expect("a thread"), Config::default(), ledger)
    }

    pub fn of(model: ServedModel, config: Config, ledger: Ledger) -> World {
        let service = Service::new(vec![Arc::new(model)], config, ledger.clone());
        World { service, ledger }
    }

    /// The whole answer.
    pub async fn answer(&self, asked: Asked) -> Box<Settled> {
        let running = self.service.ask(asked).await.expect("accepted");
        running.settled().await.expect("answered")
    }

    /// The sums over everything that is in the ledger now.
    pub fn usage(&self) -> UsageRow {
        let usage = self.ledger.usage(&Filter::default(), &[], 1).expect("readable");
        usage.rows.into_iter().next().unwrap_or_default()
    }

    /// Waits until every account is settled.
    pub async fn settled(&self) {
        let idle = self.service.unsettled().idle();
        tokio::time::timeout(Duration::from_secs(60), idle).await.expect("settled in time");
    }
}

/// Holds an engine up.
#[derive(Clone, Default)]
pub struct Gate(Arc<AtomicBool>);

impl Gate {
    pub fn open(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn pass(&self) {
        while !self.0.load(Ordering::Acquire) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// A request for a text to be continued.
pub fn asked(text: &str, values: &[(&str, ParamValue)]) -> Asked {
    let values = values.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
    Asked { values, ..Asked::new(Route::Completions, Prompt::Text(text.to_owned())) }
}

/// A question in a chat.
pub fn question_of(text: &str, values: &[(&str, ParamValue)]) -> Asked {
    let prompt = Prompt::Strangers(Box::new(question(None, text)));
    Asked { prompt, route: Route::ChatCompletions, ..asked("", values) }
}

/// Somebody with a key.
pub fn caller(plan: &str) -> Option<Arc<Caller>> {
    Some(Arc::new(Caller {
        key_id: "k1".to_owned(),
        key_name: "ann".to_owned(),
        plan: Some(plan.to_owned()),
        ..Caller::default()
    }))
}

pub fn int(value: i128) -> ParamValue {
    ParamValue::Int(value)
}

pub fn list(values: &[i128]) -> ParamValue {
    ParamValue::List(values.iter().map(|&value| ParamValue::Int(value)).collect())
}

/// What an engine alone says to a text under these values, as this choice.
pub fn direct(text: &str, values: &[(&str, ParamValue)], choice_index: u32) -> Completion {
    let model = OpenModel::open(None).expect("the model inside");
    let loaded = model.load(&Default::default(), &Default::default()).expect("its weights");
    let config = EngineConfig { eos_ids: Some(model.eos_ids.clone()), ..EngineConfig::default() };
    let mut engine =
        Engine::new(Box::new(loaded), model.tokenizer.clone(), config).expect("an engine");
    let values: Vec<_> = values.iter().map(|(name, v)| (name.to_string(), v.clone())).collect();
    let params = Effective::merge(&values, &model.recommended()).expect("valid").params;
    let prompt = Prompt::Text(text.to_owned()).encode(&model).expect("encoded");
    let seed = params.seed().expect("a seed is given");
    let request = GenerateRequest {
        text: TextOptions { continues_prompt: true, keep_special: false },
        choice_index,
        ..GenerateRequest::new(prompt, params, seed)
    };
    engine.complete(request).expect("accepted")
}

fn text_only() -> text::EncodeOptions {
    text::EncodeOptions { add_special: false, parse_special: false }
}

fn vocabulary(model: &OpenModel) -> usize {
    model.file.config().vocab_size
}
