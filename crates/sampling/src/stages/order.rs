//! Which stages a request runs, and in which order.
//!
//! `samplers` sets it; without it the profile does. A stage that the profile's program does not
//! have follows the stage that it follows in Jeton's own order.

use super::{STAGES, StageKind, logit_bias, mirostat, temperature};
use crate::params::SamplingParams;

/// What a program runs that replaces everything else by mirostat.
const BESIDE_MIROSTAT: [&str; 3] = [logit_bias::NAME, temperature::NAME, mirostat::NAME];

/// The stages to build, in order; those at their neutral value are still among them.
pub(super) fn stages_of(params: &SamplingParams) -> Vec<&'static StageKind> {
    let alone = params.profile().mirostat_alone && params.stages().mirostat.version.is_some();
    let mut stages: Vec<&StageKind> = match params.samplers() {
        _ if alone => BESIDE_MIROSTAT.iter().filter_map(|name| kind_of(name)).collect(),
        None => in_order_of(params.profile().order),
        Some(names) => names.iter().filter_map(|name| kind_of(name)).collect(),
    };
    if params.is_greedy() {
        let shapes = |kind: &&StageKind| kind.shapes_logits;
        if params.profile().greedy.by_stage && !params.is_beam_search() {
            let cut = stages.iter().position(|kind| kind.name == temperature::NAME);
            let behind = stages.split_off(cut.unwrap_or(stages.len()));
            stages.extend(behind.into_iter().filter(shapes));
        } else {
            stages.retain(shapes);
        }
    }
    stages
}

/// Every stage, those named in this order.
fn in_order_of(names: &[&'static str]) -> Vec<&'static StageKind> {
    let mut stages: Vec<&StageKind> = names.iter().filter_map(|name| kind_of(name)).collect();
    let mut previous: Option<&str> = None;
    for kind in &STAGES {
        if !stages.iter().any(|stage| stage.name == kind.name) {
            let before = stages.iter().position(|stage| Some(stage.name) == previous);
            stages.insert(before.map_or(0, |place| place + 1), kind);
        }
        previous = Some(kind.name);
    }
    stages
}

fn kind_of(name: &str) -> Option<&'static StageKind> {
    STAGES.iter().find(|kind| kind.name == name)
}
