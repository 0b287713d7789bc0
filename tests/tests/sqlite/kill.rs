//! A process that is killed in the middle of group commits.

use std::collections::BTreeMap;

use rusqlite::Connection;
use serde_json::Value;
use store_tests::fixture::sqlite;
use store_tests::process::Helper;
use store_tests::samples::{execution, id};

use crate::notes::place;

const HELPER: &str = env!("CARGO_BIN_EXE_store-test-helper");

/// What is stored: index by what identifies a step. Fails when a step is there twice.
fn stored(conn: &Connection) -> BTreeMap<String, i64> {
    let sql = "SELECT step_index, payload FROM history_steps ORDER BY step_index";
    let mut rows = conn.prepare(sql).unwrap();
    let rows = rows.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)));
    let mut steps = BTreeMap::new();
    for (place, row) in rows.unwrap().enumerate() {
        let (index, payload) = row.unwrap();
        assert_eq!(index, i64::try_from(place).unwrap(), "indices have no gap");
        let payload: Value = serde_json::from_str(&payload).unwrap();
        let name = format!("{}-{}-{}", payload["pid"], payload["task"], payload["n"]);
        assert_eq!(steps.insert(name.clone(), index), None, "{name} is there twice");
    }
    steps
}

#[test]
fn every_step_acknowledged_before_a_kill_is_there_once() {
    store_tests::run(async {
        let t = sqlite::history("").await;
        t.store.start(execution("e")).await.unwrap();
        let helper = Helper::on(HELPER, &t);
        for round in 1..=3 {
            let mut victim = helper.append_forever("e", 32);
            let mut acknowledged = victim.acknowledged(300 * round).await;
            acknowledged.extend(victim.kill().await);

            // Another process goes on at once, and one that was there all along as well.
            let next = helper.append("e", 4, 5).await;
            assert_eq!(next.len(), 20);
            t.store.fetch(&id("e")).await.unwrap();

            let conn = Connection::open(place(&t).db.path()).unwrap();
            let check: String =
                conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
            assert_eq!(check, "ok");
            let stored = stored(&conn);
            for (name, index) in acknowledged {
                assert_eq!(stored.get(&name), Some(&index), "{name} was acknowledged");
            }
            let count = t.store.fetch(&id("e")).await.unwrap().step_count;
            assert_eq!(usize::try_from(count).unwrap(), stored.len());
        }
        t.finish().await;
    });
}
