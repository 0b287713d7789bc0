//! Uses: counted in memory, flushed in batches.

use store_core::tokens::TokenGrant;
use store_core::{Denial, Error, Failure};
use store_tokens::CacheSettings;

use super::{assert_denied, one_write, until};
use crate::behaviours;
use crate::fixture::{Held, Tokens, noon};
use crate::samples::{
    assert_intact, audited, authenticate, minted, minted_with, origin, ranges, read, time,
};

use std::sync::Arc;
use std::time::Duration;

/// How often the token was used, as far as the database knows.
async fn counted(t: &Tokens, token: &store_core::tokens::ServiceToken) -> i64 {
    read(t, token.identifier.as_str()).await.use_count
}

fn busy() -> Error {
    Error::failed("uses_record", Failure::Busy)
}

behaviours! {
    emits tokens_counting_tests from tokens::counting;

    /// Uses reach the database with the flush: how many, and when last.
    async fn uses_are_counted_by_the_flush(t: &Tokens) {
        let manager = t.manager();
        let (text, token) = minted(&manager).await;
        for number in 0..7 {
            t.clock.set(time(&format!("12:00:0{number}.000001")));
            authenticate(&manager, &text).await.unwrap();
        }
        assert_eq!(counted(t, &token).await, 0);
        manager.flush().await.unwrap();
        let token = read(t, token.identifier.as_str()).await;
        assert_eq!((token.use_count, token.last_used_at), (7, Some(time("12:00:06.000001"))));
        manager.flush().await.unwrap();
        assert_eq!(counted(t, &token).await, 7, "what was flushed is not counted again");
    }

    /// A use does not move the instant of the last one back when the clock goes back.
    async fn a_clock_that_goes_back_does_not_move_the_last_use(t: &Tokens) {
        let manager = t.manager();
        let (text, token) = minted(&manager).await;
        for instant in ["12:30:00", "12:00:00", "12:10:00"] {
            t.clock.set(time(instant));
            authenticate(&manager, &text).await.unwrap();
        }
        manager.flush().await.unwrap();
        t.clock.set(noon());
        authenticate(&manager, &text).await.unwrap();
        manager.flush().await.unwrap();
        let token = read(t, token.identifier.as_str()).await;
        assert_eq!((token.use_count, token.last_used_at), (4, Some(time("12:30:00"))));
    }

    /// Authenticating only reads: 10,000 times, and one statement writes them all.
    async fn ten_thousand_uses_are_one_write(t: &Tokens) {
        let manager = t.manager();
        let (text, token) = minted(&manager).await;
        let before = t.statements();
        for _ in 0..10_000 {
            authenticate(&manager, &text).await.unwrap();
        }
        assert_eq!(t.statements() - before, 10_000, "the look-ups");
        assert_eq!(counted(t, &token).await, 0, "nothing was written");
        let before = t.statements();
        manager.flush().await.unwrap();
        assert_eq!(t.statements() - before, one_write(t));
        assert_eq!(counted(t, &token).await, 10_000);
    }

    /// With the settings of a manager that is told nothing, 10,000 uses of 100 tokens cause a
    /// handful of writes.
    async fn the_default_settings_cause_a_handful_of_writes(t: &Tokens) {
        let (store, statements) = t.reopened_counting().await;
        let cache = CacheSettings::default();
        let manager =
            store_tokens::ServiceTokenManager::builder(store).cache(cache).build().unwrap();
        let mut all = Vec::new();
        for _ in 0..100 {
            all.push(minted(&manager).await.0);
        }
        let before = statements();
        for number in 0..10_000 {
            authenticate(&manager, &all[number % 100]).await.unwrap();
        }
        manager.close().await.unwrap();
        // The cache may be emptied once, when it begins to listen. Beside the flushes at 1000 uses
        // there may be some after 5 seconds.
        let flushes = 20 * one_write(t);
        let sent = statements() - before;
        assert!(sent <= 200 + flushes, "{sent}");
        assert_eq!(t.count("SELECT SUM(use_count) FROM service_tokens").await, 10_000);
    }

    /// Nothing to flush is no statement.
    async fn nothing_to_flush_is_no_statement(t: &Tokens) {
        let manager = t.manager();
        let before = t.statements();
        manager.flush().await.unwrap();
        manager.close().await.unwrap();
        assert_eq!(t.statements(), before);
    }

    /// From so many uses on they are flushed without being told to.
    async fn enough_uses_are_flushed(t: &Tokens) {
        let manager = t.builder(t.store.clone()).flush_at(10).build().unwrap();
        let (text, token) = minted(&manager).await;
        for round in 1..=3 {
            for _ in 0..10 {
                authenticate(&manager, &text).await.unwrap();
            }
            until("ten uses are written", async || counted(t, &token).await == round * 10).await;
        }
    }

    /// Refusals count as much towards a flush as uses.
    async fn enough_refusals_are_flushed(t: &Tokens) {
        let manager = t.builder(t.store.clone()).flush_at(10).build().unwrap();
        let allowed_ip_ranges = ranges(["10.0.0.0/8"]);
        let grant = TokenGrant { allowed_ip_ranges, ..TokenGrant::default() };
        let (text, token) = minted_with(&manager, grant).await;
        for _ in 0..10 {
            assert_denied(authenticate(&manager, &text).await, Denial::Forbidden);
        }
        let id = token.identifier.as_str();
        until("the refusals are told", async || audited(t, id).await.len() == 2).await;
    }

    /// After an interval uses are flushed, however few they are.
    async fn uses_are_flushed_after_an_interval(t: &Tokens) {
        let tick = Duration::from_millis(1);
        let manager = t.builder(t.store.clone()).flush_every(tick).build().unwrap();
        let (text, token) = minted(&manager).await;
        for uses in 1..=3 {
            authenticate(&manager, &text).await.unwrap();
            until("the use is written", async || counted(t, &token).await == uses).await;
        }
    }

    /// Closing writes what was counted; what is counted after it waits for a flush.
    async fn closing_writes_what_was_counted(t: &Tokens) {
        let manager = t.manager();
        let (text, token) = minted(&manager).await;
        authenticate(&manager, &text).await.unwrap();
        manager.close().await.unwrap();
        assert_eq!(counted(t, &token).await, 1);
        authenticate(&manager, &text).await.unwrap();
        manager.close().await.unwrap();
        assert_eq!(counted(t, &token).await, 2);
    }

    /// Closing beside a flush that has begun loses no counts.
    async fn closing_beside_a_flush_loses_no_counts(t: &Tokens) {
        let held = Held::new(t.store.clone());
        let manager = t.builder(held.clone()).flush_at(10).build().unwrap();
        let (text, token) = minted(&manager).await;
        held.flushes.close();
        for _ in 0..10 {
            authenticate(&manager, &text).await.unwrap();
        }
        held.flushes.arrived(1).await;
        let closing = {
            let manager = manager.clone();
            tokio::spawn(async move { manager.close().await })
        };
        tokio::task::yield_now().await;
        held.flushes.open();
        closing.await.unwrap().unwrap();
        assert_eq!(counted(t, &token).await, 10);
    }

    /// A flush whose caller goes away loses no counts.
    async fn a_flush_whose_caller_went_away_loses_no_counts(t: &Tokens) {
        let held = Held::new(t.store.clone());
        let manager = t.builder(held.clone()).build().unwrap();
        let (text, token) = minted(&manager).await;
        authenticate(&manager, &text).await.unwrap();
        held.flushes.close();
        let flushing = {
            let manager = manager.clone();
            tokio::spawn(async move { manager.flush().await })
        };
        held.flushes.arrived(1).await;
        flushing.abort();
        assert!(flushing.await.is_err());
        held.flushes.open();
        manager.close().await.unwrap();
        assert_eq!(counted(t, &token).await, 1);
    }

    /// Clones of a manager count together.
    async fn clones_count_together(t: &Tokens) {
        let manager = t.manager();
        let (text, token) = minted(&manager).await;
        let clones = [manager.clone(), manager.clone()];
        for clone in &clones {
            authenticate(clone, &text).await.unwrap();
        }
        drop(clones);
        manager.flush().await.unwrap();
        assert_eq!(counted(t, &token).await, 2);
    }

    /// A flush that fails keeps its counts for the next one, and adds what comes meanwhile.
    async fn a_flush_that_fails_keeps_its_counts(t: &Tokens) {
        let held = Held::new(t.store.clone());
        let manager = t.builder(held.clone()).build().unwrap();
        let allowed_ip_ranges = ranges(["10.0.0.0/8"]);
        let grant = TokenGrant { allowed_ip_ranges, ..TokenGrant::default() };
        let (refused, other) = minted_with(&manager, grant).await;
        let (text, token) = minted(&manager).await;
        held.fail(Some(busy()));
        for instant in ["12:00:02", "12:00:01"] {
            t.clock.set(time(instant));
            authenticate(&manager, &text).await.unwrap();
            assert_denied(authenticate(&manager, &refused).await, Denial::Forbidden);
            let error = manager.flush().await.unwrap_err();
            assert_eq!(error.failure(), Some(Failure::Busy));
        }
        held.fail(None);
        manager.flush().await.unwrap();
        let token = read(t, token.identifier.as_str()).await;
        assert_eq!((token.use_count, token.last_used_at), (2, Some(time("12:00:02"))));
        let entry = audited(t, other.identifier.as_str()).await.pop().unwrap();
        assert_eq!(entry.details["count"], 2);
        assert_eq!(entry.details["last_at"], time("12:00:02").to_string());
        assert_intact(t, other.identifier.as_str(), 2).await;
    }

    /// What nobody knows to be written is not written twice.
    async fn a_flush_of_unknown_outcome_is_not_repeated(t: &Tokens) {
        let held = Held::new(t.store.clone());
        let manager = t.builder(held.clone()).build().unwrap();
        let (text, token) = minted(&manager).await;
        authenticate(&manager, &text).await.unwrap();
        let lost = Failure::Unavailable { outcome_unknown: true };
        held.fail(Some(Error::failed("uses_record", lost)));
        manager.flush().await.unwrap_err();
        held.fail(None);
        manager.flush().await.unwrap();
        assert_eq!(counted(t, &token).await, 0);
    }

    /// A flush that fails in the background is repeated there.
    async fn a_flush_that_fails_is_repeated(t: &Tokens) {
        let held = Held::new(t.store.clone());
        let tick = Duration::from_millis(1);
        let manager = t.builder(held.clone()).flush_every(tick).build().unwrap();
        let (text, token) = minted(&manager).await;
        held.fail(Some(busy()));
        authenticate(&manager, &text).await.unwrap();
        held.flushes.close();
        held.flushes.arrived(1).await;
        held.flushes.open();
        held.fail(None);
        until("the use is written", async || counted(t, &token).await == 1).await;
    }

    /// Flushes of two managers on two handles at once add up.
    async fn concurrent_flushes_add_up(t: &Tokens) {
        let managers = [t.manager(), t.builder(t.reopened().await).build().unwrap()];
        let (text, token) = minted(&managers[0]).await;
        let work = (0..20).map(|number| {
            let (manager, text) = (managers[number % 2].clone(), Arc::new(text.clone()));
            tokio::spawn(async move {
                for _ in 0..10 {
                    authenticate(&manager, &text).await.unwrap();
                    manager.flush().await.unwrap();
                }
            })
        });
        for done in futures_util::future::join_all(work).await {
            done.unwrap();
        }
        for manager in &managers {
            manager.close().await.unwrap();
        }
        assert_eq!(counted(t, &token).await, 200);
    }

    /// A token that is deleted before the flush is left out, and the others are counted.
    async fn a_token_that_is_gone_is_not_counted(t: &Tokens) {
        let manager = t.manager();
        let (gone_text, gone) = minted(&manager).await;
        let (text, token) = minted(&manager).await;
        for text in [&gone_text, &text] {
            authenticate(&manager, text).await.unwrap();
        }
        manager.delete(&gone.identifier, &origin()).await.unwrap();
        manager.flush().await.unwrap();
        assert_eq!(counted(t, &token).await, 1);
    }
}
