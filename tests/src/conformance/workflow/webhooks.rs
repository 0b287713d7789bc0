//! Webhooks: what is stored, what is refused, and the runs that requests start.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

use serde_json::{Value, json};
use store_core::WorkflowId;
use store_core::workflow::{
    HmacAlgorithm, NewWebhook, Patch, RateLimit, RunStatus, WebhookConfig, WebhookRequest,
    WebhookTrigger,
};

use super::{assert_invalid, assert_not_found};
use crate::behaviours;
use crate::fixture::{Workflows, noon};
use crate::samples::{
    actions_of, ada, assert_set_and_deleted, created, hooked, idempotent_webhook, post, runnable,
    runs_of, secret, shared_webhook, time, versioned, with_header,
};

/// Rules with every field, not yet in the form that is stored.
fn full() -> WebhookConfig {
    let map = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
    WebhookConfig {
        allowed_methods: vec!["put".into(), "POST".into(), "Put".into()],
        required_headers: map("X-Kind", "Push"),
        required_query_params: map("Über", "späße 🎉"),
        shared_secret_header: Some("X-Secret".into()),
        hmac_header: Some("X-Signature".into()),
        hmac_algorithm: HmacAlgorithm::Sha512,
        signature_prefix: Some("v1=".into()),
        hmac_timestamp_header: Some("X-Timestamp".into()),
        hmac_tolerance_seconds: 0,
        rate_limit: Some(RateLimit { limit: 5, interval_seconds: 60 }),
        idempotency_header: Some("X-Delivery".into()),
    }
}

/// The same rules in the form that is stored.
fn full_stored() -> WebhookConfig {
    WebhookConfig {
        allowed_methods: vec!["POST".into(), "PUT".into()],
        required_headers: BTreeMap::from([("x-kind".to_owned(), "Push".to_owned())]),
        shared_secret_header: Some("x-secret".into()),
        hmac_header: Some("x-signature".into()),
        hmac_timestamp_header: Some("x-timestamp".into()),
        idempotency_header: Some("x-delivery".into()),
        ..full()
    }
}

/// Webhooks that are refused, beside a webhook without any secret.
fn refused() -> Vec<NewWebhook> {
    let with = |config| NewWebhook { config, ..NewWebhook::default() };
    let plain = WebhookConfig::default;
    let rate = |limit, interval_seconds| WebhookConfig {
        rate_limit: Some(RateLimit { limit, interval_seconds }),
        ..plain()
    };
    let methods = |methods: &[&str]| WebhookConfig {
        allowed_methods: methods.iter().map(|&method| method.to_owned()).collect(),
        ..plain()
    };
    let mut refused: Vec<_> = [
        methods(&[]),
        methods(&["GET", ""]),
        methods(&["G T"]),
        rate(0, 60),
        rate(1, 0),
        WebhookConfig { shared_secret_header: Some("X-Secret".into()), ..plain() },
        WebhookConfig { hmac_header: Some("X-Signature".into()), ..plain() },
        WebhookConfig { hmac_timestamp_header: Some("X-Timestamp".into()), ..plain() },
        WebhookConfig { idempotency_header: Some("späße".into()), ..plain() },
        WebhookConfig { required_headers: BTreeMap::from([("a b".into(), "c".into())]), ..plain() },
        WebhookConfig {
            required_query_params: BTreeMap::from([("a".into(), "\0".into())]),
            ..plain()
        },
    ]
    .map(with)
    .into();
    refused.extend([
        NewWebhook { shared_secret: Patch::Set(secret("lonely")), ..NewWebhook::default() },
        NewWebhook { hmac_secret: Patch::Set(secret("lonely")), ..NewWebhook::default() },
        shared_webhook(""),
        shared_webhook("a\0b"),
        shared_webhook(&"x".repeat(4097)),
    ]);
    refused
}

/// Sends a body to a fresh webhook and returns the input of its run.
async fn input(t: &Workflows, request: WebhookRequest) -> Value {
    let id = hooked(t, NewWebhook::default()).await;
    t.store.handle_webhook(id, &request).await.unwrap().input
}

behaviours! {
    emits workflow_webhooks_tests from workflow::webhooks;

    /// Every field of a webhook comes back in the form that is stored.
    async fn every_field_of_a_webhook_round_trips(t: &Workflows) {
        let workflow = created(t).await;
        let new = NewWebhook {
            config: full(),
            shared_secret: Patch::Set(secret("shared")),
            hmac_secret: Patch::Set(secret("signing")),
        };
        let set = t.store.configure_webhook(&ada(), workflow.id, new).await.unwrap();
        let expected = WebhookTrigger {
            workflow_id: workflow.id,
            config: full_stored(),
            has_shared_secret: true,
            has_hmac_secret: true,
            created_at: noon(),
            updated_at: noon(),
        };
        assert_eq!(set, expected);
        assert_eq!(t.store.find_webhook(workflow.id).await.unwrap(), Some(expected));
    }

    /// A webhook of defaults, and each algorithm, come back as they were given.
    async fn every_algorithm_round_trips(t: &Workflows) {
        let id = hooked(t, NewWebhook::default()).await;
        let stored = t.store.find_webhook(id).await.unwrap().unwrap();
        assert_eq!(stored.config, WebhookConfig::default());
        assert!(!stored.has_shared_secret && !stored.has_hmac_secret);
        let algorithms = [
            HmacAlgorithm::Sha256,
            HmacAlgorithm::Sha384,
            HmacAlgorithm::Sha512,
            HmacAlgorithm::Sha1,
        ];
        for hmac_algorithm in algorithms {
            let config = WebhookConfig { hmac_algorithm, ..WebhookConfig::default() };
            let new = NewWebhook { config: config.clone(), ..NewWebhook::default() };
            t.store.configure_webhook(&ada(), id, new).await.unwrap();
            assert_eq!(t.store.find_webhook(id).await.unwrap().unwrap().config, config);
        }
    }

    /// Setting a webhook again replaces its rules and keeps when it was first set.
    async fn setting_a_webhook_again_replaces_its_rules(t: &Workflows) {
        let id = hooked(t, idempotent_webhook()).await;
        t.clock.set(time("13:00:00"));
        let set = t.store.configure_webhook(&ada(), id, NewWebhook::default()).await.unwrap();
        assert_eq!(set.config, WebhookConfig::default());
        assert_eq!((set.created_at, set.updated_at), (noon(), time("13:00:00")));
        assert_eq!(t.store.find_webhook(id).await.unwrap(), Some(set));
    }

    /// What is no webhook is `Invalid`, and the one that was set stays.
    async fn what_is_no_webhook_is_refused(t: &Workflows) {
        let id = hooked(t, idempotent_webhook()).await;
        let fresh = runnable(t).await;
        let before = (t.store.find_webhook(id).await.unwrap(), actions_of(t, id).await);
        for new in refused() {
            let label = format!("{new:?}");
            for id in [id, fresh.id] {
                let answer = t.store.configure_webhook(&ada(), id, new.clone()).await;
                assert!(answer.is_err(), "{label}");
                assert_invalid(answer, "webhook");
            }
        }
        assert_eq!((t.store.find_webhook(id).await.unwrap(), actions_of(t, id).await), before);
        assert_eq!(t.store.find_webhook(fresh.id).await.unwrap(), None);
    }

    /// An absent workflow takes no webhook, has none to delete, and answers no request.
    async fn a_webhook_of_an_absent_workflow_is_not_found(t: &Workflows) {
        let id = WorkflowId::mint();
        assert_not_found(t.store.configure_webhook(&ada(), id, NewWebhook::default()).await);
        assert_not_found(t.store.delete_webhook(&ada(), id).await);
        assert_not_found(t.store.handle_webhook(id, &post(b"{}")).await);
        assert_eq!(t.store.find_webhook(id).await.unwrap(), None);
    }

    /// A workflow without a webhook answers no request.
    async fn a_workflow_without_a_webhook_answers_no_request(t: &Workflows) {
        let workflow = runnable(t).await;
        assert_eq!(t.store.find_webhook(workflow.id).await.unwrap(), None);
        assert_not_found(t.store.handle_webhook(workflow.id, &post(b"{}")).await);
        assert_not_found(t.store.delete_webhook(&ada(), workflow.id).await);
        assert_eq!(runs_of(t, workflow.id).await, []);
    }

    /// Setting and deleting a webhook is audited, without what it holds.
    async fn setting_and_deleting_a_webhook_is_audited(t: &Workflows) {
        let id = hooked(t, shared_webhook("s3cret")).await;
        t.store.delete_webhook(&ada(), id).await.unwrap();
        assert_set_and_deleted(t, id, "webhook").await;
    }

    /// An accepted request starts a pending run of the latest version, with its job.
    async fn an_accepted_request_starts_a_run(t: &Workflows) {
        let id = hooked(t, NewWebhook::default()).await;
        let latest = versioned(t, id).await;
        let request = WebhookRequest {
            query: vec![("a".into(), "1".into())],
            source_ip: Some(IpAddr::V6(Ipv6Addr::LOCALHOST)),
            ..with_header(post(br#"{"n": 1.5}"#), "X-Kind", b"push")
        };
        let run = t.store.handle_webhook(id, &request).await.unwrap();
        assert_eq!((run.workflow_id, run.workflow_version_id), (id, latest.id));
        assert_eq!((run.status, run.triggered_by.as_str()), (RunStatus::Pending, "webhook"));
        let expected = json!({
            "body": {"n": 1.5},
            "headers": {"x-kind": "push"},
            "query_params": {"a": "1"},
            "source_ip": "::1",
        });
        assert_eq!(run.input, expected);
        assert_eq!(runs_of(t, id).await, [run]);
        let jobs = t.rows("SELECT kind, state FROM jobs WHERE run_id IS NOT NULL").await;
        assert_eq!(jobs, [["run", "available"]]);
    }

    /// A body that is JSON is the input as JSON, whatever JSON it is.
    async fn a_body_of_json_is_kept_as_json(t: &Workflows) {
        for body in [r#"{"a": [null, "späße"]}"#, "[]", "17", "\"text\"", "null", "true"] {
            let given: Value = body.parse().unwrap();
            assert_eq!(input(t, post(body.as_bytes())).await["body"], given, "{body}");
        }
    }

    /// A body that is not JSON is kept as text.
    async fn a_body_that_is_not_json_is_kept_as_text(t: &Workflows) {
        for body in ["späße 🎉", "{\"a\":", "a=1&b=2", "[1] [2]"] {
            let input = input(t, post(body.as_bytes())).await;
            assert_eq!(input["body"], json!({"raw": body}), "{body}");
        }
    }

    /// A body that is no text is kept in base64.
    async fn a_body_that_is_no_text_is_kept_in_base64(t: &Workflows) {
        let body = input(t, post(&[0xff, 0x00, 0xfe, 0x80])).await["body"].take();
        assert_eq!(body["raw"], "/wD+gA==");
        assert_ne!(body, json!({"raw": "/wD+gA=="}), "told apart from a text that reads so");
    }

    /// A workflow without a version answers `NotFound`; once it has one, the delivery is accepted.
    async fn a_delivery_without_a_version_consumes_nothing(t: &Workflows) {
        let workflow = created(t).await;
        let limited = WebhookConfig {
            rate_limit: Some(RateLimit { limit: 1, interval_seconds: 60 }),
            ..idempotent_webhook().config
        };
        let new = NewWebhook { config: limited, ..NewWebhook::default() };
        t.store.configure_webhook(&ada(), workflow.id, new).await.unwrap();
        let delivery = with_header(post(b"{}"), "X-Delivery", b"one");
        assert_not_found(t.store.handle_webhook(workflow.id, &delivery).await);
        versioned(t, workflow.id).await;
        let run = t.store.handle_webhook(workflow.id, &delivery).await.unwrap();
        assert_eq!(runs_of(t, workflow.id).await, [run]);
    }

    /// A webhook of one workflow starts no run of another, and is not seen by another database.
    async fn a_webhook_is_of_one_workflow(t: &Workflows) {
        let other = t.other().await;
        let (one, two) = (hooked(t, NewWebhook::default()).await, runnable(t).await.id);
        t.store.handle_webhook(one, &post(b"{}")).await.unwrap();
        assert_not_found(t.store.handle_webhook(two, &post(b"{}")).await);
        assert_not_found(other.handle_webhook(one, &post(b"{}")).await);
        assert_eq!((runs_of(t, one).await.len(), runs_of(t, two).await.len()), (1, 0));
    }
}
