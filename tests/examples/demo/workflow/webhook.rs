//! A webhook as GitHub calls it.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::json;
use sha2::Sha256;
use store_core::workflow::{NewWebhook, Patch, RateLimit, WebhookConfig, WebhookRequest};
use store_core::{RunId, SecretString};

use super::{Scene, refused, runs_by, same};
use crate::Result;
use crate::report::{self, Report, timed};

const SECRET: &str = "It's a Secret to Everybody";
const SIGNATURE: &str = "X-Hub-Signature-256";
const DELIVERY: &str = "X-GitHub-Delivery";

/// Sends a request with a wrong signature, a genuine one, and that one again.
pub(super) async fn deliver(report: &mut Report, scene: &Scene, sealed: &str) -> Result<RunId> {
    report.section("Trigger it by webhook: the signature is over the raw body");
    configure(scene, sealed).await?;
    let handle =
        |request| async move { timed(scene.store.handle_webhook(scene.id, &request)).await };
    let body = json!({"action": "completed", "export": "2026-03-02"}).to_string();
    let genuine = request(&body, &signature(&body)?);
    let forged = request(&body.replace("03-02", "03-03"), &signature(&body)?);
    let get = WebhookRequest { method: "GET".into(), ..genuine.clone() };
    refused("GET", handle(get).await, 405)?;
    refused("a changed body under that signature", handle(forged).await, 401)?;

    let (accepted, took) = handle(genuine.clone()).await;
    let run = accepted?;
    report::done(format!("accepted as run {}", run.id), took);
    report::note(format!("body: {}", run.input["body"]));
    let headers = run.input["headers"].as_object().ok_or("the input lacks the headers")?;
    let names: Vec<_> = headers.keys().map(String::as_str).collect();
    report::note(format!("headers in the input: {}", names.join(", ")));
    if headers.contains_key(&SIGNATURE.to_ascii_lowercase()) {
        return Err("the signature is in the input of the run".into());
    }
    refused("the same delivery again", handle(genuine).await, 409)?;
    same("runs of the webhook", &1, &runs_by(scene, "webhook").await?.len())?;
    Ok(run.id)
}

async fn configure(scene: &Scene, sealed: &str) -> Result<()> {
    let webhook = NewWebhook {
        config: WebhookConfig {
            allowed_methods: vec!["POST".into()],
            hmac_header: Some(SIGNATURE.into()),
            signature_prefix: Some("sha256=".into()),
            idempotency_header: Some(DELIVERY.into()),
            rate_limit: Some(RateLimit { limit: 60, interval_seconds: 60 }),
            ..WebhookConfig::default()
        },
        hmac_secret: Patch::Set(SecretString::from(SECRET)),
        ..NewWebhook::default()
    };
    let (set, took) =
        timed(scene.store.configure_webhook(&scene.operator, scene.id, webhook)).await;
    let trigger = set?;
    same("whether a secret is set", &true, &trigger.has_hmac_secret)?;
    let methods = trigger.config.allowed_methods.join(", ");
    report::done(format!("{methods} with a signature; its secret is {sealed}"), took);
    Ok(())
}

fn request(body: &str, signature: &str) -> WebhookRequest {
    let header = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
    WebhookRequest {
        method: "POST".into(),
        headers: vec![
            header("Content-Type", "application/json"),
            header(DELIVERY, "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
            header(SIGNATURE, signature),
        ],
        body: body.as_bytes().to_vec(),
        ..WebhookRequest::default()
    }
}

/// HMAC-SHA-256 of the body, as GitHub's documentation describes it.
fn signature(body: &str) -> Result<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes())?;
    mac.update(body.as_bytes());
    let hex: String =
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("sha256={hex}"))
}
