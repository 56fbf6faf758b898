//! What is changed in a template's text before it is parsed.
//!
//! Transformers knows one statement more than Jinja: `{% generation %} .. {% endgeneration %}`
//! marks what the assistant wrote, for training masks. For a prompt it is a plain scope.

/// Replaces the training statement by a scope; everything else stays as it is.
pub(super) fn without_generation_marks(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(open) = rest.find("{%") {
        let (before, tag) = rest.split_at(open);
        out.push_str(before);
        let Some(close) = tag[2..].find("%}") else {
            out.push_str(tag);
            return out;
        };
        let (tag, after) = tag.split_at(2 + close);
        let inside = &tag[2..];
        let word = inside.trim_matches(|c: char| c.is_whitespace() || c == '-' || c == '+');
        match word {
            "generation" => out.push_str(&tag.replacen("generation", "with", 1)),
            "endgeneration" => out.push_str(&tag.replacen("endgeneration", "endwith", 1)),
            _ => out.push_str(tag),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_training_statement_changes() {
        let source =
            "a{% generation %}b{%- endgeneration -%}{% if generation %}{{ generation }}{% x";
        let expected = "a{% with %}b{%- endwith -%}{% if generation %}{{ generation }}{% x";
        assert_eq!(without_generation_marks(source), expected);
    }

    // The fuzzer wrote `{%}`: its one percent sign was read as the tag's start and as its end, and
    // a start behind the end was a panic.
    #[test]
    fn one_percent_sign_does_not_open_and_close_a_tag() {
        for source in ["{%}", "{%", "{%%}", "a{%}b{% generation %}", "{%}%}{%generation%}"] {
            let changed = without_generation_marks(source);
            assert_eq!(changed.replace("with", "generation"), source);
        }
    }
}
