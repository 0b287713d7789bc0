//! Schedules, webhooks and listeners.

use serde_json::json;
use store_core::workflow::{
    CronConfig, CronTrigger, ListenerEvent, ListenerLease, NewListener, NewVersion, NewWebhook,
    Patch, Run, RunFilter, WebhookConfig, WebhookRequest,
};
use store_core::{ListenerId, Order, PageRequest, SecretString, Timestamp, WorkflowId};

use super::{ada, at, audit_of, created, graph, runnable};
use crate::fixture::Workflows;

/// What signatures are made with: the example of GitHub's documentation.
pub const HMAC_SECRET: &str = "It's a Secret to Everybody";
/// What is signed: the example of GitHub's documentation.
pub const SIGNED_BODY: &str = "Hello, World!";
/// HMAC-SHA-256 of the body alone, as GitHub's documentation gives it.
pub const BODY_SIGNATURE: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

/// Seconds since 1970, and HMAC-SHA-256 of `SECONDS.BODY`; made with Python's `hmac`.
///
/// 1772452800 is noon, where the clock of a fixture stands.
pub const SIGNATURES: [(i64, &str); 10] = [
    (1_457_092_800, "9f4117a9cef0bbfede871e0e2f2e9fa4cfec7dab14760d760e09754c62428d65"),
    (1_772_452_499, "3adc078941b87cdae847e933942557fda428f5e0557343394608611042e9638d"),
    (1_772_452_500, "6f160ee14422138d14c04e46655c54b8e826d6715cf5a390c00e36a8dda6a09c"),
    (1_772_452_800, "5870c8d3ae03872ee878ecab0bc22a1be10268864792c52657b0c81aecbd0cfe"),
    (1_772_452_801, "3f66bf350b1a652825c99305414abb77048140b1dd37f5796b3ad97db8053f71"),
    (1_772_452_802, "42f23da183ea23d60b87250778af2c2dd41df79eba968cd866c15b26a43c892f"),
    (1_772_452_803, "376a4ccfde696ceaf380320654346a3af1db6fd8d36c47d50adf965d0076dad3"),
    (1_772_453_100, "0cf005382c9498a9cdf183a42704b14d90855ab8dbccbce231ed6f7768f0b893"),
    (1_772_453_101, "a0e043391cf4d2fbc86ff4630dc141b7b2910aa14f8e4e1b5b7dc6c976a18d89"),
    (1_772_456_400, "00bc30f979f13470ada3a64b7ad6d0cf6e64e023bf8784dfaf6641b7a755bfe2"),
];

/// An instant of the day of a fixture, given as `HH:MM:SS`.
pub fn time(text: &str) -> Timestamp {
    at(&format!("2026-03-02T{text}Z"))
}

/// A schedule without overlap, UTC.
pub fn cron(expression: &str) -> CronConfig {
    CronConfig { expression: expression.to_owned(), ..CronConfig::default() }
}

/// A schedule with overlap, UTC.
pub fn overlapping(expression: &str) -> CronConfig {
    CronConfig { allow_overlapping: true, ..cron(expression) }
}

/// Creates a workflow that can run, with a schedule.
pub async fn scheduled(t: &Workflows, config: CronConfig) -> WorkflowId {
    let workflow = runnable(t).await;
    t.store.configure_cron(&ada(), workflow.id, config).await.expect("the schedule is set");
    workflow.id
}

/// Returns the schedule of a workflow.
pub async fn schedule_of(t: &Workflows, id: WorkflowId) -> CronTrigger {
    t.store.find_cron(id).await.expect("it can be read").expect("there is a schedule")
}

/// Moves the clock to `now` and dispatches what is due.
pub async fn dispatch(t: &Workflows, now: Timestamp) -> Vec<Run> {
    t.clock.set(now);
    t.store.dispatch_due_cron(now, 1000, None).await.expect("due schedules are dispatched")
}

/// The occurrence a run of cron is for.
pub fn occurrence(run: &Run) -> Timestamp {
    at(run.input["scheduled_for"].as_str().expect("an instant"))
}

/// The occurrences that runs of cron are for.
pub fn occurrences(runs: &[Run]) -> Vec<Timestamp> {
    runs.iter().map(occurrence).collect()
}

/// The runs of a workflow, oldest first; at most 1000.
pub async fn runs_of(t: &Workflows, id: WorkflowId) -> Vec<Run> {
    let filter = RunFilter { workflow_id: Some(id), ..RunFilter::default() };
    let page = PageRequest::first(1000).ordered(Order::Asc);
    t.store.list_runs(&filter, &page).await.expect("the runs are readable").items
}

/// Asserts that the last two things done to a workflow were setting and deleting a trigger.
pub async fn assert_set_and_deleted(t: &Workflows, id: WorkflowId, trigger: &str) {
    let audit = audit_of(t, id).await;
    let expected = ["trigger_configured", "trigger_deleted"]
        .map(|action| (action.to_owned(), "ada".to_owned(), json!({ "trigger": trigger })));
    assert_eq!(audit[audit.len() - 2..], expected);
}

/// Makes a secret.
pub fn secret(text: &str) -> SecretString {
    SecretString::from(text.to_owned())
}

/// A webhook that expects signatures with a timestamp.
pub fn signed_webhook() -> NewWebhook {
    NewWebhook {
        config: WebhookConfig {
            hmac_header: Some("X-Signature".into()),
            hmac_timestamp_header: Some("X-Timestamp".into()),
            ..WebhookConfig::default()
        },
        hmac_secret: Patch::Set(secret(HMAC_SECRET)),
        ..NewWebhook::default()
    }
}

/// A webhook that expects a shared secret.
pub fn shared_webhook(text: &str) -> NewWebhook {
    NewWebhook {
        config: WebhookConfig {
            shared_secret_header: Some("X-Secret".into()),
            ..WebhookConfig::default()
        },
        shared_secret: Patch::Set(secret(text)),
        ..NewWebhook::default()
    }
}

/// A webhook that tells deliveries apart by a header.
pub fn idempotent_webhook() -> NewWebhook {
    NewWebhook {
        config: WebhookConfig {
            idempotency_header: Some("X-Delivery".into()),
            ..WebhookConfig::default()
        },
        ..NewWebhook::default()
    }
}

/// Creates a workflow that can run, with a webhook.
pub async fn hooked(t: &Workflows, webhook: NewWebhook) -> WorkflowId {
    let workflow = runnable(t).await;
    t.store.configure_webhook(&ada(), workflow.id, webhook).await.expect("the webhook is set");
    workflow.id
}

/// A POST without headers.
pub fn post(body: &[u8]) -> WebhookRequest {
    WebhookRequest { method: "POST".into(), body: body.to_vec(), ..WebhookRequest::default() }
}

/// Adds a header.
pub fn with_header(mut request: WebhookRequest, name: &str, value: &[u8]) -> WebhookRequest {
    request.headers.push((name.to_owned(), value.to_vec()));
    request
}

/// A delivery that was signed at one of the instants of [`SIGNATURES`].
pub fn signed_at(seconds: i64) -> WebhookRequest {
    let (_, signature) = SIGNATURES.iter().find(|(at, _)| *at == seconds).expect("it is known");
    let request = with_header(post(SIGNED_BODY.as_bytes()), "X-Signature", signature.as_bytes());
    with_header(request, "X-Timestamp", seconds.to_string().as_bytes())
}

/// A delivery under a name.
pub fn delivery(name: &str) -> WebhookRequest {
    with_header(post(b"{}"), "X-Delivery", name.as_bytes())
}

/// A listener of a node on Telegram, all of one bot.
pub fn listener(node: &str) -> NewListener {
    NewListener::new(node, "telegram", &secret("123:bot-key"))
}

/// Creates a version with these listeners, and returns the ids of the workflow's, ascending.
pub async fn listen(t: &Workflows, id: WorkflowId, listeners: &[NewListener]) -> Vec<ListenerId> {
    let new = NewVersion { listeners: listeners.to_vec(), ..NewVersion::new(id, graph()) };
    t.store.create_version(&ada(), new).await.expect("the version is created");
    let page = t.store.list_listeners(Some(id), &PageRequest::first(1000)).await;
    page.expect("the listeners are readable").items.iter().map(|listener| listener.id).collect()
}

/// Creates a workflow that listens with one node, and returns it with its subscription.
pub async fn listening(t: &Workflows) -> (WorkflowId, ListenerId) {
    let workflow = created(t).await;
    let ids = listen(t, workflow.id, &[listener("inbox")]).await;
    (workflow.id, ids[0])
}

/// Takes a lease of a minute.
pub async fn claim(t: &Workflows, id: ListenerId, owner: &str) -> Option<ListenerLease> {
    let minute = std::time::Duration::from_secs(60);
    t.store.claim_listener(id, owner, minute).await.expect("it can be asked for")
}

/// A message that is told apart by a key.
pub fn event(dedupe_key: &str) -> ListenerEvent {
    ListenerEvent::new("message", dedupe_key)
}
