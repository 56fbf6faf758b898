//! A message for a name that does not exist, with the names it may have meant.

use super::{PARAMS, ParamError};

/// The error for an unknown parameter.
pub(super) fn unknown(name: &str) -> ParamError {
    let shown: String = name.chars().take(40).collect();
    let names = PARAMS.iter().flat_map(|spec| spec.names());
    let near = nearest(name, names);
    let hint = if near.is_empty() {
        String::new()
    } else {
        format!("; did you mean {}?", near.join(" or "))
    };
    let message = format!("`{shown}` is not a parameter{hint}");
    ParamError { param: shown, message }
}

/// Up to three names within a few edits of the given one, nearest first.
pub(super) fn nearest(name: &str, names: impl Iterator<Item = &'static str>) -> Vec<String> {
    if name.len() > 64 {
        return Vec::new();
    }
    let allowed = (name.chars().count() / 3).clamp(1, 3);
    let mut near: Vec<(usize, &str)> =
        names.map(|known| (edits(name, known), known)).filter(|&(d, _)| d <= allowed).collect();
    near.sort();
    near.into_iter().take(3).map(|(_, known)| format!("`{known}`")).collect()
}

/// Levenshtein distance: the fewest insertions, deletions and replacements between two words.
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &b) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_count_single_changes() {
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(edits("", "abc"), 3);
        assert_eq!(edits("top_p", "top_p"), 0);
    }

    #[test]
    fn near_names_are_offered() {
        assert!(unknown("temprature").message.contains("did you mean `temperature`?"));
        assert!(unknown("topk").message.contains("did you mean `top_k`?"));
        assert!(unknown("top_j").message.contains("`top_a` or `top_h` or `top_k`"));
        assert_eq!(unknown("zzzzzzzz").message, "`zzzzzzzz` is not a parameter");
    }
}
