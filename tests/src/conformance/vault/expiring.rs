//! Credentials whose access token ends soon, or has ended.

use std::time::Duration;

use store_core::vault::{
    AccessContext, IssuancePolicy, NewCredential, NewTemplate, OAuthTokens, TemplateUpdate,
};
use store_core::{Cursor, Order, PageRequest, TemplateId, Timestamp};

use super::assert_invalid;
use super::governance::{
    DAY, MICROSECOND, MINUTE, issue, keep_template, oauth_issuance, workspace,
};
use crate::behaviours;
use crate::fixture::{Vaults, noon};
use crate::samples::{
    at, caller, insider, kept, kept_oauth, narrow_scope, numbered_tokens, oauth_credential,
    oauth_template, operator, put_credential, put_template, texts,
};

/// The names of all credentials that expire, as an operator sees them.
async fn expiring(t: &Vaults, within: Option<Duration>) -> Vec<String> {
    walk(t, &operator(), within, PageRequest::default()).await
}

/// Walks all pages of what expires and returns the names.
async fn walk(
    t: &Vaults,
    context: &AccessContext,
    within: Option<Duration>,
    first: PageRequest,
) -> Vec<String> {
    let mut all = Vec::new();
    let mut request = Some(first);
    while let Some(next) = request.take() {
        let page = t.store.expiring(context, within, &next).await.unwrap();
        assert!(page.items.len() <= next.limit as usize);
        all.extend(page.items.into_iter().map(|credential| credential.name));
        request = page.next.map(|cursor| next.after(cursor));
    }
    all
}

/// Both tokens, and when the access token ends.
fn ending(instant: Timestamp) -> OAuthTokens {
    numbered_tokens(1, Some(instant))
}

/// Stores a credential whose access token ends at an instant.
async fn ends(t: &Vaults, name: &str, instant: Timestamp) {
    let new = NewCredential { oauth: Some(ending(instant)), ..oauth_credential(name) };
    put_credential(t, new).await;
}

fn after(duration: Duration) -> Timestamp {
    noon().plus(duration).unwrap()
}

fn threshold(minutes: u32) -> IssuancePolicy {
    IssuancePolicy { expiry_threshold_minutes: minutes, ..IssuancePolicy::default() }
}

/// Stores a template of this threshold, and issues a credential of the same name from it.
async fn issued_for(t: &Vaults, name: &str, minutes: u32, instant: Timestamp) -> TemplateId {
    let new = NewTemplate { issuance_policy: threshold(minutes), ..oauth_template(name) };
    let template = put_template(t, new).await;
    issue(t, template.id, oauth_issuance(name, ending(instant))).await;
    template.id
}

behaviours! {
    emits vault_expiring_tests from vault::expiring;

    /// A token expires within a time when it ends at the last instant of it, and not a microsecond
    /// later.
    async fn a_token_expires_within_a_time_to_the_microsecond(t: &Vaults) {
        ends(t, "a", after(MINUTE)).await;
        ends(t, "b", after(MINUTE + MICROSECOND)).await;
        assert!(expiring(t, Some(MINUTE - MICROSECOND)).await.is_empty());
        assert_eq!(expiring(t, Some(MINUTE)).await, ["a"]);
        assert_eq!(expiring(t, Some(MINUTE + MICROSECOND)).await, ["a", "b"]);
        t.clock.set(after(MICROSECOND));
        assert_eq!(expiring(t, Some(MINUTE)).await, ["a", "b"]);
        t.clock.set(noon().minus(MICROSECOND).unwrap());
        assert!(expiring(t, Some(MINUTE)).await.is_empty());
    }

    /// What has ended is listed too, whatever the time; with a time of zero nothing else is.
    async fn a_token_that_has_ended_is_listed(t: &Vaults) {
        ends(t, "long ago", at("1999-12-31T23:59:59.999999Z")).await;
        ends(t, "just now", noon()).await;
        ends(t, "next", after(MICROSECOND)).await;
        assert_eq!(expiring(t, Some(Duration::ZERO)).await, ["long ago", "just now"]);
        assert_eq!(expiring(t, Some(MICROSECOND)).await, ["long ago", "just now", "next"]);
    }

    /// Without a time it is that of the template: each credential by its own.
    async fn without_a_time_it_is_that_of_the_template(t: &Vaults) {
        for (name, minutes, instant) in [
            ("one minute", 1, after(MINUTE)),
            ("a day", 1440, after(DAY)),
            ("not by a microsecond", 15, after(MINUTE * 15 + MICROSECOND)),
            ("ended", 1, noon().minus(DAY).unwrap()),
            ("ten years", 5_256_000, at("2036-02-28T12:00:00Z")),
            ("not in ten years", 5_256_000, at("2036-02-28T12:00:00.000001Z")),
        ] {
            issued_for(t, name, minutes, instant).await;
        }
        let expected = ["one minute", "a day", "ended", "ten years"];
        assert_eq!(expiring(t, None).await, expected);
        // A time counts instead of all of them.
        assert_eq!(expiring(t, Some(MINUTE)).await, ["one minute", "ended"]);
    }

    /// Without a time and a template it is 60 minutes.
    async fn without_a_template_it_is_60_minutes(t: &Vaults) {
        ends(t, "in time", after(MINUTE * 60)).await;
        ends(t, "not yet", after(MINUTE * 60 + MICROSECOND)).await;
        assert_eq!(expiring(t, None).await, ["in time"]);
        let template = issued_for(t, "orphan", 1440, after(MINUTE * 90)).await;
        assert_eq!(expiring(t, None).await, ["in time", "orphan"]);
        t.store.delete_template(&operator(), template).await.unwrap();
        assert_eq!(expiring(t, None).await, ["in time"]);
        t.clock.advance(MINUTE * 30).unwrap();
        assert_eq!(expiring(t, None).await, ["in time", "not yet", "orphan"]);
    }

    /// The threshold of a template counts as it is, not as it was.
    async fn a_changed_threshold_counts_for_what_was_issued(t: &Vaults) {
        let template = issued_for(t, "a", 60, after(MINUTE * 90)).await;
        assert!(expiring(t, None).await.is_empty());
        let update =
            TemplateUpdate { issuance_policy: Some(threshold(90)), ..TemplateUpdate::default() };
        t.store.update_template(&operator(), template, update).await.unwrap();
        assert_eq!(expiring(t, None).await, ["a"]);
    }

    /// Tokens without an end never expire, and neither does what has no tokens or is a secret.
    async fn what_has_no_end_never_expires(t: &Vaults) {
        kept(t, "secret").await;
        kept_oauth(t, "tokens without an end").await;
        let none = NewCredential { oauth: None, ..oauth_credential("no tokens") };
        put_credential(t, none).await;
        ends(t, "ends", after(DAY)).await;
        t.clock.set(at("2999-01-01T00:00:00Z"));
        assert_eq!(expiring(t, None).await, ["ends"]);
        assert_eq!(expiring(t, Some(DAY * 36_500)).await, ["ends"]);
    }

    /// Other tokens have another end, or none.
    async fn other_tokens_have_another_end(t: &Vaults) {
        let stored = kept_oauth(t, "a").await;
        let update = async |expires_at| {
            let tokens = numbered_tokens(2, expires_at);
            t.store.update_oauth_tokens(&operator(), stored.id, tokens).await.unwrap();
            expiring(t, Some(MINUTE)).await
        };
        assert_eq!(update(Some(after(MINUTE))).await, ["a"]);
        assert!(update(Some(after(MINUTE * 2))).await.is_empty());
        assert_eq!(update(Some(noon())).await, ["a"]);
        assert!(update(None).await.is_empty());
    }

    /// Listed are the credentials within the caller's reach.
    async fn a_caller_is_listed_what_expires_within_reach(t: &Vaults) {
        ends(t, "open", noon()).await;
        for (name, scope) in [("narrow", narrow_scope()), ("ws-1", workspace("ws-1"))] {
            let oauth = Some(ending(noon()));
            put_credential(t, NewCredential { oauth, scope, ..oauth_credential(name) }).await;
        }
        // The scope of a template does not matter, but that of the credential.
        let new = NewTemplate { scope: workspace("ws-2"), ..oauth_template("template") };
        let template = keep_template(t, new).await;
        issue(t, template.id, oauth_issuance("ws-2", ending(noon()))).await;
        let open = TemplateUpdate { scope: Some(Default::default()), ..Default::default() };
        t.store.update_template(&operator(), template.id, open).await.unwrap();
        let listed = async |context: AccessContext| {
            let names = walk(t, &context, None, PageRequest::default()).await;
            names.into_iter().collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(listed(caller()).await, texts(["open"]));
        assert_eq!(listed(caller().in_workspace("ws-1")).await, texts(["open", "ws-1"]));
        assert_eq!(listed(insider()).await, texts(["narrow", "open", "ws-1"]));
        assert_eq!(listed(operator()).await, texts(["narrow", "open", "ws-1", "ws-2"]));
    }

    /// What expires is listed by id, not by its end, on pages of any size, whole.
    async fn what_expires_is_listed_by_id(t: &Vaults) {
        for number in 0..9_u32 {
            ends(t, &number.to_string(), after(MINUTE * (9 - number))).await;
            ends(t, &format!("later {number}"), after(DAY)).await;
        }
        let within = Some(MINUTE * 10);
        let page = t.store.expiring(&caller(), within, &PageRequest::default()).await.unwrap();
        assert_eq!((page.items.len(), page.next), (9, None));
        assert!(page.items.is_sorted_by_key(|credential| credential.id));
        let mut names: Vec<_> =
            page.items.into_iter().map(|credential| credential.name).collect();
        for limit in 1..=10 {
            let pages = walk(t, &caller(), within, PageRequest::first(limit)).await;
            assert_eq!(pages, names, "limit {limit}");
        }
        names.reverse();
        for limit in [1, 4, 9, 10] {
            let desc = PageRequest::first(limit).ordered(Order::Desc);
            assert_eq!(walk(t, &caller(), within, desc).await, names, "limit {limit}");
        }
    }

    /// A cursor of another time, order, of other roles, or of another listing is refused.
    async fn a_cursor_of_another_listing_is_refused_for_what_expires(t: &Vaults) {
        for name in ["a", "b", "c"] {
            ends(t, name, noon()).await;
        }
        let first = PageRequest::first(1);
        let page = t.store.expiring(&caller(), Some(MINUTE), &first).await.unwrap();
        let after = first.clone().after(page.next.unwrap());
        let next = t.store.expiring(&caller(), Some(MINUTE), &after).await.unwrap();
        assert_eq!(next.items.len(), 1);
        for within in [None, Some(MINUTE * 2)] {
            assert_invalid(t.store.expiring(&caller(), within, &after).await, "after");
        }
        let desc = after.clone().ordered(Order::Desc);
        assert_invalid(t.store.expiring(&caller(), Some(MINUTE), &desc).await, "after");
        let other = caller().in_workflow("w1");
        assert_invalid(t.store.expiring(&other, Some(MINUTE), &after).await, "after");
        assert_invalid(t.store.due_for_rotation(&caller(), &after).await, "after");
        assert_invalid(t.store.list(&caller(), &after).await, "after");
        let damaged: Cursor = "AAAA".parse().unwrap();
        let damaged = first.after(damaged);
        assert_invalid(t.store.expiring(&caller(), Some(MINUTE), &damaged).await, "after");
    }

    /// A time of 100 years is the longest; a longer one, and a limit outside of 1 to 1000, are
    /// refused before a statement is sent.
    async fn the_time_in_which_tokens_expire_has_a_limit(t: &Vaults) {
        ends(t, "a", noon()).await;
        let page = PageRequest::default();
        let before = t.statements();
        for within in [DAY * 36_526, Duration::from_secs(u64::MAX), Duration::MAX] {
            assert_invalid(t.store.expiring(&caller(), Some(within), &page).await, "within");
        }
        for limit in [0, 1001] {
            let page = PageRequest::first(limit);
            assert_invalid(t.store.expiring(&caller(), None, &page).await, "limit");
        }
        assert_eq!(t.statements(), before);
        assert_eq!(expiring(t, Some(DAY * 36_500)).await, ["a"]);
    }

    /// A page of what expires is one query, whoever asks.
    async fn a_page_of_what_expires_is_one_query(t: &Vaults) {
        issued_for(t, "a", 60, noon()).await;
        ends(t, "b", noon()).await;
        for context in [caller(), insider(), operator()] {
            for within in [None, Some(MINUTE)] {
                let before = t.statements();
                let page = PageRequest::first(1000);
                let page = t.store.expiring(&context, within, &page).await.unwrap();
                assert_eq!((page.items.len(), t.statements() - before), (2, 1));
            }
        }
    }
}
