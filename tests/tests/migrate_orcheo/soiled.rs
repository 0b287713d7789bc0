//! Rows that break rules: refused with table, key, column and reason, or set aside whole.

use store_migrate::orcheo::{ConvertOptions, ConvertReport};

use crate::installation::{Installation, options, read};
use crate::{reading, rows};

/// What is wrong, and with what it is reported: table, key, column.
const SOIL: &[(&str, &str, [&str; 3])] = &[
    (
        "repository.sqlite",
        "INSERT INTO workflows VALUES ('0b8f8f0e-5b1e-4d51-9a7e-0a4f3a1c0009', NULL, 0, '{oops', \
         '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z')",
        ["workflows", "0b8f8f0e-5b1e-4d51-9a7e-0a4f3a1c0009", "payload"],
    ),
    (
        "repository.sqlite",
        "INSERT INTO workflows SELECT '0b8f8f0e-5b1e-4d51-9a7e-0a4f3a1c0008', handle, is_archived, \
         json_set(payload, '$.id', '0b8f8f0e-5b1e-4d51-9a7e-0a4f3a1c0008', '$.is_archived', \
         json('false')), created_at, updated_at FROM workflows WHERE handle = 'old-bot'",
        ["workflows", "0b8f8f0e-5b1e-4d51-9a7e-0a4f3a1c0008", "payload.handle"],
    ),
    (
        "repository.sqlite",
        "INSERT INTO workflow_versions SELECT '1b8f8f0e-5b1e-4d51-9a7e-0a4f3a1c0009', workflow_id, \
         9, json_set(payload, '$.id', '1b8f8f0e-5b1e-4d51-9a7e-0a4f3a1c0009', '$.version', 9, \
         '$.graph.big', json('123456789012345678901234567890')), created_at, updated_at \
         FROM workflow_versions WHERE id = '1b8f8f0e-5b1e-4d51-9a7e-0a4f3a1c0001'",
        ["workflow_versions", "1b8f8f0e-5b1e-4d51-9a7e-0a4f3a1c0009", "payload"],
    ),
    (
        "repository.sqlite",
        "INSERT INTO workflow_runs SELECT '2b8f8f0e-5b1e-4d51-9a7e-0a4f3a1c0009', \
         '0b8f8f0e-5b1e-4d51-9a7e-0a4f3a1c0009', workflow_version_id, status, triggered_by, \
         json_set(payload, '$.id', '2b8f8f0e-5b1e-4d51-9a7e-0a4f3a1c0009'), created_at, updated_at \
         FROM workflow_runs WHERE status = 'failed'",
        ["workflow_runs", "2b8f8f0e-5b1e-4d51-9a7e-0a4f3a1c0009", "workflow_runs"],
    ),
    (
        "repository.sqlite",
        "UPDATE workflow_runs SET payload = json_set(payload, '$.audit_log[0].action', 'danced') \
         WHERE status = 'cancelled'",
        ["workflow_runs", rows::CANCELLED, "payload.audit_log[0].action"],
    ),
    (
        "repository.sqlite",
        "INSERT INTO cron_triggers VALUES ('0b8f8f0e-5b1e-4d51-9a7e-0a4f3a1c0002', \
         '{\"expression\": \"@daily\"}', NULL)",
        ["cron_triggers", rows::OLD, "config"],
    ),
    (
        "repository.sqlite",
        "INSERT INTO listener_cursors VALUES ('nobody', '{}', '2026-01-01T00:00:00Z')",
        ["listener_cursors", "nobody", "subscription_id"],
    ),
    (
        "repository.sqlite",
        "PRAGMA foreign_keys = OFF; INSERT INTO execution_history_steps VALUES \
         ('lost', 0, '2026-01-01T00:00:00Z', '{}')",
        ["execution_history_steps", "lost/0", "execution_id"],
    ),
    (
        "repository.sqlite",
        "UPDATE execution_history_steps SET step_index = 7 WHERE step_index = 2",
        ["execution_history_steps", "exec-1/7", "step_index"],
    ),
    (
        "repository.sqlite",
        "UPDATE execution_history SET started_at = 'yesterday' WHERE execution_id = 'exec-2'",
        ["execution_history", "exec-2", "started_at"],
    ),
    (
        "repository.sqlite",
        "UPDATE agentensor_checkpoints SET metadata = CAST(x'7b22ff227d' AS TEXT) WHERE id = 'named'",
        ["agentensor_checkpoints", "named", "metadata"],
    ),
    (
        "chatkit.sqlite",
        "PRAGMA foreign_keys = OFF; INSERT INTO chat_messages VALUES ('msg_9', 'thr_9', 0, 'task', \
         '{\"id\": \"msg_9\", \"type\": \"task\"}', '2026-01-01T00:00:00Z')",
        ["chat_messages", "msg_9", "thread_id"],
    ),
    (
        "service_tokens.sqlite",
        "UPDATE service_tokens SET rate_limit_override = 5 WHERE identifier = 'gone'",
        ["service_tokens", "gone", "rate_limit_override"],
    ),
    (
        "vault.sqlite",
        "UPDATE credentials SET payload = json_set(payload, '$.encryption.ciphertext', 'AAAA') \
         WHERE name = 'Slack'",
        ["credentials", rows::SLACK, "payload.encryption.ciphertext"],
    ),
];

fn soiled() -> Installation {
    let files = Installation::filled();
    for (name, sql, _) in SOIL {
        files.run(name, sql);
    }
    files
}

fn assert_named(report: &ConvertReport) {
    let found: Vec<_> = report
        .problems
        .iter()
        .map(|one| [one.table, one.key.as_str(), one.column.as_str()])
        .collect();
    for (_, _, expected) in SOIL {
        assert!(found.contains(expected), "{expected:?} is not in {:#?}", report.problems);
    }
    assert!(report.problems.iter().all(|one| !one.reason.is_empty()));
}

#[test]
fn by_default_nothing_is_written_and_all_of_them_are_named() {
    store_tests::run(async {
        let files = soiled();
        let report = files.convert(&options()).await;
        assert!(!report.written && !files.target().exists());
        assert_named(&report);
        assert_eq!(report.problem_count, SOIL.len() as u64, "{:#?}", report.problems);
        assert_eq!(report.exit_code(), 3);
    });
}

#[test]
fn with_quarantine_they_are_set_aside_whole_and_the_rest_is_read() {
    store_tests::run(async {
        let files = soiled();
        let options = ConvertOptions { quarantine: true, ..options() };
        let report = files.convert(&options).await;
        assert!(report.written);
        let named = SOIL.iter().filter(|(_, _, [table, ..])| *table != "execution_history_steps");
        let found: Vec<_> =
            report.problems.iter().map(|one| (one.table, one.key.as_str())).collect();
        for (_, _, [table, key, _]) in named {
            assert!(found.contains(&(table, key)), "{table} {key}");
        }
        let aside = |table: &str, key: &str| {
            let sql = format!(
                "SELECT \"column\", \"type\", raw FROM _migrate_quarantine \
                 WHERE source_table = '{table}' AND \"key\" = '{key}' ORDER BY rowid"
            );
            read(&files.target(), &sql)
        };
        let whole = aside("workflows", "0b8f8f0e-5b1e-4d51-9a7e-0a4f3a1c0009");
        assert_eq!(whole.len(), 6, "a record for each column");
        let raw = format!("Blob({:?})", b"{oops");
        assert!(whole.iter().any(|one| one[0].contains("payload") || one[2] == raw));
        assert_eq!(aside("workflow_runs", rows::CANCELLED).len(), 1, "the entry alone");
        assert_eq!(aside("credentials", rows::SLACK).len(), 7);
        let stores = reading::Stores::open(&files).await;
        let run = stores.workflows.fetch_run(rows::CANCELLED.parse().unwrap()).await;
        assert!(run.is_ok());
        let history = store_history::open(&stores.databases).await.unwrap();
        let id = store_core::ExecutionId::new("exec-1").unwrap();
        assert_eq!(history.fetch_with_steps(&id).await.unwrap().steps.len(), 3);
        assert!(report.notes.iter().any(|note| note.what.contains("moved up")));
    });
}
