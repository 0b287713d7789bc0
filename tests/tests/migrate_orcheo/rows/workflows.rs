//! Workflows, their runs, and what starts them.

use rusqlite::{Connection, params};
use serde_json::{Value, json};

use super::{
    BOT, BOT_V1, BOT_V2, CANCELLED, CREATED, FAILED, LEGACY, LISTENER_V1, LISTENER_V2, OLD, OLD_V1,
    PENDING, SUCCEEDED, UPDATED, event, insert,
};

/// Fills the tables.
pub(super) fn fill(conn: &Connection) {
    workflows(conn);
    runs(conn);
    triggers(conn);
    listeners(conn);
}

fn workflow(conn: &Connection, id: &str, mut payload: Value) {
    for (field, value) in [("id", id), ("created_at", CREATED), ("updated_at", UPDATED)] {
        payload[field] = value.into();
    }
    let handle = payload["handle"].as_str().map(str::to_owned);
    let archived = payload["is_archived"].as_bool().unwrap_or(false);
    insert(conn, "workflows", params![id, handle, archived, payload.to_string(), CREATED, UPDATED]);
}

fn workflows(conn: &Connection) {
    workflow(
        conn,
        BOT,
        json!({
            "name": "Support Bot", "handle": "support-bot", "slug": "support-bot",
            "description": "Answers", "tags": ["support", "prod"], "is_archived": false,
            "draft_access": "authenticated", "is_public": true,
            "published_at": "2026-03-02T09:00:00Z", "published_by": "ada", "require_login": true,
            "share_url": null,
            "chatkit": {
                "start_screen_prompts": [{"label": "Hi", "prompt": "Hello?", "icon": null}],
                "supported_models": null
            },
            "audit_log": [
                event("workflow_created", CREATED, &json!({})),
                event("workflow_updated", "2026-03-01T10:00:00+00:00",
                      &json!({"name": {"from": "Bot", "to": "Support Bot"}})),
                event("workflow_published", UPDATED, &json!({"require_login": true}))
            ]
        }),
    );
    workflow(
        conn,
        OLD,
        json!({
            "name": "Old", "handle": "old-bot", "slug": "old", "description": null, "tags": [],
            "is_archived": true, "draft_access": "personal", "is_public": false,
            "published_at": null, "published_by": null, "require_login": false, "share_url": null,
            "chatkit": null, "audit_log": []
        }),
    );
    workflow(
        conn,
        LEGACY,
        json!({
            "name": "Legacy", "slug": "legacy", "tags": ["workspace:acme"],
            "publish_token_hash": "f00d",
            "chatkit_start_screen_prompts": [{"label": "A", "prompt": "B"}]
        }),
    );
    version(conn, (BOT_V1, BOT, 1), &json!({"nodes": []}));
    version(conn, (BOT_V2, BOT, 2), &json!({"nodes": [{"name": "tg", "weight": 0.5}]}));
    version(conn, (OLD_V1, OLD, 1), &json!({}));
}

fn version(conn: &Connection, (id, workflow_id, number): (&str, &str, i64), graph: &Value) {
    let at = format!("2026-03-01T09:{number:02}:00+00:00");
    let payload = json!({
        "id": id, "created_at": at, "updated_at": at, "workflow_id": workflow_id,
        "version": number, "graph": graph, "mermaid": "graph TD", "metadata": {"n": number},
        "runnable_config": {"tags": ["a"], "recursion_limit": 7}, "created_by": "ada",
        "notes": null, "audit_log": [event("version_created", &at, &json!({}))]
    });
    let values = params![id, workflow_id, number, payload.to_string(), at, at];
    insert(conn, "workflow_versions", values);
}

fn runs(conn: &Connection) {
    let done = Some("2026-03-03T09:05:00+00:00");
    for (id, status, completed_at, error, by) in [
        (SUCCEEDED, "succeeded", done, None, "cron"),
        (FAILED, "failed", done, Some("boom"), "manual"),
        (CANCELLED, "cancelled", done, Some("too slow"), "webhook"),
        (PENDING, "pending", None, None, "listener"),
    ] {
        let at = "2026-03-03T09:00:00+00:00";
        let output = (status == "succeeded").then(|| json!({"answer": 42}));
        let payload = json!({
            "id": id, "created_at": at, "updated_at": at, "workflow_version_id": BOT_V1,
            "status": status, "triggered_by": by, "input_payload": {"q": "ü"},
            "runnable_config": {"tags": ["a"], "recursion_limit": 7}, "tags": ["a"],
            "callbacks": [], "metadata": {"k": [1, 2.5]}, "run_name": "r",
            "output_payload": output, "started_at": completed_at.map(|_| at),
            "completed_at": completed_at, "error": error,
            "audit_log": [event("run_created", at, &json!({}))]
        });
        let values = params![id, BOT, BOT_V1, status, by, payload.to_string(), at, at];
        insert(conn, "workflow_runs", values);
    }
}

fn triggers(conn: &Connection) {
    let webhook = json!({
        "allowed_methods": ["POST"], "required_headers": {"x-team": "a"},
        "required_query_params": {}, "shared_secret_header": "x-secret",
        "shared_secret": "s3cret", "hmac_header": "x-signature", "hmac_secret": "hm4c",
        "hmac_algorithm": "sha256", "hmac_timestamp_header": null, "hmac_tolerance_seconds": 300,
        "rate_limit": {"limit": 5, "interval_seconds": 60}
    });
    insert(conn, "webhook_triggers", params![BOT, webhook.to_string()]);
    let cron = |expression: &str| {
        json!({"expression": expression, "timezone": "Europe/Berlin", "allow_overlapping": false,
               "start_at": "2026-01-01T00:00:00Z", "end_at": null})
        .to_string()
    };
    let last = "2026-03-30T07:00:00+00:00";
    insert(conn, "cron_triggers", params![BOT, cron("0 9 * * *"), last]);
    insert(conn, "cron_triggers", params![LEGACY, cron("15 * * * *"), None::<&str>]);
    let retry = json!({"max_attempts": 5, "initial_delay_seconds": 1.5, "backoff_factor": 2.0,
                       "max_delay_seconds": null, "jitter_factor": 0.25});
    insert(conn, "retry_policies", params![BOT, retry.to_string()]);
}

fn listeners(conn: &Connection) {
    let until = "2026-03-31T00:00:00+00:00";
    for (id, version, status, runtime) in [
        (LISTENER_V1, BOT_V1, "disabled", None),
        (LISTENER_V2, BOT_V2, "active", Some("runtime-1")),
    ] {
        let lease = runtime.map(|_| until);
        let payload = json!({
            "id": id, "created_at": CREATED, "updated_at": UPDATED, "workflow_id": BOT,
            "workflow_version_id": version, "node_name": "tg", "platform": "telegram",
            "bot_identity_key": "telegram:bot", "config": {"dedupe_window_seconds": 60},
            "status": status, "assigned_runtime": runtime, "lease_expires_at": lease,
            "last_event_at": UPDATED, "last_error": "late",
            "audit_log": [event("listener_subscription_synced", CREATED, &json!({}))]
        });
        let values = params![
            id,
            BOT,
            version,
            "tg",
            "telegram",
            "telegram:bot",
            status,
            runtime,
            lease,
            UPDATED,
            "late",
            payload.to_string(),
            CREATED,
            UPDATED
        ];
        insert(conn, "listener_subscriptions", values);
    }
    let cursor = json!({"subscription_id": LISTENER_V2, "telegram_offset": 77, "metadata": {},
                        "updated_at": UPDATED});
    insert(conn, "listener_cursors", params![LISTENER_V2, cursor.to_string(), UPDATED]);
    let event = json!({"subscription_id": LISTENER_V2, "dedupe_key": "e1", "created_at": UPDATED,
                       "expires_at": until});
    insert(conn, "listener_dedupe", params![LISTENER_V2, "e1", event.to_string(), until]);
}
