//! A world small enough to predict: a byte vocabulary, a scripted model, and an oracle that
//! generates with neither engine nor memory.

use engine::{Completion, GenerateRequest, LimitOverflow};
use model::{ScriptedModel, TokenId};
use sampling::beam::{Ask, BeamSearch, BeamSettings, Branches, Continuation, Expander, Hypothesis};
use sampling::candidates::{Candidates, ChooseError};
use sampling::params::{ParamValue, SamplingParams};
use sampling::pipeline::{Pipeline, SequenceStart};
use sampling::stages::StepContext;
use sampling::stop::StopReason;
use std::sync::Arc;
use text::{Tokenizer, VocabSource};

/// Tokens beside the 256 bytes, whose ids are the bytes.
pub const THE: TokenId = 257;
pub const END: TokenId = 258;
pub const TURN: TokenId = 259;
/// Ids that the model has and the tokenizer does not.
pub const NAMELESS: TokenId = 260;
pub const VOCAB_SIZE: usize = 262;

/// A byte-level vocabulary: 256 bytes, two merges, two special tokens.
pub fn tokenizer() -> Arc<Tokenizer> {
    let mut tokens: Vec<String> = (0..=255).map(|byte| letter(byte).to_string()).collect();
    tokens.extend(["th", "the", "<|end|>", "<|turn|>"].map(String::from));
    let mut token_types = vec![1; tokens.len()];
    token_types[END as usize] = 3;
    token_types[TURN as usize] = 3;
    let merges = vec!["t h".to_string(), "th e".to_string()];
    let source = VocabSource {
        model: "gpt2".to_string(),
        pre: Some("gpt-2".to_string()),
        tokens,
        token_types,
        merges,
        eos_id: Some(END),
        ..VocabSource::default()
    };
    Arc::new(Tokenizer::from_vocab(source).expect("the vocabulary is sound"))
}

/// How byte-level vocabularies write a byte: printable ones as themselves, others from U+0100 on.
fn letter(byte: u8) -> char {
    let is_plain = |byte: u8| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    if is_plain(byte) {
        return char::from(byte);
    }
    let earlier = (0..byte).filter(|&other| !is_plain(other)).count();
    char::from_u32(256 + earlier as u32).expect("below U+0200 all numbers are characters")
}

/// One token per byte.
pub fn bytes(text: &str) -> Vec<TokenId> {
    text.bytes().map(TokenId::from).collect()
}

pub fn params<const N: usize>(values: [(&str, ParamValue); N]) -> SamplingParams {
    SamplingParams::from_values(values).expect("the test's parameters are valid")
}

pub fn int(value: usize) -> ParamValue {
    ParamValue::Int(value as i128)
}

pub fn texts(values: &[&str]) -> ParamValue {
    ParamValue::List(values.iter().map(|text| ParamValue::Str((*text).to_string())).collect())
}

/// Greedy with a limit, and what else is given.
pub fn greedy<const N: usize>(
    max_tokens: usize,
    values: [(&str, ParamValue); N],
) -> SamplingParams {
    let base = [("temperature", ParamValue::Int(0)), ("max_tokens", int(max_tokens))];
    SamplingParams::from_values(base.into_iter().chain(values)).expect("valid parameters")
}

/// A model, as a recipe: the engine and the oracle each get their own.
#[derive(Clone, Debug)]
pub struct Recipe {
    pub context_tokens_max: usize,
    pub outputs: Vec<(Vec<TokenId>, Vec<TokenId>)>,
}

impl Recipe {
    /// A model whose logits are nothing but hashes.
    pub fn hashed(context_tokens_max: usize) -> Self {
        Recipe { context_tokens_max, outputs: Vec::new() }
    }

    /// A model that answers `prompt` with `output`.
    pub fn answering(prompt: &[TokenId], output: &[TokenId]) -> Self {
        Recipe { context_tokens_max: 96, outputs: vec![(prompt.to_vec(), output.to_vec())] }
    }

    pub fn build(&self) -> ScriptedModel {
        ScriptedModel::new(VOCAB_SIZE, self.context_tokens_max).with_outputs(self.outputs.clone())
    }
}

/// What a request must give.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    pub ids: Vec<TokenId>,
    pub text: String,
    pub stop_reason: StopReason,
}

impl Expected {
    pub fn of(completion: &Completion) -> Self {
        Expected {
            ids: completion.finished.ids.clone(),
            text: completion.text.clone(),
            stop_reason: completion.finished.stop_reason.clone(),
        }
    }
}

/// Generates by asking the model for one row after the other. The text is decoded whole, and the
/// stop strings are searched in it whole, after each token.
pub fn oracle(recipe: &Recipe, request: &GenerateRequest) -> Expected {
    let model = recipe.build();
    let tokenizer = tokenizer();
    let (params, eos_ids) = (&request.params, tokenizer.end_ids());
    let start = SequenceStart {
        prompt: &request.prompt,
        generated: &[],
        eos_ids,
        seed: request.seed,
        choice_index: request.choice_index,
        stage_state: &[],
    };
    let mut pipeline = Pipeline::new(params, &start);
    let mut candidates = Candidates::new();
    let mut ids: Vec<TokenId> = Vec::new();
    loop {
        let history: Vec<TokenId> = request.prompt.iter().chain(&ids).copied().collect();
        let logits = model.logits_after(&history);
        let step = StepContext::new(&request.prompt, &ids);
        let choice = pipeline.choose(&mut candidates, &logits, &step, None).expect("good logits");
        pipeline.accept(choice.token);
        ids.push(choice.token);
        if let Some((text, stop_reason)) = ending(recipe, request, &tokenizer, &ids) {
            return Expected { ids, text, stop_reason };
        }
    }
}

/// Searches by asking the model for one row after the other. Nothing is shared with the engine but
/// the rules of the search; the stop strings are looked for in the whole text.
pub fn beam_oracle(recipe: &Recipe, request: &GenerateRequest) -> Vec<Hypothesis> {
    let model = recipe.build();
    let tokenizer = tokenizer();
    let start = SequenceStart {
        prompt: &request.prompt,
        generated: &[],
        eos_ids: tokenizer.end_ids(),
        seed: request.seed,
        choice_index: request.choice_index,
        stage_state: &[],
    };
    let room = recipe.context_tokens_max - request.prompt.len();
    let (tokens_max, reason) = match request.params.max_tokens() {
        Some(asked) if asked <= room => (asked, StopReason::MaxTokens),
        _ => (room, StopReason::ContextFull),
    };
    let settings = BeamSettings::new(&request.params, tokenizer.end_ids(), tokens_max, reason);
    let mut search = BeamSearch::new(settings);
    let live = vec![(Vec::new(), Pipeline::new(&request.params, &start))];
    let (expander, candidates) = (Expander::default(), Candidates::new());
    let mut world = BeamWorld { recipe, model, request, tokenizer, live, expander, candidates };
    while !search.is_done() {
        let step = search.step(&mut world).expect("good logits");
        let grown = step.live.iter().map(|next| {
            let (ids, pipeline) = &world.live[next.parent];
            let mut pipeline = pipeline.fork(0);
            pipeline.accept(next.token);
            ([ids.as_slice(), &[next.token]].concat(), pipeline)
        });
        world.live = grown.collect();
    }
    search.into_hypotheses()
}

struct BeamWorld<'a> {
    recipe: &'a Recipe,
    model: ScriptedModel,
    request: &'a GenerateRequest,
    tokenizer: Arc<Tokenizer>,
    live: Vec<(Vec<TokenId>, Pipeline)>,
    expander: Expander,
    candidates: Candidates,
}

impl Branches for BeamWorld<'_> {
    type Error = ChooseError;

    fn expand(&mut self, branch: usize, ask: Ask<'_>) -> Result<Vec<Continuation>, ChooseError> {
        let (ids, pipeline) = &mut self.live[branch];
        let logits = self.model.logits_after(&[self.request.prompt.as_slice(), ids].concat());
        let step = StepContext::new(&self.request.prompt, ids);
        self.expander.expand(pipeline, &mut self.candidates, &logits, &step, ask)
    }

    fn ending(&mut self, branch: usize, token: TokenId) -> Option<StopReason> {
        let ids = [self.live[branch].0.as_slice(), &[token]].concat();
        let ending = ending(self.recipe, self.request, &self.tokenizer, &ids);
        let stop = ending.map(|(_, stop)| stop);
        stop.filter(|stop| !matches!(stop, StopReason::MaxTokens | StopReason::ContextFull))
    }

    fn generated(&self, branch: usize) -> &[TokenId] {
        &self.live[branch].0
    }
}

/// The text and the reason, if these tokens end the request.
fn ending(
    recipe: &Recipe,
    request: &GenerateRequest,
    tokenizer: &Tokenizer,
    ids: &[TokenId],
) -> Option<(String, StopReason)> {
    let params = &request.params;
    let (&last, before) = ids.split_last().expect("a token was chosen");
    let decode = |ids: &[TokenId]| {
        let known: Vec<TokenId> = ids.iter().copied().filter(|&id| id < NAMELESS).collect();
        tokenizer.decode(&known, !request.text.keep_special).expect("ids of the vocabulary")
    };
    let counts = ids.len() >= params.min_tokens();
    if counts && !params.ignore_eos() && params.eos_ids(tokenizer.end_ids()).contains(&last) {
        return Some((decode(before), StopReason::Eos(last)));
    }
    if counts && params.stop_token_ids().contains(&last) {
        return Some((decode(before), StopReason::StopToken(last)));
    }
    let text = decode(ids);
    // Stop strings count in what is added from the token on that reaches `min_tokens`.
    let searched_from = match params.min_tokens() {
        0 | 1 => 0,
        min_tokens => whole_characters(tokenizer, &ids[..ids.len().min(min_tokens - 1)]),
    };
    let searched = text.get(searched_from..).filter(|_| counts).unwrap_or_default();
    let ends = params.stop().iter().enumerate().filter_map(|(index, stop)| {
        searched.find(stop.as_str()).map(|start| (start + stop.len(), index))
    });
    if let Some((end, index)) = ends.min() {
        let stop = params.stop()[index].clone();
        let text = text[..searched_from + end - stop.len()].to_string();
        return Some((text, StopReason::StopString { index, text: stop }));
    }
    if params.max_tokens() == Some(ids.len()) {
        return Some((text, StopReason::MaxTokens));
    }
    let context_tokens = request.prompt.len() + ids.len();
    (context_tokens == recipe.context_tokens_max).then_some((text, StopReason::ContextFull))
}

/// Length in bytes of the text of `ids` without an unfinished character at its end.
fn whole_characters(tokenizer: &Tokenizer, ids: &[TokenId]) -> usize {
    let mut detokenizer = tokenizer.detokenizer(true);
    ids.iter().filter_map(|&id| detokenizer.push(id).ok()).map(|text| text.len()).sum()
}

/// A request with the defaults of these tests.
pub fn request(prompt: &[TokenId], params: SamplingParams) -> GenerateRequest {
    let mut request = GenerateRequest::new(prompt.to_vec(), params, 7);
    request.on_overflow = LimitOverflow::Shrink;
    request
}

/// Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let value = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub fn pick<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }
}
