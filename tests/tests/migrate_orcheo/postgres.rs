//! The PostgreSQL schema of Orcheo gives the same stores as its SQLite files.

use rusqlite::types::ValueRef;
use store_migrate::orcheo::{CATALOGUE, Source, convert};
use tokio_postgres::{Client, NoTls};

use crate::installation::{FILES, Installation, options, read};

/// The columns that are of another type than text there.
const INSTANTS: &[&str] = &[
    "created_at",
    "updated_at",
    "last_dispatched_at",
    "lease_expires_at",
    "last_event_at",
    "expires_at",
    "started_at",
    "completed_at",
    "trace_started_at",
    "trace_completed_at",
    "trace_last_span_at",
    "at",
    "issued_at",
    "last_used_at",
    "rotation_expires_at",
    "revoked_at",
    "timestamp",
];
const JSON: &[&str] = &[
    "payload",
    "config",
    "inputs",
    "runnable_config",
    "tags",
    "callbacks",
    "metadata",
    "metrics",
    "status_json",
    "metadata_json",
    "item_json",
    "details_json",
    "scopes",
    "workspace_ids",
    "allowed_ip_ranges",
    "details",
];
const FLAGS: &[&str] = &["is_archived", "is_best", "acknowledged"];
const INTEGERS: &[&str] = &[
    "version",
    "step_index",
    "config_version",
    "ordinal",
    "use_count",
    "rate_limit_override",
    "id_number",
];

fn type_of(table: &str, column: &str) -> &'static str {
    match column {
        "id" if table == "service_token_audit_log" => "integer",
        _ if INSTANTS.contains(&column) => "timestamp with time zone",
        _ if JSON.contains(&column) => "jsonb",
        _ if FLAGS.contains(&column) => "boolean",
        _ if INTEGERS.contains(&column) => "integer",
        _ => "text",
    }
}

/// Connects, and makes a schema of this test alone.
async fn connect(schema: &str) -> Client {
    let url = store_tests::fixture::postgres::url();
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(connection);
    let sql = format!("CREATE SCHEMA IF NOT EXISTS {schema}; SET search_path TO {schema}");
    client.batch_execute(&sql).await.unwrap();
    client
}

/// Copies the rows of the files, in the types that Orcheo has there.
async fn copy(files: &Installation, client: &Client) {
    for table in CATALOGUE {
        let columns: Vec<String> = table
            .columns
            .iter()
            .map(|one| format!("\"{}\" {}", one.name, type_of(table.name, one.name)))
            .collect();
        let sql = format!("CREATE TABLE {} ({})", table.name, columns.join(", "));
        client.batch_execute(&sql).await.unwrap();
        for sql in FILES.iter().flat_map(|name| inserts(&files.open(name), table)) {
            client.batch_execute(&sql).await.unwrap();
        }
    }
}

fn inserts(conn: &rusqlite::Connection, table: &store_migrate::orcheo::Table) -> Vec<String> {
    let names: Vec<String> = table.columns.iter().map(|one| format!("\"{}\"", one.name)).collect();
    let sql = format!("SELECT {} FROM {}", names.join(", "), table.name);
    let Ok(mut statement) = conn.prepare(&sql) else { return Vec::new() };
    let rows = statement.query_map([], |row| {
        let mut values = Vec::new();
        for (place, column) in table.columns.iter().enumerate() {
            let text = match row.get_ref(place)? {
                ValueRef::Null => "NULL".to_owned(),
                ValueRef::Integer(number) => format!("'{number}'"),
                other => format!("'{}'", other.as_str()?.replace('\'', "''")),
            };
            values.push(format!("{text}::{}", type_of(table.name, column.name)));
        }
        Ok(format!("INSERT INTO {} VALUES ({})", table.name, values.join(", ")))
    });
    rows.unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn both_sources_give_the_same_rows() {
    store_tests::run(async {
        let files = Installation::filled();
        // JSONB knows no NaN.
        let plain =
            "UPDATE agentensor_checkpoints SET metrics = '{\"loss\": 0.25}' WHERE id = 'named'";
        files.run("repository.sqlite", plain);
        assert!(files.convert(&options()).await.written);
        std::fs::rename(files.target(), files.path("from_files.sqlite")).unwrap();

        let schema = format!("orcheo_{}", std::process::id());
        let client = connect(&schema).await;
        copy(&files, &client).await;
        let source = Source::Postgres { client: Box::new(client), name: "orcheo".into() };
        let report = convert(vec![source], &files.target(), &options()).await.unwrap();
        assert_eq!(report.problems, []);
        assert!(report.written);
        for table in TABLES {
            let sql = format!("SELECT * FROM {table}");
            let mut both =
                [files.path("from_files.sqlite"), files.target()].map(|path| read(&path, &sql));
            both.iter_mut().for_each(|rows| rows.sort());
            assert!(!both[0].is_empty(), "{table} is empty");
            assert_eq!(both[0], both[1], "{table}");
        }
        let client = connect(&schema).await;
        client.batch_execute(&format!("DROP SCHEMA {schema} CASCADE")).await.unwrap();
    });
}

/// Tables of the stores without envelopes.
const TABLES: [&str; 20] = [
    "workflows",
    "workflow_handles",
    "workflow_versions",
    "workflow_runs",
    "workflow_audit",
    "workflow_cron_triggers",
    "workflow_retry_policies",
    "workflow_listeners",
    "workflow_listener_events",
    "history_executions",
    "history_steps",
    "agentensor_checkpoints",
    "chatkit_threads",
    "chatkit_items",
    "chatkit_attachments",
    "service_tokens",
    "service_token_audit",
    "vault_credentials",
    "vault_alerts",
    "vault_audit",
];
