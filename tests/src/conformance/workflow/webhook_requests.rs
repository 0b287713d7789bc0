//! Requests that webhooks refuse: in which order, with which status, and what is consumed.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use store_core::workflow::{NewWebhook, RateLimit, WebhookConfig, WebhookRequest};
use store_core::{Denial, Error, WorkflowId};

use super::{assert_invalid, assert_invalid_state};
use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{
    BODY_SIGNATURE, HMAC_SECRET, SIGNED_BODY, ada, audit_of, delivery, hooked, idempotent_webhook,
    post, runs_of, shared_webhook, signed_at, signed_webhook, time, with_header,
};

const NOON: i64 = 1_772_452_800;

/// A webhook that checks all there is to check, and accepts one request in a minute.
fn strict() -> NewWebhook {
    let (shared, signed) = (shared_webhook("s3cret"), signed_webhook());
    let config = WebhookConfig {
        allowed_methods: vec!["POST".into()],
        required_headers: BTreeMap::from([("X-Kind".into(), "push".into())]),
        required_query_params: BTreeMap::from([("token".into(), "abc".into())]),
        shared_secret_header: shared.config.shared_secret_header,
        rate_limit: Some(RateLimit { limit: 1, interval_seconds: 60 }),
        ..signed.config
    };
    NewWebhook { config, shared_secret: shared.shared_secret, hmac_secret: signed.hmac_secret }
}

/// What the strict webhook accepts, signed at that instant.
fn right(seconds: i64) -> WebhookRequest {
    let request = with_header(signed_at(seconds), "X-Kind", b"push");
    let request = with_header(request, "X-Secret", b"s3cret");
    WebhookRequest { query: vec![("token".into(), "abc".into())], ..request }
}

fn without(mut request: WebhookRequest, header: &str) -> WebhookRequest {
    request.headers.retain(|(name, _)| name != header);
    request
}

/// Sends a request that is refused, and returns the HTTP status that says so.
async fn status(t: &Workflows, id: WorkflowId, request: &WebhookRequest) -> u16 {
    let error = t.store.handle_webhook(id, request).await.unwrap_err();
    if let Error::Denied { reason } = &error {
        assert_eq!(error.http_status(), Some(reason.http_status()));
    }
    error.http_status().unwrap_or_else(|| panic!("{error}"))
}

/// Bodies that break the JSON policy: NUL in JSON and in text, and deep nesting.
fn unfit_bodies() -> [Vec<u8>; 3] {
    let deep = format!("{}1{}", "[".repeat(110), "]".repeat(110));
    [br#"{"a": ["\u0000"]}"#.to_vec(), b"a\0b".to_vec(), deep.into_bytes()]
}

behaviours! {
    emits workflow_webhook_requests_tests from workflow::webhook_requests;

    /// A request is checked for its method, its headers, its query, then who sent it; last come
    /// the rate and the replay.
    async fn a_request_is_checked_in_order(t: &Workflows) {
        let id = hooked(t, strict()).await;
        let mut request = WebhookRequest { method: "GET".into(), ..WebhookRequest::default() };
        assert_eq!(status(t, id, &request).await, 405);
        request.method = "post".into();
        assert_eq!(status(t, id, &request).await, 400, "a header is missing");
        request = with_header(request, "x-kind", b"push");
        assert_eq!(status(t, id, &request).await, 400, "a parameter is missing");
        request.query.push(("token".into(), "abc".into()));
        assert_eq!(status(t, id, &request).await, 401, "the signature is missing");
        request.headers.extend(signed_at(NOON).headers);
        request.body = SIGNED_BODY.into();
        assert_eq!(status(t, id, &request).await, 401, "the secret is missing");
        request = with_header(request, "X-SECRET", b"s3cret");
        let run = t.store.handle_webhook(id, &request).await.unwrap();
        assert_eq!(status(t, id, &request).await, 429, "the rate comes before the replay");
        t.clock.set(time("12:01:00"));
        assert_eq!(status(t, id, &request).await, 409);
        assert_eq!(runs_of(t, id).await, [run]);
    }

    /// Each refusal says why, with the status of HTTP.
    async fn each_refusal_has_its_reason(t: &Workflows) {
        let id = hooked(t, strict()).await;
        let wrong = [
            (WebhookRequest { method: "PUT".into(), ..right(NOON) }, Denial::MethodNotAllowed),
            (with_header(without(right(NOON), "X-Kind"), "X-Kind", b"Push"), Denial::Malformed),
            (WebhookRequest { query: Vec::new(), ..right(NOON) }, Denial::Malformed),
            (WebhookRequest { body: b"Hello".to_vec(), ..right(NOON) }, Denial::Unauthenticated),
            (without(right(NOON), "X-Timestamp"), Denial::Unauthenticated),
            (without(right(NOON), "X-Secret"), Denial::Unauthenticated),
        ];
        for (request, expected) in wrong {
            let error = t.store.handle_webhook(id, &request).await.unwrap_err();
            assert!(matches!(&error, Error::Denied { reason } if *reason == expected), "{error}");
        }
        assert_eq!(runs_of(t, id).await, []);
    }

    /// What is refused consumes neither the rate nor the replay: the right request then passes.
    async fn a_refused_request_consumes_nothing(t: &Workflows) {
        let id = hooked(t, strict()).await;
        let wrong = [
            WebhookRequest { method: "GET".into(), ..right(NOON) },
            without(right(NOON), "X-Kind"),
            WebhookRequest { query: Vec::new(), ..right(NOON) },
            without(right(NOON), "X-Signature"),
            with_header(without(right(NOON), "X-Secret"), "X-Secret", b"S3cret"),
        ];
        for request in &wrong {
            assert!((400..=405).contains(&status(t, id, request).await));
        }
        assert_eq!(t.count("SELECT COUNT(*) FROM workflow_webhook_deliveries").await, 0);
        t.store.handle_webhook(id, &right(NOON)).await.unwrap();
        assert_eq!(runs_of(t, id).await.len(), 1);
    }

    /// A signature is over the bytes of the body, and accepted in the form GitHub sends.
    async fn a_signature_is_over_the_raw_body(t: &Workflows) {
        let mut webhook = signed_webhook();
        webhook.config.hmac_timestamp_header = None;
        let id = hooked(t, webhook).await;
        let header = format!("sha256={BODY_SIGNATURE}");
        let request = |body: &[u8]| with_header(post(body), "X-Signature", header.as_bytes());
        assert_eq!(status(t, id, &request(b"Hello,  World!")).await, 401);
        assert_eq!(status(t, id, &request(b"")).await, 401);
        let run = t.store.handle_webhook(id, &request(SIGNED_BODY.as_bytes())).await.unwrap();
        assert_eq!(run.input["body"], json!({"raw": SIGNED_BODY}));
    }

    /// Signatures of a wrong length, of no letters, or with bytes above 127 are refused.
    async fn a_signature_that_is_none_is_refused(t: &Workflows) {
        let id = hooked(t, strict()).await;
        let long = [BODY_SIGNATURE, BODY_SIGNATURE].concat();
        let wrong: [&[u8]; 8] = [
            b"", b"sha256=", b"00", &BODY_SIGNATURE.as_bytes()[1..], long.as_bytes(), b"\xff\xfe",
            "sha256=späße".as_bytes(), b"t=1,v1=,,=",
        ];
        for signature in wrong {
            let unsigned = without(right(NOON), "X-Signature");
            let request = with_header(unsigned, "X-Signature", signature);
            assert_eq!(status(t, id, &request).await, 401, "{signature:?}");
        }
        t.store.handle_webhook(id, &right(NOON)).await.unwrap();
    }

    /// Header bytes above 127 are a mismatch where something is expected, else they are let pass.
    async fn header_bytes_above_127_are_no_crash(t: &Workflows) {
        let id = hooked(t, strict()).await;
        for (header, expected) in [("X-Kind", 400), ("X-Secret", 401), ("X-Timestamp", 401)] {
            let request = with_header(without(right(NOON), header), header, b"\xff\x80push");
            assert_eq!(status(t, id, &request).await, expected, "{header}");
        }
        let request = with_header(right(NOON), "X-Note", b"sp\xe4\xdfe");
        let run = t.store.handle_webhook(id, &request).await.unwrap();
        assert!(run.input["headers"]["x-note"].is_string());
    }

    /// Neither the secret nor the signature gets into the run.
    async fn secret_and_signature_do_not_get_into_the_run(t: &Workflows) {
        let id = hooked(t, strict()).await;
        let run = t.store.handle_webhook(id, &right(NOON)).await.unwrap();
        let headers = json!({"x-kind": "push", "x-timestamp": NOON.to_string()});
        assert_eq!(run.input["headers"], headers);
        let text = format!("{run:?}");
        let (_, signature) = crate::samples::SIGNATURES[3];
        for hidden in ["s3cret", signature, HMAC_SECRET] {
            assert!(!text.contains(hidden), "{text}");
        }
    }

    /// A body that breaks the JSON policy is `Invalid` and consumes nothing.
    async fn a_body_that_breaks_the_json_policy_consumes_nothing(t: &Workflows) {
        let mut webhook = idempotent_webhook();
        webhook.config.rate_limit = Some(RateLimit { limit: 1, interval_seconds: 60 });
        let id = hooked(t, webhook).await;
        for body in unfit_bodies() {
            let request = WebhookRequest { body, ..delivery("one") };
            assert_invalid(t.store.handle_webhook(id, &request).await, "input");
        }
        let query = vec![("a".to_owned(), "\0".to_owned())];
        let request = WebhookRequest { query, ..delivery("one") };
        assert_invalid(t.store.handle_webhook(id, &request).await, "input");
        assert_eq!(runs_of(t, id).await, []);
        t.store.handle_webhook(id, &delivery("one")).await.unwrap();
    }

    /// An archived workflow refuses a request that would pass, audits it and consumes nothing.
    async fn an_archived_workflow_refuses_requests(t: &Workflows) {
        let mut webhook = idempotent_webhook();
        webhook.config.rate_limit = Some(RateLimit { limit: 1, interval_seconds: 60 });
        let id = hooked(t, webhook).await;
        t.store.archive_workflow(&ada(), id).await.unwrap();
        assert_invalid_state(t.store.handle_webhook(id, &delivery("one")).await);
        let (action, _, metadata) = audit_of(t, id).await.pop().unwrap();
        assert_eq!(action, "run_refused");
        assert_eq!(metadata, json!({"triggered_by": "webhook"}));
        assert_eq!(runs_of(t, id).await, []);
        t.store.unarchive_workflow(&ada(), id).await.unwrap();
        let run = t.store.handle_webhook(id, &delivery("one")).await.unwrap();
        assert_eq!(runs_of(t, id).await, [run]);
    }

    /// Without rules, a GET without a body passes, and no other method than GET and POST.
    async fn get_and_post_are_allowed_by_default(t: &Workflows) {
        let id = hooked(t, NewWebhook::default()).await;
        for method in ["PUT", "DELETE", "HEAD", "", "GETS"] {
            let request = WebhookRequest { method: method.into(), ..WebhookRequest::default() };
            assert_eq!(status(t, id, &request).await, 405, "{method}");
        }
        let request = WebhookRequest { method: "get".into(), ..WebhookRequest::default() };
        let run = t.store.handle_webhook(id, &request).await.unwrap();
        assert_eq!((&run.input["headers"], &run.input["source_ip"]), (&json!({}), &Value::Null));
    }
}
