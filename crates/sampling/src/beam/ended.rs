//! The finished hypotheses of a group: the best few, and whether a better one can still come.

use super::{BeamMethod, BeamSettings, EarlyStopping, Hypothesis};

/// At most `group_size` finished hypotheses, best first.
#[derive(Debug, Clone, Default)]
pub(super) struct Ended {
    hypotheses: Vec<Hypothesis>,
}

impl Ended {
    /// Keeps a hypothesis if it is among the best `count`; earlier ones first among equals.
    pub fn offer(&mut self, hypothesis: Hypothesis, count: usize) -> bool {
        let better = |other: &Hypothesis| other.score >= hypothesis.score;
        let place = self.hypotheses.partition_point(better);
        if place >= count {
            return false;
        }
        self.hypotheses.insert(place, hypothesis);
        self.hypotheses.truncate(count);
        true
    }

    /// Whether the search is content, when the best hypothesis that is not finished has the sum
    /// `best_sum` after `tokens` tokens.
    pub fn is_content(&self, settings: &BeamSettings, best_sum: f64, tokens: usize) -> bool {
        if self.hypotheses.len() < settings.group_size() {
            return false;
        }
        if settings.method == BeamMethod::Textbook {
            return false;
        }
        let length = match settings.early_stopping {
            EarlyStopping::AtOnce => return true,
            EarlyStopping::Never if settings.length_penalty > 0.0 => settings.tokens_max,
            EarlyStopping::Heuristic | EarlyStopping::Never => tokens,
        };
        let worst = self.hypotheses.last().map_or(f64::NEG_INFINITY, |worst| worst.score);
        settings.score(best_sum, length) <= worst
    }

    /// The hypotheses, best first.
    pub fn into_hypotheses(self) -> Vec<Hypothesis> {
        self.hypotheses
    }
}
