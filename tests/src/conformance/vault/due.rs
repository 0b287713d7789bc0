//! Credentials whose secret should have been rotated by now.

use store_core::vault::{
    AccessContext, CredentialUpdate, IssuancePolicy, NewTemplate, TemplateUpdate,
};
use store_core::{Clock as _, CredentialId, Cursor, Order, PageRequest, TemplateId, Timestamp};

use super::assert_invalid;
use super::governance::{
    DAY, MICROSECOND, issuance, issue, keep_template, rotated_every, secret, workspace,
};
use crate::behaviours;
use crate::fixture::{Vaults, noon};
use crate::samples::{
    at, caller, insider, kept, narrow_scope, operator, put_template, rotate_secret, secret_of,
    secret_template, texts,
};

/// The names of all credentials that are due, as an operator sees them.
async fn due(t: &Vaults) -> Vec<String> {
    walk(t, &operator(), PageRequest::default()).await
}

/// Walks all pages of what is due and returns the names.
async fn walk(t: &Vaults, context: &AccessContext, first: PageRequest) -> Vec<String> {
    let mut all = Vec::new();
    let mut request = Some(first);
    while let Some(next) = request.take() {
        let page = t.store.due_for_rotation(context, &next).await.unwrap();
        assert!(page.items.len() <= next.limit as usize);
        all.extend(page.items.into_iter().map(|credential| credential.name));
        request = page.next.map(|cursor| next.after(cursor));
    }
    all
}

/// Stores a template of so many days, and issues a credential of the same name from it.
async fn issued_for(t: &Vaults, name: &str, days: u32) -> (TemplateId, CredentialId) {
    let template = put_template(t, rotated_every(name, days)).await;
    (template.id, issue(t, template.id, issuance(name)).await.id)
}

/// Gives a template another rotation period.
async fn set_period(t: &Vaults, template: TemplateId, days: Option<u32>) {
    let policy = IssuancePolicy { rotation_period_days: days, ..IssuancePolicy::default() };
    let update = TemplateUpdate { issuance_policy: Some(policy), ..TemplateUpdate::default() };
    t.store.update_template(&operator(), template, update).await.unwrap();
}

/// Asserts that nothing is due a microsecond before an instant, and the one credential from it on.
async fn assert_due_from(t: &Vaults, instant: Timestamp) {
    t.clock.set(instant.minus(MICROSECOND).unwrap());
    assert!(due(t).await.is_empty(), "before {instant}");
    for later in [instant, instant.plus(MICROSECOND).unwrap(), instant.plus(DAY * 1000).unwrap()] {
        t.clock.set(later);
        assert_eq!(due(t).await, ["a"], "{later}");
    }
}

behaviours! {
    emits vault_due_tests from vault::due;

    /// A credential is due so many days after its secret was stored, to the microsecond.
    async fn a_credential_is_due_at_the_exact_instant(t: &Vaults) {
        t.clock.set(noon().plus(MICROSECOND).unwrap());
        issued_for(t, "a", 30).await;
        assert_due_from(t, at("2026-04-01T12:00:00.000001Z")).await;
    }

    /// A day has 24 hours, also where clocks are changed: those of Europe and America in the
    /// spring.
    async fn a_day_has_24_hours_where_clocks_change(t: &Vaults) {
        for (created, due) in [
            ("2026-03-07T23:59:59.999999Z", "2026-03-08T23:59:59.999999Z"),
            ("2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z"),
            ("2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z"),
            ("2026-10-31T12:00:00Z", "2026-11-01T12:00:00Z"),
        ] {
            t.clock.set(at(created));
            let (template, credential) = issued_for(t, "a", 1).await;
            assert_due_from(t, at(due)).await;
            t.store.delete(&operator(), credential).await.unwrap();
            t.store.delete_template(&operator(), template).await.unwrap();
        }
    }

    /// Days are counted over the ends of months and years, and over leap days.
    async fn days_are_counted_over_leap_days_and_month_ends(t: &Vaults) {
        for (created, days, due) in [
            ("2028-02-28T00:00:00Z", 1, "2028-02-29T00:00:00Z"),
            ("2028-02-29T00:00:00Z", 365, "2029-02-28T00:00:00Z"),
            ("2027-02-28T06:00:00Z", 1, "2027-03-01T06:00:00Z"),
            ("2100-02-28T06:00:00Z", 1, "2100-03-01T06:00:00Z"),
            ("2026-01-31T12:00:00Z", 30, "2026-03-02T12:00:00Z"),
            ("2026-12-31T23:59:59Z", 1, "2027-01-01T23:59:59Z"),
            ("2028-01-01T00:00:00Z", 366, "2029-01-01T00:00:00Z"),
            ("2026-03-02T12:00:00Z", 36_500, "2126-02-06T12:00:00Z"),
        ] {
            t.clock.set(at(created));
            let (template, credential) = issued_for(t, "a", days).await;
            assert_due_from(t, at(due)).await;
            t.store.delete(&operator(), credential).await.unwrap();
            t.store.delete_template(&operator(), template).await.unwrap();
        }
    }

    /// A credential without a template, and one whose policy names no period, are never due.
    async fn a_credential_without_a_period_is_never_due(t: &Vaults) {
        kept(t, "without a template").await;
        let template = put_template(t, secret_template("without a period")).await;
        issue(t, template.id, issuance("without a period")).await;
        issued_for(t, "due", 1).await;
        t.clock.set(at("2999-01-01T00:00:00Z"));
        assert_eq!(due(t).await, ["due"]);
    }

    /// After a rotation a credential is due a whole period later.
    async fn a_rotated_credential_is_due_a_period_later(t: &Vaults) {
        let (_, id) = issued_for(t, "a", 30).await;
        t.clock.advance(DAY * 30).unwrap();
        assert_eq!(due(t).await, ["a"]);
        rotate_secret(t, id, "another").await;
        assert!(due(t).await.is_empty());
        assert_due_from(t, noon().plus(DAY * 60).unwrap()).await;
    }

    /// Another secret by an update, and an older one that is restored, are rotations too; the same
    /// secret and another name are none.
    async fn every_other_secret_is_a_rotation(t: &Vaults) {
        let (_, id) = issued_for(t, "a", 10).await;
        t.clock.advance(DAY * 10).unwrap();
        let with_secret = |text: &str| CredentialUpdate {
            secret: Some(secret(text)),
            ..CredentialUpdate::default()
        };
        let same = with_secret(&secret_of("a"));
        t.store.update(&operator(), id, same).await.unwrap();
        let provider = CredentialUpdate { provider: Some("b".into()), ..Default::default() };
        t.store.update(&operator(), id, provider).await.unwrap();
        assert_eq!(due(t).await, ["a"]);
        t.store.update(&operator(), id, with_secret("another")).await.unwrap();
        assert!(due(t).await.is_empty());
        t.clock.advance(DAY * 10).unwrap();
        assert_eq!(due(t).await, ["a"]);
        t.store.restore_version(&operator(), id, 1).await.unwrap();
        assert!(due(t).await.is_empty());
    }

    /// Credentials are due by the policy of their template as it is, not as it was.
    async fn a_changed_period_counts_for_what_was_issued(t: &Vaults) {
        let (template, _) = issued_for(t, "a", 30).await;
        t.clock.advance(DAY * 20).unwrap();
        assert!(due(t).await.is_empty());
        set_period(t, template, Some(20)).await;
        assert_eq!(due(t).await, ["a"]);
        set_period(t, template, Some(21)).await;
        assert!(due(t).await.is_empty());
        t.clock.advance(DAY * 300).unwrap();
        assert_eq!(due(t).await, ["a"]);
        set_period(t, template, None).await;
        assert!(due(t).await.is_empty());
    }

    /// What was issued from a template that is gone is no longer due.
    async fn a_credential_whose_template_is_gone_is_not_due(t: &Vaults) {
        let (template, _) = issued_for(t, "a", 1).await;
        issued_for(t, "b", 1).await;
        t.clock.advance(DAY).unwrap();
        assert_eq!(due(t).await, ["a", "b"]);
        t.store.delete_template(&operator(), template).await.unwrap();
        assert_eq!(due(t).await, ["b"]);
    }

    /// Listed are the credentials within the caller's reach: by the scope of the credential, not by
    /// that of its template.
    async fn a_caller_is_listed_what_is_due_within_reach(t: &Vaults) {
        for (name, scope) in [("narrow", narrow_scope()), ("ws-1", workspace("ws-1"))] {
            let template = NewTemplate { scope, ..rotated_every(name, 1) };
            let template = keep_template(t, template).await;
            issue(t, template.id, issuance(name)).await;
        }
        let (template, _) = issued_for(t, "open", 1).await;
        let narrow = TemplateUpdate { scope: Some(workspace("ws-2")), ..Default::default() };
        t.store.update_template(&operator(), template, narrow).await.unwrap();
        t.clock.advance(DAY).unwrap();
        let listed = async |context: AccessContext| {
            let names = walk(t, &context, PageRequest::default()).await;
            names.into_iter().collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(listed(caller()).await, texts(["open"]));
        assert_eq!(listed(caller().in_workspace("ws-1")).await, texts(["open", "ws-1"]));
        assert_eq!(listed(insider()).await, texts(["narrow", "open", "ws-1"]));
        assert_eq!(listed(operator()).await, texts(["narrow", "open", "ws-1"]));
    }

    /// What is due is listed by id, on pages of any size, whole.
    async fn what_is_due_is_listed_by_id(t: &Vaults) {
        let template = put_template(t, rotated_every("every day", 1)).await;
        let never = put_template(t, secret_template("never")).await;
        let mut issued = Vec::new();
        for number in 0..9 {
            issued.push(issue(t, template.id, issuance(&number.to_string())).await);
            issue(t, never.id, issuance(&format!("never {number}"))).await;
        }
        t.clock.advance(DAY).unwrap();
        issued.sort_by_key(|credential| credential.id);
        let page = t.store.due_for_rotation(&caller(), &PageRequest::default()).await.unwrap();
        assert_eq!((&page.items, page.next), (&issued, None));
        let mut names: Vec<_> = issued.iter().map(|credential| credential.name.clone()).collect();
        for limit in 1..=10 {
            let pages = walk(t, &caller(), PageRequest::first(limit)).await;
            assert_eq!(pages, names, "limit {limit}");
        }
        names.reverse();
        for limit in [1, 4, 9, 10] {
            let desc = PageRequest::first(limit).ordered(Order::Desc);
            assert_eq!(walk(t, &caller(), desc).await, names, "limit {limit}");
        }
    }

    /// A walk that rotates what it is shown, and is slow, visits each credential once.
    async fn a_walk_that_rotates_visits_each_credential_once(t: &Vaults) {
        let template = put_template(t, rotated_every("every day", 1)).await;
        for number in 0..10 {
            issue(t, template.id, issuance(&number.to_string())).await;
        }
        t.clock.advance(DAY).unwrap();
        let mut seen = 0;
        let mut request = Some(PageRequest::first(3));
        while let Some(next) = request.take() {
            let page = t.store.due_for_rotation(&operator(), &next).await.unwrap();
            for credential in &page.items {
                rotate_secret(t, credential.id, &format!("another {seen}")).await;
                seen += 1;
            }
            t.clock.advance(MICROSECOND).unwrap();
            request = page.next.map(|cursor| next.after(cursor));
        }
        assert_eq!(seen, 10);
        assert!(due(t).await.is_empty(), "{}", t.clock.now());
    }

    /// A cursor of another order, of other roles, or of another listing is refused.
    async fn a_cursor_of_another_listing_is_refused_for_what_is_due(t: &Vaults) {
        let template = put_template(t, rotated_every("every day", 1)).await;
        for number in 0..3 {
            issue(t, template.id, issuance(&number.to_string())).await;
        }
        t.clock.advance(DAY).unwrap();
        let first = PageRequest::first(1);
        let page = t.store.due_for_rotation(&caller(), &first).await.unwrap();
        let after = first.clone().after(page.next.unwrap());
        assert_eq!(t.store.due_for_rotation(&caller(), &after).await.unwrap().items.len(), 1);
        let desc = after.clone().ordered(Order::Desc);
        assert_invalid(t.store.due_for_rotation(&caller(), &desc).await, "after");
        let other = caller().with_roles(["ops"]);
        assert_invalid(t.store.due_for_rotation(&other, &after).await, "after");
        assert_invalid(t.store.expiring(&caller(), None, &after).await, "after");
        assert_invalid(t.store.list(&caller(), &after).await, "after");
        let foreign = t.store.list(&caller(), &first).await.unwrap().next.unwrap();
        let foreign = first.clone().after(foreign);
        assert_invalid(t.store.due_for_rotation(&caller(), &foreign).await, "after");
        let damaged: Cursor = "AAAA".parse().unwrap();
        let damaged = first.after(damaged);
        assert_invalid(t.store.due_for_rotation(&caller(), &damaged).await, "after");
    }

    /// A page of what is due is one query; a limit outside of 1 to 1000 is refused before one is
    /// sent.
    async fn a_page_of_what_is_due_is_one_query(t: &Vaults) {
        issued_for(t, "a", 1).await;
        t.clock.advance(DAY).unwrap();
        let before = t.statements();
        for limit in [0, 1001] {
            let page = PageRequest::first(limit);
            assert_invalid(t.store.due_for_rotation(&caller(), &page).await, "limit");
        }
        assert_eq!(t.statements(), before);
        for context in [caller(), insider(), operator()] {
            let before = t.statements();
            let page = PageRequest::first(1000);
            let page = t.store.due_for_rotation(&context, &page).await.unwrap();
            assert_eq!((page.items.len(), t.statements() - before), (1, 1));
        }
    }
}
