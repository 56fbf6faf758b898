//! How a command that did its work ended, for the exit code.

use crate::failure::Failure;
use engine::Interruption;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It did what was asked.
    Done,
    /// A check found something.
    Warned,
    /// The user stopped it.
    Interrupted,
    /// What was compared is not the same.
    Different,
}

impl Outcome {
    /// Of answers that were shown, from what broke each of them off, if anything did.
    ///
    /// # Errors
    /// When one of them failed; the user's own wish to stop is no failure.
    pub fn of_answers<'a>(
        interruptions: impl IntoIterator<Item = &'a Option<Interruption>>,
    ) -> Result<Outcome, Failure> {
        let mut outcome = Outcome::Done;
        for interruption in interruptions.into_iter().flatten() {
            match interruption {
                Interruption::Cancelled => outcome = Outcome::Interrupted,
                Interruption::Deadline => {}
                other => return Err(Failure::new(other)),
            }
        }
        Ok(outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_answer_is_a_failure_whatever_the_others_are() {
        let failed = || Some(Interruption::EngineFailed("no memory".to_owned()));
        let of = |interruptions: &[Option<Interruption>]| Outcome::of_answers(interruptions);
        assert_eq!(of(&[None, None]).expect("nothing failed"), Outcome::Done);
        let cancelled = of(&[None, Some(Interruption::Cancelled)]).expect("nothing failed");
        assert_eq!(cancelled, Outcome::Interrupted);
        for answers in [vec![failed()], vec![Some(Interruption::Cancelled), failed()]] {
            let failure = of(&answers).expect_err("one failed");
            assert!(failure.to_string().contains("no memory"), "{failure}");
        }
    }
}
