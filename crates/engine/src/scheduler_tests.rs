//! The scheduler alone: a plan is data, so its decisions can be read off.

use super::*;

fn scheduler(block_count: usize, step_tokens_max: usize, sequences_max: usize) -> Scheduler {
    let blocks = KvBlocks::new(block_count, 4, true);
    Scheduler::new(blocks, whole_steps(step_tokens_max), sequences_max)
}

/// Gaps get all rows, also while others decode.
fn whole_steps(step_tokens_max: usize) -> StepBounds {
    StepBounds { step_tokens_max, prefill_tokens_beside_decode: step_tokens_max }
}

fn first(id: u64) -> SequenceId {
    SequenceId::first(RequestId(id))
}

fn enqueue(scheduler: &mut Scheduler, id: u64, prompt: &[TokenId]) {
    scheduler.enqueue(vec![Sequence::new(first(id), prompt.to_vec())]);
}

/// Plans, completes and checks a step; every closed gap gets the token 99. Whose rows: (id, first
/// position, rows).
fn step(scheduler: &mut Scheduler) -> (StepPlan, Vec<(u64, usize, usize)>) {
    let plan = scheduler.plan();
    scheduler.complete(&plan);
    let mut rows = Vec::new();
    for (segment, &owner) in plan.rows.segments.iter().zip(&plan.owners) {
        rows.push((owner.request.0, segment.first_position, segment.tokens.len()));
        assert!(segment.kv_blocks.len() * 4 >= segment.first_position + segment.tokens.len());
        let closes_gap = scheduler.running(owner).is_some_and(|sequence| sequence.gap() == 0);
        assert_eq!(segment.logits == WantedLogits::Last, closes_gap);
        if closes_gap {
            scheduler.append(owner, 99);
        }
    }
    scheduler.check();
    (plan, rows)
}

#[test]
fn a_prompt_is_cut_where_the_step_is_full() {
    let mut scheduler = scheduler(100, 10, 4);
    enqueue(&mut scheduler, 0, &[1; 23]);
    assert_eq!(step(&mut scheduler).1, [(0, 0, 10)]);
    assert_eq!(step(&mut scheduler).1, [(0, 10, 10)]);
    assert_eq!(step(&mut scheduler).1, [(0, 20, 3)]);
    assert_eq!(step(&mut scheduler).1, [(0, 23, 1)]);
}

#[test]
fn rows_go_by_arrival_and_everyone_behind_keeps_one() {
    let mut scheduler = scheduler(100, 10, 4);
    enqueue(&mut scheduler, 0, &[1; 30]);
    enqueue(&mut scheduler, 1, &[2; 4]);
    assert_eq!(step(&mut scheduler).1, [(0, 0, 10)], "the second finds no row in this step");
    assert_eq!(step(&mut scheduler).1, [(0, 10, 10)]);
    assert_eq!(step(&mut scheduler).1, [(0, 20, 10)]);
    assert_eq!(step(&mut scheduler).1, [(0, 30, 1), (1, 0, 4)]);
    enqueue(&mut scheduler, 2, &[3; 30]);
    assert_eq!(step(&mut scheduler).1, [(0, 31, 1), (1, 4, 1), (2, 0, 8)]);
    enqueue(&mut scheduler, 3, &[4; 30]);
    assert_eq!(step(&mut scheduler).1, [(0, 32, 1), (1, 5, 1), (2, 8, 8)]);
}

#[test]
fn a_gap_in_front_leaves_a_row_for_everyone_behind() {
    let mut scheduler = scheduler(100, 10, 4);
    for id in 0..3 {
        enqueue(&mut scheduler, id, &[id as TokenId; 2]);
    }
    step(&mut scheduler);
    (0..20).for_each(|token| scheduler.append(first(0), token));
    assert_eq!(step(&mut scheduler).1, [(0, 2, 8), (1, 2, 1), (2, 2, 1)]);
    assert_eq!(step(&mut scheduler).1, [(0, 10, 8), (1, 3, 1), (2, 3, 1)]);
}

#[test]
fn nobody_is_overtaken_in_the_queue() {
    let mut scheduler = scheduler(9, 64, 8);
    enqueue(&mut scheduler, 0, &[1; 4]);
    enqueue(&mut scheduler, 1, &[2; 28]);
    enqueue(&mut scheduler, 2, &[3; 1]);
    let (plan, rows) = step(&mut scheduler);
    // The second needs 7 blocks and room to grow; the third would fit, and waits its turn.
    assert_eq!((rows, plan.admitted), (vec![(0, 0, 4)], vec![RequestId(0)]));
    scheduler.remove(RequestId(0)).expect("it runs");
    let (plan, _) = step(&mut scheduler);
    assert_eq!(plan.admitted, [RequestId(1)]);
}

#[test]
fn who_came_last_gives_its_blocks_back_and_comes_back_with_all_its_tokens() {
    let mut scheduler = scheduler(6, 64, 8);
    enqueue(&mut scheduler, 0, &[1; 8]);
    enqueue(&mut scheduler, 1, &[2; 3]);
    let mut preempted = Vec::new();
    while preempted.is_empty() {
        let (plan, _) = step(&mut scheduler);
        preempted = plan.preempted;
    }
    assert_eq!(preempted, [RequestId(1)]);
    assert_eq!((scheduler.running_count(), scheduler.waiting_count()), (1, 1));
    let ended = scheduler.remove(RequestId(0)).expect("it runs");
    let (plan, rows) = step(&mut scheduler);
    assert_eq!(plan.admitted, [RequestId(1)]);
    let second = scheduler.running(first(1)).expect("it runs again");
    assert_eq!((second.preempted_count, second.prefix_hit_count), (1, 0));
    assert_eq!((second.prompt(), ended.prompt()), (&[2; 3][..], &[1; 8][..]));
    assert!(second.generated().iter().all(|&token| token == 99));
    // What was still in memory is not computed again; the gap ends where it ended before.
    let (_, start, count) = rows[0];
    assert_eq!((start % 4, start + count), (0, second.tokens.len() - 1));
}

#[test]
fn a_sequence_finds_blocks_that_were_computed_while_it_ran() {
    let mut scheduler = scheduler(100, 8, 4);
    enqueue(&mut scheduler, 0, &[7; 21]);
    assert_eq!(step(&mut scheduler).1, [(0, 0, 8)]);
    assert_eq!(step(&mut scheduler).1, [(0, 8, 8)]);
    enqueue(&mut scheduler, 1, &[7; 23]);
    // The second skips what the first has computed, waits for the block that it is computing, and
    // then computes the rest.
    let (plan, rows) = step(&mut scheduler);
    assert_eq!((rows, plan.admitted), (vec![(0, 16, 5)], vec![RequestId(1)]));
    assert_eq!(step(&mut scheduler).1, [(0, 21, 1), (1, 20, 3)]);
    let tables = [0, 1].map(|id| &scheduler.running(first(id)).expect("it runs").table);
    assert_eq!(tables[0].blocks[..5], tables[1].blocks[..5]);
    assert_ne!(tables[0].blocks[5], tables[1].blocks[5]);
}

#[test]
fn a_prompt_of_many_is_computed_once() {
    for (sharing, row_count) in [(true, 21 + 9), (false, 10 * 21)] {
        let mut scheduler = Scheduler::new(KvBlocks::new(100, 4, sharing), whole_steps(512), 16);
        (0..10).for_each(|id| enqueue(&mut scheduler, id, &[7; 21]));
        let mut rows = 0;
        while (0..10).any(|id| scheduler.running(first(id)).is_none_or(|s| s.gap() > 1)) {
            rows += step(&mut scheduler).1.iter().map(|(_, _, rows)| rows).sum::<usize>();
            assert!(rows <= 400, "it must come to an end");
        }
        // The steps in which the last ones compute their prompts, the first ones decode.
        let decoded: usize = (0..10)
            .map(|id| scheduler.running(first(id)).expect("it runs").generated().len())
            .sum();
        assert_eq!(rows, row_count + decoded - 10, "{sharing}");
    }
}

/// A scored prompt takes several steps; two with the same beginning come with it.
fn scored_with_two_behind(step_tokens_max: usize) -> Scheduler {
    let mut scheduler = scheduler(100, step_tokens_max, 3);
    let mut scored = Sequence::new(first(0), vec![7; 70]);
    scored.scores_prompt = true;
    scheduler.enqueue(vec![scored]);
    enqueue(&mut scheduler, 1, &[7; 70]);
    enqueue(&mut scheduler, 2, &[7; 69]);
    scheduler
}

fn rows_of_step(scheduler: &mut Scheduler) -> Vec<(u64, usize, usize)> {
    let plan = scheduler.plan();
    scheduler.complete(&plan);
    scheduler.check();
    let owned = plan.rows.segments.iter().zip(&plan.owners);
    owned.map(|(rows, id)| (id.request.0, rows.first_position, rows.tokens.len())).collect()
}

#[test]
fn whoever_waits_for_a_block_keeps_no_row_from_others() {
    let mut scheduler = scored_with_two_behind(crate::limits::SCORED_ROWS_MAX + 1);
    assert_eq!(rows_of_step(&mut scheduler), [(0, 0, 32)]);
    assert_eq!(scheduler.running_count(), 3);
    assert_eq!(rows_of_step(&mut scheduler), [(0, 32, 32)]);
    assert_eq!(rows_of_step(&mut scheduler), [(0, 64, 6)]);
    assert_eq!(rows_of_step(&mut scheduler), [(1, 68, 2), (2, 68, 1)]);
}

#[test]
fn a_block_whose_writer_is_gone_is_computed_by_the_next() {
    let mut scheduler = scored_with_two_behind(100);
    assert_eq!(rows_of_step(&mut scheduler), [(0, 0, 32)]);
    scheduler.remove(RequestId(0)).expect("it runs");
    assert_eq!(rows_of_step(&mut scheduler), [(1, 32, 38)]);
    assert_eq!(rows_of_step(&mut scheduler), [(2, 68, 1)]);
}

#[test]
fn a_known_prompt_is_copied_and_its_last_token_computed() {
    let mut scheduler = scheduler(10, 64, 4);
    enqueue(&mut scheduler, 0, &[7; 8]);
    step(&mut scheduler);
    enqueue(&mut scheduler, 1, &[7; 8]);
    let (plan, rows) = step(&mut scheduler);
    assert_eq!(rows, [(0, 8, 1), (1, 7, 1)]);
    let own = &scheduler.running(first(0)).expect("it runs").table.blocks;
    let copy = plan.copies[0];
    assert_eq!((plan.copies.len(), copy.from), (1, own[1]));
    assert!(plan.rows.segments[1].kv_blocks.ends_with(&[copy.to]));
}

#[test]
fn scored_prompts_skip_nothing_and_take_their_share_of_logits() {
    let mut scheduler = scheduler(100, 100, 4);
    enqueue(&mut scheduler, 0, &[7; 70]);
    step(&mut scheduler);
    for id in [1, 2] {
        let mut scored = Sequence::new(first(id), vec![7; 40]);
        scored.scores_prompt = true;
        scheduler.enqueue(vec![scored]);
    }
    let mut rows_of_first = Vec::new();
    for _ in 0..3 {
        let plan = scheduler.plan();
        scheduler.complete(&plan);
        for (segment, owner) in plan.rows.segments.iter().zip(&plan.owners) {
            if owner.request.0 == 1 {
                assert_eq!(segment.logits, WantedLogits::All);
                rows_of_first.push((segment.first_position, segment.tokens.len()));
            }
        }
        assert!(plan.rows.logits_count() <= crate::limits::SCORED_ROWS_MAX + 1);
        scheduler.append(first(0), 99);
        scheduler.check();
        if rows_of_first.len() == 2 {
            break;
        }
    }
    assert_eq!(rows_of_first, [(0, 32), (32, 8)]);
}

#[test]
fn branches_of_a_request_come_and_go_together() {
    let mut scheduler = scheduler(9, 64, 4);
    enqueue(&mut scheduler, 0, &[1; 8]);
    let branches = [0, 1].map(|branch| {
        let id = SequenceId { request: RequestId(1), branch };
        let mut sequence = Sequence::new(id, vec![2 + branch; 3]);
        sequence.branches_max = 2;
        sequence
    });
    scheduler.enqueue(branches.into());
    enqueue(&mut scheduler, 2, &[3; 1]);
    enqueue(&mut scheduler, 3, &[3; 1]);
    let (plan, _) = step(&mut scheduler);
    assert_eq!(plan.admitted, [0, 1, 2].map(RequestId), "four sequences are all that may run");
    assert_eq!((scheduler.running_count(), scheduler.request_count()), (4, 4));
    let mut preempted = Vec::new();
    while preempted.last() != Some(&RequestId(1)) {
        preempted.extend(step(&mut scheduler).0.preempted);
    }
    assert_eq!(preempted, [2, 1].map(RequestId));
    assert_eq!((scheduler.running_count(), scheduler.waiting_count()), (1, 4));
    scheduler.remove(RequestId(0)).expect("it runs");
    let (plan, rows) = step(&mut scheduler);
    assert_eq!(plan.admitted[0], RequestId(1));
    assert!(rows.len() >= 2 && rows[0].0 == 1 && rows[1].0 == 1, "both branches are back");
    assert!(scheduler.remove(RequestId(1)).is_some() && scheduler.remove(RequestId(1)).is_none());
    scheduler.check();
}
