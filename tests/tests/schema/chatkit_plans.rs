//! How the databases carry out what is asked about conversations.

use crate::bare::Bare;
use crate::crates::CHATKIT;
use crate::plans::{AT, Planned, assert_planned, explain, planned};

/// A query that is served by the index of a constraint, which SQLite numbers instead of naming.
fn keyed(name: &'static str, sqlite: &'static str, postgres: &'static str, sql: &str) -> Planned {
    Planned { name, sql: sql.to_owned(), sqlite, postgres }
}

/// A page of a thread's items.
fn items(name: &'static str, beyond: &str) -> Planned {
    let sql = format!(
        "SELECT item.* FROM chatkit_items AS item \
         JOIN chatkit_threads AS thread ON thread.thread_id = item.thread_id \
         WHERE item.thread_id = 't' AND thread.owner = 'o' AND {beyond} LIMIT 51"
    );
    let postgres = "uq_chatkit_items_thread_id_ordinal";
    keyed(name, "sqlite_autoindex_chatkit_items_2", postgres, &sql)
}

/// A page of threads, newest first.
fn threads(name: &'static str, index: &'static str, filter: &str) -> Planned {
    let sql = format!(
        "SELECT * FROM chatkit_threads WHERE {filter} created_at <= {AT} \
         AND (created_at < {AT} OR thread_id < 't') \
         ORDER BY created_at DESC, thread_id DESC LIMIT 51"
    );
    planned(name, index, sql)
}

/// Pages: an index has them in their order, so that their cost is not that of the whole.
fn listings() -> Vec<Planned> {
    vec![
        items("items, oldest first", "item.ordinal > 7 ORDER BY item.ordinal"),
        items("items, newest first", "item.ordinal < 7 ORDER BY item.ordinal DESC"),
        threads("threads of an owner", "idx_chatkit_threads_owner_created_at", "owner = 'o' AND"),
        threads("all threads", "idx_chatkit_threads_created_at", ""),
        threads(
            "threads of a workflow",
            "idx_chatkit_threads_workflow_id_created_at",
            "workflow_id = 'w' AND",
        ),
        planned(
            "released files",
            "idx_chatkit_files_released_at",
            format!(
                "SELECT * FROM chatkit_files WHERE released_at IS NOT NULL \
                 AND released_at >= {AT} AND (released_at > {AT} OR storage_path > 'p') \
                 ORDER BY released_at, storage_path LIMIT 51"
            ),
        ),
        planned(
            "attachments without a thread",
            "idx_chatkit_attachments_created_at",
            format!(
                "SELECT attachment_id FROM chatkit_attachments WHERE thread_id IS NULL \
                 AND created_at < {AT} ORDER BY created_at, attachment_id LIMIT 100"
            ),
        ),
    ]
}

/// What is looked up by its key.
fn lookups() -> Vec<Planned> {
    vec![
        keyed(
            "thread by id",
            "sqlite_autoindex_chatkit_threads_1",
            "pk_chatkit_threads",
            "SELECT * FROM chatkit_threads WHERE thread_id = 't'",
        ),
        keyed(
            "item by id",
            "sqlite_autoindex_chatkit_items_1",
            "pk_chatkit_items",
            "SELECT * FROM chatkit_items WHERE thread_id = 't' AND item_id = 'i'",
        ),
        keyed(
            "attachment by id",
            "sqlite_autoindex_chatkit_attachments_1",
            "pk_chatkit_attachments",
            "SELECT * FROM chatkit_attachments WHERE attachment_id = 'a'",
        ),
        planned(
            "attachments of a thread",
            "idx_chatkit_attachments_thread_id",
            "SELECT attachment_id FROM chatkit_attachments WHERE thread_id = 't'".into(),
        ),
        keyed(
            "file of an attachment",
            "sqlite_autoindex_chatkit_files_2",
            "uq_chatkit_files_attachment_id",
            "SELECT storage_path FROM chatkit_files WHERE attachment_id = 'a'",
        ),
        keyed(
            "file by path",
            "sqlite_autoindex_chatkit_files_1",
            "pk_chatkit_files",
            "SELECT * FROM chatkit_files WHERE storage_path = 'p'",
        ),
    ]
}

/// Every hot query on conversations is served by its index.
async fn hot_queries_on_conversations_use_their_index(t: &Bare) {
    t.migrate(t.schema(&CHATKIT)).await.unwrap();
    for query in lookups().iter().chain(&listings()) {
        assert_planned(t, query).await;
    }
}

/// Nothing is sorted for a page: its cost does not depend on how much there is.
async fn pages_of_conversations_are_not_sorted(t: &Bare) {
    t.migrate(t.schema(&CHATKIT)).await.unwrap();
    for query in listings() {
        let (plan, sorted) = if t.is_sqlite() {
            (explain(t, &query.sql).await, "TEMP B-TREE")
        } else {
            // Sorting the nothing in an empty table is cheap. So it is done only if it has to be.
            let set = "SET enable_seqscan = off; SET enable_sort = off";
            (t.column(&format!("{set}; EXPLAIN {}", query.sql)).await.join("\n"), "Sort")
        };
        let index = if t.is_sqlite() { query.sqlite } else { query.postgres };
        assert!(plan.contains(index) && !plan.contains(sorted), "{}:\n{plan}", query.name);
    }
}

/// A search looks into the index of words, and at no items but those that it finds.
async fn searches_use_the_index_of_words(t: &Bare) {
    t.migrate(t.schema(&CHATKIT)).await.unwrap();
    if t.is_sqlite() {
        for scope in ["item.owner = 'o'", "item.owner = 'o' AND item.thread_id = 't'"] {
            let sql = format!(
                "SELECT item.* FROM chatkit_item_search AS word \
                 CROSS JOIN chatkit_items AS item ON item.item_key = word.rowid \
                 WHERE chatkit_item_search MATCH '\"w\"' AND {scope} \
                 ORDER BY item.created_at DESC, item.thread_id DESC, item.ordinal DESC LIMIT 51"
            );
            let plan = explain(t, &sql).await;
            // `M` stands for MATCH: the words are looked up, once and not for each item.
            assert!(plan.contains("SCAN word VIRTUAL TABLE INDEX 0:M"), "{plan}");
            assert!(plan.contains("SEARCH item USING INTEGER PRIMARY KEY"), "{plan}");
            assert_eq!(plan.matches("SCAN").count(), 1, "{plan}");
        }
        return;
    }
    fill(t, 5_000).await;
    let plan = t
        .column(
            // In a table of these small rows, reading all of it is cheap.
            "SET enable_seqscan = off; EXPLAIN SELECT * FROM (SELECT * FROM chatkit_items \
             WHERE search @@ (SELECT '(w77) & (o1)'::tsquery) OFFSET 0) AS item \
             WHERE owner = 'o' ORDER BY created_at DESC, thread_id DESC, ordinal DESC LIMIT 51",
        )
        .await
        .join("\n");
    assert!(plan.contains("idx_chatkit_items_search"), "{plan}");
    assert!(!plan.contains("Seq Scan on chatkit_items"), "{plan}");
}

/// Before that it walks over the newest items of an owner, which an index has in the order of the
/// listing: also when the plan is made before anybody knows who asks.
async fn searches_walk_over_the_newest_items_in_their_order(t: &Bare) {
    t.migrate(t.schema(&CHATKIT)).await.unwrap();
    let index = "idx_chatkit_items_owner_created_at";
    if t.is_sqlite() {
        let after = format!("AND (item.created_at, item.thread_id, item.ordinal) < ({AT}, 't', 7)");
        for beyond in ["", &after] {
            let sql = format!(
                "SELECT item.* FROM chatkit_items AS item INDEXED BY {index} \
                 WHERE TRUE AND item.owner = 'o' {beyond} \
                 ORDER BY item.created_at DESC, item.thread_id DESC, item.ordinal DESC"
            );
            let plan = explain(t, &sql).await;
            assert!(plan.contains(&format!("SEARCH item USING INDEX {index}")), "{plan}");
            assert!(!plan.contains("TEMP B-TREE"), "{plan}");
        }
        return;
    }
    fill(t, 20_000).await;
    let key = "owner DESC, created_at DESC, thread_id DESC, ordinal DESC";
    let after = format!("(owner, created_at, thread_id, ordinal) < ($1, {AT}, 't', 7)");
    for begin in ["(owner, created_at) <= ($1, 'infinity')", &after] {
        let plan = t
            .column(&format!(
                "SET plan_cache_mode = force_generic_plan; PREPARE walk (text) AS \
                 SELECT * FROM (SELECT *, sum(content_bytes) OVER (ORDER BY {key} \
                 ROWS UNBOUNDED PRECEDING) AS bytes FROM (SELECT * FROM chatkit_items \
                 WHERE owner >= $1 AND {begin} ORDER BY {key} LIMIT 1000) AS newest) AS item \
                 WHERE bytes <= 1000 AND search @@ (SELECT 'w'::tsquery) \
                 ORDER BY {key} LIMIT 51; EXPLAIN EXECUTE walk ('o'); DEALLOCATE walk"
            ))
            .await
            .join("\n");
        assert!(plan.contains(&format!("Index Scan Backward using {index}")), "{plan}");
        assert!(!plan.contains("Sort"), "{plan}");
    }
}

/// On PostgreSQL, what metadata contains is found by a GIN index.
async fn containment_of_metadata_uses_an_index(t: &Bare) {
    if t.is_sqlite() {
        return;
    }
    t.migrate(t.schema(&CHATKIT)).await.unwrap();
    fill(t, 5_000).await;
    let sql = "EXPLAIN SELECT * FROM chatkit_threads WHERE owner = 'o' \
               AND metadata @> '{\"n\": 77}' ORDER BY created_at DESC, thread_id DESC LIMIT 51";
    let plan = t.column(sql).await.join("\n");
    assert!(plan.contains("idx_chatkit_threads_metadata"), "{plan}");
}

/// Puts threads with an item each into PostgreSQL: in an empty table no index is worth much.
async fn fill(t: &Bare, count: u32) {
    t.rows(&format!(
        "INSERT INTO chatkit_threads (thread_id, owner, status, metadata, extra, revision, \
         record_bytes, created_at, updated_at) SELECT n::text, 'o', 'active', \
         jsonb_build_object('n', n), '{{}}', 0, 10, now(), now() \
         FROM generate_series(1, {count}) AS n; \
         INSERT INTO chatkit_items (thread_id, item_id, ordinal, item_type, created_at, content, \
         content_bytes, search, owner) SELECT n::text, 'i', 0, 'task', now(), '{{}}', 2, \
         ('o1 w' || n)::tsvector, 'o' FROM generate_series(1, {count}) AS n; \
         ANALYZE chatkit_threads; ANALYZE chatkit_items",
    ))
    .await;
}

on_both! {
    bare: hot_queries_on_conversations_use_their_index,
    pages_of_conversations_are_not_sorted,
    searches_use_the_index_of_words,
    searches_walk_over_the_newest_items_in_their_order,
    containment_of_metadata_uses_an_index,
}
