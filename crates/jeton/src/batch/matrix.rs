//! The padded id matrix that Transformers' `model.generate` takes and gives.

use model::TokenId;

/// Where short prompts are filled up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaddingSide {
    /// Before the prompt, as decoder models need it.
    Left,
    /// Between the prompt and the new tokens.
    Right,
}

impl PaddingSide {
    /// The side of that name.
    pub fn find(name: &str) -> Option<Self> {
        match name {
            "left" => Some(Self::Left),
            "right" => Some(Self::Right),
            _ => None,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Right => "right",
        }
    }
}

/// What fills which gap.
#[derive(Clone, Copy, Debug)]
pub struct Padding {
    /// Side of the prompts that is filled.
    pub side: PaddingSide,
    /// Fills prompts; none when no prompt needs it.
    pub prompt_id: Option<TokenId>,
    /// Fills up rows that ended early; none when there is no way to end early.
    pub new_id: Option<TokenId>,
}

/// Rows of equal length: each prompt filled up to the longest, then its new tokens, filled up to
/// the most new tokens. Without `full` only the new part.
pub fn padded(
    rows: &[(&[TokenId], &[TokenId])],
    padding: Padding,
    full: bool,
) -> Vec<Vec<TokenId>> {
    let prompt_width = rows.iter().map(|(prompt, _)| prompt.len()).max().unwrap_or(0);
    let new_width = rows.iter().map(|(_, new)| new.len()).max().unwrap_or(0);
    let row = |&(prompt, new): &(&[TokenId], &[TokenId])| {
        let fill = |id: Option<TokenId>, count| std::iter::repeat_n(id.unwrap_or(0), count);
        let gap = fill(padding.prompt_id, prompt_width - prompt.len());
        let mut ids = Vec::with_capacity(prompt_width + new_width);
        match (full, padding.side) {
            (false, _) => {}
            (true, PaddingSide::Left) => {
                ids.extend(gap);
                ids.extend_from_slice(prompt);
            }
            (true, PaddingSide::Right) => {
                ids.extend_from_slice(prompt);
                ids.extend(gap);
            }
        }
        ids.extend_from_slice(new);
        ids.extend(fill(padding.new_id, new_width - new.len()));
        ids
    };
    rows.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_filled_on_both_sides() {
        let rows: &[(&[TokenId], &[TokenId])] = &[(&[5], &[7, 8, 9]), (&[5, 6], &[7])];
        let padding = Padding { side: PaddingSide::Left, prompt_id: Some(1), new_id: Some(2) };
        assert_eq!(padded(rows, padding, true), [[1, 5, 7, 8, 9], [5, 6, 7, 2, 2]]);
        assert_eq!(padded(rows, padding, false), [[7, 8, 9], [7, 2, 2]]);
        let right = Padding { side: PaddingSide::Right, ..padding };
        assert_eq!(padded(rows, right, true), [[5, 1, 7, 8, 9], [5, 6, 7, 2, 2]]);
        assert_eq!(padded(&[], padding, true), Vec::<Vec<TokenId>>::new());
    }
}
