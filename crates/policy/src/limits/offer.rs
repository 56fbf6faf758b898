//! The bounds that would count for a request, for who asks before making one.

use super::bounds::{Bound, Bounds};
use crate::config::{Config, Over};
use crate::decision::SetBy;
use crate::wish::Who;

/// A bound on `max_tokens`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedBound {
    /// The number.
    pub tokens: u64,
    /// Whose it is.
    pub set_by: SetBy,
    /// The path of the setting.
    pub rule: String,
    /// Whether a number outside is refused; otherwise it becomes this one.
    pub rejects: bool,
}

/// The least and the most that `max_tokens` may be for requests of `who` that name no scenario;
/// none where nobody says.
pub fn offered(config: &Config, who: &Who) -> (Option<OfferedBound>, Option<OfferedBound>) {
    let Bounds { min, max, .. } = Bounds::of(config, who, None);
    let told = |bound: Bound| OfferedBound {
        tokens: bound.tokens,
        set_by: bound.by,
        rule: bound.rule,
        rejects: bound.over == Over::Reject,
    };
    (min.map(told), max.map(told))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tightest_bound_is_offered_with_whose_it_is() {
        let mut config = Config::default();
        config.limits.max_tokens.max = Some(500);
        config.limits.max_tokens.min = Some(2);
        let mut who = Who::default();
        who.key_plan.limits.max_tokens.max = Some(100);
        let (min, max) = offered(&config, &who);
        let max = max.expect("there is one");
        assert_eq!((max.tokens, max.set_by, max.rejects), (100, SetBy::Key, false));
        assert_eq!(min.map(|min| min.tokens), Some(2));
        assert_eq!(offered(&Config::default(), &Who::default()), (None, None));
    }
}
