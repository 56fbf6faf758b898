//! Mixture of experts: a router sends each row through a few of many small networks.

use super::batch::{Batch, sized};
use super::linear::{Linear, linear};
use super::mlp::{GatedMlp, gated_mlp};
use kernels::ops::softmax::softmax;

/// Router and experts of one layer.
#[derive(Debug)]
pub(crate) struct MoeMlp {
    /// (expert_count, hidden_dim)
    pub router: Linear,
    pub experts: Vec<GatedMlp>,
    /// Experts per row.
    pub experts_used: usize,
    /// Divide the chosen probabilities by their sum.
    pub normalize_probs: bool,
}

/// One row's way through one expert.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Route {
    expert: usize,
    row: usize,
    /// Share of this expert in the row's result.
    weight: f32,
}

/// (rows, hidden_dim) -> (rows, hidden_dim): sum over the chosen experts of weight * expert(x).
///
/// Rows are grouped by expert, so that each expert's matrices are read once per batch. A row's
/// result is summed in ascending order of its experts, whatever rows it shares the batch with.
pub(crate) fn moe_mlp(batch: &mut Batch<'_>, moe: &MoeMlp, x: &[f32], out: &mut [f32]) {
    let hidden_dim = moe.router.weight.cols;
    let mut routes = std::mem::take(&mut batch.compute.routes);
    let mut buffers = std::mem::take(&mut batch.compute.experts);
    let [probs, gathered, answered] = &mut buffers;

    let probs = sized(probs, batch.rows() * moe.experts.len()); // (rows, expert_count)
    linear(batch, &moe.router, x, probs);
    route(batch, moe, probs, &mut routes);

    out.fill(0.0);
    for group in routes.chunk_by(|one, next| one.expert == next.expert) {
        let gathered = sized(gathered, group.len() * hidden_dim); // (group rows, hidden_dim)
        for (route, to) in group.iter().zip(gathered.chunks_exact_mut(hidden_dim)) {
            to.copy_from_slice(&x[route.row * hidden_dim..][..hidden_dim]);
        }
        let answered = sized(answered, group.len() * hidden_dim); // (group rows, hidden_dim)
        gated_mlp(batch, &moe.experts[group[0].expert], gathered, answered);
        for (route, from) in group.iter().zip(answered.chunks_exact(hidden_dim)) {
            let to = &mut out[route.row * hidden_dim..][..hidden_dim];
            to.iter_mut().zip(from).for_each(|(to, from)| *to += route.weight * from);
        }
    }
    batch.compute.experts = buffers;
    batch.compute.routes = routes;
}

/// Softmax over all experts, then the `experts_used` most probable ones of each row. `routes` is
/// left sorted by expert, then row.
fn route(batch: &Batch<'_>, moe: &MoeMlp, probs: &mut [f32], routes: &mut Vec<Route>) {
    routes.clear();
    for (row, probs) in probs.chunks_exact_mut(moe.experts.len()).enumerate() {
        softmax(&batch.compute.kernels, probs);
        let first = routes.len();
        for _ in 0..moe.experts_used {
            let expert = most_probable_of_rest(probs, &routes[first..]);
            routes.push(Route { expert, row, weight: probs[expert] });
        }
        if moe.normalize_probs {
            let chosen = &mut routes[first..];
            let sum: f32 = chosen.iter().map(|route| route.weight).sum();
            chosen.iter_mut().for_each(|route| route.weight /= sum);
        }
    }
    routes.sort_unstable_by_key(|route| (route.expert, route.row));
}

/// The most probable expert that is not among `chosen`; the first of equals, and of those that
/// are no numbers.
fn most_probable_of_rest(probs: &[f32], chosen: &[Route]) -> usize {
    let is_free = |expert: &usize| chosen.iter().all(|route| route.expert != *expert);
    let free = (0..probs.len()).filter(is_free);
    free.reduce(|best, expert| if probs[expert] > probs[best] { expert } else { best })
        .expect("a row uses at most as many experts as there are")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(probs: &[f32], count: usize) -> Vec<usize> {
        let mut routes = Vec::new();
        for _ in 0..count {
            let expert = most_probable_of_rest(probs, &routes);
            routes.push(Route { expert, row: 0, weight: probs[expert] });
        }
        routes.iter().map(|route| route.expert).collect()
    }

    #[test]
    fn the_most_probable_come_first_and_ties_go_to_the_lower_number() {
        assert_eq!(chosen(&[0.1, 0.4, 0.2, 0.4, 0.0], 5), [1, 3, 2, 0, 4]);
    }

    #[test]
    fn experts_are_distinct_even_without_numbers() {
        assert_eq!(chosen(&[f32::NAN; 3], 3), [0, 1, 2]);
        let mut some = chosen(&[0.5, f32::NAN, 0.7], 3);
        some.sort_unstable();
        assert_eq!(some, [0, 1, 2]);
    }
}
