//! The rate limit and the replay check of webhooks: rows that all processes share.

use std::time::Duration;

use store_core::Error;
use store_core::workflow::{NewWebhook, RateLimit, Run, WebhookConfig};

use super::assert_conflict;
use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{
    ada, at, delivery, hooked, idempotent_webhook, post, runs_of, signed_at, signed_webhook, time,
    with_header,
};

const NOON: i64 = 1_772_452_800;
const DAY: Duration = Duration::from_secs(86_400);

/// A webhook that accepts `limit` requests in a minute, and tells deliveries apart.
fn limited(limit: u32) -> NewWebhook {
    let config = WebhookConfig {
        rate_limit: Some(RateLimit { limit, interval_seconds: 60 }),
        ..idempotent_webhook().config
    };
    NewWebhook { config, ..NewWebhook::default() }
}

#[track_caller]
fn assert_status(answer: store_core::Result<Run>, status: u16) {
    let error = answer.unwrap_err();
    assert_eq!(error.http_status(), Some(status), "{error}");
}

behaviours! {
    emits workflow_webhook_limits_tests from workflow::webhook_limits;

    /// The rate is counted over all handles, and begins anew in the next window.
    async fn the_rate_is_counted_over_all_handles(t: &Workflows) {
        let id = hooked(t, limited(2)).await;
        let other = t.reopened().await;
        t.store.handle_webhook(id, &delivery("1")).await.unwrap();
        other.handle_webhook(id, &delivery("2")).await.unwrap();
        for store in [&t.store, &other] {
            assert_status(store.handle_webhook(id, &delivery("3")).await, 429);
        }
        t.clock.set(time("12:00:59"));
        assert_status(t.store.handle_webhook(id, &delivery("3")).await, 429);
        t.clock.set(time("12:01:00"));
        t.store.handle_webhook(id, &delivery("3")).await.unwrap();
        other.handle_webhook(id, &delivery("4")).await.unwrap();
        assert_status(t.store.handle_webhook(id, &delivery("5")).await, 429);
        assert_eq!(runs_of(t, id).await.len(), 4);
    }

    /// Of 20 requests at once on two handles, as many pass as the limit allows.
    async fn the_rate_holds_under_concurrent_requests(t: &Workflows) {
        let id = hooked(t, limited(7)).await;
        let other = t.reopened().await;
        let mut tasks = Vec::new();
        for number in 0..20 {
            let store = if number % 2 == 0 { t.store.clone() } else { other.clone() };
            tasks.push(tokio::spawn(async move {
                store.handle_webhook(id, &delivery(&number.to_string())).await
            }));
        }
        let mut passed = 0;
        for task in tasks {
            match task.await.unwrap() {
                Ok(_) => passed += 1,
                refused => assert_status(refused, 429),
            }
        }
        assert_eq!((passed, runs_of(t, id).await.len()), (7, 7));
    }

    /// A delivery that came too early is accepted later: its refusal was not kept.
    async fn a_delivery_beyond_the_rate_is_accepted_later(t: &Workflows) {
        let id = hooked(t, limited(1)).await;
        t.store.handle_webhook(id, &delivery("1")).await.unwrap();
        assert_status(t.store.handle_webhook(id, &delivery("2")).await, 429);
        t.clock.set(time("12:01:00"));
        t.store.handle_webhook(id, &delivery("2")).await.unwrap();
    }

    /// A repeated delivery takes nothing of the rate.
    async fn a_repeated_delivery_takes_nothing_of_the_rate(t: &Workflows) {
        let id = hooked(t, limited(2)).await;
        t.store.handle_webhook(id, &delivery("1")).await.unwrap();
        for _ in 0..3 {
            assert_status(t.store.handle_webhook(id, &delivery("1")).await, 409);
        }
        t.store.handle_webhook(id, &delivery("2")).await.unwrap();
        assert_status(t.store.handle_webhook(id, &delivery("3")).await, 429);
    }

    /// The rates of two workflows are apart.
    async fn the_rates_of_two_workflows_are_apart(t: &Workflows) {
        let (one, two) = (hooked(t, limited(1)).await, hooked(t, limited(1)).await);
        t.store.handle_webhook(one, &delivery("1")).await.unwrap();
        t.store.handle_webhook(two, &delivery("1")).await.unwrap();
        assert_status(t.store.handle_webhook(one, &delivery("2")).await, 429);
    }

    /// A signed delivery is accepted once, on whichever handle; the refusal names its run.
    async fn a_signed_delivery_is_accepted_once(t: &Workflows) {
        let id = hooked(t, signed_webhook()).await;
        let other = t.reopened().await;
        let run = t.store.handle_webhook(id, &signed_at(NOON)).await.unwrap();
        for store in [&t.store, &other] {
            let error = store.handle_webhook(id, &signed_at(NOON)).await.unwrap_err();
            assert!(matches!(error, Error::Conflict { .. }), "{error}");
            assert!(error.to_string().contains(&run.id.to_string()), "{error}");
        }
        other.handle_webhook(id, &signed_at(NOON + 1)).await.unwrap();
        assert_eq!(runs_of(t, id).await.len(), 2);
    }

    /// A signature that is written in another way is the same delivery.
    async fn a_signature_in_another_form_is_the_same_delivery(t: &Workflows) {
        let id = hooked(t, signed_webhook()).await;
        t.store.handle_webhook(id, &signed_at(NOON)).await.unwrap();
        let mut upper = signed_at(NOON);
        upper.headers[0].1.make_ascii_uppercase();
        let mut prefixed = signed_at(NOON);
        prefixed.headers[0].1.splice(..0, *b"sha256=");
        let mut padded = signed_at(NOON);
        padded.headers[1].1.insert(0, b'0');
        for request in [upper, prefixed] {
            assert_conflict(t.store.handle_webhook(id, &request).await);
        }
        assert!(t.store.handle_webhook(id, &padded).await.is_err());
        assert_eq!(runs_of(t, id).await.len(), 1);
    }

    /// Of 20 identical signed deliveries at once on two handles, one starts a run.
    async fn concurrent_identical_deliveries_start_one_run(t: &Workflows) {
        let id = hooked(t, signed_webhook()).await;
        let other = t.reopened().await;
        let mut tasks = Vec::new();
        for number in 0..20 {
            let store = if number % 2 == 0 { t.store.clone() } else { other.clone() };
            tasks.push(tokio::spawn(async move {
                store.handle_webhook(id, &signed_at(NOON)).await
            }));
        }
        let mut started = Vec::new();
        for task in tasks {
            match task.await.unwrap() {
                Ok(run) => started.push(run),
                refused => assert_conflict(refused),
            }
        }
        assert_eq!(started.len(), 1);
        assert_eq!(runs_of(t, id).await, started);
        assert_eq!(t.count("SELECT COUNT(*) FROM jobs").await, 1);
    }

    /// A timestamp may lie 300 seconds behind or ahead, and not one more.
    async fn a_timestamp_may_be_five_minutes_off(t: &Workflows) {
        let id = hooked(t, signed_webhook()).await;
        for seconds in [NOON - 301, NOON + 301] {
            assert_status(t.store.handle_webhook(id, &signed_at(seconds)).await, 401);
        }
        for seconds in [NOON - 300, NOON + 300] {
            t.store.handle_webhook(id, &signed_at(seconds)).await.unwrap();
        }
    }

    /// A delivery cannot be repeated by waiting: when it is forgotten, its timestamp is too old.
    async fn a_delivery_that_is_forgotten_is_too_old(t: &Workflows) {
        let id = hooked(t, signed_webhook()).await;
        // Signed five minutes ahead: it stays in time for ten.
        t.store.handle_webhook(id, &signed_at(NOON + 300)).await.unwrap();
        t.clock.set(time("12:10:00"));
        t.store.purge_expired(1000).await.unwrap();
        assert_status(t.store.handle_webhook(id, &signed_at(NOON + 300)).await, 409);
        t.clock.set(time("12:10:02"));
        t.store.purge_expired(1000).await.unwrap();
        assert_status(t.store.handle_webhook(id, &signed_at(NOON + 300)).await, 401);
        assert_eq!(runs_of(t, id).await.len(), 1);
    }

    /// A tolerance of 0 means any age, and not that a delivery may be repeated: ever.
    async fn without_tolerance_a_delivery_of_any_age_is_accepted_once(t: &Workflows) {
        let mut webhook = signed_webhook();
        webhook.config.hmac_tolerance_seconds = 0;
        let id = hooked(t, webhook).await;
        let ten_years_old = signed_at(1_457_092_800);
        t.store.handle_webhook(id, &ten_years_old).await.unwrap();
        assert_conflict(t.store.handle_webhook(id, &ten_years_old).await);
        t.clock.set(at("2036-03-02T12:00:00Z"));
        assert_eq!(t.store.purge_expired(1000).await.unwrap(), 0);
        assert_conflict(t.store.handle_webhook(id, &ten_years_old).await);
    }

    /// Without a timestamp, the idempotency header tells deliveries apart, for seven days.
    async fn the_idempotency_header_is_remembered_for_seven_days(t: &Workflows) {
        let id = hooked(t, idempotent_webhook()).await;
        let run = t.store.handle_webhook(id, &delivery("1")).await.unwrap();
        t.store.handle_webhook(id, &delivery("2")).await.unwrap();
        let error = t.store.handle_webhook(id, &delivery("1")).await.unwrap_err();
        assert!(matches!(&error, Error::Conflict { .. }), "{error}");
        assert!(error.to_string().contains(&run.id.to_string()), "{error}");
        t.clock.advance(DAY * 7 - Duration::from_secs(1)).unwrap();
        t.store.purge_expired(1000).await.unwrap();
        assert_conflict(t.store.handle_webhook(id, &delivery("1")).await);
        t.clock.advance(Duration::from_secs(2)).unwrap();
        t.store.handle_webhook(id, &delivery("1")).await.unwrap();
        assert_conflict(t.store.handle_webhook(id, &delivery("1")).await);
    }

    /// A request without the idempotency header, or with an empty one, is malformed.
    async fn a_request_without_its_idempotency_header_is_malformed(t: &Workflows) {
        let id = hooked(t, idempotent_webhook()).await;
        assert_status(t.store.handle_webhook(id, &post(b"{}")).await, 400);
        assert_status(t.store.handle_webhook(id, &delivery("")).await, 400);
        assert_eq!(runs_of(t, id).await, []);
    }

    /// Without a timestamp and an idempotency header, equal requests are different deliveries.
    async fn without_a_key_equal_requests_are_different_deliveries(t: &Workflows) {
        let mut webhook = signed_webhook();
        webhook.config.hmac_timestamp_header = None;
        let id = hooked(t, webhook).await;
        let signature = crate::samples::BODY_SIGNATURE.as_bytes();
        let body = crate::samples::SIGNED_BODY.as_bytes();
        for _ in 0..2 {
            let request = with_header(post(body), "X-Signature", signature);
            t.store.handle_webhook(id, &request).await.unwrap();
        }
        assert_eq!(runs_of(t, id).await.len(), 2);
    }

    /// The same delivery to two workflows starts a run of each.
    async fn deliveries_to_two_workflows_are_apart(t: &Workflows) {
        let (one, two) =
            (hooked(t, idempotent_webhook()).await, hooked(t, idempotent_webhook()).await);
        t.store.handle_webhook(one, &delivery("1")).await.unwrap();
        t.store.handle_webhook(two, &delivery("1")).await.unwrap();
    }

    /// Setting the rules again forgets no delivery.
    async fn setting_the_rules_again_forgets_no_delivery(t: &Workflows) {
        let id = hooked(t, limited(1)).await;
        t.store.handle_webhook(id, &delivery("1")).await.unwrap();
        t.store.configure_webhook(&ada(), id, idempotent_webhook()).await.unwrap();
        assert_conflict(t.store.handle_webhook(id, &delivery("1")).await);
        t.store.handle_webhook(id, &delivery("2")).await.unwrap();
    }
}
