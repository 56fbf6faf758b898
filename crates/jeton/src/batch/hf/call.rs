//! The parameters of a `model.generate` call, with Transformers' defaults and rules.

use super::super::matrix::{Padding, PaddingSide};
use crate::failure::Failure;
use crate::param_flags;
use answers::RequestError;
use answers::effective::Effective;
use answers::open_model::OpenModel;
use answers::param_values;
use clap::ArgMatches;
use model::TokenId;
use sampling::params::{ParamSpec, ParamValue};
use serde_json::{Map, Value};

/// New tokens where nobody set a limit (`max_length` 20, which then counts new tokens only).
const NEW_TOKENS_DEFAULT: usize = 20;

/// What does nothing unless tokens are drawn; Transformers warns and ignores it.
const SAMPLING_ONLY: &[&str] = &[
    "temperature",
    "top_k",
    "top_p",
    "min_p",
    "typical_p",
    "epsilon_cutoff",
    "eta_cutoff",
    "top_h",
];

/// What changes nothing in the ids, and is taken without a word.
const WITHOUT_EFFECT: &[&str] = &["use_cache"];

/// A checked call.
#[derive(Debug)]
pub struct Call {
    /// The parameters of every row.
    pub effective: Effective,
    /// What fills the gaps.
    pub padding: Padding,
    /// Runs of each prompt, each of which draws apart. A beam search is one run of many rows.
    pub choices_per_prompt: usize,
    /// Whether rows begin with their prompts, as `model.generate` has it.
    pub return_full: bool,
    /// What Transformers would warn of.
    pub warnings: Vec<String>,
}

/// The call while it is being read: fields are taken out one by one.
struct Reader {
    fields: Map<String, Value>,
    warnings: Vec<String>,
}

impl Call {
    /// Reads `kwargs`, a JSON object with Transformers' names; flags of the command line count as
    /// well, and before it.
    ///
    /// # Errors
    /// When a parameter is unknown, of the wrong type or out of range, or Transformers raises an
    /// error for these prompts.
    pub fn new(
        model: &OpenModel,
        flags: &ArgMatches,
        kwargs: &str,
        prompts: &[Vec<TokenId>],
    ) -> Result<Call, Failure> {
        let fields = match serde_json::from_str(kwargs) {
            Ok(Value::Object(fields)) => fields,
            Ok(_) => return Err(Failure::new("`--hf` must be a JSON object")),
            Err(error) => {
                return Err(Failure::new(format!("`--hf` must be a JSON object: {error}")));
            }
        };
        let from_flags = param_flags::from_matches(flags);
        let mut reader = Reader { fields, warnings: Vec::new() };
        Ok(reader.call(model, from_flags, prompts)?)
    }
}

impl Reader {
    fn call(
        &mut self,
        model: &OpenModel,
        from_flags: Vec<(String, ParamValue)>,
        prompts: &[Vec<TokenId>],
    ) -> Result<Call, RequestError> {
        for (name, _) in &from_flags {
            self.fields.retain(|field, _| canonical(field) != canonical(name));
        }
        for name in WITHOUT_EFFECT {
            self.fields.remove(*name);
        }
        let mut values = from_flags;
        let is_given = |values: &[(String, ParamValue)], name| {
            values.iter().any(|(given, _)| canonical(given) == Some(name))
        };
        let width = prompts.iter().map(Vec::len).max().unwrap_or(0);
        let eos_ids = self.eos_ids(model, &values)?;
        let padding = self.padding(model, prompts, &eos_ids)?;
        let return_full = self.flag("return_full")?.unwrap_or(true);
        let choices_per_prompt = self.choices_per_prompt()?;
        let new_tokens = self.new_tokens(model, &values, width)?;
        let min_tokens = self.min_new_tokens(width)?;
        for (name, value) in std::mem::take(&mut self.fields) {
            if ParamSpec::find(&name).is_none() {
                return Err(RequestError::parameter(&name, unknown(&name)));
            }
            values.extend(param_values::from_json(&value).map(|value| (name, value)));
        }
        values.retain(|(name, _)| canonical(name) != Some("eos_token_id"));
        values.push(("eos_token_id".to_owned(), id_list(&eos_ids)));
        values.retain(|(name, _)| canonical(name) != Some("max_tokens"));
        values.push(("max_tokens".to_owned(), count(new_tokens)));
        if let Some(tokens) = min_tokens {
            values.push(("min_tokens".to_owned(), count(tokens)));
        }
        if !is_given(&values, "profile") {
            values.push(("profile".to_owned(), ParamValue::Str("hf".to_owned())));
        }
        self.drop_what_only_sampling_reads(model, &mut values);
        let effective = Effective::merge(&values, &model.recommended())
            .map_err(|error| RequestError::parameter(&error.param, error.message))?;
        if choices_per_prompt > 1 && effective.params.is_greedy() {
            let rule = "`num_return_sequences` must be 1 without `do_sample`: greedy rows would be \
                        equal";
            return Err(RequestError::parameter("num_return_sequences", rule));
        }
        self.warn_of_pads(&effective, &padding, prompts, &eos_ids);
        let warnings = std::mem::take(&mut self.warnings);
        Ok(Call { effective, padding, choices_per_prompt, return_full, warnings })
    }

    /// `eos_token_id`: an id, a list, or nothing for the model's own. A negative one ends nothing.
    fn eos_ids(
        &mut self,
        model: &OpenModel,
        from_flags: &[(String, ParamValue)],
    ) -> Result<Vec<TokenId>, RequestError> {
        let flag = from_flags.iter().find(|(name, _)| canonical(name) == Some("eos_token_id"));
        let given = match flag {
            Some((_, value)) => param_values::to_json(value),
            None => self.fields.remove("eos_token_id").unwrap_or(Value::Null),
        };
        let ids = match given {
            Value::Null => return Ok(model.eos_ids.clone()),
            Value::Array(ids) => ids,
            id => vec![id],
        };
        let mut eos_ids = Vec::new();
        for id in &ids {
            match id.as_i64() {
                Some(id) if id < 0 => self
                    .warnings
                    .push(format!("`eos_token_id` {id} is no token: it will not end a row")),
                _ => eos_ids.push(self.id("eos_token_id", id, model)?),
            }
        }
        Ok(eos_ids)
    }

    /// `pad_token_id` and `padding_side`. Prompts are filled up by the tokenizer, with its own pad
    /// token if the call and the model's configuration name none; new tokens then with the first
    /// end token.
    fn padding(
        &mut self,
        model: &OpenModel,
        prompts: &[Vec<TokenId>],
        eos_ids: &[TokenId],
    ) -> Result<Padding, RequestError> {
        let side = match self.fields.remove("padding_side") {
            None | Some(Value::Null) => Some(PaddingSide::Left),
            Some(name) => name.as_str().and_then(PaddingSide::find),
        };
        let rule = "`padding_side` must be \"left\" or \"right\"";
        let side = side.ok_or_else(|| RequestError::parameter("padding_side", rule))?;
        let asked = match self.fields.remove("pad_token_id") {
            None | Some(Value::Null) => None,
            Some(id) => Some(self.id("pad_token_id", &id, model)?),
        };
        let named = asked.or(model.defaults.pad_token_id);
        let new_id = named.or_else(|| eos_ids.first().copied());
        if let (None, Some(id)) = (named, new_id) {
            self.warnings
                .push(format!("`pad_token_id` is the end token {id}, for want of its own"));
        }
        let prompt_id = named.or(model.tokenizer.pad()).or(new_id);
        // Transformers' beam search takes a pad of 0 for none and fills with the first end token.
        let is_search = self.fields.get("num_beams").is_some_and(|count| count.as_u64() > Some(1));
        let new_id = new_id.filter(|&id| !(is_search && id == 0)).or(eos_ids.first().copied());
        let width = prompts.iter().map(Vec::len).max().unwrap_or(0);
        let is_uneven = prompts.iter().any(|prompt| prompt.len() < width);
        if is_uneven && prompt_id.is_none() {
            let rule = "prompts of different lengths need a `pad_token_id`; the model has none";
            return Err(RequestError::parameter("pad_token_id", rule));
        }
        if is_uneven && side == PaddingSide::Right {
            let warning = "right padding was asked for: Transformers would go on from the pads and \
                           give broken text; these rows go on from the prompts themselves";
            self.warnings.push(warning.to_owned());
        }
        Ok(Padding { side, prompt_id, new_id })
    }

    /// The limit: `max_new_tokens`, else `max_length` less the padded prompt, else the model's own,
    /// else 20.
    fn new_tokens(
        &mut self,
        model: &OpenModel,
        from_flags: &[(String, ParamValue)],
        width: usize,
    ) -> Result<usize, RequestError> {
        let max_length = self.count("max_length", 1)?;
        let flag = from_flags.iter().find(|(name, _)| canonical(name) == Some("max_tokens"));
        if let Some((_, value)) = flag {
            self.fields.insert("max_new_tokens".to_owned(), param_values::to_json(value));
        }
        let new_tokens = self.count("max_new_tokens", 1)?;
        match (new_tokens, max_length) {
            (Some(new_tokens), Some(max_length)) => {
                self.warnings.push(format!(
                    "both `max_new_tokens` ({new_tokens}) and `max_length` ({max_length}) are set; \
                     `max_new_tokens` counts"
                ));
                Ok(new_tokens)
            }
            (Some(new_tokens), None) => Ok(new_tokens),
            (None, Some(max_length)) if max_length <= width => Err(RequestError::parameter(
                "max_length",
                format!(
                    "`max_length` counts the padded prompt as well, which has {width} tokens; \
                     given {max_length}, so there is no room for a new one"
                ),
            )),
            (None, Some(max_length)) => Ok(max_length - width),
            (None, None) => Ok(match model.defaults.max_new_tokens {
                Some(tokens) => tokens as usize,
                None => {
                    self.warnings.push(format!(
                        "no `max_new_tokens` was given: {NEW_TOKENS_DEFAULT}, as in Transformers"
                    ));
                    NEW_TOKENS_DEFAULT
                }
            }),
        }
    }

    /// `min_new_tokens`, else `min_length` less the padded prompt.
    fn min_new_tokens(&mut self, width: usize) -> Result<Option<usize>, RequestError> {
        let min_length = self.count("min_length", 0)?;
        let new_tokens = self.count("min_new_tokens", 0)?;
        if let (Some(new_tokens), Some(min_length)) = (new_tokens, min_length) {
            self.warnings.push(format!(
                "both `min_new_tokens` ({new_tokens}) and `min_length` ({min_length}) are set; \
                 `min_new_tokens` counts"
            ));
        }
        Ok(new_tokens.or(min_length.map(|length| length.saturating_sub(width))))
    }

    /// Takes out what is read only where tokens are drawn, unless they are.
    fn drop_what_only_sampling_reads(
        &mut self,
        model: &OpenModel,
        values: &mut Vec<(String, ParamValue)>,
    ) {
        let asked = values.iter().find(|(name, _)| canonical(name) == Some("do_sample"));
        let samples = match asked {
            Some((_, value)) => *value != ParamValue::Bool(false),
            None => model.defaults.do_sample.unwrap_or(false),
        };
        if samples {
            return;
        }
        let is_idle =
            |name: &str| canonical(name).is_some_and(|name| SAMPLING_ONLY.contains(&name));
        let idle: Vec<String> =
            values.iter().filter(|(name, _)| is_idle(name)).map(|(name, _)| name.clone()).collect();
        if !idle.is_empty() {
            let names = idle.join("`, `");
            self.warnings.push(format!("`do_sample` is false, so `{names}` is ignored"));
        }
        values.retain(|(name, _)| !is_idle(name));
        if asked_none(values) {
            values.push(("do_sample".to_owned(), ParamValue::Bool(false)));
        }
    }

    /// `num_return_sequences` of drawn rows; that of beams is the table's.
    fn choices_per_prompt(&mut self) -> Result<usize, RequestError> {
        let has_beams = self.fields.get("num_beams").is_some_and(|beams| *beams != 1);
        match has_beams {
            true => Ok(1),
            false => Ok(self.count("num_return_sequences", 1)?.unwrap_or(1)),
        }
    }

    /// Transformers counts the pads in a prompt as tokens that appeared; here they never existed.
    fn warn_of_pads(
        &mut self,
        effective: &Effective,
        padding: &Padding,
        prompts: &[Vec<TokenId>],
        eos_ids: &[TokenId],
    ) {
        let is_uneven = prompts.iter().any(|prompt| prompt.len() != prompts[0].len());
        let pads_are_ends = padding.prompt_id.is_some_and(|id| eos_ids.contains(&id));
        if is_uneven && pads_are_ends && effective.params.repetition_penalty() != 1.0 {
            let warning = "pads are end tokens here, and Transformers' `repetition_penalty` would \
                           count them as said; these rows do not";
            self.warnings.push(warning.to_owned());
        }
    }

    fn flag(&mut self, name: &str) -> Result<Option<bool>, RequestError> {
        match self.fields.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(value)),
            Some(_) => {
                Err(RequestError::parameter(name, format!("`{name}` must be true or false")))
            }
        }
    }

    fn count(&mut self, name: &str, least: u64) -> Result<Option<usize>, RequestError> {
        let value = match self.fields.remove(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(value) => value,
        };
        let rule = || format!("`{name}` must be a whole number of at least {least}; given {value}");
        let number = value.as_u64().filter(|&number| number >= least && number < 1 << 31);
        let number = number.ok_or_else(|| RequestError::parameter(name, rule()))?;
        Ok(Some(number as usize))
    }

    fn id(&self, name: &str, value: &Value, model: &OpenModel) -> Result<TokenId, RequestError> {
        let vocab_size = model.file.config().vocab_size;
        let id = value.as_u64().filter(|&id| id < vocab_size as u64);
        id.map(|id| id as TokenId).ok_or_else(|| {
            let rule = format!("`{name}` must be a token id below {vocab_size}; given {value}");
            RequestError::parameter(name, rule)
        })
    }
}

fn asked_none(values: &[(String, ParamValue)]) -> bool {
    values.iter().all(|(name, _)| canonical(name) != Some("do_sample"))
}

fn canonical(name: &str) -> Option<&'static str> {
    ParamSpec::find(name).map(|spec| spec.name)
}

fn id_list(ids: &[TokenId]) -> ParamValue {
    ParamValue::List(ids.iter().map(|&id| ParamValue::Int(i128::from(id))).collect())
}

fn count(number: usize) -> ParamValue {
    ParamValue::Int(number as i128)
}

fn unknown(name: &str) -> String {
    format!(
        "`{name}` is no parameter of `model.generate` that is known here; besides those of \
         `jeton generate` there are `max_length`, `min_length`, `pad_token_id`, `padding_side`, \
         `return_full`"
    )
}
