//! A service to ask, and the answers of the same model without one.

use answers::open_model::OpenModel;
use answers::prompt::{Prompt, question};
use engine::{Completion, Engine, EngineConfig, GenerateRequest};
use ledger::Ledger;
use policy::config::Config;
use sampling::params::{ParamValue, SamplingParams};
use server::service::{Asked, Route, ServeAs, ServedModel, Service, Settled};
use std::sync::Arc;

/// A service with its ledger.
pub struct World {
    pub service: Arc<Service>,
    pub ledger: Ledger,
}

impl World {
    pub fn new() -> World {
        World::with(Config::default(), EngineConfig::default())
    }

    pub fn with(config: Config, engine: EngineConfig) -> World {
        let serve_as = ServeAs { engine, ..ServeAs::default() };
        let model = ServedModel::open(None, serve_as).expect("the model inside");
        let ledger = Ledger::in_memory().expect("memory");
        let service = Service::new(vec![Arc::new(model)], config, ledger.clone());
        World { service, ledger }
    }

    /// The whole answer.
    pub async fn answer(&self, asked: Asked) -> Box<Settled> {
        let running = self.service.ask(asked).await.expect("accepted");
        running.settled().await.expect("answered")
    }
}

/// A request for a text to be continued.
pub fn asked(text: &str, values: &[(&str, ParamValue)]) -> Asked {
    let values = values.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
    Asked { values, ..Asked::new(Route::Completions, Prompt::Text(text.to_owned())) }
}

/// A question in a chat.
pub fn question_of(text: &str, values: &[(&str, ParamValue)]) -> Asked {
    let prompt = Prompt::Chat(Box::new(question(None, text)));
    Asked { prompt, route: Route::ChatCompletions, ..asked("", values) }
}

pub fn int(value: i128) -> ParamValue {
    ParamValue::Int(value)
}

pub fn list(values: &[i128]) -> ParamValue {
    ParamValue::List(values.iter().map(|&value| ParamValue::Int(value)).collect())
}

/// What an engine alone says to a text under these values.
pub fn direct(text: &str, values: &[(&str, ParamValue)]) -> Completion {
    let model = OpenModel::open(None).expect("the model inside");
    let loaded = model.load(&Default::default(), &Default::default()).expect("its weights");
    let config = EngineConfig { eos_ids: Some(model.eos_ids.clone()), ..EngineConfig::default() };
    let mut engine =
        Engine::new(Box::new(loaded), model.tokenizer.clone(), config).expect("an engine");
    let recommended = model.recommended();
    let values: Vec<_> = values.iter().map(|(name, v)| (name.to_string(), v.clone())).collect();
    let effective = answers::effective::Effective::merge(&values, &recommended).expect("valid");
    let params: SamplingParams = effective.params;
    let prompt = Prompt::Text(text.to_owned()).encode(&model).expect("encoded");
    let seed = params.seed().expect("a seed is given");
    let request = GenerateRequest::new(prompt, params, seed);
    let text = engine::TextOptions { continues_prompt: true, ..request.text };
    engine.complete(GenerateRequest { text, ..request }).expect("accepted")
}
