//! Every store reads what became of its part.

use std::sync::Arc;

use serde_json::{Value, json};
use store_core::chatkit::{ChatContext, ItemSearch, ThreadStatus};
use store_core::history::ExecutionStatus;
use store_core::tokens::SecretHash;
use store_core::vault::{AccessContext, AlertFilter, HealthStatus, VaultStore};
use store_core::workflow::{
    AuditAction, DraftAccess, ListenerStatus, RunFilter, RunStatus, WebhookRequest, WorkflowFilter,
    WorkflowStore,
};
use store_core::{
    Actor, AttachmentId, Databases, ExecutionId, ExposeSecret as _, OwnerId, PageRequest, Settings,
    ThreadId, TokenId,
};
use store_migrate::orcheo::ConvertReport;

use crate::installation::{Installation, at, keys, options};
use crate::rows;

/// The stores on a file.
pub(crate) struct Stores {
    pub(crate) databases: Databases,
    pub(crate) workflows: Arc<dyn WorkflowStore>,
    pub(crate) vault: Arc<dyn VaultStore>,
}

impl Stores {
    pub(crate) async fn open(files: &Installation) -> Self {
        let databases = Databases::new(Settings::sqlite(files.target()));
        Self {
            workflows: store_workflow::open_with(&databases, Some(keys())).await.unwrap(),
            vault: store_vault::open_with(&databases, &keys()).await.unwrap(),
            databases,
        }
    }
}

/// Converts an installation and checks that every store reads every row.
async fn converted() -> (Installation, ConvertReport, Stores) {
    let files = Installation::filled();
    let report = files.convert(&options()).await;
    assert_eq!(report.problems, []);
    assert!(report.written);
    let stores = Stores::open(&files).await;
    (files, report, stores)
}

fn all() -> PageRequest {
    PageRequest::first(1000)
}

#[test]
fn workflows_keep_their_handles_and_their_place_in_the_archive() {
    store_tests::run(async {
        let (_files, report, stores) = converted().await;
        let store = &stores.workflows;
        let bot = store.resolve_workflow("support-bot", false).await.unwrap();
        assert_eq!(bot.id, rows::BOT.parse().unwrap());
        assert_eq!((bot.name.as_str(), bot.tags.len(), bot.is_public), ("Support Bot", 2, true));
        assert_eq!(bot.published_at, Some(at("2026-03-02T09:00:00Z")));
        assert_eq!(bot.created_at, at(rows::CREATED));
        let chatkit = bot.chatkit.unwrap();
        assert_eq!(chatkit.start_screen_prompts.unwrap()[0].prompt, "Hello?");
        let old = store.resolve_workflow("old-bot", true).await.unwrap();
        assert!(old.is_archived && old.id == rows::OLD.parse().unwrap());
        assert!(store.resolve_workflow("old-bot", false).await.is_err());
        let legacy = store.fetch_workflow(rows::LEGACY.parse().unwrap()).await.unwrap();
        assert_eq!(legacy.draft_access, DraftAccess::Workspace);
        assert!(legacy.chatkit.is_some() && legacy.handle.is_none());
        let found = WorkflowFilter { text: Some("ANSWERS".into()), ..Default::default() };
        assert_eq!(store.list_workflows(&found, &all()).await.unwrap().items.len(), 1);
        let three = report.tables.iter().find(|one| one.table == "workflows").unwrap();
        assert_eq!((three.read, three.written, three.refused), (3, 3, 0));
    });
}

#[test]
fn versions_are_verified_and_numbered_on() {
    store_tests::run(async {
        let (_files, _report, stores) = converted().await;
        let store = &stores.workflows;
        let bot = rows::BOT.parse().unwrap();
        let page = all().ordered(store_core::Order::Asc);
        let versions = store.list_versions(bot, &page).await.unwrap().items;
        assert_eq!(versions.iter().map(|one| one.version).collect::<Vec<_>>(), [1, 2]);
        for version in &versions {
            store.verify_version(version.id).await.unwrap();
        }
        assert_eq!(versions[1].graph["nodes"][0]["weight"], 0.5);
        assert_eq!(versions[0].runnable_config.clone().unwrap().recursion_limit, Some(7));
        let new = store_core::workflow::NewVersion::new(bot, json!({}));
        let ada = Actor::new("ada").unwrap();
        assert_eq!(store.create_version(&ada, new).await.unwrap().version, 3);
    });
}

#[test]
fn runs_keep_their_states_and_audits() {
    store_tests::run(async {
        let (_files, report, stores) = converted().await;
        let store = &stores.workflows;
        let runs = store.list_runs(&RunFilter::default(), &all()).await.unwrap().items;
        assert_eq!(runs.len(), 4);
        let fetch = |id: &str| store.fetch_run(id.parse().unwrap());
        let done = fetch(rows::SUCCEEDED).await.unwrap();
        assert_eq!((done.status, done.output), (RunStatus::Succeeded, Some(json!({"answer": 42}))));
        assert_eq!((done.input["q"].as_str(), done.metadata), (Some("ü"), json!({"k": [1, 2.5]})));
        assert_eq!(fetch(rows::FAILED).await.unwrap().error.as_deref(), Some("boom"));
        let cancelled = fetch(rows::CANCELLED).await.unwrap();
        assert_eq!((cancelled.error, cancelled.cancel_reason.as_deref()), (None, Some("too slow")));
        assert_eq!(fetch(rows::PENDING).await.unwrap().status, RunStatus::Pending);
        let audit = store.list_run_audit(done.id, &all()).await.unwrap().items;
        assert_eq!((audit.len(), audit[0].action), (1, AuditAction::RunCreated));
        let said = |what: &str| report.notes.iter().any(|note| note.what.contains(what));
        assert!(said("is pending, and has no job"), "{:?}", report.notes);
        // The audit of a workflow and those of its versions are one, in the order of time.
        let audit = store.list_workflow_audit(rows::BOT.parse().unwrap(), &all()).await.unwrap();
        let actions: Vec<_> = audit.items.iter().map(|entry| entry.action).collect();
        use AuditAction as A;
        let expected = [
            A::WorkflowCreated,
            A::VersionCreated,
            A::VersionCreated,
            A::WorkflowUpdated,
            A::WorkflowPublished,
        ];
        assert_eq!(actions, expected);
        assert_eq!(audit.items[2].metadata["version"], 2);
    });
}

#[test]
fn pending_runs_get_jobs_when_that_is_wanted() {
    store_tests::run(async {
        let files = Installation::filled();
        let options = store_migrate::orcheo::ConvertOptions { enqueue_pending: true, ..options() };
        assert!(files.convert(&options).await.written);
        let stores = Stores::open(&files).await;
        let jobs = crate::installation::read(&files.target(), "SELECT run_id, state FROM jobs");
        assert_eq!(jobs.len(), 1);
        assert!(jobs[0][0].contains("Text"), "{jobs:?}");
        let run = stores.workflows.fetch_run(rows::PENDING.parse().unwrap()).await.unwrap();
        assert_eq!(run.status, RunStatus::Pending);
    });
}

#[test]
fn schedules_go_on_where_they_stood() {
    store_tests::run(async {
        let (_files, _report, stores) = converted().await;
        let store = &stores.workflows;
        let cron = store.find_cron(rows::BOT.parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(cron.config.timezone, "Europe/Berlin");
        assert_eq!(cron.config.start_at, Some(at("2026-01-01T00:00:00Z")));
        assert_eq!(cron.last_dispatched_at, Some(at("2026-03-30T07:00:00Z")));
        // 9:00 in Berlin, the day after.
        assert_eq!(cron.next_at, Some(at("2026-03-31T07:00:00Z")));
        let never = store.find_cron(rows::LEGACY.parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(never.next_at, Some(at("2026-04-01T11:15:00Z")));
        let due = store.list_due_cron(at("2026-03-31T07:00:00Z"), 10).await.unwrap();
        assert_eq!(due.len(), 1);
        let retry = store.find_retry(rows::BOT.parse().unwrap()).await.unwrap().unwrap();
        assert_eq!((retry.max_attempts, retry.max_delay_seconds), (5, None));
        assert_eq!((retry.initial_delay_seconds, retry.jitter_factor), (1.5, 0.25));
    });
}

#[test]
fn webhooks_check_requests_by_the_secrets_they_had() {
    store_tests::run(async {
        let (_files, _report, stores) = converted().await;
        let store = &stores.workflows;
        let bot = rows::BOT.parse().unwrap();
        let webhook = store.find_webhook(bot).await.unwrap().unwrap();
        assert!(webhook.has_shared_secret && webhook.has_hmac_secret);
        assert_eq!(webhook.config.rate_limit.map(|rate| rate.limit), Some(5));
        let body = br#"{"hello": 1}"#.to_vec();
        let mac = {
            use hmac::{KeyInit as _, Mac as _};
            let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(b"hm4c").unwrap();
            mac.update(&body);
            let bytes = mac.finalize().into_bytes();
            bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        };
        let request = |secret: &str| WebhookRequest {
            method: "POST".into(),
            headers: vec![
                ("X-Team".into(), b"a".to_vec()),
                ("X-Secret".into(), secret.as_bytes().to_vec()),
                ("X-Signature".into(), mac.clone().into_bytes()),
            ],
            body: body.clone(),
            ..Default::default()
        };
        assert!(store.handle_webhook(bot, &request("wrong")).await.is_err());
        let run = store.handle_webhook(bot, &request("s3cret")).await.unwrap();
        assert_eq!(run.input["body"]["hello"], 1);
    });
}

#[test]
fn the_newest_subscription_is_the_one_that_the_next_version_finds() {
    store_tests::run(async {
        let (_files, report, stores) = converted().await;
        let store = &stores.workflows;
        let all_of_them = store.list_listeners(None, &all()).await.unwrap().items;
        assert_eq!(all_of_them.len(), 2);
        let old = store.fetch_listener(rows::LISTENER_V1.parse().unwrap()).await.unwrap();
        assert_eq!(old.status, ListenerStatus::Disabled);
        let changed = report.changed_ids.iter().find(|one| one.from == rows::LISTENER_V2).unwrap();
        let live = store.fetch_listener(changed.to.parse().unwrap()).await.unwrap();
        assert_eq!(
            (live.status, live.last_error.as_deref()),
            (ListenerStatus::Active, Some("late"))
        );
        assert_eq!(live.lease.as_ref().unwrap().owner, "runtime-1");
        let cursor = store.listener_cursor(live.id).await.unwrap().unwrap();
        assert_eq!(
            (&cursor.state["telegram_offset"], cursor.updated_at),
            (&json!(77), at(rows::UPDATED))
        );
        let mut new = store_core::workflow::NewVersion::new(live.workflow_id, json!({}));
        let bot = "telegram:bot".into();
        new.listeners = vec![store_core::workflow::NewListener::new("tg", "telegram", &bot)];
        let version = store.create_version(&Actor::new("ada").unwrap(), new).await.unwrap();
        let same = store.fetch_listener(live.id).await.unwrap();
        assert_eq!((same.workflow_version_id, same.status), (version.id, ListenerStatus::Active));
        assert_eq!(store.listener_cursor(live.id).await.unwrap(), Some(cursor));
    });
}

#[test]
fn history_is_read_and_goes_on() {
    store_tests::run(async {
        let (_files, _report, stores) = converted().await;
        let store = store_history::open(&stores.databases).await.unwrap();
        let id = ExecutionId::new("exec-1").unwrap();
        let whole = store.fetch_with_steps(&id).await.unwrap();
        assert_eq!(
            (whole.execution.status, whole.execution.step_count),
            (ExecutionStatus::Succeeded, 3)
        );
        assert_eq!(whole.execution.tags, ["a", "b"]);
        assert_eq!(whole.steps[1].payload, json!({"text": "a longer one"}));
        assert_eq!(whole.steps[2].at, at("2026-03-03T09:02:30Z"));
        let failed = store.fetch(&ExecutionId::new("exec-2").unwrap()).await.unwrap();
        assert_eq!(
            (failed.status, failed.error.as_deref()),
            (ExecutionStatus::Failed, Some("boom"))
        );
        let running = ExecutionId::new("exec-3").unwrap();
        let step = store_core::history::NewStep::new(json!({"next": true}));
        assert_eq!(store.append_step(&running, step).await.unwrap().index, 1);
        store.succeed(&running).await.unwrap();
    });
}

#[test]
fn checkpoints_rank_and_are_numbered_on() {
    store_tests::run(async {
        let (_files, report, stores) = converted().await;
        let store = store_checkpoints::open(&stores.databases).await.unwrap();
        let first = store.fetch(rows::CHECKPOINT.parse().unwrap()).await.unwrap();
        assert_eq!((first.config_version, first.metrics.get("/loss")), (1, Some(0.5)));
        let named = report.changed_ids.iter().find(|one| one.from == "named").unwrap();
        let best = store.best(rows::BOT).await.unwrap().unwrap();
        assert_eq!(best.id.to_string(), named.to);
        assert!(best.metrics.get("/loss").unwrap().is_nan());
        let f1 = store_core::checkpoints::MetricPath::new("/eval/f1").unwrap();
        let goal = store_core::checkpoints::Goal::Max;
        assert_eq!(store.best_by(rows::BOT, &f1, goal).await.unwrap().unwrap().id, best.id);
        let new = store_core::checkpoints::NewCheckpoint::new(rows::BOT);
        assert_eq!(store.record(new).await.unwrap().config_version, 3);
    });
}

#[test]
fn conversations_are_listed_searched_and_go_on() {
    store_tests::run(async {
        let (_files, report, stores) = converted().await;
        let store = store_chatkit::open(&stores.databases).await.unwrap();
        let cx = ChatContext::new(OwnerId::new("everybody").unwrap());
        let thread = ThreadId::new("thr_1").unwrap();
        let one = store.load_thread(&cx, &thread).await.unwrap();
        assert_eq!(
            (one.title.as_deref(), one.workflow_id.as_deref()),
            (Some("Hello"), Some(rows::BOT))
        );
        assert_eq!((one.created_at, one.updated_at), (at(rows::CREATED), at(rows::UPDATED)));
        let locked = store.load_thread(&cx, &ThreadId::new("thr_2").unwrap()).await.unwrap();
        assert_eq!(locked.status, ThreadStatus::Locked { reason: Some("rude".into()) });
        let items = store.load_thread_items(&cx, &thread, &all()).await.unwrap().items;
        let places: Vec<_> = items.iter().map(|one| (one.id.as_str(), one.ordinal)).collect();
        assert_eq!(places, [("msg_1", 0), ("msg_2", 1), ("msg_3", 2)]);
        assert!(report.notes.iter().any(|note| note.what.contains("same place") && note.rows == 1));
        let words = ItemSearch::everywhere("größe msg_2");
        let found = store.search_items(&cx, &words, &all()).await.unwrap();
        assert_eq!(found.items.len(), 1);
        let file = store.load_attachment(&cx, &AttachmentId::new("atc_1").unwrap()).await.unwrap();
        assert_eq!((file.size, file.storage_path.as_deref()), (Some(7), Some("/uploads/a.png")));
        assert_eq!(file.details["preview_url"], "https://x/y");
        assert_eq!(file.created_at, at(rows::CREATED));
    });
}

#[test]
fn tokens_are_found_by_their_hashes_and_their_audits_are_intact() {
    store_tests::run(async {
        let (_files, _report, stores) = converted().await;
        let store = store_tokens::open(&stores.databases).await.unwrap();
        let id = |text: &str| TokenId::new(text).unwrap();
        let first = store.find_by_hash(&SecretHash::of("first")).await.unwrap().unwrap();
        assert_eq!((first.identifier.clone(), first.use_count), (id("first"), 3));
        assert_eq!(
            (first.rotated_to.clone(), first.rotated_at),
            (Some(id("second")), Some(at(rows::UPDATED)))
        );
        assert!(first.allows_ip(Some("10.9.9.9".parse().unwrap())));
        let second = store.fetch(&id("second")).await.unwrap();
        assert_eq!(
            (second.rotated_from.clone(), second.family.clone()),
            (Some(id("first")), id("first"))
        );
        assert!(second.has_scopes(&["a", "b"]));
        let gone = store.fetch(&id("gone")).await.unwrap();
        assert_eq!(gone.revoked_by, Some(Actor::new("bob").unwrap()));
        for (token, entries) in [("first", 2), ("second", 1), ("gone", 1)] {
            let report = store.verify_audit(&id(token)).await.unwrap();
            assert!(report.is_intact() && report.entries == entries, "{token}: {report:?}");
        }
        let audit = store.audit(&id("first"), &all()).await.unwrap().items;
        assert_eq!(audit[1].actor, Actor::new("ada").unwrap());
        assert_eq!(audit[1].details, json!({"a": 1}));
    });
}

#[test]
fn credentials_open_with_the_new_keys() {
    store_tests::run(async {
        let (_files, _report, stores) = converted().await;
        let vault = &stores.vault;
        let root = AccessContext::administrator(Actor::new("root").unwrap());
        let slack = vault.find_by_name(&root, "SLACK").await.unwrap().unwrap();
        assert_eq!(
            (slack.id, slack.last_rotated_at),
            (rows::SLACK.parse().unwrap(), at(rows::UPDATED))
        );
        assert_eq!(vault.reveal(&root, slack.id).await.unwrap().expose_secret(), "xoxb-1");
        let google = vault.fetch(&root, rows::GOOGLE.parse().unwrap()).await.unwrap();
        assert_eq!(google.health.status, HealthStatus::Unhealthy);
        let tokens = vault.reveal_oauth_tokens(&root, google.id).await.unwrap().tokens;
        assert_eq!(tokens.refresh_token.unwrap().expose_secret(), "1//0");
        assert_eq!(tokens.expires_at, Some(at("2026-05-01T00:00:00Z")));
        let described = vault.describe(&root, google.id).await.unwrap();
        assert_eq!(described.issuance.unwrap().template_name, "Google");
        assert_eq!(described.open_alerts, 1);
        let template = rows::TEMPLATE.parse::<store_core::TemplateId>().unwrap();
        for subject in [slack.id.into(), google.id.into(), template.into()] {
            assert!(vault.verify_audit(&root, subject).await.unwrap().is_intact());
        }
        let every = AlertFilter { with_acknowledged: true, ..Default::default() };
        assert_eq!(vault.list_alerts(&root, &every, &all()).await.unwrap().items.len(), 2);
        vault.rotate(&root, slack.id, "xoxb-2".into()).await.unwrap();
        assert_eq!(vault.keys(&root).await.unwrap().len(), 1);
    });
}

#[test]
fn the_report_can_be_filed_as_json() {
    store_tests::run(async {
        let (_files, report, _stores) = converted().await;
        let report: Value = serde_json::to_value(&report).unwrap();
        assert_eq!(report["written"], true);
        assert_eq!(report["tables"].as_array().unwrap().len(), 20);
    });
}
