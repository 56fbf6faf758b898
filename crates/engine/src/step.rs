//! One turn of the engine: plan -> forward -> choose -> settle.
//!
//! The plan is data; the model sees rows and block ids, the sampler one row of logits, and only
//! `settle` changes what is known about a sequence. So each verb can be read alone.

use crate::api::{Interruption, RequestId, StepReport};
use crate::engine::Engine;
use crate::generation::{Chosen, End, Generation};
use crate::scheduler::{Scheduler, StepPlan};
use crate::sequence::SequenceId;
use crate::speculate::Guesses;
use model::{Segment, WantedLogits};
use sampling::beam::BeamStep;
use sampling::logprobs::Logprobs;

impl Engine {
    /// Computes one step for all running requests and sends their events.
    pub fn step(&mut self) -> StepReport {
        let before = self.generations.len();
        self.drop_ended();
        self.draft();
        let (plan, lost) = self.plan();
        self.prepare_masks(&plan);
        self.forward(&plan);
        let outcomes = self.choose(&plan);
        let token_count = self.settle(&plan, outcomes, lost);
        let report = StepReport {
            row_count: plan.rows.row_count(),
            logits_count: plan.rows.logits_count(),
            token_count,
            admitted_count: plan.admitted.len(),
            preempted_count: plan.preempted.len(),
            finished_count: before - self.generations.len(),
            ..self.report()
        };
        self.publish(&report);
        report
    }

    /// Ends the requests whose callers want no more, whether they run or wait.
    fn drop_ended(&mut self) {
        let ending_count = self.admission.ending_count();
        if self.endings_seen == ending_count {
            return;
        }
        self.endings_seen = ending_count;
        let asked = |(&id, generation): (&RequestId, &Generation)| {
            generation.asked_end().map(|why| (id, why.clone()))
        };
        let ended: Vec<(RequestId, Interruption)> =
            self.generations.iter().filter_map(asked).collect();
        for (id, why) in ended {
            self.end(id, why);
        }
    }

    /// Who computes what, and the news of it. Also who is lost, because nobody took the news.
    fn plan(&mut self) -> (StepPlan, Vec<(RequestId, Interruption)>) {
        let plan = self.scheduler.plan();
        assert!(self.is_idle() || plan.rows.row_count() > 0, "a step advances somebody");
        let mut lost = Vec::new();
        for &id in &plan.admitted {
            let first = SequenceId::first(id);
            let sequence = self.scheduler.running(first).expect("it was just admitted");
            let generation = self.generations.get_mut(&id).expect("it is not finished");
            let admitted = generation.admit(sequence, &self.admission.info);
            lost.extend(admitted.err().map(|interruption| (id, interruption)));
        }
        for &id in &plan.preempted {
            self.drafter.release(id);
        }
        (plan, lost)
    }

    /// Has masks made for the sequences that get a token in this step, while the model computes.
    fn prepare_masks(&mut self, plan: &StepPlan) {
        for &owner in &plan.owners {
            let generation = self.generations.get_mut(&owner.request).expect("it is not finished");
            generation.prepare_mask(&mut self.mask_worker);
        }
    }

    fn forward(&mut self, plan: &StepPlan) {
        for copy in &plan.copies {
            self.kv.copy_block(copy.from, copy.to);
        }
        if plan.rows.row_count() > 0 {
            self.model.forward(&plan.rows, &mut self.kv, &mut self.logits);
        }
    }

    /// Logits to tokens and scores; no sequence changes yet.
    fn choose(&mut self, plan: &StepPlan) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(plan.owners.len());
        let mut first_row = 0;
        for (index, (segment, &owner)) in plan.rows.segments.iter().zip(&plan.owners).enumerate() {
            let rows = first_row..first_row + segment.logits_count();
            first_row = rows.end;
            // The rows of a beam search come together, and its first branch speaks for all.
            if !rows.is_empty() && owner.branch == 0 {
                outcomes.push(self.choose_one(owner, segment, rows, plan.draft_counts[index]));
            }
        }
        outcomes
    }

    fn choose_one(
        &mut self,
        owner: SequenceId,
        segment: &Segment,
        rows: std::ops::Range<usize>,
        draft_count: usize,
    ) -> Outcome {
        let sequence = self.scheduler.running(owner).expect("a planned sequence runs");
        let generation = self.generations.get_mut(&owner.request).expect("it is not finished");
        let first_index = segment.first_position + 1;
        let mut scores = Vec::new();
        let mut error = None;
        if segment.logits == WantedLogits::All && draft_count == 0 {
            // The row at a position scores the prompt token at the next one.
            for (row, &next) in rows.clone().zip(&sequence.prompt()[first_index..]) {
                match generation.score(self.logits.row(row), next) {
                    Ok(score) => scores.push(score),
                    Err(bad) => error = error.or(Some(bad)),
                }
            }
        }
        let (known, guessed) = segment.tokens.split_at(segment.tokens.len() - draft_count);
        let closes_gap = segment.first_position + known.len() == sequence.tokens.len();
        let mut beams = None;
        if let Some(search) = generation.beams.as_mut().filter(|_| closes_gap) {
            let branches = self.scheduler.branches(owner.request);
            let candidates = &mut self.scratch.candidates;
            match search.step(branches, &self.logits, rows.start, candidates) {
                Ok(step) => beams = Some(step),
                Err(bad) => error = error.or(Some(bad)),
            }
        }
        // One row after the other is compared with a guess, from that of the last known token on.
        let guesses = Guesses { tokens: guessed.to_vec(), first_row: rows.end - 1 - draft_count };
        let choice = match error {
            Some(error) => Some(Err(Interruption::BadLogits(error))),
            None if beams.is_some() => None,
            None => closes_gap.then(|| {
                let logits = self.logits.row(guesses.first_row);
                generation.choose(logits, sequence, &mut self.scratch)
            }),
        };
        Outcome { owner, first_index, scores, choice, guesses, beams }
    }

    /// Makes the step's results known: tokens appended, events sent, requests ended.
    fn settle(
        &mut self,
        plan: &StepPlan,
        outcomes: Vec<Outcome>,
        lost: Vec<(RequestId, Interruption)>,
    ) -> usize {
        self.scheduler.complete(plan);
        for (id, interruption) in lost {
            self.finish(id, End::Interrupted(interruption));
        }
        let mut token_count = 0;
        for outcome in outcomes {
            let owner = outcome.owner;
            let Some(generation) = self.generations.get_mut(&owner.request) else { continue };
            let sent = generation.settle_scores(outcome.first_index, outcome.scores);
            let end = match (sent, outcome.choice) {
                (Err(interruption), _) => Some(End::Interrupted(interruption)),
                (Ok(()), None) => outcome.beams.and_then(|step| {
                    token_count += step.live.len();
                    settle_beams(generation, &mut self.scheduler, step)
                }),
                (Ok(()), Some(Err(interruption))) => Some(End::Interrupted(interruption)),
                (Ok(()), Some(Ok(chosen))) => {
                    let (count, end) = self.settle_chosen(owner, chosen, &outcome.guesses);
                    token_count += count;
                    end
                }
            };
            if let Some(end) = end {
                self.finish(owner.request, end);
            }
        }
        if cfg!(debug_assertions) {
            self.check_accounts();
        }
        token_count
    }
}

/// Lets the branches of a beam search grow; tells how the request ends if none does.
fn settle_beams(
    generation: &mut Generation,
    scheduler: &mut Scheduler,
    step: BeamStep,
) -> Option<End> {
    let beams = generation.beams.as_mut().expect("it is a beam search");
    let children = beams.settle(step);
    if !children.is_empty() {
        scheduler.branch(generation.id(), &children);
        return None;
    }
    beams.finish();
    Some(generation.tell_beams())
}

/// What the logits of one segment gave.
struct Outcome {
    owner: SequenceId,
    /// Index in the prompt of the first of `scores`.
    first_index: usize,
    scores: Vec<Logprobs>,
    /// The next token, when the segment closed its sequence's gap.
    choice: Option<Result<Chosen, Interruption>>,
    /// What was guessed to follow.
    guesses: Guesses,
    /// The step of a beam search, in place of a token.
    beams: Option<BeamStep>,
}
