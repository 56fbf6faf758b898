use super::*;

fn loaded(logits: &[f32]) -> Candidates {
    let mut candidates = Candidates::new();
    candidates.load(logits).expect("good logits");
    candidates
}

#[test]
fn load_skips_impossible_tokens() {
    let candidates = loaded(&[1.0, f32::NEG_INFINITY, -0.0, 3.0]);
    assert_eq!(candidates.ids(), [0, 2, 3]);
    assert!(candidates.logits()[1].is_sign_positive());
    assert_eq!(candidates.find(0), Some(0));
    assert_eq!(candidates.find(1), None);
    assert_eq!(candidates.find(2), Some(1));
    assert_eq!(candidates.find(3), Some(2));
    assert_eq!(candidates.find(4), None);
    assert_eq!(candidates.find(u32::MAX), None);
}

#[test]
fn bad_logits_are_refused_by_name() {
    let check = |logits: &[f32]| Candidates::new().load(logits).unwrap_err();
    let (infinity, nan) = (f32::INFINITY, f32::NAN);
    assert_eq!(check(&[]), ChooseError::Empty);
    assert_eq!(check(&[0.0, nan, infinity]), ChooseError::NotANumber { id: 1 });
    assert_eq!(check(&[0.0, -infinity, infinity]), ChooseError::PositiveInfinity { id: 2 });
    assert_eq!(check(&[-infinity; 3]), ChooseError::NothingPossible);
    assert!(check(&[nan]).to_string().contains("token 0 is NaN"));
}

#[test]
fn retain_keeps_the_best_when_nothing_is_wanted() {
    let mut candidates = loaded(&[1.0, 7.0, 7.0, 2.0]);
    candidates.retain(|_, _| false);
    assert_eq!(candidates.ids(), [1]);
    assert_eq!(candidates.softmax().weights, [1.0]);
}

#[test]
fn weights_are_recomputed_when_the_best_leaves() {
    let mut candidates = loaded(&[2000.0, 0.0, 0.0]);
    assert_eq!(candidates.softmax().weights, [1.0, 0.0, 0.0]);
    candidates.retain(|id, _| id != 0);
    assert_eq!(candidates.softmax().weights, [1.0, 1.0]);
    assert_eq!(candidates.softmax().total, 2.0);
}

#[test]
fn nth_largest_agrees_with_sorting() {
    let mut buffer = Vec::new();
    let values: Vec<f64> = (0..5000u64).map(|i| (i * 7919 % 1013) as f64 - 500.0).collect();
    let mut sorted = values.clone();
    sorted.sort_by(|a, b| b.total_cmp(a));
    for count in [1, 2, 40, 127, 128, 129, 1000, 4999, 5000] {
        assert_eq!(nth_largest(&values, count, &mut buffer), sorted[count - 1], "{count}");
    }
}

#[test]
fn shares_are_reached_across_sorting_stretches() {
    let logits = vec![0.0f32; 3000];
    for (share, expected) in [(0.0001, 1), (0.1, 300), (0.5, 1500), (0.9999, 3000)] {
        let mut candidates = loaded(&logits);
        candidates.retain_until_share(share, 0.0, |logit, _| -logit);
        assert_eq!(candidates.len(), expected, "{share}");
        assert!(candidates.ids().iter().copied().eq(0..expected as u32));
    }
}

#[test]
fn remove_closes_every_gap() {
    for mask in 0u32..128 {
        let ids: Vec<TokenId> = (0..7).filter(|id| mask >> id & 1 == 1).collect();
        let mut candidates = loaded(&[0.0, 1.0, 2.0, 6.0, 3.0, 4.0, 5.0]);
        candidates.softmax();
        candidates.remove(&[&ids[..], &[7, 7, 900]].concat());
        let left: Vec<TokenId> = (0..7).filter(|id| mask >> id & 1 == 0).collect();
        let left = if left.is_empty() { vec![3] } else { left };
        assert_eq!(candidates.ids(), left);
        let logits: Vec<f64> =
            left.iter().map(|&id| [0.0, 1.0, 2.0, 6.0, 3.0, 4.0, 5.0][id as usize]).collect();
        assert_eq!(candidates.logits(), logits);
        let best = candidates.best();
        assert_eq!(candidates.softmax().weights[best], 1.0);
    }
}
