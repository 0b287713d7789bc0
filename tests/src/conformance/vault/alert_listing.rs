//! Listing alerts: filters, scopes, order, cursors.

use std::time::Duration;

use store_core::vault::{AccessContext, AlertFilter, AlertKind, NewAlert, NewTemplate};
use store_core::{Clock as _, CredentialId, Cursor, Order, PageRequest};

use super::assert_invalid;
use super::governance::{alert, alert_about, keep_template, record, workspace};
use crate::behaviours;
use crate::fixture::Vaults;
use crate::samples::{
    caller, insider, kept, narrow_scope, operator, put_credential, scoped, secret_template,
};

const SECOND: Duration = Duration::from_secs(1);

/// The messages of all that a filter means, oldest first.
async fn listed(t: &Vaults, filter: &AlertFilter) -> Vec<String> {
    walk(t, &operator(), filter, PageRequest::default().ordered(Order::Asc)).await
}

/// Walks all pages of a listing and returns the messages.
async fn walk(
    t: &Vaults,
    context: &AccessContext,
    filter: &AlertFilter,
    first: PageRequest,
) -> Vec<String> {
    let mut all = Vec::new();
    let mut request = Some(first);
    while let Some(next) = request.take() {
        let page = t.store.list_alerts(context, filter, &next).await.unwrap();
        assert!(page.items.len() <= next.limit as usize);
        all.extend(page.items.into_iter().map(|alert| alert.message));
        request = page.next.map(|cursor| next.after(cursor));
    }
    all
}

fn everything() -> AlertFilter {
    AlertFilter { with_acknowledged: true, ..AlertFilter::default() }
}

/// Records an alert a second after the one before.
async fn next(t: &Vaults, new: NewAlert) -> store_core::vault::Alert {
    t.clock.advance(SECOND).unwrap();
    record(t, new).await
}

/// Records so many alerts, each about a credential of its own, and acknowledges every third.
async fn numbered(t: &Vaults, count: usize) -> Vec<CredentialId> {
    let mut credentials = Vec::new();
    for number in 0..count {
        let credential = kept(t, &format!("{number:02}")).await.id;
        let kind = AlertKind::ALL[number % 3];
        let recorded = next(t, alert_about(credential, kind, &format!("{number:02}"))).await;
        if number % 4 == 3 {
            t.store.acknowledge_alert(&operator(), recorded.id).await.unwrap();
        }
        credentials.push(credential);
    }
    credentials
}

behaviours! {
    emits vault_alert_listing_tests from vault::alert_listing;

    /// The newest alert comes first, or the oldest when asked, with all of its fields. Recording
    /// one again, or acknowledging it, does not move it.
    async fn alerts_are_listed_newest_first(t: &Vaults) {
        let mut stored = Vec::new();
        for name in ["b", "c", "a"] {
            let credential = kept(t, name).await.id;
            stored.push(next(t, alert_about(credential, AlertKind::TokenExpiring, name)).await);
        }
        let again = stored[0].credential_id.unwrap();
        stored[0] = next(t, alert_about(again, AlertKind::TokenExpiring, "again")).await;
        t.clock.advance(SECOND).unwrap();
        stored[1] = t.store.acknowledge_alert(&operator(), stored[1].id).await.unwrap();
        let asc = PageRequest::default().ordered(Order::Asc);
        let page = t.store.list_alerts(&caller(), &everything(), &asc).await.unwrap();
        assert_eq!((&page.items, page.next), (&stored, None));
        stored.reverse();
        let page = PageRequest::default();
        let page = t.store.list_alerts(&caller(), &everything(), &page).await.unwrap();
        assert_eq!(page.items, stored);
    }

    /// Alerts of one instant come in the order of their ids, on pages of any size.
    async fn alerts_of_one_instant_are_listed_by_id(t: &Vaults) {
        let mut stored = Vec::new();
        for number in 0..7 {
            let name = number.to_string();
            let credential = kept(t, &name).await.id;
            stored.push(record(t, alert_about(credential, AlertKind::TokenExpiring, &name)).await);
        }
        stored.sort_by_key(|alert| alert.id);
        let mut messages: Vec<_> = stored.into_iter().map(|alert| alert.message).collect();
        for limit in 1..=8 {
            let asc = PageRequest::first(limit).ordered(Order::Asc);
            assert_eq!(walk(t, &caller(), &everything(), asc).await, messages, "limit {limit}");
        }
        messages.reverse();
        for limit in 1..=8 {
            let desc = PageRequest::first(limit);
            assert_eq!(walk(t, &caller(), &everything(), desc).await, messages, "limit {limit}");
        }
    }

    /// Acknowledged alerts are listed when asked for.
    async fn acknowledged_alerts_are_listed_when_asked_for(t: &Vaults) {
        numbered(t, 6).await;
        assert_eq!(listed(t, &AlertFilter::default()).await, ["00", "01", "02", "04", "05"]);
        assert_eq!(listed(t, &everything()).await, ["00", "01", "02", "03", "04", "05"]);
    }

    /// Alerts are filtered by a credential; one that is not there has none.
    async fn alerts_are_filtered_by_a_credential(t: &Vaults) {
        let credentials = numbered(t, 4).await;
        next(t, alert_about(credentials[1], AlertKind::TokenExpiring, "another")).await;
        next(t, alert(AlertKind::ValidationFailed, "about nothing")).await;
        let about = |credential_id, filter| AlertFilter { credential_id, ..filter };
        let one = Some(credentials[1]);
        assert_eq!(listed(t, &about(one, everything())).await, ["01", "another"]);
        let seen = Some(credentials[3]);
        assert!(listed(t, &about(seen, AlertFilter::default())).await.is_empty());
        assert_eq!(listed(t, &about(seen, everything())).await, ["03"]);
        let absent = Some(CredentialId::mint());
        assert!(listed(t, &about(absent, everything())).await.is_empty());
    }

    /// Alerts are filtered by their kind.
    async fn alerts_are_filtered_by_kind(t: &Vaults) {
        numbered(t, 6).await;
        for (number, &kind) in AlertKind::ALL.iter().enumerate() {
            let filter = AlertFilter { kind: Some(kind), ..everything() };
            let expected = [format!("{number:02}"), format!("{:02}", number + 3)];
            assert_eq!(listed(t, &filter).await, expected, "{kind}");
        }
    }

    /// Filters hold together, also from page to page.
    async fn all_parts_of_a_filter_of_alerts_hold_together(t: &Vaults) {
        let credentials = numbered(t, 24).await;
        let kind = Some(AlertKind::ALL[0]);
        let open = AlertFilter { kind, ..AlertFilter::default() };
        for limit in [1, 2, 3, 6, 7] {
            let asc = PageRequest::first(limit).ordered(Order::Asc);
            let expected = ["00", "06", "09", "12", "18", "21"];
            assert_eq!(walk(t, &caller(), &open, asc).await, expected, "limit {limit}");
        }
        let one = AlertFilter { credential_id: Some(credentials[6]), ..open.clone() };
        assert_eq!(listed(t, &one).await, ["06"]);
        let other = AlertFilter { credential_id: Some(credentials[7]), ..open };
        assert!(listed(t, &other).await.is_empty());
    }

    /// Listed are the alerts whose scope allows the caller, on full pages.
    async fn a_caller_is_listed_the_alerts_within_reach(t: &Vaults) {
        next(t, alert(AlertKind::TokenExpiring, "open")).await;
        for (name, scope) in [("narrow", narrow_scope()), ("ws-1", workspace("ws-1"))] {
            let credential = put_credential(t, scoped(name, scope)).await.id;
            next(t, alert_about(credential, AlertKind::TokenExpiring, name)).await;
        }
        let new = NewTemplate { scope: workspace("ws-2"), ..secret_template("a") };
        let template_id = Some(keep_template(t, new).await.id);
        let new = NewAlert { template_id, ..alert(AlertKind::TokenExpiring, "ws-2") };
        next(t, new).await;
        let seen = async |context: AccessContext, limit| {
            let asc = PageRequest::first(limit).ordered(Order::Asc);
            walk(t, &context, &AlertFilter::default(), asc).await
        };
        for limit in [1, 2, 50] {
            assert_eq!(seen(caller(), limit).await, ["open"]);
            assert_eq!(seen(caller().in_workspace("ws-1"), limit).await, ["open", "ws-1"]);
            assert_eq!(seen(caller().in_workspace("ws-2"), limit).await, ["open", "ws-2"]);
            assert_eq!(seen(insider(), limit).await, ["open", "narrow", "ws-1"]);
            assert_eq!(seen(operator(), limit).await, ["open", "narrow", "ws-1", "ws-2"]);
        }
        let full = PageRequest::first(1);
        let page = t.store.list_alerts(&caller(), &AlertFilter::default(), &full).await.unwrap();
        assert_eq!(page.next, None, "nothing else is within reach");
    }

    /// A walk over the open alerts that acknowledges what it is shown visits each once.
    async fn a_walk_that_acknowledges_visits_each_alert_once(t: &Vaults) {
        numbered(t, 12).await;
        let mut seen = Vec::new();
        let mut request = Some(PageRequest::first(2));
        while let Some(next) = request.take() {
            let open = AlertFilter::default();
            let page = t.store.list_alerts(&operator(), &open, &next).await.unwrap();
            for alert in page.items {
                t.store.acknowledge_alert(&operator(), alert.id).await.unwrap();
                seen.push(alert.message);
            }
            request = page.next.map(|cursor| next.after(cursor));
        }
        seen.reverse();
        assert_eq!(seen, ["00", "01", "02", "04", "05", "06", "08", "09", "10"]);
        assert!(listed(t, &AlertFilter::default()).await.is_empty(), "{}", t.clock.now());
    }

    /// A cursor of another filter, another order, other roles, or another listing is refused.
    async fn a_cursor_of_another_listing_of_alerts_is_refused(t: &Vaults) {
        let credentials = numbered(t, 3).await;
        let first = PageRequest::first(1);
        let open = AlertFilter::default();
        let page = t.store.list_alerts(&caller(), &open, &first).await.unwrap();
        let after = first.clone().after(page.next.unwrap());
        let next = t.store.list_alerts(&caller(), &open, &after).await.unwrap();
        assert_eq!(next.items[0].message, "01");
        for filter in [
            everything(),
            AlertFilter { credential_id: Some(credentials[0]), ..open.clone() },
            AlertFilter { kind: Some(AlertKind::TokenExpiring), ..open.clone() },
        ] {
            assert_invalid(t.store.list_alerts(&caller(), &filter, &after).await, "after");
        }
        let other = caller().in_workspace("ws-1");
        assert_invalid(t.store.list_alerts(&other, &open, &after).await, "after");
        let asc = after.clone().ordered(Order::Asc);
        assert_invalid(t.store.list_alerts(&caller(), &open, &asc).await, "after");
        assert_invalid(t.store.list(&caller(), &after).await, "after");
        assert_invalid(t.store.list_templates(&caller(), &after).await, "after");
        let damaged: Cursor = "AAAA".parse().unwrap();
        let damaged = first.after(damaged);
        assert_invalid(t.store.list_alerts(&caller(), &open, &damaged).await, "after");
    }

    /// A page of alerts is one query; a limit outside of 1 to 1000 is refused before one is sent.
    async fn a_page_of_alerts_is_one_query(t: &Vaults) {
        numbered(t, 8).await;
        let before = t.statements();
        for limit in [0, 1001] {
            let page = PageRequest::first(limit);
            let answer = t.store.list_alerts(&caller(), &everything(), &page).await;
            assert_invalid(answer, "limit");
        }
        assert_eq!(t.statements(), before);
        for context in [caller(), insider(), operator()] {
            for limit in [1, 1000] {
                let before = t.statements();
                let page = PageRequest::first(limit);
                t.store.list_alerts(&context, &everything(), &page).await.unwrap();
                assert_eq!(t.statements() - before, 1);
            }
        }
    }

    /// Alerts of two databases have nothing to do with each other.
    async fn alerts_of_two_databases_do_not_meet(t: &Vaults) {
        record(t, alert(AlertKind::TokenExpiring, "here")).await;
        let other = t.other().await;
        let page = PageRequest::default();
        let page = other.list_alerts(&operator(), &everything(), &page).await.unwrap();
        assert!(page.items.is_empty());
    }
}
