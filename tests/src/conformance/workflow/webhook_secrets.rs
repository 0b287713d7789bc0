//! The secrets of webhooks: sealed at rest, never returned, kept, cleared and set.

use store_core::seal::{Key, KeyRing};
use store_core::workflow::{NewWebhook, Patch, WebhookConfig, WebhookRequest};
use store_core::{Error, WorkflowId};

use super::assert_invalid;
use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{
    HMAC_SECRET, ada, audit_of, delivery, hooked, idempotent_webhook, post, secret, shared_webhook,
    signed_at, signed_webhook, with_header,
};

const NOON: i64 = 1_772_452_800;

/// A request that shows a shared secret.
fn showing(text: &str) -> WebhookRequest {
    with_header(post(b"{}"), "X-Secret", text.as_bytes())
}

/// The rules of a webhook with a shared secret, which is kept.
fn keeping() -> NewWebhook {
    NewWebhook { shared_secret: Patch::Keep, ..shared_webhook("unused") }
}

/// The stored bytes of a secret in lower-case hex.
async fn stored(t: &Workflows, id: WorkflowId, column: &str) -> String {
    let hex = if t.place.is_sqlite() {
        format!("SELECT lower(hex({column})) FROM workflow_webhooks")
    } else {
        format!("SELECT encode({column}, 'hex') FROM workflow_webhooks")
    };
    let rows = t.rows(&format!("{hex} WHERE workflow_id = '{id}'")).await;
    rows[0][0].clone()
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn other_keys() -> KeyRing {
    KeyRing::new(Key::new("k2", [8; 32]).unwrap())
}

behaviours! {
    emits workflow_webhook_secrets_tests from workflow::webhook_secrets;

    /// Secrets are not shown by what is given, by what is returned, nor by the audit.
    async fn secrets_are_not_shown(t: &Workflows) {
        let new = NewWebhook {
            hmac_secret: signed_webhook().hmac_secret,
            config: WebhookConfig {
                shared_secret_header: Some("X-Secret".into()),
                ..signed_webhook().config
            },
            ..shared_webhook("s3cret")
        };
        let given = format!("{new:?}");
        let id = hooked(t, new).await;
        let returned = t.store.find_webhook(id).await.unwrap().unwrap();
        assert!(returned.has_shared_secret && returned.has_hmac_secret);
        let audit = audit_of(t, id).await;
        for text in [given, format!("{returned:?} {audit:?}"), format!("{:?}", t.store)] {
            assert!(!text.contains("s3cret") && !text.contains(HMAC_SECRET), "{text}");
        }
    }

    /// What is wrong with a secret is said without it.
    async fn a_refused_secret_is_not_shown(t: &Workflows) {
        let id = hooked(t, NewWebhook::default()).await;
        let answer = t.store.configure_webhook(&ada(), id, shared_webhook("s3cret\n")).await;
        let error = answer.unwrap_err();
        assert!(matches!(error, Error::Invalid { .. }), "{error}");
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
    }

    /// Keeping a secret leaves it as it is while the rules change.
    async fn a_kept_secret_stays(t: &Workflows) {
        let id = hooked(t, shared_webhook("s3cret")).await;
        let mut new = keeping();
        new.config.allowed_methods = vec!["POST".into()];
        let set = t.store.configure_webhook(&ada(), id, new).await.unwrap();
        assert!(set.has_shared_secret && !set.has_hmac_secret);
        t.store.handle_webhook(id, &showing("s3cret")).await.unwrap();
        let error = t.store.handle_webhook(id, &showing("other")).await.unwrap_err();
        assert_eq!(error.http_status(), Some(401));
    }

    /// A secret that is set replaces the one before.
    async fn a_secret_that_is_set_replaces_the_one_before(t: &Workflows) {
        let id = hooked(t, shared_webhook("old")).await;
        t.store.configure_webhook(&ada(), id, shared_webhook("new")).await.unwrap();
        t.store.handle_webhook(id, &showing("new")).await.unwrap();
        let error = t.store.handle_webhook(id, &showing("old")).await.unwrap_err();
        assert_eq!(error.http_status(), Some(401));
    }

    /// A cleared secret is gone, from the row too, and then nothing is asked for.
    async fn a_cleared_secret_is_gone(t: &Workflows) {
        let id = hooked(t, shared_webhook("s3cret")).await;
        let new = NewWebhook { shared_secret: Patch::Clear, ..NewWebhook::default() };
        let set = t.store.configure_webhook(&ada(), id, new).await.unwrap();
        assert!(!set.has_shared_secret);
        assert_eq!(t.store.find_webhook(id).await.unwrap(), Some(set));
        let left = "SELECT COUNT(*) FROM workflow_webhooks WHERE shared_secret IS NOT NULL";
        assert_eq!(t.count(left).await, 0);
        t.store.handle_webhook(id, &post(b"{}")).await.unwrap();
    }

    /// A secret and its header come and go together; what is refused leaves both as they were.
    async fn a_secret_and_its_header_come_and_go_together(t: &Workflows) {
        let id = hooked(t, shared_webhook("s3cret")).await;
        let before = t.store.find_webhook(id).await.unwrap();
        let headerless = NewWebhook::default();
        let secretless = NewWebhook { shared_secret: Patch::Clear, ..keeping() };
        for new in [headerless, secretless] {
            let answer = t.store.configure_webhook(&ada(), id, new).await;
            assert_invalid(answer, "webhook.shared_secret_header");
        }
        assert_eq!(t.store.find_webhook(id).await.unwrap(), before);
        t.store.handle_webhook(id, &showing("s3cret")).await.unwrap();
        let fresh = hooked(t, NewWebhook::default()).await;
        let answer = t.store.configure_webhook(&ada(), fresh, keeping()).await;
        assert_invalid(answer, "webhook.shared_secret_header");
    }

    /// With a key ring, the row holds no secret in the clear.
    async fn secrets_are_sealed_with_a_key_ring(t: &Workflows) {
        let id = hooked(t, shared_webhook("s3cret")).await;
        let sealed = stored(t, id, "shared_secret").await;
        assert!(sealed.len() > hex("s3cret").len() && !sealed.contains(&hex("s3cret")));
        let other = hooked(t, signed_webhook()).await;
        let sealed = stored(t, other, "hmac_secret").await;
        assert!(sealed.len() > hex(HMAC_SECRET).len() && !sealed.contains(&hex(HMAC_SECRET)));
        t.reopened().await.handle_webhook(id, &showing("s3cret")).await.unwrap();
    }

    /// Two equal secrets are not equal at rest.
    async fn equal_secrets_differ_at_rest(t: &Workflows) {
        let (one, two) =
            (hooked(t, shared_webhook("s3cret")).await, hooked(t, shared_webhook("s3cret")).await);
        assert_ne!(stored(t, one, "shared_secret").await, stored(t, two, "shared_secret").await);
    }

    /// A sealed secret that is moved to another workflow does not open there.
    async fn a_secret_of_another_workflow_does_not_open(t: &Workflows) {
        let (one, two) =
            (hooked(t, shared_webhook("first")).await, hooked(t, shared_webhook("second")).await);
        let (first, second) =
            (stored(t, one, "shared_secret").await, stored(t, two, "shared_secret").await);
        for (id, bytes) in [(one, second), (two, first)] {
            let mark = if t.place.is_sqlite() { "x'" } else { r"'\x" };
            let set = format!("UPDATE workflow_webhooks SET shared_secret = {mark}{bytes}'");
            t.sql(&format!("{set} WHERE workflow_id = '{id}'")).await;
        }
        for (id, text) in [(one, "first"), (one, "second"), (two, "first"), (two, "second")] {
            let error = t.store.handle_webhook(id, &showing(text)).await.unwrap_err();
            assert!(matches!(error, Error::Tampered { .. }), "{error}");
        }
    }

    /// A sealed secret that is moved to the other column of its row does not open there.
    async fn a_secret_in_the_other_column_does_not_open(t: &Workflows) {
        let new = NewWebhook {
            hmac_secret: signed_webhook().hmac_secret,
            config: WebhookConfig {
                shared_secret_header: Some("X-Secret".into()),
                ..signed_webhook().config
            },
            ..shared_webhook("s3cret")
        };
        let id = hooked(t, new).await;
        let swapped = "hmac_secret = shared_secret, shared_secret = hmac_secret";
        t.sql(&format!("UPDATE workflow_webhooks SET {swapped}")).await;
        let request = with_header(signed_at(NOON), "X-Secret", b"s3cret");
        let error = t.store.handle_webhook(id, &request).await.unwrap_err();
        assert!(matches!(error, Error::Tampered { .. }), "{error}");
    }

    /// Without the key, requests are answered by `Settings`, and nothing runs.
    async fn sealed_secrets_need_their_key(t: &Workflows) {
        let id = hooked(t, shared_webhook("s3cret")).await;
        let stores = [t.reopened_without_keys().await, t.opened_with(Some(other_keys())).await];
        for store in &stores {
            let error = store.handle_webhook(id, &showing("s3cret")).await.unwrap_err();
            assert!(matches!(error, Error::Settings { .. }), "{error}");
            assert!(store.find_webhook(id).await.unwrap().unwrap().has_shared_secret);
        }
        assert_eq!(t.count("SELECT COUNT(*) FROM workflow_runs").await, 0);
    }

    /// Without the key, a webhook that has no secrets works as ever.
    async fn a_webhook_without_secrets_needs_no_key(t: &Workflows) {
        let id = hooked(t, idempotent_webhook()).await;
        let keyless = t.reopened_without_keys().await;
        keyless.handle_webhook(id, &delivery("1")).await.unwrap();
    }

    /// Without a key ring, secrets are stored as they are, and understood by every handle.
    async fn without_a_key_ring_secrets_are_stored_as_they_are(t: &Workflows) {
        let id = hooked(t, NewWebhook::default()).await;
        let keyless = t.reopened_without_keys().await;
        let set = keyless.configure_webhook(&ada(), id, shared_webhook("s3cret")).await.unwrap();
        assert!(set.has_shared_secret);
        assert_eq!(stored(t, id, "shared_secret").await, hex("s3cret"));
        keyless.handle_webhook(id, &showing("s3cret")).await.unwrap();
        t.store.handle_webhook(id, &showing("s3cret")).await.unwrap();
        let error = keyless.handle_webhook(id, &showing("other")).await.unwrap_err();
        assert_eq!(error.http_status(), Some(401));
    }

    /// A handle without the key that changes the rules does not spoil the secret that is kept.
    async fn a_handle_without_the_key_spoils_no_secret(t: &Workflows) {
        let id = hooked(t, shared_webhook("s3cret")).await;
        let keyless = t.reopened_without_keys().await;
        let mut new = keeping();
        new.config.hmac_header = Some("X-Signature".into());
        new.hmac_secret = Patch::Set(secret(HMAC_SECRET));
        // Whether it may is for the handle to say; what it leaves must work.
        let request = match keyless.configure_webhook(&ada(), id, new).await {
            Ok(_) => {
                let signature = crate::samples::BODY_SIGNATURE.as_bytes();
                let body = crate::samples::SIGNED_BODY.as_bytes();
                let request = with_header(post(body), "X-Signature", signature);
                with_header(request, "X-Secret", b"s3cret")
            }
            Err(error) => {
                assert!(matches!(error, Error::Settings { .. }), "{error}");
                showing("s3cret")
            }
        };
        t.store.handle_webhook(id, &request).await.unwrap();
    }

    /// A secret that was stored before there was a key ring is kept when the rules change.
    async fn a_secret_from_before_the_key_ring_is_kept(t: &Workflows) {
        let id = hooked(t, NewWebhook::default()).await;
        let keyless = t.reopened_without_keys().await;
        keyless.configure_webhook(&ada(), id, shared_webhook("s3cret")).await.unwrap();
        let mut new = keeping();
        new.config.hmac_header = Some("X-Signature".into());
        new.hmac_secret = Patch::Set(secret(HMAC_SECRET));
        t.store.configure_webhook(&ada(), id, new).await.unwrap();
        let body = crate::samples::SIGNED_BODY.as_bytes();
        let signature = crate::samples::BODY_SIGNATURE.as_bytes();
        let request = with_header(post(body), "X-Signature", signature);
        t.store.handle_webhook(id, &with_header(request, "X-Secret", b"s3cret")).await.unwrap();
    }

    /// Deleting a webhook deletes its secrets and what it remembers; its runs stay.
    async fn deleting_a_webhook_deletes_secrets_and_deliveries(t: &Workflows) {
        let mut new = shared_webhook("s3cret");
        new.config.idempotency_header = Some("X-Delivery".into());
        let id = hooked(t, new.clone()).await;
        let request = with_header(delivery("1"), "X-Secret", b"s3cret");
        let run = t.store.handle_webhook(id, &request).await.unwrap();
        t.store.delete_webhook(&ada(), id).await.unwrap();
        assert_eq!(t.store.find_webhook(id).await.unwrap(), None);
        assert_eq!(t.count("SELECT COUNT(*) FROM workflow_webhooks").await, 0);
        assert_eq!(t.count("SELECT COUNT(*) FROM workflow_webhook_deliveries").await, 0);
        assert_eq!(t.store.fetch_run(run.id).await.unwrap(), run);
        let error = t.store.handle_webhook(id, &request).await.unwrap_err();
        assert_eq!(error.http_status(), Some(404));
        let answer = t.store.configure_webhook(&ada(), id, keeping()).await;
        assert_invalid(answer, "webhook.shared_secret_header");
        t.store.configure_webhook(&ada(), id, new).await.unwrap();
        t.store.handle_webhook(id, &request).await.unwrap();
    }
}
