//! Which runs of the engine answer a request: its choices, and for each of them one run or one per
//! limit.

use crate::error::ApiError;
use answers::RequestError;
use engine::choices::choices;
use engine::{GenerateRequest, views};

/// What one run of the engine is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Number of the choice that it makes, from 0.
    pub choice: usize,
    /// Whether its tokens are the choice's: of several limits that are runs of their own the
    /// largest is shown.
    pub shown: bool,
}

/// The runs of a request, each with its place. The runs of a choice stand together, in the order
/// of its limits.
///
/// # Errors
/// When a limit of a list does not go with the other parameters by itself.
pub(super) fn runs_of(
    request: &GenerateRequest,
) -> Result<Vec<(Place, GenerateRequest)>, ApiError> {
    let mut all = Vec::new();
    for (choice, request) in choices(request).into_iter().enumerate() {
        let limit = request.params.max_tokens();
        let runs = views::runs(&request).map_err(RequestError::from)?;
        let of_largest = runs.iter().position(|run| run.params.max_tokens() == limit);
        for (index, run) in runs.into_iter().enumerate() {
            all.push((Place { choice, shown: of_largest == Some(index) }, run));
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sampling::params::{ParamValue, SamplingParams};

    fn request(values: &[(&str, ParamValue)]) -> GenerateRequest {
        let params = SamplingParams::from_values(values.to_vec()).expect("valid");
        GenerateRequest::new(vec![1], params, 7)
    }

    fn places(values: &[(&str, ParamValue)]) -> Vec<(usize, bool, Option<usize>)> {
        let runs = runs_of(&request(values)).expect("valid");
        let row = |(place, run): &(Place, GenerateRequest)| {
            (place.choice, place.shown, run.params.max_tokens())
        };
        runs.iter().map(row).collect()
    }

    fn limits(limits: &[i128]) -> ParamValue {
        ParamValue::List(limits.iter().map(|&limit| ParamValue::Int(limit)).collect())
    }

    #[test]
    fn limits_that_shape_no_token_are_one_run() {
        let values = [("max_tokens", limits(&[5, 9, 2])), ("n", ParamValue::Int(2))];
        assert_eq!(places(&values), [(0, true, Some(9)), (1, true, Some(9))]);
    }

    #[test]
    fn limits_that_shape_tokens_are_runs_of_their_own_and_the_largest_is_shown() {
        let values = [("max_tokens", limits(&[5, 9, 2])), ("num_beams", ParamValue::Int(2))];
        let expected = [(0, false, Some(5)), (0, true, Some(9)), (0, false, Some(2))];
        assert_eq!(places(&values), expected);
    }
}
