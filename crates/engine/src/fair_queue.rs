//! Who waits, and whose turn it is: fair shares between owners, by arrival within one.
//!
//! Each owner has a virtual counter of the service it got: tokens of its prompts that were computed
//! and tokens that were generated for it, weighted by what they cost (Sheng et al., "Fairness in
//! Serving Large Language Models", OSDI 2024). The next request is the first of the owner with the
//! smallest counter, so owners who always have requests waiting get equal service, however many
//! those are. An owner that comes back is lifted to the smallest counter among those who wait:
//! nobody saves up.
//!
//! With one owner this is a plain queue. Nothing here can change a token: it only orders work.

use crate::api::RequestId;
use crate::limits::{OUTPUT_TOKEN_WEIGHT, OWNERS_REMEMBERED_MAX, PROMPT_TOKEN_WEIGHT};
use crate::sequence::Sequence;
use std::collections::{BTreeMap, BTreeSet};

/// The requests without blocks, and the accounts of all owners.
#[derive(Debug)]
pub(crate) struct FairQueue {
    /// How much more an owner may have got than one who cannot be served just now.
    lead_max: u64,
    /// The branches of each waiting request.
    waiting: BTreeMap<RequestId, Vec<Sequence>>,
    /// Sequences in it.
    sequence_count: usize,
    owners: BTreeMap<u64, Account>,
    /// Whose request was taken last.
    last_taken: Option<u64>,
    /// What everybody has at least: grows with the counters of those who are taken.
    floor: u64,
}

/// One owner's share.
#[derive(Debug, Default)]
struct Account {
    /// Weighted tokens.
    served: u64,
    waiting: BTreeSet<RequestId>,
    running_count: usize,
}

impl Account {
    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.running_count == 0
    }
}

impl FairQueue {
    /// Nobody is here.
    pub fn new(lead_max: u64) -> Self {
        let (waiting, owners) = (BTreeMap::new(), BTreeMap::new());
        FairQueue { lead_max, waiting, sequence_count: 0, owners, last_taken: None, floor: 0 }
    }

    /// Puts the branches of a new request into the queue.
    pub fn arrive(&mut self, branches: Vec<Sequence>) {
        let level = self.level();
        let account = self.owners.entry(branches[0].owner).or_default();
        if account.waiting.is_empty() {
            account.served = account.served.max(level);
        }
        self.wait(branches);
    }

    /// Puts the branches of a request back that ran until now, without blocks. It is the first of
    /// its owner again when it came first.
    pub fn come_back(&mut self, branches: Vec<Sequence>) {
        self.account(&branches).running_count -= 1;
        self.wait(branches);
    }

    /// The next request: the first of the owner with the smallest counter, and among equals the one
    /// that came first. Where that owner `is_blocked`, the next one who is not and has not got too
    /// much more.
    pub fn next(&self, is_blocked: impl Fn(u64) -> bool) -> Option<RequestId> {
        let firsts = self.owners.iter().filter_map(|(&owner, account)| {
            Some((account.served, *account.waiting.first()?, is_blocked(owner)))
        });
        let (least, ..) = firsts.clone().min()?;
        let allowed = least.saturating_add(self.lead_max);
        let open = firsts.filter(|&(served, _, blocked)| !blocked && served <= allowed);
        open.min().map(|(_, request, _)| request)
    }

    /// The branches of a waiting request.
    pub fn get(&self, request: RequestId) -> Option<&Vec<Sequence>> {
        self.waiting.get(&request)
    }

    /// The branches of a waiting request, to change them.
    pub fn get_mut(&mut self, request: RequestId) -> Option<&mut Vec<Sequence>> {
        self.waiting.get_mut(&request)
    }

    /// Takes the branches of a waiting request, which now runs. The first time, its owner pays for
    /// the tokens of its gap.
    pub fn take(&mut self, request: RequestId) -> Vec<Sequence> {
        let mut branches = self.waiting.remove(&request).expect("it waits");
        self.sequence_count -= branches.len();
        let level = self.account(&branches).served;
        let mut cost = 0;
        for sequence in branches.iter_mut().filter(|sequence| !sequence.is_paid) {
            cost += sequence.gap() as u64 * PROMPT_TOKEN_WEIGHT;
            sequence.is_paid = true;
        }
        let account = self.account(&branches);
        account.waiting.remove(&request);
        account.running_count += 1;
        account.served += cost;
        self.last_taken = Some(branches[0].owner);
        self.floor = self.floor.max(level);
        self.forget_idle();
        branches
    }

    /// A waiting request is over.
    pub fn remove(&mut self, request: RequestId) -> Option<Vec<Sequence>> {
        let branches = self.waiting.remove(&request)?;
        self.sequence_count -= branches.len();
        self.account(&branches).waiting.remove(&request);
        self.forget_idle();
        Some(branches)
    }

    /// A running request of `owner` is over.
    pub fn leave(&mut self, owner: u64) {
        let account = self.owners.get_mut(&owner).expect("who runs has an account");
        account.running_count -= 1;
        if account.is_idle() {
            self.forget_idle();
        }
    }

    /// Counts generated tokens.
    pub fn charge(&mut self, owner: u64, token_count: usize) {
        let account = self.owners.get_mut(&owner).expect("who runs has an account");
        account.served += token_count as u64 * OUTPUT_TOKEN_WEIGHT;
    }

    /// The counter of an owner who waits or runs.
    pub fn served(&self, owner: u64) -> u64 {
        self.owners[&owner].served
    }

    /// Sequences that wait.
    pub fn sequence_count(&self) -> usize {
        self.sequence_count
    }

    /// Requests that wait, in order of arrival.
    pub fn requests(&self) -> impl DoubleEndedIterator<Item = (RequestId, &[Sequence])> {
        self.waiting.iter().map(|(&request, branches)| (request, branches.as_slice()))
    }

    /// Checks the accounts against `running`, the owners of the running requests.
    ///
    /// # Panics
    /// When they do not hold.
    pub fn check(&self, running: impl Iterator<Item = u64>) {
        let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
        running.for_each(|owner| *counts.entry(owner).or_default() += 1);
        for (owner, account) in &self.owners {
            assert_eq!(account.running_count, counts.remove(owner).unwrap_or(0), "owner {owner}");
        }
        assert!(counts.is_empty(), "who runs has an account");
        let waiting = self.owners.values().flat_map(|account| &account.waiting);
        assert_eq!(waiting.count(), self.waiting.len());
        assert_eq!(self.waiting.values().map(Vec::len).sum::<usize>(), self.sequence_count);
        for (request, branches) in &self.waiting {
            assert!(self.owners[&branches[0].owner].waiting.contains(request));
        }
        let idle_count = self.owners.values().filter(|account| account.is_idle()).count();
        assert!(idle_count <= OWNERS_REMEMBERED_MAX);
    }

    fn wait(&mut self, branches: Vec<Sequence>) {
        let request = branches[0].id.request;
        self.account(&branches).waiting.insert(request);
        self.sequence_count += branches.len();
        self.waiting.insert(request, branches);
    }

    fn account(&mut self, branches: &[Sequence]) -> &mut Account {
        self.owners.get_mut(&branches[0].owner).expect("who is in has an account")
    }

    /// Where an owner begins that had nothing waiting: at the smallest counter of those who wait,
    /// or, when nobody does, at that of the one who was taken last.
    fn level(&self) -> u64 {
        let waiting = self.owners.values().filter(|account| !account.waiting.is_empty());
        let last_taken = self.last_taken.and_then(|owner| self.owners.get(&owner));
        let least = waiting.map(|account| account.served).min();
        least.or(last_taken.map(|account| account.served)).unwrap_or(0).max(self.floor)
    }

    /// Forgets owners who have nothing here, where it makes no difference: those whom coming back
    /// would lift beyond what they got, and all when nobody is left. Of the others only so many are
    /// remembered, those who got most.
    fn forget_idle(&mut self) {
        if self.owners.values().all(Account::is_idle) {
            *self = FairQueue::new(self.lead_max);
            return;
        }
        let floor = self.floor;
        self.owners.retain(|_, account| !account.is_idle() || account.served > floor);
        let idle = self.owners.iter().filter(|(_, account)| account.is_idle());
        if idle.clone().count() > OWNERS_REMEMBERED_MAX {
            let least = idle.min_by_key(|(_, account)| account.served);
            let owner = *least.expect("somebody is idle").0;
            self.owners.remove(&owner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sequence::SequenceId;

    fn arrive(queue: &mut FairQueue, id: u64, owner: u64, prompt_tokens: usize) {
        let mut sequence = Sequence::new(SequenceId::first(RequestId(id)), vec![1; prompt_tokens]);
        sequence.owner = owner;
        queue.arrive(vec![sequence]);
    }

    /// Takes the next request; whose it is.
    fn take(queue: &mut FairQueue) -> (u64, u64) {
        let request = queue.next(|_| false).expect("somebody waits");
        let branches = queue.take(request);
        (request.0, branches[0].owner)
    }

    #[test]
    fn one_owner_is_served_in_order() {
        let mut queue = FairQueue::new(100);
        (0..5).for_each(|id| arrive(&mut queue, id, 0, 9));
        assert_eq!([(); 5].map(|()| take(&mut queue).0), [0, 1, 2, 3, 4]);
        assert_eq!(queue.next(|_| false), None);
    }

    #[test]
    fn who_got_less_comes_first_and_nobody_is_overtaken_by_equals() {
        let mut queue = FairQueue::new(100);
        (0..4).for_each(|id| arrive(&mut queue, id, 1, 10));
        arrive(&mut queue, 4, 2, 25);
        arrive(&mut queue, 5, 2, 25);
        // Both have nothing: the first to come; then by what the prompts cost.
        assert_eq!([(); 4].map(|()| take(&mut queue).0), [0, 4, 1, 2]);
        queue.charge(1, 3);
        // 36 against 25.
        assert_eq!([(); 2].map(|()| take(&mut queue).0), [5, 3]);
        assert_eq!((queue.served(1), queue.served(2)), (46, 50));
    }

    #[test]
    fn who_cannot_be_served_is_passed_by_a_bounded_lead() {
        let mut queue = FairQueue::new(100);
        arrive(&mut queue, 0, 1, 10);
        arrive(&mut queue, 1, 1, 10);
        arrive(&mut queue, 2, 2, 95);
        arrive(&mut queue, 3, 2, 10);
        arrive(&mut queue, 4, 2, 10);
        let not_the_first = |owner| owner == 1;
        for expected in [Some(2), Some(3), None] {
            let next = queue.next(not_the_first);
            assert_eq!(next, expected.map(RequestId));
            next.into_iter().for_each(|request| _ = queue.take(request));
        }
        assert_eq!((take(&mut queue), queue.served(2)), ((0, 1), 105));
        assert_eq!(queue.next(not_the_first), Some(RequestId(4)), "10 and 100 are more than 105");
        assert_eq!(queue.next(|_| true), None);
    }

    #[test]
    fn nobody_saves_up() {
        let mut queue = FairQueue::new(100);
        (0..3).for_each(|id| arrive(&mut queue, id, 1, 10));
        take(&mut queue);
        queue.charge(1, 1000);
        arrive(&mut queue, 3, 2, 10);
        assert_eq!(queue.served(2), 2010, "lifted to the least of those who wait");
        queue.check([1].into_iter());
        assert_eq!(take(&mut queue), (1, 1), "it came first");
        assert_eq!(take(&mut queue), (3, 2));
        // Nobody else waits, the last one taken sets the level.
        queue.remove(RequestId(2)).expect("it waits");
        queue.charge(2, 7);
        arrive(&mut queue, 4, 3, 10);
        assert_eq!(queue.served(3), queue.served(2));
    }

    #[test]
    fn a_debt_is_remembered_while_others_are_here() {
        let mut queue = FairQueue::new(100);
        arrive(&mut queue, 0, 1, 10);
        arrive(&mut queue, 1, 2, 10);
        arrive(&mut queue, 2, 2, 10);
        assert_eq!(take(&mut queue), (0, 1));
        queue.charge(1, 500);
        queue.leave(1);
        arrive(&mut queue, 3, 1, 10);
        assert_eq!((queue.served(1), queue.served(2)), (1010, 0));
        assert_eq!([take(&mut queue).0, take(&mut queue).0], [1, 2]);
        queue.remove(RequestId(3)).expect("it waits");
        queue.leave(2);
        queue.leave(2);
        queue.check([].into_iter());
        assert!(queue.owners.is_empty(), "all accounts are closed when nobody is left");
    }

    #[test]
    fn owners_are_forgotten() {
        let mut queue = FairQueue::new(100);
        arrive(&mut queue, 0, 0, 1);
        take(&mut queue);
        for id in 1..3 * OWNERS_REMEMBERED_MAX as u64 {
            arrive(&mut queue, id, id, 1 + id as usize % 7);
            take(&mut queue);
            queue.charge(id, 3);
            queue.leave(id);
            assert!(queue.owners.len() <= OWNERS_REMEMBERED_MAX + 1);
        }
        queue.check([0].into_iter());
    }
}
