//! The layout `stores`: conversations, whose index of words is kept by triggers of their own.

use store_core::sqlite::{Database, Options};

use crate::support::Case;

const TABLES: [&str; 2] = ["chatkit_threads", "chatkit_files"];

fn thread(id: &str) -> String {
    format!(
        "INSERT OR REPLACE INTO chatkit_threads \
         (thread_id, owner, status, metadata, extra, record_bytes, created_at, updated_at) \
         VALUES ('{id}', 'me', 'active', '{{}}', '{{}}', 4, {AT}, {AT});"
    )
}

fn item(key: u32, thread: &str, id: &str, ordinal: u32, text: &str) -> String {
    format!(
        "INSERT OR REPLACE INTO chatkit_items (item_key, thread_id, item_id, ordinal, item_type, \
         created_at, content, content_bytes, search, owner) VALUES ({key}, '{thread}', '{id}', \
         {ordinal}, 'user_message', {AT}, \
         '{{\"content\":[{{\"type\":\"input_text\",\"text\":\"{text}\"}}]}}', 10, '{text}', 'me');"
    )
}

const AT: &str = "'2026-01-02T03:04:05.000006+00:00'";

#[test]
fn conversations_are_moved_while_they_go_on() {
    let case = Case::new("stores");
    std::fs::remove_file(case.path()).unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let database = Database::open(Options::new(case.path())).await.unwrap();
        database.migrate(&store_chatkit::sqlite::SCHEMA).await.unwrap();
        database.close().await;
    });
    let source = case.source();
    let write = |sql: String| source.execute_batch(&sql).unwrap();
    write(thread("one") + &thread("two") + &item(1, "one", "a", 0, "hello world"));
    case.run("run", &["--capture"], 0);

    write(thread("three") + &item(2, "three", "b", 0, "new words"));
    write(item(3, "one", "c", 1, "a second"));
    case.run("sync", &["--until-rows", "0"], 0);
    // Replaced by its place, by its number, and by its id; changed; and gone with its thread.
    write(item(4, "one", "d", 1, "replaced by place"));
    write(item(2, "one", "e", 2, "replaced by number"));
    write("UPDATE chatkit_items SET search = 'other', content = '{\"content\":[]}' WHERE item_key = 4".into());
    write("DELETE FROM chatkit_threads WHERE thread_id = 'three'".into());
    let report = case.run("cutover", &["--app-stopped", "--validate", "locked"], 0);
    assert_eq!(report["settings"][0][0], "STORE_BACKEND");
    assert_eq!(report["settings"][1][0], "STORE_POSTGRES_DSN");
    assert_eq!(case.left_in_source(), Vec::<String>::new());
    case.run("validate", &[], 0);
    assert_eq!(case.one("SELECT count(*) FROM chatkit_items"), 3);
    assert_eq!(
        case.one("SELECT count(*) FROM chatkit_items WHERE search::text LIKE '%number%'"),
        1
    );
    assert_eq!(TABLES.map(|name| case.one(&format!("SELECT count(*) FROM {name}"))), [2, 0]);
    // The index of words of the source is whole.
    source
        .execute_batch(
            "INSERT INTO chatkit_item_search (chatkit_item_search) VALUES ('integrity-check')",
        )
        .unwrap();
    case.finish();
}
