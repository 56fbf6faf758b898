//! The names of `samplers`: Jeton's own, llama.cpp's, and llama.cpp's one-letter sequence.

use super::near_names::nearest;
use super::{ParamError, ParamValue};
use crate::stages::stage_names;

/// llama.cpp's names of stages, its letters for `--sampling-seq`, and what they stand for here.
/// Its `infill` has no counterpart.
const FOREIGN_NAMES: [(&[&str], char, &[&str]); 10] = [
    (&["penalties"], 'e', &["repetition_penalty", "frequency_presence"]),
    (&["dry"], 'd', &["dry"]),
    (&["top_n_sigma", "top-n-sigma", "top_nsigma"], 's', &["top_n_sigma"]),
    (&["top_k", "top-k"], 'k', &["top_k"]),
    (&["typ_p", "typ-p", "typ", "typical", "typical_p", "typical-p"], 'y', &["typical_p"]),
    (&["top_p", "top-p", "nucleus"], 'p', &["top_p"]),
    (&["min_p", "min-p"], 'm', &["min_p"]),
    (&["xtc"], 'x', &["xtc"]),
    (&["temperature", "temp"], 't', &["temperature"]),
    (&["adaptive_p", "adaptive-p"], 'a', &["adaptive_p"]),
];

/// The stages that a value of `samplers` names, in its order.
///
/// A list holds names; a single text may also be a sequence of letters.
pub(super) fn parse(param: &str, value: &ParamValue) -> Result<Vec<&'static str>, ParamError> {
    let refuse = |message| ParamError { param: param.to_owned(), message };
    let names: Vec<&ParamValue> = match value {
        ParamValue::List(values) => values.iter().collect(),
        single @ ParamValue::Str(_) => vec![single],
        other => {
            let rule = "must be a list of stage names";
            return Err(refuse(format!("`{param}` {rule}; given {other}")));
        }
    };
    let single = names.len() == 1;
    let mut stages = Vec::new();
    for name in names {
        let ParamValue::Str(text) = name else {
            return Err(refuse(format!("`{param}` must hold stage names; given {name}")));
        };
        let found = named(text).or_else(|| if single { letters(text) } else { None });
        let Some(found) = found else {
            return Err(refuse(unknown(param, text, name)));
        };
        for stage in found {
            if stages.contains(&stage) {
                let rule = "must name each stage once";
                return Err(refuse(format!("`{param}` {rule}; `{stage}` is twice")));
            }
            stages.push(stage);
        }
    }
    Ok(stages)
}

/// The stages of one name.
fn named(name: &str) -> Option<Vec<&'static str>> {
    if let Some(stage) = stage_names().find(|stage| *stage == name) {
        return Some(vec![stage]);
    }
    let foreign = FOREIGN_NAMES.iter().find(|(names, ..)| names.contains(&name))?;
    known(foreign.2)
}

/// The stages of a sequence of letters; none where a name was more likely meant.
fn letters(word: &str) -> Option<Vec<&'static str>> {
    let letter = |letter| FOREIGN_NAMES.iter().find(|(_, known, _)| *known == letter);
    if word.is_empty() || word.len() > 32 || !near(word).is_empty() {
        return None;
    }
    let mut stages = Vec::new();
    for character in word.chars() {
        stages.extend(known(letter(character)?.2)?);
    }
    Some(stages)
}

/// The stages among these that exist; none if one does not.
fn known(names: &[&'static str]) -> Option<Vec<&'static str>> {
    let exists = |name: &&'static str| stage_names().any(|stage| stage == *name);
    names.iter().all(exists).then(|| names.to_vec())
}

/// Names that this one is close to: Jeton's own, else llama.cpp's.
fn near(name: &str) -> Vec<String> {
    let own = nearest(name, stage_names());
    if !own.is_empty() {
        return own;
    }
    nearest(name, FOREIGN_NAMES.iter().flat_map(|(names, ..)| names.iter().copied()))
}

fn unknown(param: &str, name: &str, shown: &ParamValue) -> String {
    let near = near(name);
    let hint = if near.is_empty() {
        let all: Vec<_> = stage_names().collect();
        format!("known stages: {} (and llama.cpp's names for them)", all.join(", "))
    } else {
        format!("did you mean {}?", near.join(" or "))
    };
    format!("`{param}` names no stage {shown}; {hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Vec<&'static str>, String> {
        let list = words.iter().map(|word| ParamValue::Str((*word).to_owned())).collect();
        parse("samplers", &ParamValue::List(list)).map_err(|error| error.message)
    }

    #[test]
    fn llama_cpp_names_and_letters_stand_for_stages() {
        let all = ["penalties", "top_n_sigma", "top_k", "typ_p", "top_p", "min_p", "temperature"];
        let expected = [
            "repetition_penalty",
            "frequency_presence",
            "top_n_sigma",
            "top_k",
            "typical_p",
            "top_p",
            "min_p",
            "temperature",
        ];
        assert_eq!(parsed(&all).expect("names"), expected);
        assert_eq!(parsed(&["eskypmt"]).expect("letters"), expected);
        assert_eq!(parsed(&["temp", "nucleus"]).expect("names"), ["temperature", "top_p"]);
        assert_eq!(parsed(&["k"]).expect("a letter"), ["top_k"]);
        assert_eq!(parsed(&[]).expect("no stage"), [""; 0]);
    }

    #[test]
    fn what_is_no_name_is_refused_with_what_is() {
        assert!(parsed(&["tmp"]).expect_err("near a name").contains("`temp`"));
        assert!(parsed(&["k", "t"]).expect_err("letters in a list").contains("known stages"));
        assert!(parsed(&["infill"]).expect_err("not here").contains("known stages: logit_bias"));
        assert!(parsed(&["kk"]).expect_err("twice").contains("`top_k` is twice"));
        let twice = parsed(&["penalties", "repetition_penalty"]).expect_err("twice");
        assert!(twice.contains("`repetition_penalty` is twice"), "{twice}");
        assert!(parse("samplers", &ParamValue::Int(3)).is_err());
        assert!(parse("samplers", &ParamValue::List(vec![ParamValue::Int(3)])).is_err());
    }
}
