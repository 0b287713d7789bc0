//! Recording uses.

use std::sync::Arc;

use super::{Repository, one_write};
use crate::behaviours;
use crate::fixture::{Tokens, noon};
use crate::samples::{deeds, full_grant, granted, put, read, stored, time, token_id, uses};

behaviours! {
    emits tokens_usage_tests from tokens::usage;

    /// Uses are added to what was counted before.
    async fn uses_are_added_up(t: &Tokens) {
        for identifier in ["a", "b"] {
            stored(t, identifier).await;
        }
        t.store.record_uses(&[uses("a", 3, time("12:00:01")), uses("b", 1, noon())]).await.unwrap();
        t.store.record_uses(&[uses("a", 4, time("12:00:02"))]).await.unwrap();
        let (a, b) = (read(t, "a").await, read(t, "b").await);
        assert_eq!((a.use_count, a.last_used_at), (7, Some(time("12:00:02"))));
        assert_eq!((b.use_count, b.last_used_at), (1, Some(noon())));
    }

    /// The instant of the last use never moves back.
    async fn the_last_use_never_moves_back(t: &Tokens) {
        stored(t, "a").await;
        for instant in ["12:00:05.000001", "12:00:05", "11:00:00"] {
            t.store.record_uses(&[uses("a", 1, time(instant))]).await.unwrap();
            assert_eq!(read(t, "a").await.last_used_at, Some(time("12:00:05.000001")));
        }
        assert_eq!(read(t, "a").await.use_count, 3);
    }

    /// A token that is not there is left out, and the others are counted.
    async fn a_token_that_is_not_there_is_left_out(t: &Tokens) {
        stored(t, "a").await;
        let both = [uses("a", 2, noon()), uses("never", 5, noon())];
        t.store.record_uses(&both).await.unwrap();
        assert_eq!(read(t, "a").await.use_count, 2);
        assert_eq!(t.store.find(&token_id("never")).await.unwrap(), None);
    }

    /// Nothing to count is no statement.
    async fn no_uses_are_nothing_to_do(t: &Tokens) {
        t.store.record_uses(&[]).await.unwrap();
        t.store.record_denials(&[]).await.unwrap();
    }

    /// The uses of any number of tokens are one statement.
    async fn uses_are_recorded_in_one_statement(t: &Tokens) {
        for number in 0..50 {
            stored(t, &number.to_string()).await;
        }
        let all: Vec<_> = (0..10_000).map(|n: u32| uses(&n.to_string(), 2, noon())).collect();
        let before = t.statements();
        t.store.record_uses(&all).await.unwrap();
        assert_eq!(t.statements() - before, one_write(t));
        assert_eq!(t.count("SELECT SUM(use_count) FROM service_tokens").await, 100);
    }

    /// Uses change nothing else about a token, and are not audited.
    async fn uses_change_nothing_else(t: &Tokens) {
        let mut expected = put(t, granted("a", full_grant(time("18:00:00")))).await;
        t.store.record_uses(&[uses("a", u32::MAX, time("12:00:01.000001"))]).await.unwrap();
        t.store.record_uses(&[uses("a", u32::MAX, noon())]).await.unwrap();
        expected.use_count = 2 * i64::from(u32::MAX);
        expected.last_used_at = Some(time("12:00:01.000001"));
        assert_eq!(read(t, "a").await, expected);
        assert_eq!(deeds(t, "a").await, ["created"]);
    }

    /// Uses that are recorded by two handles at once add up, whatever the order of the tokens.
    async fn concurrent_records_of_uses_add_up(t: &Tokens) {
        for identifier in ["a", "b", "c"] {
            stored(t, identifier).await;
        }
        let work = |number: usize, store: Arc<dyn Repository>| async move {
            for _ in 0..10 {
                let mut all = [("a", 1), ("b", 2), ("c", 3)].map(|(id, n)| uses(id, n, noon()));
                all.rotate_left(number % 3);
                store.record_uses(&all).await.unwrap();
            }
        };
        t.at_once(12, work).await;
        for (identifier, count) in [("a", 120), ("b", 240), ("c", 360)] {
            assert_eq!(read(t, identifier).await.use_count, count);
        }
    }
}
