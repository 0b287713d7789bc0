//! Listing credentials: what a caller sees, order, cursors, number of queries.

use std::collections::BTreeSet;
use std::time::Duration;

use store_core::vault::{AccessContext, Credential, CredentialScope, CredentialUpdate};
use store_core::{Order, PageRequest};

use super::{assert_forbidden, assert_invalid};
use crate::behaviours;
use crate::fixture::Vaults;
use crate::samples::{
    actor, caller, credential_names, full_credential, insider, kept, operator, put_credential,
    scoped, texts, time,
};

const SECOND: Duration = Duration::from_secs(1);

/// Walks all pages of what a caller sees.
async fn walk(t: &Vaults, cx: &AccessContext, first: PageRequest) -> Vec<Credential> {
    let mut all = Vec::new();
    let mut request = Some(first);
    while let Some(next) = request.take() {
        let page = t.store.list(cx, &next).await.unwrap();
        assert!(page.items.len() <= next.limit as usize);
        assert!(!page.items.is_empty() || page.next.is_none());
        all.extend(page.items);
        request = page.next.map(|cursor| next.after(cursor));
    }
    all
}

/// The names that a caller sees, oldest first.
async fn seen(t: &Vaults, cx: &AccessContext) -> Vec<String> {
    let all = walk(t, cx, PageRequest::default().ordered(Order::Asc)).await;
    all.into_iter().map(|credential| credential.name).collect()
}

/// Stores a credential a second after the one before.
async fn next(t: &Vaults, name: &str, scope: CredentialScope) -> Credential {
    t.clock.advance(SECOND).unwrap();
    put_credential(t, scoped(name, scope)).await
}

behaviours! {
    emits vault_listing_tests from vault::listing;

    /// The newest credential comes first, or the oldest when asked.
    async fn credentials_are_listed_newest_first(t: &Vaults) {
        for name in ["b", "c", "a"] {
            next(t, name, CredentialScope::default()).await;
        }
        let page = t.store.list(&caller(), &PageRequest::default()).await.unwrap();
        assert_eq!(credential_names(&page.items), ["a", "c", "b"]);
        assert_eq!(page.next, None);
        assert_eq!(seen(t, &caller()).await, ["b", "c", "a"]);
    }

    /// Credentials of one instant come in the order of their ids.
    async fn credentials_of_one_instant_are_listed_by_id(t: &Vaults) {
        let mut expected = Vec::new();
        for number in 0..10 {
            expected.push(kept(t, &number.to_string()).await);
        }
        expected.sort_by_key(|credential| credential.id);
        for limit in [1, 2, 3, 9, 10, 11] {
            let asc = PageRequest::first(limit).ordered(Order::Asc);
            assert_eq!(walk(t, &caller(), asc).await, expected);
        }
        expected.reverse();
        for limit in [1, 3, 10] {
            assert_eq!(walk(t, &caller(), PageRequest::first(limit)).await, expected);
        }
    }

    /// A listed credential has all of its fields.
    async fn a_listed_credential_is_whole(t: &Vaults) {
        let stored = put_credential(t, full_credential("a", time("18:00:00"))).await;
        let page = t.store.list(&insider(), &PageRequest::default()).await.unwrap();
        assert_eq!(page.items, std::slice::from_ref(&stored));
        let page = t.store.list_all(&operator(), &PageRequest::default()).await.unwrap();
        assert_eq!(page.items, [stored]);
    }

    /// An empty vault has an empty page.
    async fn an_empty_vault_has_an_empty_page(t: &Vaults) {
        for cx in [caller(), operator()] {
            let page = t.store.list(&cx, &PageRequest::default()).await.unwrap();
            assert!(page.items.is_empty() && page.next.is_none());
        }
        let page = t.store.list_all(&operator(), &PageRequest::default()).await.unwrap();
        assert!(page.items.is_empty() && page.next.is_none());
    }

    /// Pages are full although most credentials are out of reach: the query leaves them out.
    async fn what_is_out_of_reach_takes_no_place_on_a_page(t: &Vaults) {
        let mut expected = Vec::new();
        for number in 0..60 {
            let workflow = if number % 12 == 5 { "w1" } else { "w2" };
            let scope = CredentialScope::of_workflow(workflow);
            let name = next(t, &format!("{number:02}"), scope).await.name;
            if workflow == "w1" {
                expected.push(name);
            }
        }
        let cx = caller().in_workflow("w1");
        assert_eq!(seen(t, &cx).await, expected);
        let asc = PageRequest::first(3).ordered(Order::Asc);
        let before = t.statements();
        let first = t.store.list(&cx, &asc).await.unwrap();
        assert_eq!(credential_names(&first.items), expected[..3]);
        let second = t.store.list(&cx, &asc.after(first.next.unwrap())).await.unwrap();
        assert_eq!(credential_names(&second.items), expected[3..]);
        assert_eq!(second.next, None, "nothing more is within reach");
        assert_eq!(t.statements() - before, 2);
    }

    /// The last page that is full has no next one.
    async fn the_last_page_is_known_to_be_the_last(t: &Vaults) {
        for name in ["a", "b", "c", "d"] {
            kept(t, name).await;
        }
        let first = t.store.list(&caller(), &PageRequest::first(2)).await.unwrap();
        let after = PageRequest::first(2).after(first.next.unwrap());
        let last = t.store.list(&caller(), &after).await.unwrap();
        assert_eq!((last.items.len(), last.next), (2, None));
    }

    /// An operator lists everything, with or without asking for all of it; nobody else may.
    async fn only_an_operator_lists_everything(t: &Vaults) {
        for (name, workflow) in [("a", "w1"), ("b", "w2")] {
            next(t, name, CredentialScope::of_workflow(workflow)).await;
        }
        let asc = PageRequest::default().ordered(Order::Asc);
        let all = t.store.list_all(&operator(), &asc).await.unwrap();
        assert_eq!(credential_names(&all.items), ["a", "b"]);
        assert_eq!(seen(t, &operator()).await, ["a", "b"]);
        let before = t.statements();
        for cx in [caller(), insider(), caller().with_roles(["admin", "administrator"])] {
            assert_forbidden(t.store.list_all(&cx, &asc).await);
        }
        assert_eq!(t.statements(), before, "no statement was sent");
    }

    /// A listing of everything is ordered and paged like any other.
    async fn everything_is_listed_page_by_page(t: &Vaults) {
        let mut expected = Vec::new();
        for number in 0..7 {
            let scope = CredentialScope::of_workflow(format!("w{number}"));
            expected.push(next(t, &number.to_string(), scope).await);
        }
        expected.reverse();
        let mut all = Vec::new();
        let mut request = Some(PageRequest::first(3));
        while let Some(next) = request.take() {
            let page = t.store.list_all(&operator(), &next).await.unwrap();
            all.extend(page.items);
            request = page.next.map(|cursor| next.after(cursor));
        }
        assert_eq!(all, expected);
    }

    /// A walk over pages that credentials are added to and deleted from returns every one that is
    /// there throughout, once.
    async fn a_walk_beside_new_credentials_is_whole(t: &Vaults) {
        let names: Vec<String> = (0..30).map(|number| format!("{number:02}")).collect();
        for name in &names {
            next(t, name, CredentialScope::default()).await;
        }
        let mut seen = Vec::new();
        let mut request = Some(PageRequest::first(4));
        for round in 0.. {
            let Some(page) = request.take() else { break };
            let answer = t.store.list(&caller(), &page).await.unwrap();
            seen.extend(answer.items.iter().map(|credential| credential.name.clone()));
            request = answer.next.map(|cursor| page.after(cursor));
            next(t, &format!("new {round}"), CredentialScope::default()).await;
            if let Some(last) = answer.items.last() {
                // The cursor of the next page names a credential that is gone.
                t.store.delete(&caller(), last.id).await.unwrap();
            }
        }
        seen.reverse();
        assert_eq!(seen, names);
    }

    /// A credential that leaves the reach of a caller, or enters it, is listed by what is now.
    async fn a_listing_goes_by_the_scope_that_is_now(t: &Vaults) {
        let id = kept(t, "a").await.id;
        let update = |scope| CredentialUpdate { scope: Some(scope), ..Default::default() };
        let narrow = update(CredentialScope::of_workflow("w1"));
        t.store.update(&caller(), id, narrow).await.unwrap();
        assert!(seen(t, &caller()).await.is_empty());
        assert_eq!(seen(t, &caller().in_workflow("w1")).await, ["a"]);
        let open = update(CredentialScope::default());
        t.store.update(&operator(), id, open).await.unwrap();
        assert_eq!(seen(t, &caller()).await, ["a"]);
    }

    /// A cursor fits the workflow, the workspace and the roles it was made for, and no other.
    async fn a_cursor_of_another_reach_is_refused(t: &Vaults) {
        for name in ["a", "b", "c"] {
            kept(t, name).await;
        }
        let first = PageRequest::first(1);
        let cx = caller().in_workflow("w").in_workspace("x").with_roles(["r", "s"]);
        let cursor = t.store.list(&cx, &first).await.unwrap().next.unwrap();
        let after = first.after(cursor);
        let others = [
            caller(),
            caller().in_workspace("x").with_roles(["r", "s"]),
            caller().in_workflow("W").in_workspace("x").with_roles(["r", "s"]),
            caller().in_workflow("x").in_workspace("w").with_roles(["r", "s"]),
            caller().in_workflow("w").in_workspace("x").with_roles(["r"]),
            caller().in_workflow("w").in_workspace("x").with_roles(["r", "s", "t"]),
        ];
        for other in others {
            assert_invalid(t.store.list(&other, &after).await, "after");
        }
    }

    /// A cursor fits everybody with the same reach, whoever they are and however they write roles.
    async fn a_cursor_fits_others_with_the_same_reach(t: &Vaults) {
        for name in ["a", "b", "c"] {
            next(t, name, CredentialScope::default()).await;
        }
        let first = PageRequest::first(1);
        let cx = caller().in_workflow("w").with_roles(["r", "s"]);
        let cursor = t.store.list(&cx, &first).await.unwrap().next.unwrap();
        let grace = AccessContext::new(actor("grace")).in_workflow("w").with_roles(["S", "R"]);
        let page = t.reopened().await.list(&grace, &first.after(cursor)).await.unwrap();
        assert_eq!(credential_names(&page.items), ["b"]);
    }

    /// A cursor of another order or another listing is refused.
    async fn a_cursor_of_another_listing_of_the_vault_is_refused(t: &Vaults) {
        let mut id = None;
        for name in ["a", "b", "c"] {
            id = Some(kept(t, name).await.id);
        }
        let id = id.unwrap();
        t.store.reveal(&operator(), id).await.unwrap();
        let first = PageRequest::first(1);
        let cx = operator();
        let cursor = t.store.list(&cx, &first).await.unwrap().next.unwrap();
        let after = first.clone().after(cursor);
        assert_invalid(t.store.list(&cx, &after.clone().ordered(Order::Asc)).await, "after");
        assert_invalid(t.store.list_all(&cx, &after).await, "after");
        assert_invalid(t.store.audit(&cx, id.into(), &after).await, "after");
        let foreign = t.store.list_all(&cx, &first).await.unwrap().next.unwrap();
        let foreign = first.clone().after(foreign);
        assert_invalid(t.store.list(&cx, &foreign).await, "after");
        let foreign = t.store.audit(&cx, id.into(), &first).await.unwrap().next.unwrap();
        assert_invalid(t.store.list(&cx, &first.after(foreign)).await, "after");
    }

    /// A page ends when it is large, with at least one credential, and the next goes on there.
    async fn a_page_of_large_credentials_ends_early(t: &Vaults) {
        let texts_of = |prefix: &str| -> BTreeSet<String> {
            (0..1000).map(|number| format!("{prefix}{number:0254}")).collect()
        };
        let scope = CredentialScope {
            workflow_ids: texts_of("w"),
            workspace_ids: texts_of("x"),
            roles: texts_of("r"),
        };
        for number in 0..14 {
            let mut new = scoped(&format!("{number:02}"), scope.clone());
            new.scopes = texts_of("s");
            put_credential(t, new).await;
        }
        let page = t.store.list_all(&operator(), &PageRequest::default()).await.unwrap();
        assert!((1..14).contains(&page.items.len()), "{}", page.items.len());
        let cx = caller()
            .in_workflow(format!("w{:0254}", 7))
            .in_workspace(format!("x{:0254}", 999))
            .with_roles([format!("R{:0254}", 0)]);
        let page = t.store.list(&cx, &PageRequest::default()).await.unwrap();
        assert!((1..14).contains(&page.items.len()), "{}", page.items.len());
        assert!(page.items.iter().all(|credential| credential.scope == scope));
        let all = walk(t, &cx, PageRequest::default().ordered(Order::Asc)).await;
        let expected: Vec<String> = (0..14).map(|number| format!("{number:02}")).collect();
        assert_eq!(credential_names(&all), expected);
    }

    /// Scopes that are hostile as SQL or JSON are compared as the texts they are.
    async fn hostile_scopes_are_compared_as_texts(t: &Vaults) {
        let hostile = ["a'b", "a\"b", "a\\b", "%", "[]", "{\"a\": 1}", "späße", "a\u{301}", "🎉"];
        for text in hostile {
            next(t, text, CredentialScope::of_workflow(text)).await;
            next(t, &format!("{text} too"), CredentialScope::of_workspace(text)).await;
        }
        for text in hostile {
            assert_eq!(seen(t, &caller().in_workflow(text)).await, [text]);
            assert_eq!(seen(t, &caller().in_workspace(text)).await, [format!("{text} too")]);
        }
        let roles = texts(["_", "a", "á", "\"", "[\"a'b\"]"]);
        assert!(seen(t, &caller().with_roles(roles)).await.is_empty());
    }
}
