//! Crowds of requests from several owners: what each owner gets, counted from outside.

use super::*;
use crate::limits::{OUTPUT_TOKEN_WEIGHT, PROMPT_TOKEN_WEIGHT};
use proptest::prelude::*;
use std::collections::BTreeMap;

const SEQUENCES_MAX: usize = 4;
const PROMPT_MAX: usize = 40;
const OUTPUT_MAX: usize = 12;

const LEAD_MAX: u64 = 200;

/// What one request can cost.
const REQUEST_COST_MAX: u64 =
    PROMPT_MAX as u64 * PROMPT_TOKEN_WEIGHT + OUTPUT_MAX as u64 * OUTPUT_TOKEN_WEIGHT;

/// A scheduler, and what its requests still have to say.
struct Crowd {
    scheduler: Scheduler,
    outputs_left: BTreeMap<RequestId, usize>,
    owners: BTreeMap<RequestId, u64>,
    /// Weighted tokens per owner.
    served: BTreeMap<u64, u64>,
    /// Requests in the order in which they first ran.
    admitted: Vec<RequestId>,
    step_count: usize,
}

impl Crowd {
    fn new(block_count: usize, prefill_tokens_beside_decode: usize) -> Self {
        let bounds = StepBounds { step_tokens_max: 16, prefill_tokens_beside_decode };
        let blocks = KvBlocks::new(block_count, 4, true);
        let mut scheduler = Scheduler::new(blocks, bounds, SEQUENCES_MAX);
        scheduler.queue = FairQueue::new(LEAD_MAX);
        Crowd {
            scheduler,
            outputs_left: BTreeMap::new(),
            owners: BTreeMap::new(),
            served: BTreeMap::new(),
            admitted: Vec::new(),
            step_count: 0,
        }
    }

    /// A request whose prompt is like no other.
    fn arrive(&mut self, owner: u64, prompt_tokens: usize, output_tokens: usize) -> RequestId {
        let request = RequestId(self.owners.len() as u64);
        let prompt = vec![request.0 as TokenId; prompt_tokens];
        let mut sequence = Sequence::new(SequenceId::first(request), prompt);
        sequence.owner = owner;
        self.scheduler.enqueue(vec![sequence]);
        self.outputs_left.insert(request, output_tokens);
        self.owners.insert(request, owner);
        request
    }

    fn step(&mut self) {
        let plan = self.scheduler.plan();
        let is_idle = self.outputs_left.is_empty();
        assert!(is_idle || plan.rows.row_count() > 0, "somebody advances");
        assert!(plan.rows.row_count() <= 16);
        for request in &plan.admitted {
            if !self.admitted.contains(request) {
                self.admitted.push(*request);
                let prompt = self.scheduler.branches(*request)[0].prompt().len();
                self.serve(*request, prompt as u64 * PROMPT_TOKEN_WEIGHT);
            }
        }
        self.scheduler.complete(&plan);
        for &id in &plan.owners {
            if self.scheduler.running(id).is_some_and(|sequence| sequence.gap() > 0) {
                continue;
            }
            self.scheduler.append(id, 7);
            self.serve(id.request, OUTPUT_TOKEN_WEIGHT);
            let left = self.outputs_left.get_mut(&id.request).expect("it has not ended");
            *left -= 1;
            if *left == 0 {
                self.outputs_left.remove(&id.request);
                self.scheduler.remove(id.request).expect("it runs");
            }
        }
        if self.step_count.is_multiple_of(16) {
            self.scheduler.check();
        }
        self.step_count += 1;
    }

    fn serve(&mut self, request: RequestId, cost: u64) {
        *self.served.entry(self.owners[&request]).or_default() += cost;
    }

    /// Whether an owner has requests that never ran.
    fn is_backlogged(&self, owner: u64) -> bool {
        let waiting = self.scheduler.queue.requests();
        waiting.into_iter().any(|(request, _)| self.owners[&request] == owner)
    }

    fn served(&self, owner: u64) -> u64 {
        self.served.get(&owner).copied().unwrap_or(0)
    }
}

/// Length of a prompt, tokens of an answer.
type Size = (usize, usize);

fn any_size() -> impl Strategy<Value = Size> {
    (1..=PROMPT_MAX, 1..=OUTPUT_MAX)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// While two owners have requests waiting, what they get differs by no more than what was on
    /// its way when their counters met (Sheng et al., theorem 4.4), whatever they ask for.
    #[test]
    fn backlogged_owners_get_the_same_service(
        sizes in proptest::collection::vec(proptest::collection::vec(any_size(), 1..4), 2..4),
        block_count in 13usize..60,
        beside in 1usize..20,
    ) {
        let mut crowd = Crowd::new(block_count, beside);
        // The first owner brings ten times as many requests at once as the others.
        for round in 0..80 {
            for (owner, sizes) in sizes.iter().enumerate() {
                for _ in 0..if owner == 0 { 10 } else { 1 } {
                    let (prompt, output) = sizes[round % sizes.len()];
                    crowd.arrive(owner as u64, prompt, output);
                }
            }
        }
        let bound = 2 * SEQUENCES_MAX as u64 * REQUEST_COST_MAX + LEAD_MAX;
        let mut compared_to = 0;
        while (0..sizes.len() as u64).all(|owner| crowd.is_backlogged(owner)) {
            crowd.step();
            for owner in 1..sizes.len() as u64 {
                let (ours, theirs) = (crowd.served(0), crowd.served(owner));
                prop_assert!(ours.abs_diff(theirs) <= bound, "{ours} and {theirs}");
                compared_to = ours;
            }
        }
        prop_assert!(compared_to > 0);
    }

    /// Everybody's requests end, in a memory that is too small, whoever asks for what and when; and
    /// those of one owner begin in the order in which they came.
    #[test]
    fn nobody_starves(
        arrivals in proptest::collection::vec((0u64..5, any_size(), 0usize..6), 1..60),
        block_count in 13usize..40,
        beside in 1usize..20,
    ) {
        let mut crowd = Crowd::new(block_count, beside);
        for &(owner, (prompt, output), steps) in &arrivals {
            crowd.arrive(owner, prompt, output);
            (0..steps).for_each(|_| crowd.step());
        }
        let work: usize = arrivals.iter().map(|&(_, (prompt, output), _)| prompt + output).sum();
        while !crowd.outputs_left.is_empty() {
            crowd.step();
            prop_assert!(crowd.step_count < 100 * work, "it must come to an end");
        }
        prop_assert_eq!(crowd.admitted.len(), arrivals.len());
        for owner in 0..5 {
            let own = crowd.admitted.iter().filter(|request| crowd.owners[request] == owner);
            prop_assert!(own.is_sorted());
        }
        prop_assert_eq!(crowd.scheduler.blocks.free_count(), block_count);
    }
}

#[test]
fn a_guest_does_not_wait_for_a_crowd() {
    let mut crowd = Crowd::new(60, 16);
    (0..200).for_each(|_| _ = crowd.arrive(1, PROMPT_MAX, OUTPUT_MAX));
    (0..20).for_each(|_| crowd.step());
    for _ in 0..10 {
        let guest = crowd.arrive(2, 5, 5);
        let first_step = crowd.step_count;
        while crowd.outputs_left.contains_key(&guest) {
            crowd.step();
        }
        // The first place that gets free is the guest's; what it says takes five steps.
        let steps = crowd.step_count - first_step;
        assert!(steps <= OUTPUT_MAX + PROMPT_MAX + 10, "{steps} steps");
    }
    assert!(crowd.is_backlogged(1));
}

#[test]
fn a_long_prompt_of_another_owner_leaves_half_of_the_rows() {
    let mut crowd = Crowd::new(200, 16);
    let long = crowd.arrive(1, 160, 1);
    let rows = |crowd: &mut Crowd| -> Vec<(u64, usize)> {
        crowd.step();
        let running = crowd.scheduler.running.iter();
        running.map(|sequence| (sequence.id.request.0, sequence.granted_rows)).collect()
    };
    assert_eq!(rows(&mut crowd), [(long.0, 16)]);
    let same_owner = crowd.arrive(1, 8, 4);
    assert_eq!(rows(&mut crowd), [(long.0, 16)], "within an owner by arrival");
    let other = crowd.arrive(2, 20, 4);
    assert_eq!(rows(&mut crowd), [(long.0, 8), (other.0, 8)]);
    assert_eq!(rows(&mut crowd), [(long.0, 8), (other.0, 8)]);
    // The gap of the other is small now, and there are rows for the next one.
    assert_eq!(rows(&mut crowd), [(long.0, 12), (other.0, 4)]);
    assert_eq!(rows(&mut crowd), [(long.0, 15), (other.0, 1)]);
    assert!(crowd.outputs_left.contains_key(&same_owner));
}

#[test]
fn gaps_are_bounded_while_others_decode() {
    let mut crowd = Crowd::new(200, 5);
    crowd.arrive(0, 3, 9);
    crowd.step();
    let long = crowd.arrive(0, 30, 9);
    let rows = |crowd: &mut Crowd| {
        crowd.step();
        crowd.scheduler.running(SequenceId::first(long)).map_or(0, |gap| gap.granted_rows)
    };
    assert_eq!([(); 8].map(|()| rows(&mut crowd)), [5, 5, 5, 5, 5, 5, 1, 1]);
}

#[test]
fn the_victim_is_what_came_last_of_who_got_most() {
    let mut crowd = Crowd::new(12, 16);
    let first = crowd.arrive(1, 8, 40);
    let second = crowd.arrive(2, 8, 40);
    let third = crowd.arrive(1, 8, 40);
    while crowd.scheduler.running_requests() == 3 || crowd.admitted.len() < 3 {
        crowd.step();
    }
    let running: Vec<_> = crowd.scheduler.running.iter().map(|s| s.id.request).collect();
    assert_eq!(running, [first, second]);
    assert!(crowd.scheduler.queue.get(third).is_some());
    while crowd.scheduler.running_requests() == 2 {
        crowd.step();
    }
    // The first owner got more by then, so the second goes on.
    assert_eq!(crowd.scheduler.running[0].id.request, second);
}
