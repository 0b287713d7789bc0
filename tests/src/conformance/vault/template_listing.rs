//! Listing templates: scopes, order, cursors, number of queries.

use std::collections::BTreeSet;
use std::time::Duration;

use store_core::vault::{AccessContext, CredentialScope, NewTemplate};
use store_core::{Cursor, Order, PageRequest};

use super::assert_invalid;
use super::governance::{keep_template, template_names, workspace};
use crate::behaviours;
use crate::fixture::Vaults;
use crate::samples::{
    actor, caller, insider, narrow_scope, operator, put_template, secret_template, texts,
};

const SECOND: Duration = Duration::from_secs(1);

/// Walks all pages of a listing and returns the names.
async fn walk(t: &Vaults, context: &AccessContext, first: PageRequest) -> Vec<String> {
    let mut all = Vec::new();
    let mut request = Some(first);
    while let Some(next) = request.take() {
        let page = t.store.list_templates(context, &next).await.unwrap();
        assert!(page.items.len() <= next.limit as usize);
        all.extend(page.items.into_iter().map(|template| template.name));
        request = page.next.map(|cursor| next.after(cursor));
    }
    all
}

fn asc(limit: u32) -> PageRequest {
    PageRequest::first(limit).ordered(Order::Asc)
}

async fn scoped(t: &Vaults, name: &str, scope: CredentialScope) {
    keep_template(t, NewTemplate { scope, ..secret_template(name) }).await;
}

/// The bytes of a text as digits: names cannot hold what ids can.
fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

behaviours! {
    emits vault_template_listing_tests from vault::template_listing;

    /// The newest template comes first, or the oldest when asked, with all of its fields.
    async fn templates_are_listed_newest_first(t: &Vaults) {
        let mut stored = Vec::new();
        for name in ["b", "c", "a"] {
            t.clock.advance(SECOND).unwrap();
            stored.push(put_template(t, secret_template(name)).await);
        }
        let page = t.store.list_templates(&caller(), &asc(50)).await.unwrap();
        assert_eq!((&page.items, page.next), (&stored, None));
        stored.reverse();
        let page = t.store.list_templates(&caller(), &PageRequest::default()).await.unwrap();
        assert_eq!(page.items, stored);
    }

    /// Templates of one instant come in the order of their ids, on pages of any size.
    async fn templates_of_one_instant_are_listed_by_id(t: &Vaults) {
        let mut stored = Vec::new();
        for number in 0..7 {
            stored.push(put_template(t, secret_template(&number.to_string())).await);
        }
        stored.sort_by_key(|template| template.id);
        let mut names: Vec<String> =
            template_names(&stored).into_iter().map(str::to_owned).collect();
        for limit in 1..=8 {
            assert_eq!(walk(t, &caller(), asc(limit)).await, names, "limit {limit}");
        }
        names.reverse();
        for limit in 1..=8 {
            let desc = PageRequest::first(limit);
            assert_eq!(walk(t, &caller(), desc).await, names, "limit {limit}");
        }
    }

    /// Listed are the templates whose scope allows the caller: every kind that it restricts has to
    /// be met, by one of its entries.
    async fn a_caller_is_listed_the_templates_within_reach(t: &Vaults) {
        scoped(t, "open", CredentialScope::default()).await;
        scoped(t, "workflow", CredentialScope::of_workflow("w1")).await;
        scoped(t, "workspace", workspace("ws-1")).await;
        scoped(t, "roles", CredentialScope::of_roles(["Ops", "SPÄHER"])).await;
        scoped(t, "all", narrow_scope()).await;
        let listed = async |context: AccessContext| {
            walk(t, &context, PageRequest::default()).await.into_iter().collect::<BTreeSet<_>>()
        };
        assert_eq!(listed(caller()).await, texts(["open"]));
        assert_eq!(listed(caller().in_workflow("w1")).await, texts(["open", "workflow"]));
        assert_eq!(listed(caller().in_workflow("W1")).await, texts(["open"]));
        assert_eq!(listed(caller().in_workflow("w")).await, texts(["open"]));
        assert_eq!(listed(caller().in_workspace("w1")).await, texts(["open"]));
        assert_eq!(listed(caller().in_workspace("ws-1")).await, texts(["open", "workspace"]));
        assert_eq!(listed(caller().with_roles(["x", "OPS"])).await, texts(["open", "roles"]));
        assert_eq!(listed(caller().with_roles(["späher"])).await, texts(["open", "roles"]));
        assert_eq!(listed(caller().with_roles(["op", "spaher"])).await, texts(["open"]));
        let everything = texts(["open", "workflow", "workspace", "roles", "all"]);
        assert_eq!(listed(insider()).await, everything);
        assert_eq!(listed(operator()).await, everything);
    }

    /// Ids that look like patterns, quotes or JSON are nothing but ids.
    async fn hostile_ids_are_compared_byte_by_byte(t: &Vaults) {
        let quotes = ["\"", "[\"a\"]", "a' OR '1'='1", "\\", "a\",\"b"];
        let ids = [&quotes[..], &["%", "_", "*", "null", "\u{e9}", "e\u{301}"]].concat();
        for &id in &ids {
            scoped(t, &format!("for {}", hex(id)), workspace(id)).await;
        }
        for id in ids {
            let listed = walk(t, &caller().in_workspace(id), PageRequest::default()).await;
            assert_eq!(listed, [format!("for {}", hex(id))], "{id}");
        }
        for other in ["a", "b", "[]", "%%", "e"] {
            let listed = walk(t, &caller().in_workspace(other), PageRequest::default()).await;
            assert!(listed.is_empty(), "{other}: {listed:?}");
        }
    }

    /// Pages are full of what the caller may see, however much lies between that they may not.
    async fn pages_of_templates_have_no_gaps_where_others_lie(t: &Vaults) {
        for number in 0..40 {
            t.clock.advance(SECOND).unwrap();
            let scope = if number % 8 == 3 { workspace("ws") } else { workspace("other") };
            scoped(t, &format!("{number:02}"), scope).await;
        }
        let context = caller().in_workspace("ws");
        let first = t.store.list_templates(&context, &asc(2)).await.unwrap();
        assert_eq!(template_names(&first.items), ["03", "11"]);
        for limit in 1..=6 {
            assert_eq!(walk(t, &context, asc(limit)).await, ["03", "11", "19", "27", "35"]);
        }
        let full = t.store.list_templates(&context, &asc(5)).await.unwrap();
        assert_eq!(full.next, None, "nothing else is within reach");
    }

    /// A walk over pages that templates are added to and deleted from returns every template that
    /// is there throughout, once.
    async fn a_walk_over_templates_beside_changes_is_whole(t: &Vaults) {
        let names: Vec<String> = (0..20).map(|number| format!("{number:02}")).collect();
        for name in &names {
            t.clock.advance(SECOND).unwrap();
            put_template(t, secret_template(name)).await;
        }
        let mut seen = Vec::new();
        let mut request = Some(PageRequest::first(3));
        for round in 0.. {
            let Some(page) = request.take() else { break };
            let answer = t.store.list_templates(&caller(), &page).await.unwrap();
            seen.extend(answer.items.iter().map(|template| template.name.clone()));
            request = answer.next.map(|cursor| page.after(cursor));
            t.clock.advance(SECOND).unwrap();
            put_template(t, secret_template(&format!("new {round}"))).await;
            if let Some(last) = answer.items.last() {
                // The cursor of the next page names a template that is gone.
                t.store.delete_template(&caller(), last.id).await.unwrap();
            }
        }
        seen.reverse();
        assert_eq!(seen, names);
    }

    /// A cursor fits the listing it came from: not another order, other roles, or other records.
    /// Who the caller is does not matter.
    async fn a_cursor_of_another_listing_of_templates_is_refused(t: &Vaults) {
        for name in ["a", "b", "c"] {
            t.clock.advance(SECOND).unwrap();
            put_template(t, secret_template(name)).await;
            crate::samples::kept(t, name).await;
        }
        let first = PageRequest::first(1);
        let cursor = t.store.list_templates(&caller(), &first).await.unwrap().next.unwrap();
        let after = || first.clone().after(cursor.clone());
        let page = t.store.list_templates(&caller(), &after()).await.unwrap();
        assert_eq!(template_names(&page.items), ["b"]);
        let bob = AccessContext::new(actor("bob"));
        let page = t.store.list_templates(&bob, &after()).await.unwrap();
        assert_eq!(template_names(&page.items), ["b"]);
        for other in [
            caller().in_workflow("w1"),
            caller().in_workspace("ws-1"),
            caller().with_roles(["ops"]),
            operator(),
        ] {
            assert_invalid(t.store.list_templates(&other, &after()).await, "after");
        }
        let ordered = after().ordered(Order::Asc);
        assert_invalid(t.store.list_templates(&caller(), &ordered).await, "after");
        assert_invalid(t.store.list(&caller(), &after()).await, "after");
        assert_invalid(t.store.due_for_rotation(&caller(), &after()).await, "after");
        let foreign = t.store.list(&caller(), &first).await.unwrap().next.unwrap();
        let foreign = first.clone().after(foreign);
        assert_invalid(t.store.list_templates(&caller(), &foreign).await, "after");
        let damaged: Cursor = "AAAA".parse().unwrap();
        assert_invalid(t.store.list_templates(&caller(), &first.after(damaged)).await, "after");
    }

    /// A page holds 1 to 1000 templates; another limit is refused before a statement is sent.
    async fn a_page_of_templates_has_a_limit(t: &Vaults) {
        put_template(t, secret_template("a")).await;
        let before = t.statements();
        for limit in [0, 1001, u32::MAX] {
            let page = PageRequest::first(limit);
            assert_invalid(t.store.list_templates(&caller(), &page).await, "limit");
        }
        assert_eq!(t.statements(), before);
        for limit in [1, 1000] {
            assert_eq!(walk(t, &caller(), PageRequest::first(limit)).await, ["a"]);
        }
    }

    /// A page is one query, however many templates it holds and whoever asks.
    async fn a_page_of_templates_is_one_query(t: &Vaults) {
        for number in 0..20 {
            put_template(t, secret_template(&number.to_string())).await;
        }
        for context in [caller(), insider(), operator()] {
            for limit in [1, 10, 1000] {
                let before = t.statements();
                t.store.list_templates(&context, &PageRequest::first(limit)).await.unwrap();
                assert_eq!(t.statements() - before, 1);
            }
        }
    }

    /// A page ends when it is large, with at least one template, and the next goes on there.
    async fn a_page_of_large_templates_ends_early(t: &Vaults) {
        let many = || (0..1000).map(|number| format!("{number:0255}")).collect::<BTreeSet<_>>();
        let scope =
            CredentialScope { workflow_ids: many(), workspace_ids: many(), roles: many() };
        for number in 0..12 {
            t.clock.advance(SECOND).unwrap();
            let name = format!("{number:02}");
            let scope = scope.clone();
            let new = NewTemplate { scopes: many(), scope, ..secret_template(&name) };
            keep_template(t, new).await;
        }
        let page = t.store.list_templates(&operator(), &asc(50)).await.unwrap();
        assert!((1..12).contains(&page.items.len()), "{}", page.items.len());
        assert!(page.items.iter().all(|template| template.scope == scope));
        let names: Vec<String> = (0..12).map(|number| format!("{number:02}")).collect();
        assert_eq!(walk(t, &operator(), asc(50)).await, names);
    }
}
