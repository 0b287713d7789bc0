//! What rows hold beside the record is what the stores would have written.

use serde_json::json;
use store_core::chatkit::{ChatContext, NewThread, NewThreadItem};
use store_core::checkpoints::{Metrics, NewCheckpoint};
use store_core::history::{NewExecution, NewStep};
use store_core::vault::{AccessContext, CredentialScope, NewCredential};
use store_core::workflow::{ChatSettings, NewVersion, NewWorkflow, RunnableConfig, StartPrompt};
use store_core::{Actor, Databases, ExecutionId, OwnerId, Settings, ThreadId};

use crate::installation::{Installation, keys, options, read};
use crate::rows;

/// Fills stores by their own methods with what the installation has, and compares columns.
#[test]
fn derived_columns_are_those_that_the_stores_write() {
    store_tests::run(async {
        let files = Installation::filled();
        assert!(files.convert(&options()).await.written);
        let own = files.path("own.sqlite");
        let databases = Databases::new(Settings::sqlite(&own));
        workflows(&databases).await;
        history(&databases).await;
        checkpoints(&databases).await;
        chat(&databases).await;
        vault(&databases).await;
        for query in QUERIES {
            let both = [read(&files.target(), query), read(&own, query)];
            assert!(!both[0].is_empty(), "nothing is found by {query}");
            assert_eq!(both[0], both[1], "{query}");
        }
    });
}

const QUERIES: [&str; 11] = [
    "SELECT slug, tags, chatkit, search_text, record_bytes, version_count FROM workflows \
     WHERE handle = 'support-bot'",
    "SELECT active, archived FROM workflow_handles WHERE handle = 'support-bot'",
    "SELECT version, graph, metadata, runnable_config, checksum, record_bytes \
     FROM workflow_versions WHERE mermaid IS NOT NULL AND metadata IN ('{\"n\":1}', '{\"n\":2}') \
     AND workflow_id = (SELECT id FROM workflows WHERE handle = 'support-bot') ORDER BY version",
    "SELECT inputs, tags, metadata, record_bytes, step_count, step_bytes FROM history_executions \
     WHERE execution_id = 'exec-1'",
    "SELECT step_index, payload, payload_bytes, byte_offset FROM history_steps \
     WHERE execution_id = 'exec-1' ORDER BY step_index",
    "SELECT config_version, metrics, metadata, record_bytes FROM agentensor_checkpoints ORDER BY 1",
    "SELECT path, value FROM agentensor_checkpoint_metrics ORDER BY config_version, path",
    "SELECT last_version FROM agentensor_workflows",
    "SELECT title, status, metadata, extra, next_ordinal, record_bytes FROM chatkit_threads \
     WHERE thread_id = 'thr_1'",
    "SELECT item_id, ordinal, content, content_bytes, search, owner FROM chatkit_items \
     ORDER BY ordinal",
    "SELECT name_key, scopes, workflow_ids, roles, record_bytes FROM vault_credentials \
     WHERE name = 'Slack'",
];

async fn workflows(databases: &Databases) {
    let store = store_workflow::open_with(databases, Some(keys())).await.unwrap();
    let ada = Actor::new("ada").unwrap();
    let prompt = StartPrompt { label: "Hi".into(), prompt: "Hello?".into(), icon: None };
    let new = NewWorkflow {
        handle: Some("support-bot".into()),
        description: Some("Answers".into()),
        tags: vec!["support".into(), "prod".into()],
        chatkit: Some(ChatSettings {
            start_screen_prompts: Some(vec![prompt]),
            supported_models: None,
        }),
        ..NewWorkflow::named("Support Bot")
    };
    let bot = store.create_workflow(&ada, new).await.unwrap().id;
    for (n, graph) in
        [(1, json!({"nodes": []})), (2, json!({"nodes": [{"name": "tg", "weight": 0.5}]}))]
    {
        let config = json!({"tags": ["a"], "recursion_limit": 7});
        let new = NewVersion {
            mermaid: Some("graph TD".into()),
            metadata: json!({"n": n}),
            runnable_config: Some(RunnableConfig::from_value(config).unwrap()),
            ..NewVersion::new(bot, graph)
        };
        store.create_version(&ada, new).await.unwrap();
    }
}

async fn history(databases: &Databases) {
    let store = store_history::open(databases).await.unwrap();
    let id = ExecutionId::new("exec-1").unwrap();
    let new = NewExecution {
        inputs: json!({"q": "ü"}),
        tags: Some(vec!["a".into(), "b".into()]),
        metadata: Some(json!({"team": "x"})),
        ..NewExecution::new(id.clone(), rows::BOT)
    };
    store.start(new).await.unwrap();
    for payload in [json!({"n": 1}), json!({"text": "a longer one"}), json!({})] {
        store.append_step(&id, NewStep::new(payload)).await.unwrap();
    }
}

async fn checkpoints(databases: &Databases) {
    let store = store_checkpoints::open(databases).await.unwrap();
    for metrics in [
        json!({"loss": 0.5, "eval": {"f1": 1}}),
        json!({"loss": {"$f64": "NaN"}, "eval": {"f1": 2}}),
    ] {
        let new = NewCheckpoint {
            metrics: Metrics::from_json(metrics).unwrap(),
            metadata: json!({"m": 1}),
            ..NewCheckpoint::new(rows::BOT)
        };
        store.record(new).await.unwrap();
    }
}

async fn chat(databases: &Databases) {
    let store = store_chatkit::open(databases).await.unwrap();
    let cx = ChatContext::new(OwnerId::new("everybody").unwrap());
    let thread = json!({"id": "thr_1", "title": "Hello", "status": {"type": "active"},
                        "metadata": {"workflow_id": rows::BOT}});
    store.save_thread(&cx, NewThread::from_json(thread).unwrap()).await.unwrap();
    let id = ThreadId::new("thr_1").unwrap();
    for (item, kind) in
        [("msg_1", "user_message"), ("msg_2", "assistant_message"), ("msg_3", "task")]
    {
        let form = json!({
            "id": item, "thread_id": "thr_1", "type": kind, "created_at": rows::CREATED,
            "content": [{"type": "input_text", "text": format!("Größe von {item}")}]
        });
        let item = NewThreadItem::from_json(form).unwrap();
        store.add_thread_item(&cx, &id, item).await.unwrap();
    }
}

async fn vault(databases: &Databases) {
    let store = store_vault::open_with(databases, &keys()).await.unwrap();
    let root = AccessContext::administrator(Actor::new("root").unwrap());
    let new = NewCredential {
        scopes: ["read".to_owned()].into(),
        ..NewCredential::secret("Slack", "slack", "xoxb-1").within(CredentialScope::default())
    };
    store.create(&root, new).await.unwrap();
}
