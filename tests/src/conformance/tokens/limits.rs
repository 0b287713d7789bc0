//! Taking uses out of the windows of rate limits.

use std::sync::Arc;

use store_core::tokens::{RateLimit, TokenGrant};

use super::{Repository, assert_not_found, one_write};
use crate::behaviours;
use crate::fixture::Tokens;
use crate::samples::{deeds, granted, put, rate, stored, time, token_id};

async fn take(t: &Tokens, identifier: &str, limit: RateLimit) -> bool {
    t.store.take_use(&token_id(identifier), limit).await.unwrap()
}

/// Takes uses until none is left, and returns how many there were.
async fn taken(t: &Tokens, identifier: &str, limit: RateLimit) -> u32 {
    let mut taken = 0;
    while take(t, identifier, limit).await {
        taken += 1;
    }
    taken
}

behaviours! {
    emits tokens_limits_tests from tokens::limits;

    /// A window gives as many uses as its limit says.
    async fn a_window_gives_its_limit(t: &Tokens) {
        for limit in [1, 2, 25] {
            let identifier = limit.to_string();
            stored(t, &identifier).await;
            assert_eq!(taken(t, &identifier, rate(limit, 60)).await, limit);
            assert!(!take(t, &identifier, rate(limit, 60)).await);
        }
    }

    /// A window begins with its first use and ends after its interval; then the next one gives as
    /// much again.
    async fn a_window_begins_with_its_first_use(t: &Tokens) {
        stored(t, "a").await;
        t.clock.set(time("12:00:30"));
        assert!(take(t, "a", rate(2, 60)).await);
        t.clock.set(time("12:01:29.999999"));
        assert_eq!(taken(t, "a", rate(2, 60)).await, 1);
        t.clock.set(time("12:01:30"));
        assert_eq!(taken(t, "a", rate(2, 60)).await, 2);
        t.clock.set(time("12:02:29.999999"));
        assert!(!take(t, "a", rate(2, 60)).await);
        t.clock.set(time("12:40:00"));
        assert_eq!(taken(t, "a", rate(2, 60)).await, 2);
        t.clock.set(time("12:40:59.999999"));
        assert!(!take(t, "a", rate(2, 60)).await);
    }

    /// What is refused takes nothing and does not prolong the window.
    async fn a_refused_use_takes_nothing(t: &Tokens) {
        stored(t, "a").await;
        assert!(take(t, "a", rate(1, 60)).await);
        for second in 1..60 {
            t.clock.set(time(&format!("12:00:{second:02}")));
            assert!(!take(t, "a", rate(1, 60)).await);
        }
        assert_eq!(taken(t, "a", rate(3, 60)).await, 2, "two more of three");
        t.clock.set(time("12:01:00"));
        assert!(take(t, "a", rate(1, 60)).await);
    }

    /// Each token has a window of its own.
    async fn each_token_has_its_own_window(t: &Tokens) {
        for identifier in ["a", "A", "b"] {
            stored(t, identifier).await;
            assert_eq!(taken(t, identifier, rate(3, 60)).await, 3);
        }
    }

    /// Windows are shared by all handles of a database, and not with another.
    async fn windows_are_shared_by_handles(t: &Tokens) {
        stored(t, "a").await;
        let other = t.reopened().await;
        for number in 0..10 {
            let store = if number % 2 == 0 { &t.store } else { &other };
            assert!(store.take_use(&token_id("a"), rate(10, 60)).await.unwrap());
        }
        assert!(!take(t, "a", rate(10, 60)).await);
        assert!(!other.take_use(&token_id("a"), rate(10, 60)).await.unwrap());
        let elsewhere = t.other().await;
        elsewhere.create(crate::samples::token("a"), &crate::samples::origin()).await.unwrap();
        assert!(elsewhere.take_use(&token_id("a"), rate(10, 60)).await.unwrap());
    }

    /// 50 that take at once on two handles get exactly the limit, in each window.
    async fn concurrent_takers_get_exactly_the_limit(t: &Tokens) {
        stored(t, "a").await;
        for minute in 0..4 {
            t.clock.set(time(&format!("12:{:02}:00", minute * 2)));
            let limit = [1, 10, 49, 50][minute];
            let work = |_: usize, store: Arc<dyn Repository>| async move {
                store.take_use(&token_id("a"), rate(limit, 60)).await.unwrap()
            };
            let taken = t.at_once(50, work).await.into_iter().filter(|taken| *taken).count();
            assert_eq!(taken, limit as usize);
        }
    }

    /// Taking a use is one statement, whether there is one or not.
    async fn taking_a_use_is_one_statement(t: &Tokens) {
        stored(t, "a").await;
        for _ in 0..3 {
            let before = t.statements();
            take(t, "a", rate(1, 60)).await;
            assert_eq!(t.statements() - before, one_write(t));
        }
    }

    /// A token that is not there is `NotFound`.
    async fn a_token_that_is_not_there_has_no_window(t: &Tokens) {
        let id = stored(t, "a").await.identifier;
        assert!(take(t, "a", rate(1, 60)).await);
        t.store.delete(&id, &crate::samples::origin()).await.unwrap();
        for identifier in ["a", "never"] {
            assert_not_found(t.store.take_use(&token_id(identifier), rate(1, 60)).await);
        }
    }

    /// A window follows the limit it is asked with, not the one the token has.
    async fn a_window_follows_the_limit_it_is_asked_with(t: &Tokens) {
        let grant = TokenGrant { rate_limit: Some(rate(1, 1)), ..TokenGrant::default() };
        put(t, granted("a", grant)).await;
        assert_eq!(taken(t, "a", rate(3, 60)).await, 3);
        assert!(!take(t, "a", rate(2, 60)).await);
        t.clock.set(time("12:00:10"));
        assert!(take(t, "a", rate(3, 10)).await, "a shorter interval is over sooner");
    }

    /// A clock that goes back a little gives no more uses; one that goes back far does not lock
    /// the token.
    async fn a_clock_that_goes_back_keeps_the_limit(t: &Tokens) {
        stored(t, "a").await;
        assert_eq!(taken(t, "a", rate(2, 60)).await, 2);
        t.clock.set(time("11:59:30"));
        assert!(!take(t, "a", rate(2, 60)).await);
        t.clock.set(time("09:00:00"));
        assert_eq!(taken(t, "a", rate(2, 60)).await, 2);
    }

    /// The longest interval and the largest limit there are can be used.
    async fn the_largest_limit_can_be_taken_from(t: &Tokens) {
        stored(t, "a").await;
        let largest = i32::MAX.unsigned_abs();
        for _ in 0..3 {
            assert!(take(t, "a", rate(largest, largest)).await);
        }
        assert_eq!(deeds(t, "a").await, ["created"], "and none of it is audited");
    }
}
