//! How the databases carry out what is asked about credentials.

use crate::bare::Bare;
use crate::crates::VAULT;
use crate::plans::{AT, Planned, assert_planned, explain, planned};

const ID: &str = "'01a22f0d-d180-75e6-8f28-5a2d180490d0'";

/// A page of a table, newest first, with what is within reach of somebody in a workflow.
fn newest(name: &'static str, index: &'static str, table: &str) -> Planned {
    let sql = format!(
        "SELECT * FROM {table} WHERE workspace_ids = '[]' AND created_at <= {AT} \
         AND (created_at < {AT} OR id < {ID}) ORDER BY created_at DESC, id DESC LIMIT 51"
    );
    planned(name, index, sql)
}

fn listings() -> Vec<Planned> {
    vec![
        newest("credentials", "idx_vault_credentials_created_at", "vault_credentials"),
        newest("templates", "idx_vault_templates_created_at", "vault_templates"),
        newest("alerts", "idx_vault_alerts_created_at", "vault_alerts"),
    ]
}

fn lookups() -> Vec<Planned> {
    let audited = format!(
        "SELECT * FROM vault_credentials JOIN vault_audit_heads ON subject_id = id WHERE id = {ID}"
    );
    let newest = format!(
        "SELECT version, key_id, envelope FROM vault_secrets WHERE credential_id = {ID} \
         AND field = 'secret' ORDER BY version DESC LIMIT 1"
    );
    let rewrapped = "SELECT credential_id FROM vault_secrets WHERE key_id > 'k1'".to_owned();
    vec![
        Planned {
            name: "a credential that is held",
            sql: audited,
            sqlite: "sqlite_autoindex_vault_credentials_1",
            postgres: "pk_vault_credentials",
        },
        Planned {
            name: "the newest version of a secret",
            sql: newest,
            sqlite: "sqlite_autoindex_vault_secrets_1",
            postgres: "pk_vault_secrets",
        },
        planned(
            "a credential by name",
            "uq_vault_credentials_name_key",
            "SELECT * FROM vault_credentials WHERE name_key = 'n'".into(),
        ),
        planned("values under other keys", "idx_vault_secrets_key_id", rewrapped),
        planned(
            "open alerts about a credential",
            "idx_vault_alerts_credential_id",
            format!(
                "SELECT count(*) FROM vault_alerts WHERE credential_id = {ID} \
                 AND acknowledged_at IS NULL"
            ),
        ),
        planned(
            "tokens that end",
            "idx_vault_credentials_tokens_expire_at",
            format!("SELECT * FROM vault_credentials WHERE tokens_expire_at <= {AT}"),
        ),
    ]
}

/// Every hot query on credentials is served by its index.
async fn hot_queries_on_credentials_use_their_index(t: &Bare) {
    t.migrate(t.schema(&VAULT)).await.unwrap();
    for query in lookups().iter().chain(&listings()) {
        assert_planned(t, query).await;
    }
}

/// Nothing is sorted for a page: its cost does not depend on how much there is.
async fn pages_of_credentials_are_not_sorted(t: &Bare) {
    t.migrate(t.schema(&VAULT)).await.unwrap();
    for query in listings() {
        let plan = if t.is_sqlite() {
            explain(t, &query.sql).await
        } else {
            // Sorting the nothing in an empty table is cheap. So it is done only if it has to be.
            let set = "SET enable_seqscan = off; SET enable_sort = off";
            t.column(&format!("{set}; EXPLAIN {}", query.sql)).await.join("\n")
        };
        let sorted = plan.contains("TEMP B-TREE") || plan.contains("Sort");
        assert!(plan.contains(query.sqlite) && !sorted, "{}:\n{plan}", query.name);
    }
}

on_both! {
    bare: hot_queries_on_credentials_use_their_index,
    pages_of_credentials_are_not_sorted,
}
