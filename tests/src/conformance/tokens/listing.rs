//! Listing tokens: filters, order, cursors, number of queries.

use std::time::Duration;

use store_core::tokens::{TokenFilter, TokenGrant, TokenState};
use store_core::{Clock as _, Cursor, Order, PageRequest};

use super::assert_invalid;
use crate::behaviours;
use crate::fixture::Tokens;
use crate::samples::{
    expiring, granted, identifiers, origin, put, revoke, rotate, rotation, stored, texts, time,
    token_id,
};

const SECOND: Duration = Duration::from_secs(1);

/// The identifiers of all that a filter means, oldest first.
async fn listed(t: &Tokens, filter: &TokenFilter) -> Vec<String> {
    walk(t, filter, PageRequest::default().ordered(Order::Asc)).await
}

async fn in_state(t: &Tokens, state: TokenState) -> Vec<String> {
    listed(t, &TokenFilter { state: Some(state), ..TokenFilter::default() }).await
}

fn with_scope(scope: &str) -> TokenFilter {
    TokenFilter { scope: Some(scope.to_owned()), ..TokenFilter::default() }
}

fn of_workspace(workspace: &str) -> TokenFilter {
    TokenFilter { workspace_id: Some(workspace.to_owned()), ..TokenFilter::default() }
}

/// Walks all pages of a listing.
async fn walk(t: &Tokens, filter: &TokenFilter, first: PageRequest) -> Vec<String> {
    let mut all = Vec::new();
    let mut request = Some(first);
    while let Some(next) = request.take() {
        let page = t.store.list(filter, &next).await.unwrap();
        assert!(page.items.len() <= next.limit as usize);
        all.extend(identifiers(&page.items));
        request = page.next.map(|cursor| next.after(cursor));
    }
    all
}

/// Stores a token a second after the one before.
async fn next(t: &Tokens, identifier: &str) {
    t.clock.advance(SECOND).unwrap();
    stored(t, identifier).await;
}

behaviours! {
    emits tokens_listing_tests from tokens::listing;

    /// The newest token comes first, or the oldest when asked.
    async fn tokens_are_listed_newest_first(t: &Tokens) {
        for identifier in ["b", "c", "a"] {
            next(t, identifier).await;
        }
        let all = TokenFilter::default();
        let page = t.store.list(&all, &PageRequest::default()).await.unwrap();
        assert_eq!(identifiers(&page.items), ["a", "c", "b"]);
        assert_eq!(page.next, None);
        assert_eq!(listed(t, &all).await, ["b", "c", "a"]);
    }

    /// Tokens of one instant come in the order of their identifiers, byte by byte.
    async fn tokens_of_one_instant_are_listed_by_identifier(t: &Tokens) {
        for identifier in ["b", "ä", "B", "a", "🎉", "_"] {
            stored(t, identifier).await;
        }
        let mut expected = ["B", "_", "a", "b", "ä", "🎉"];
        let all = TokenFilter::default();
        assert_eq!(listed(t, &all).await, expected);
        for limit in 1..=7 {
            let asc = PageRequest::first(limit).ordered(Order::Asc);
            assert_eq!(walk(t, &all, asc).await, expected);
        }
        expected.reverse();
        assert_eq!(walk(t, &all, PageRequest::first(2)).await, expected);
    }

    /// A listed token has all of its fields.
    async fn a_listed_token_is_whole(t: &Tokens) {
        let grant = crate::samples::full_grant(time("18:00:00"));
        let token = put(t, granted("a", grant)).await;
        let page = t.store.list(&TokenFilter::default(), &PageRequest::default()).await.unwrap();
        assert_eq!(page.items, [token]);
    }

    /// Tokens are filtered by the state they are in now.
    async fn tokens_are_filtered_by_their_state(t: &Tokens) {
        put(t, expiring("expired", time("12:10:00"))).await;
        put(t, expiring("revoked and expired", time("12:10:00"))).await;
        for identifier in ["active", "revoked", "rotated out", "overlapping", "gone"] {
            stored(t, identifier).await;
        }
        revoke(t, "revoked", false).await;
        revoke(t, "revoked and expired", false).await;
        rotate(t, "gone", rotation("x1", Duration::ZERO)).await;
        rotate(t, "rotated out", rotation("x2", SECOND * 600)).await;
        rotate(t, "overlapping", rotation("x3", SECOND * 601)).await;
        t.clock.set(time("12:09:59.999999"));
        let active = ["active", "expired", "overlapping", "rotated out", "x1", "x2", "x3"];
        assert_eq!(in_state(t, TokenState::Active).await, active);
        assert_eq!(in_state(t, TokenState::Expired).await, ["gone"]);
        t.clock.set(time("12:10:00"));
        let active = ["active", "overlapping", "x1", "x2", "x3"];
        assert_eq!(in_state(t, TokenState::Active).await, active);
        assert_eq!(in_state(t, TokenState::Expired).await, ["expired", "gone", "rotated out"]);
        assert_eq!(in_state(t, TokenState::Revoked).await, ["revoked", "revoked and expired"]);
    }

    /// A token is in the state that it is listed under, whatever the clock shows.
    async fn the_filter_and_the_state_agree(t: &Tokens) {
        put(t, expiring("a", time("12:10:00"))).await;
        for (identifier, overlap) in [("b", 0), ("c", 1), ("d", 600)] {
            stored(t, identifier).await;
            rotate(t, identifier, rotation(&format!("{identifier}2"), SECOND * overlap)).await;
        }
        revoke(t, "d2", false).await;
        let instants = ["11:00:00", "11:59:59", "12:00:00", "12:00:01", "12:10:00", "13:00:00"];
        for instant in instants {
            t.clock.set(time(instant));
            for state in TokenState::ALL {
                let filter = TokenFilter { state: Some(*state), ..TokenFilter::default() };
                let page = t.store.list(&filter, &PageRequest::default()).await.unwrap();
                for token in &page.items {
                    assert_eq!(token.state_at(t.clock.now()), *state, "{instant}: {token:?}");
                }
            }
            let mut all = Vec::new();
            for state in TokenState::ALL {
                all.extend(in_state(t, *state).await);
            }
            all.sort();
            assert_eq!(all, ["a", "b", "b2", "c", "c2", "d", "d2"], "{instant}");
        }
    }

    /// Tokens are filtered by a whole scope.
    async fn tokens_are_filtered_by_a_whole_scope(t: &Tokens) {
        let scoped = |scopes| TokenGrant { scopes, ..TokenGrant::default() };
        put(t, granted("a", scoped(texts(["read", "späße \"x\" \\ it's"])))).await;
        put(t, granted("b", scoped(texts(["read", "write"])))).await;
        put(t, granted("c", TokenGrant::default())).await;
        assert_eq!(listed(t, &with_scope("read")).await, ["a", "b"]);
        assert_eq!(listed(t, &with_scope("write")).await, ["b"]);
        assert_eq!(listed(t, &with_scope("späße \"x\" \\ it's")).await, ["a"]);
        for absent in ["rea", "reads", "READ", "%", "[]", "\"read\"", "späße"] {
            assert!(listed(t, &with_scope(absent)).await.is_empty(), "{absent}");
        }
    }

    /// Tokens are filtered by a workspace they may be used in, those for all of them included.
    async fn tokens_are_filtered_by_a_workspace(t: &Tokens) {
        let of = |ids| TokenGrant { workspace_ids: ids, ..TokenGrant::default() };
        put(t, granted("a", of(texts(["ws-1", "ws-2"])))).await;
        put(t, granted("b", of(texts(["ws-2"])))).await;
        put(t, granted("c", of(texts([])))).await;
        assert_eq!(listed(t, &of_workspace("ws-1")).await, ["a", "c"]);
        assert_eq!(listed(t, &of_workspace("ws-2")).await, ["a", "b", "c"]);
        for absent in ["ws", "WS-1", "[]", "ws-1 "] {
            assert_eq!(listed(t, &of_workspace(absent)).await, ["c"], "{absent}");
        }
    }

    /// A scope or a workspace that no token can have is refused.
    async fn a_filter_that_no_token_can_meet_is_refused(t: &Tokens) {
        stored(t, "a").await;
        let before = t.statements();
        for bad in ["", "a\0b", &"x".repeat(256)] {
            let page = PageRequest::default();
            assert_invalid(t.store.list(&with_scope(bad), &page).await, "scope");
            assert_invalid(t.store.list(&of_workspace(bad), &page).await, "workspace_id");
        }
        assert_eq!(t.statements(), before, "no statement was sent");
    }

    /// Filters hold together, also from page to page.
    async fn all_parts_of_a_filter_hold_together(t: &Tokens) {
        for number in 0..24 {
            let scope = if number % 2 == 0 { "read" } else { "write" };
            let workspace = format!("ws-{}", number % 3);
            let grant = TokenGrant {
                scopes: texts([scope]),
                workspace_ids: texts([workspace.as_str()]),
                ..TokenGrant::default()
            };
            let identifier = format!("{number:02}");
            put(t, granted(&identifier, grant)).await;
            if number < 12 {
                revoke(t, &identifier, false).await;
            }
        }
        let filter = TokenFilter {
            state: Some(TokenState::Active),
            scope: Some("read".into()),
            workspace_id: Some("ws-1".into()),
        };
        let asc = PageRequest::first(1).ordered(Order::Asc);
        assert_eq!(walk(t, &filter, asc).await, ["16", "22"]);
    }

    /// A walk over pages that tokens are added to and deleted from returns every token that is
    /// there throughout, once.
    async fn a_walk_beside_changes_is_whole(t: &Tokens) {
        let names: Vec<String> = (0..30).map(|number| format!("{number:02}")).collect();
        for name in &names {
            next(t, name).await;
        }
        let all = TokenFilter::default();
        let mut seen = Vec::new();
        let mut request = Some(PageRequest::first(4));
        for round in 0.. {
            let Some(page) = request.take() else { break };
            let answer = t.store.list(&all, &page).await.unwrap();
            seen.extend(identifiers(&answer.items));
            request = answer.next.map(|cursor| page.after(cursor));
            next(t, &format!("new {round}")).await;
            if let Some(last) = answer.items.last() {
                // The cursor of the next page names a token that is gone.
                t.store.delete(&last.identifier, &origin()).await.unwrap();
            }
        }
        seen.reverse();
        assert_eq!(seen, names);
    }

    /// A cursor of another filter, order or listing is refused.
    async fn a_cursor_of_another_listing_is_refused(t: &Tokens) {
        for identifier in ["a", "b", "c"] {
            stored(t, identifier).await;
            revoke(t, identifier, false).await;
        }
        let all = TokenFilter::default();
        let first = PageRequest::first(1);
        let cursor = t.store.list(&all, &first).await.unwrap().next.unwrap();
        let after = || first.clone().after(cursor.clone());
        assert_eq!(identifiers(&t.store.list(&all, &after()).await.unwrap().items), ["b"]);
        assert_invalid(t.store.list(&with_scope("read"), &after()).await, "after");
        assert_invalid(t.store.list(&of_workspace("ws"), &after()).await, "after");
        assert_invalid(t.store.list(&all, &after().ordered(Order::Asc)).await, "after");
        assert_invalid(t.store.audit(&token_id("a"), &after()).await, "after");
        let foreign = t.store.audit(&token_id("a"), &first).await.unwrap().next.unwrap();
        assert_invalid(t.store.list(&all, &first.clone().after(foreign)).await, "after");
        let damaged: Cursor = "AAAA".parse().unwrap();
        assert_invalid(t.store.list(&all, &first.after(damaged)).await, "after");
    }

    /// A page is one query, however many tokens it holds.
    async fn a_page_of_tokens_is_one_query(t: &Tokens) {
        for number in 0..30 {
            stored(t, &number.to_string()).await;
        }
        let filter =
            TokenFilter { state: Some(TokenState::Active), ..TokenFilter::default() };
        for limit in [1, 10, 1000] {
            let before = t.statements();
            t.store.list(&filter, &PageRequest::first(limit)).await.unwrap();
            assert_eq!(t.statements() - before, 1);
        }
    }

    /// A page ends when it is large, with at least one token, and the next goes on there.
    async fn a_page_of_large_tokens_ends_early(t: &Tokens) {
        let scope = |number: usize| format!("{number:0255}");
        let scopes: std::collections::BTreeSet<String> = (0..10_000).map(scope).collect();
        for identifier in ["a", "b", "c", "d", "e"] {
            let grant = TokenGrant { scopes: scopes.clone(), ..TokenGrant::default() };
            put(t, granted(identifier, grant)).await;
        }
        let asc = PageRequest::default().ordered(Order::Asc);
        let page = t.store.list(&TokenFilter::default(), &asc).await.unwrap();
        assert!((1..5).contains(&page.items.len()), "{}", page.items.len());
        assert!(page.items.iter().all(|token| token.scopes == scopes));
        assert_eq!(walk(t, &TokenFilter::default(), asc).await, ["a", "b", "c", "d", "e"]);
    }
}
