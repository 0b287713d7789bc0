//! What caches are told.

use std::time::Duration;

use futures_util::stream::BoxStream;
use futures_util::{FutureExt as _, StreamExt as _};
use store_core::tokens::Invalidation;

use crate::behaviours;
use crate::fixture::Tokens;
use crate::samples::{origin, revoke, rotate, rotation, stored, token, token_id, uses};

const MINUTE: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(30);

type Stream = BoxStream<'static, Invalidation>;

async fn next(stream: &mut Stream) -> Option<Invalidation> {
    tokio::time::timeout(PATIENCE, stream.next()).await.expect("something is told")
}

/// The next token that is told. That all have to be forgotten may come before it.
async fn told(stream: &mut Stream) -> String {
    loop {
        match next(stream).await.expect("the stream goes on") {
            Invalidation::Token(identifier) => return identifier.to_string(),
            Invalidation::All => {}
        }
    }
}

async fn listen(t: &Tokens) -> Stream {
    t.store.invalidations().await.unwrap()
}

behaviours! {
    emits tokens_invalidations_tests from tokens::invalidations;

    /// Revocation, rotation and deletion are told, in their order.
    async fn changes_of_tokens_are_told(t: &Tokens) {
        for identifier in ["a", "b", "c"] {
            stored(t, identifier).await;
        }
        let mut stream = listen(t).await;
        revoke(t, "a", false).await;
        rotate(t, "b", rotation("b'", MINUTE)).await;
        t.store.delete(&token_id("c"), &origin()).await.unwrap();
        assert_eq!(told(&mut stream).await, "a");
        assert_eq!(told(&mut stream).await, "b");
        assert_eq!(told(&mut stream).await, "c");
    }

    /// Everybody who listens is told.
    async fn everybody_who_listens_is_told(t: &Tokens) {
        stored(t, "a").await;
        let mut streams = [listen(t).await, listen(t).await, listen(t).await];
        revoke(t, "a", false).await;
        for stream in &mut streams {
            assert_eq!(told(stream).await, "a");
        }
    }

    /// On PostgreSQL other processes are told, of the same database and no other.
    async fn other_processes_are_told(t: &Tokens) {
        if t.place.is_sqlite() {
            return;
        }
        for identifier in ["a", "b"] {
            stored(t, identifier).await;
        }
        let other = t.reopened().await;
        let mut streams = [listen(t).await, other.invalidations().await.unwrap()];
        let elsewhere = t.other().await;
        elsewhere.create(token("b"), &origin()).await.unwrap();
        elsewhere.revoke(&token_id("b"), None, false, &origin()).await.unwrap();
        other.revoke(&token_id("a"), None, false, &origin()).await.unwrap();
        for stream in &mut streams {
            assert_eq!(told(stream).await, "a");
        }
    }

    /// Each member of a family that is revoked is told.
    async fn each_member_of_a_revoked_family_is_told(t: &Tokens) {
        stored(t, "1").await;
        rotate(t, "1", rotation("2", MINUTE)).await;
        rotate(t, "2", rotation("3", MINUTE)).await;
        let mut stream = listen(t).await;
        revoke(t, "2", true).await;
        let mut all = [told(&mut stream).await, told(&mut stream).await, told(&mut stream).await];
        all.sort();
        assert_eq!(all, ["1", "2", "3"]);
    }

    /// A family of whatever size is told, if need be as all tokens.
    async fn a_large_family_is_told(t: &Tokens) {
        let name = |number: usize| format!("{number:0255}");
        stored(t, &name(0)).await;
        for number in 1..60 {
            rotate(t, &name(number - 1), rotation(&name(number), MINUTE)).await;
        }
        let mut stream = listen(t).await;
        revoke(t, &name(30), true).await;
        let mut expected: std::collections::BTreeSet<_> = (0..60).map(name).collect();
        while !expected.is_empty() {
            match next(&mut stream).await.expect("the stream goes on") {
                Invalidation::Token(identifier) => {
                    expected.remove(identifier.as_str());
                }
                Invalidation::All => expected.clear(),
            }
        }
    }

    /// Identifiers are told whole, whatever they are made of.
    async fn identifiers_are_told_whole(t: &Tokens) {
        let long = "🎉".repeat(63);
        let mut stream = listen(t).await;
        for identifier in ["it's", "ä\\\"", " ", "*", "all", "a,b", &long] {
            stored(t, identifier).await;
            revoke(t, identifier, false).await;
            assert_eq!(told(&mut stream).await, identifier);
        }
    }

    /// What changes no stored token is not told.
    async fn caches_are_not_told_of_what_changes_no_token(t: &Tokens) {
        stored(t, "a").await;
        stored(t, "b").await;
        let mut stream = listen(t).await;
        stored(t, "c").await;
        t.store.bootstrap(token("a"), &origin()).await.unwrap();
        t.store.record_uses(&[uses("a", 1, crate::fixture::noon())]).await.unwrap();
        t.store.rotate(&token_id("a"), rotation("b", MINUTE), &origin()).await.unwrap_err();
        t.store.delete(&token_id("never"), &origin()).await.unwrap_err();
        revoke(t, "b", false).await;
        assert_eq!(told(&mut stream).await, "b");
    }

    /// On SQLite the writer carries out what it accepted: a caller that goes away before its
    /// revocation is answered does not keep it from being told.
    async fn a_revocation_whose_caller_went_away_is_told(t: &Tokens) {
        if !t.place.is_sqlite() {
            return;
        }
        stored(t, "a").await;
        let mut stream = listen(t).await;
        // Polled once and dropped.
        let (id, by) = (token_id("a"), origin());
        assert!(t.store.revoke(&id, None, false, &by).now_or_never().is_none());
        assert_eq!(told(&mut stream).await, "a");
        assert!(crate::samples::read(t, "a").await.revoked_at.is_some());
    }

    /// Nobody has to listen.
    async fn nobody_has_to_listen(t: &Tokens) {
        for identifier in ["a", "b"] {
            stored(t, identifier).await;
        }
        drop(listen(t).await);
        revoke(t, "a", false).await;
        let mut stream = listen(t).await;
        revoke(t, "b", false).await;
        assert_eq!(told(&mut stream).await, "b");
    }

    /// Whoever is slower than the changes is told of each, or that all have to be forgotten.
    async fn a_listener_that_is_slow_is_told_of_all(t: &Tokens) {
        let names: Vec<String> = (0..1500).map(|number| number.to_string()).collect();
        let mut slow = listen(t).await;
        let by = origin();
        for chunk in names.chunks(100) {
            let work = chunk.iter().map(|name| async {
                t.store.create(token(name), &by).await.unwrap();
                t.store.revoke(&token_id(name), None, false, &by).await.unwrap();
            });
            futures_util::future::join_all(work).await;
        }
        let mut untold: std::collections::BTreeSet<&str> =
            names.iter().map(String::as_str).collect();
        while !untold.is_empty() {
            match next(&mut slow).await.expect("the stream goes on") {
                Invalidation::Token(identifier) => drop(untold.remove(identifier.as_str())),
                Invalidation::All => untold.clear(),
            }
        }
    }
}
