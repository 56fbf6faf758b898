//! Sums over entries.

use super::{entry, recorded};
use ledger::{Cost, Entry, Ledger};

#[test]
fn what_a_key_spent_is_counted_from_a_time_on() {
    let ledger = Ledger::in_memory().expect("memory");
    for (index, (key, currency)) in
        [("a", "EUR"), ("a", "USD"), ("b", "EUR"), ("a", "EUR"), ("a", "EUR")].iter().enumerate()
    {
        let paid = Entry {
            time_ms: index as u64 * 10,
            key_id: Some((*key).to_owned()),
            currency: (*currency).to_owned(),
            cost_nano: 7,
            prompt_tokens: 3,
            cached_tokens: 2,
            thinking_tokens: 5,
            answer_tokens: 11,
            ..entry(&index.to_string())
        };
        recorded(&ledger, paid).expect("recorded");
    }
    let spent = ledger.spent("a", 10).expect("sums");
    assert_eq!((spent.requests, spent.tokens(), spent.cached_tokens), (3, 3 * 19, 6));
    let cost = |currency: &str, nano| Cost { currency: currency.to_owned(), nano };
    assert_eq!(spent.costs, [cost("EUR", 14), cost("USD", 7)]);
    assert_eq!((spent.cost_nano("EUR"), spent.cost_nano("CHF")), (14, 0));
    assert_eq!(ledger.spent("a", u64::MAX).expect("sums").requests, 0);
    assert_eq!(ledger.spent("nobody", 0).expect("sums").requests, 0);
}
