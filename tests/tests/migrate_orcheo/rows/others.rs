//! History, checkpoints, conversations, tokens and the vault.

use rusqlite::{Connection, params};
use serde_json::{Value, json};

use super::{
    BOT, CHECKPOINT, CLOSED, CREATED, GOOGLE, OPEN, SLACK, TEMPLATE, UPDATED, event, insert,
};
use crate::installation::envelope;

pub(super) fn history(conn: &Connection) {
    let start = "2026-03-03T09:00:00+00:00";
    for (id, status, end) in [
        ("exec-1", "completed", Some("2026-03-03T09:05:00+00:00")),
        ("exec-2", "error", Some("2026-03-03T09:05:00+00:00")),
        ("exec-3", "running", None),
    ] {
        let error = (status == "error").then_some("boom");
        let values = params![
            id,
            BOT,
            r#"{"q": "ü"}"#,
            "{}",
            r#"["a", "b"]"#,
            "[]",
            r#"{"team": "x"}"#,
            "run",
            status,
            start,
            end,
            error,
            "trace",
            start,
            end,
            start
        ];
        insert(conn, "execution_history", values);
    }
    for (index, payload) in [(0, r#"{"n": 1}"#), (1, r#"{"text": "a longer one"}"#), (2, "{}")] {
        let at = format!("2026-03-03T09:0{index}:30+00:00");
        insert(conn, "execution_history_steps", params!["exec-1", index, at, payload]);
    }
    insert(conn, "execution_history_steps", params!["exec-3", 0, start, "{}"]);
    for (id, version, metrics, best) in [
        (CHECKPOINT, 1, r#"{"loss": 0.5, "eval": {"f1": 1}}"#, false),
        ("named", 2, r#"{"loss": NaN, "eval": {"f1": 2}}"#, true),
    ] {
        let values =
            params![id, BOT, version, "{}", metrics, r#"{"m": 1}"#, "s3://x", best, CREATED];
        insert(conn, "agentensor_checkpoints", values);
    }
}

pub(super) fn chat(conn: &Connection) {
    let metadata = json!({"workflow_id": BOT}).to_string();
    for (id, title, status) in [
        ("thr_1", Some("Hello"), json!({"type": "active"})),
        ("thr_2", None, json!({"type": "locked", "reason": "rude"})),
    ] {
        let values = params![id, title, BOT, status.to_string(), metadata, CREATED, UPDATED];
        insert(conn, "chat_threads", values);
    }
    // The last two came to the same place, from two processes.
    for (id, place, kind) in
        [("msg_1", 0, "user_message"), ("msg_2", 1, "assistant_message"), ("msg_3", 1, "task")]
    {
        let item = json!({
            "id": id, "thread_id": "thr_1", "type": kind, "created_at": CREATED,
            "content": [{"type": "input_text", "text": format!("Größe von {id}")}]
        });
        let values = params![id, "thr_1", place, kind, item.to_string(), CREATED];
        insert(conn, "chat_messages", values);
    }
    let file = json!({"id": "atc_1", "type": "image", "name": "a.png", "mime_type": "image/png",
                      "preview_url": "https://x/y", "size": 7});
    let values = params![
        "atc_1",
        "thr_1",
        "image",
        "a.png",
        "image/png",
        file.to_string(),
        "/uploads/a.png",
        CREATED
    ];
    insert(conn, "chat_attachments", values);
}

pub(super) fn tokens(conn: &Connection) {
    let none = None::<&str>;
    for (id, scopes, rotated_to, overlap, revoked_at, uses) in [
        ("second", Some(r#"["a", "b"]"#), none, none, none, 0),
        ("first", Some(r#"["a"]"#), Some("second"), Some("2026-03-02T09:05:00+00:00"), none, 3),
        ("gone", None, none, none, Some("2026-03-05T00:00:00+00:00"), 1),
    ] {
        let hash = hex(id);
        let reason = revoked_at.map(|_| "leaked");
        let values = params![
            id,
            hash,
            scopes,
            none,
            UPDATED,
            none,
            CREATED,
            overlap,
            overlap,
            uses,
            overlap,
            rotated_to,
            none,
            revoked_at,
            none,
            reason,
            r#"["10.0.0.0/8"]"#,
            none
        ];
        insert(conn, "service_tokens", values);
    }
    for (token, action, actor, at) in [
        ("first", "created", none, CREATED),
        ("first", "used", none, "2026-03-01T10:00:00+00:00"),
        ("second", "created", none, UPDATED),
        ("first", "rotated", Some("ada"), UPDATED),
        ("gone", "revoked", Some("bob"), "2026-03-05T00:00:00+00:00"),
    ] {
        let sql = "INSERT INTO service_token_audit_log (token_id, action, actor, ip_address, \
             timestamp, details) VALUES (?, ?, ?, '10.1.2.3', ?, '{\"a\": 1}')";
        conn.execute(sql, params![token, action, actor, at]).unwrap();
    }
}

/// The hash that Orcheo keeps of a token, here of the token's name.
pub(crate) fn hex(token: &str) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(token.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn vault(conn: &Connection) {
    let scope = json!({"workflow_ids": [BOT], "workspace_ids": [], "roles": ["ops"]});
    let template = json!({
        "id": TEMPLATE, "created_at": CREATED, "updated_at": UPDATED, "name": "Google",
        "provider": "google", "description": "OAuth", "scopes": ["mail"], "scope": scope,
        "kind": "oauth",
        "issuance_policy": {"require_refresh_token": true, "rotation_period_days": 30,
                            "expiry_threshold_minutes": 15},
        "audit_log": [event("template_created", CREATED, &json!({})),
                      event("credential_issued", UPDATED, &json!({"credential_id": GOOGLE}))]
    });
    let text = template.to_string();
    let values = params![TEMPLATE, BOT, "Google", "google", CREATED, UPDATED, text];
    insert(conn, "credential_templates", values);
    let healthy = json!({"status": "unknown", "last_checked_at": null, "failure_reason": null});
    let slack = json!({
        "name": "Slack", "provider": "slack", "kind": "secret", "template_id": null,
        "encryption": envelope("xoxb-1"), "oauth_tokens": null, "health": healthy
    });
    credential(conn, SLACK, slack);
    let google = json!({
        "name": "Google Mail", "provider": "google", "kind": "oauth", "template_id": TEMPLATE,
        "encryption": envelope("client-secret"),
        "oauth_tokens": {"access_token": envelope("ya29"), "refresh_token": envelope("1//0"),
                         "expires_at": "2026-05-01T00:00:00Z"},
        "health": {"status": "unhealthy", "last_checked_at": UPDATED,
                   "failure_reason": "refused"}
    });
    credential(conn, GOOGLE, google);
    for (id, done) in [(OPEN, false), (CLOSED, true)] {
        let alert = json!({
            "id": id, "created_at": CREATED, "updated_at": UPDATED, "scope": scope,
            "template_id": TEMPLATE, "credential_id": GOOGLE, "kind": "token_expiring",
            "severity": "warning", "message": "soon", "is_acknowledged": done,
            "acknowledged_at": done.then_some(UPDATED), "acknowledged_by": done.then_some("ada"),
            "audit_log": [event("alert_created", CREATED, &json!({}))]
        });
        let text = alert.to_string();
        insert(conn, "governance_alerts", params![id, BOT, done, CREATED, UPDATED, text]);
    }
}

/// Inserts a credential with what all of them have.
pub(crate) fn credential(conn: &Connection, id: &str, mut payload: Value) {
    let more = json!({
        "id": id, "created_at": CREATED, "updated_at": UPDATED, "scopes": ["read"],
        "scope": {"workflow_ids": [], "workspace_ids": [], "roles": []},
        "last_rotated_at": UPDATED,
        "audit_log": [event("credential_created", CREATED, &json!({})),
                      event("credential_rotated", UPDATED, &json!({}))]
    });
    for (field, value) in more.as_object().unwrap() {
        payload[field] = value.clone();
    }
    let (name, provider) = (payload["name"].as_str(), payload["provider"].as_str());
    let values = params![id, "GLOBAL", name, provider, CREATED, UPDATED, payload.to_string()];
    insert(conn, "credentials", values);
}
