//! Nothing of Orcheo's schema is forgotten, and everything it becomes is there.

use std::collections::BTreeSet;

use store_migrate::orcheo::{Becomes, CATALOGUE, PAYLOADS};

use crate::installation::{FILES, Installation, options, read};

/// Every column of a file, as `table.column`.
fn columns(path: &std::path::Path) -> BTreeSet<String> {
    let sql = "SELECT one.name || '.' || part.name FROM pragma_table_list AS one \
         JOIN pragma_table_info(one.name) AS part WHERE one.schema = 'main' \
         AND one.type = 'table' AND one.name NOT LIKE 'sqlite%'";
    let conn = rusqlite::Connection::open(path).unwrap();
    let mut statement = conn.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

#[test]
fn every_column_of_orcheo_is_mapped_or_left_out_with_a_reason() {
    let files = Installation::filled();
    let there: BTreeSet<String> =
        FILES.iter().flat_map(|name| columns(&files.path(name))).collect();
    let mut known = BTreeSet::new();
    for table in CATALOGUE {
        for column in table.columns {
            assert!(known.insert(format!("{}.{}", table.name, column.name)), "twice");
            match column.becomes {
                Becomes::Columns(columns) => assert!(!columns.is_empty()),
                Becomes::Nothing(reason) => assert!(reason.len() > 10, "{reason}"),
            }
        }
    }
    assert_eq!(there, known);
    assert!(PAYLOADS.iter().all(|one| known.contains(&format!("{}.{}", one.table, one.column))));
}

#[test]
fn what_columns_become_is_in_the_schema_of_the_stores() {
    store_tests::run(async {
        let files = Installation::filled();
        assert!(files.convert(&options()).await.written);
        let there = columns(&files.target());
        for table in CATALOGUE {
            for column in table.columns {
                let Becomes::Columns(columns) = column.becomes else { continue };
                for one in columns {
                    assert!(there.contains(*one), "{}.{}: {one}", table.name, column.name);
                }
            }
        }
    });
}

#[test]
fn what_becomes_nothing_is_named_in_the_report() {
    store_tests::run(async {
        let files = Installation::filled();
        let more = "ALTER TABLE workflows ADD COLUMN color TEXT; UPDATE workflows SET color = 'red'; \
             CREATE TABLE checkpoints (thread_id TEXT, blob BLOB); \
             INSERT INTO checkpoints VALUES ('t', x'00'), ('u', x'01'); \
             UPDATE retry_policies SET config = json_set(config, '$.mood', 'good')";
        files.run("repository.sqlite", more);
        let report = files.convert(&options()).await;
        assert!(report.written);
        let named = |table: &str, column: Option<&str>| {
            let mut all = report.unmapped.iter();
            all.find(|one| one.table == table && one.column.as_deref() == column)
                .map(|one| one.rows)
        };
        assert_eq!(named("checkpoints", None), Some(2));
        assert_eq!(named("workflows", Some("color")), Some(3));
        assert_eq!(named("retry_policies", Some("config.mood")), Some(1));
        assert_eq!(named("workflows", Some("payload.publish_token_hash")), Some(1));
        assert_eq!(named("listener_subscriptions", Some("payload.audit_log")), Some(2));
        assert_eq!(named("governance_alerts", Some("payload.audit_log")), Some(2));
        assert_eq!(named("service_token_audit_log", Some("action")), Some(1));
        for table in CATALOGUE {
            for column in table.columns {
                if let Becomes::Nothing(_) = column.becomes {
                    assert!(named(table.name, Some(column.name)).is_some(), "{}", column.name);
                }
            }
        }
    });
}

#[test]
fn a_second_conversion_gives_the_same_rows() {
    store_tests::run(async {
        let files = Installation::filled();
        assert!(files.convert(&options()).await.written);
        let first = dump(&files.target());
        std::fs::rename(files.target(), files.path("first.sqlite")).unwrap();
        assert!(files.convert(&options()).await.written);
        assert!(first == dump(&files.target()), "the rows differ");
    });
}

/// All rows but envelopes, each of which has a nonce of its own, and the journals of migrations.
fn dump(path: &std::path::Path) -> Vec<(String, Vec<Vec<String>>)> {
    let sealed = [
        "vault_secrets.envelope",
        "workflow_webhooks.shared_secret",
        "workflow_webhooks.hmac_secret",
    ];
    let mut tables: std::collections::BTreeMap<String, Vec<String>> = Default::default();
    for one in columns(path) {
        let (table, column) = one.split_once('.').unwrap();
        if !sealed.contains(&one.as_str()) && !table.ends_with("_migrations") {
            tables.entry(table.to_owned()).or_default().push(format!("\"{column}\""));
        }
    }
    let sql = |columns: &[String], table: &str| {
        format!("SELECT {0} FROM \"{table}\" ORDER BY {0}", columns.join(", "))
    };
    tables
        .into_iter()
        .map(|(table, columns)| (table.clone(), read(path, &sql(&columns, &table))))
        .collect()
}
