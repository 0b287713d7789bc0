//! Partitioning a table: what it becomes, and what is refused.

use store_core::Error;
use store_core::history::RunHistoryStore as _;
use store_history::postgres::PartitionRequest;
use store_tests::run;
use store_tests::samples::{at, id};

use crate::support::Partitions;

const IS_PARTITIONED: &str =
    "SELECT count(*) FROM pg_class WHERE oid = 'history_steps'::regclass AND relkind = 'p'";

#[test]
fn an_empty_table_is_partitioned_from_this_month_on() {
    run(async {
        let t = Partitions::plain().await;
        let report = t.partition().await;
        assert!(!report.already);
        assert_eq!(report.boundary, Some(at("2026-03-01T00:00:00Z")));
        let expected = ["first", "2026_03", "2026_04", "2026_05", "2026_06", "default"];
        assert_eq!(report.partitions, expected.map(|one| format!("history_steps_{one}")));
        t.finished("a", "2026-03-31T23:59:59.999999Z", 3).await;
        t.finished("b", "2026-02-28T23:59:59.999999Z", 2).await;
        t.finished("c", "2027-01-01T00:00:00Z", 1).await;
        let counts: Vec<_> = t.counts().await.into_iter().filter(|(_, count)| *count > 0).collect();
        let expected = [("2026_03", 3), ("default", 1), ("first", 2)];
        assert_eq!(counts, expected.map(|(name, count)| (name.to_owned(), count)));
        t.finish().await;
    });
}

#[test]
fn a_table_with_steps_becomes_the_first_partition_without_being_copied() {
    run(async {
        let t = Partitions::plain().await;
        t.finished("old", "2025-11-11T11:11:11Z", 5).await;
        t.started("new", "2026-03-02T12:00:00Z", 4).await;
        let file = "SELECT relfilenode FROM pg_class WHERE oid = ";
        let before = t.number(&format!("{file} 'history_steps'::regclass")).await;
        let expected = t.store.fetch_with_steps(&id("old")).await.unwrap();
        let report = t.partition().await;
        // Not the next month: it could begin while the table is made ready.
        assert_eq!(report.boundary, Some(at("2026-05-01T00:00:00Z")));
        let after = t.number(&format!("{file} 'history_steps_first'::regclass")).await;
        assert_eq!(before, after);
        assert_eq!(t.store.fetch_with_steps(&id("old")).await.unwrap(), expected);
        t.append("new").await;
        assert_eq!(t.steps("new").await, 5);
        // A key from before is known, and so is one of a partition that was made now.
        t.started("later", "2026-06-02T12:00:00Z", 2).await;
        for name in ["new", "later"] {
            let known = store_tests::samples::keyed("1", serde_json::json!("again"));
            assert_eq!(t.store.append_step(&id(name), known).await.unwrap().index, 1);
        }
        t.finish().await;
    });
}

#[test]
fn executions_of_the_future_move_the_boundary_behind_them() {
    run(async {
        let t = Partitions::plain().await;
        t.started("early", "2026-08-09T12:00:00Z", 1).await;
        t.clock.set(at("2026-03-02T12:00:00Z"));
        assert_eq!(t.partition().await.boundary, Some(at("2026-09-01T00:00:00Z")));
        assert_eq!(t.steps("early").await, 1);
        t.finish().await;
    });
}

#[test]
fn a_second_call_does_nothing_and_says_so() {
    run(async {
        let t = Partitions::partitioned().await;
        let names = t.names().await;
        let report = t.partition().await;
        assert!(report.already);
        assert!(report.statements.is_empty());
        assert_eq!(report.partitions.len(), names.len());
        assert_eq!(t.names().await, names);
        t.finish().await;
    });
}

#[test]
fn a_dry_run_returns_what_the_run_does_and_changes_nothing() {
    run(async {
        let t = Partitions::plain().await;
        t.started("a", "2026-03-02T12:00:00Z", 1).await;
        let objects = "SELECT count(*) FROM pg_class \
                       WHERE relnamespace = current_schema()::regnamespace";
        let before = t.number(objects).await;
        let request = PartitionRequest { dry_run: true, ..PartitionRequest::default() };
        let dry = t.store.partition_steps(&request).await.unwrap();
        assert_eq!(t.number(objects).await, before);
        assert_eq!(t.number(IS_PARTITIONED).await, 0);
        let real = t.partition().await;
        assert_eq!(t.number(IS_PARTITIONED).await, 1);
        assert_eq!(dry.statements, real.statements);
        t.finish().await;
    });
}

#[test]
fn months_outside_1_to_120_are_invalid() {
    run(async {
        let t = Partitions::plain().await;
        for months_ahead in [0, 121] {
            let request = PartitionRequest { months_ahead, ..PartitionRequest::default() };
            let error = t.store.partition_steps(&request).await.unwrap_err();
            assert!(matches!(&error, Error::Invalid { field, .. } if field == "months_ahead"));
        }
        assert_eq!(t.number(IS_PARTITIONED).await, 0);
        t.finish().await;
    });
}

#[test]
fn views_and_triggers_are_named_and_refused() {
    run(async {
        let t = Partitions::plain().await;
        t.place
            .sql(
                "CREATE VIEW mine AS SELECT at FROM history_steps; \
                 CREATE TRIGGER theirs BEFORE UPDATE ON history_steps \
                 FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
            )
            .await;
        let error = t.store.partition_steps(&PartitionRequest::default()).await.unwrap_err();
        assert!(matches!(error, Error::InvalidState { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains("view mine") && text.contains("trigger theirs"), "{text}");
        assert_eq!(t.number(IS_PARTITIONED).await, 0);
        t.place.sql("DROP VIEW mine; DROP TRIGGER theirs ON history_steps").await;
        assert!(!t.partition().await.already);
        t.finish().await;
    });
}

#[test]
fn both_forms_have_the_same_columns_checks_and_names() {
    run(async {
        let t = Partitions::plain().await;
        let columns = "SELECT concat_ws(' ', attname, atttypid::regtype, attnotnull, attcollation, \
                       attcompression) FROM pg_attribute \
                       WHERE attrelid = 'history_steps'::regclass AND attnum > 0 ORDER BY attnum";
        let checks = "SELECT conname || pg_get_constraintdef(oid) FROM pg_constraint \
                      WHERE conrelid = 'history_steps'::regclass AND contype = 'c' ORDER BY 1";
        let names = "SELECT conname::text FROM pg_constraint \
                     WHERE conrelid = 'history_steps'::regclass AND contype <> 'n' \
                     UNION SELECT indexrelid::regclass::text FROM pg_index \
                     WHERE indrelid = 'history_steps'::regclass ORDER BY 1";
        let plain = (t.column(columns).await, t.column(checks).await, t.column(names).await);
        t.partition().await;
        assert_eq!(t.column(columns).await, plain.0);
        assert_eq!(t.column(checks).await, plain.1);
        let mut partitioned = t.column(names).await;
        partitioned.retain(|name| name != "idx_history_steps_at");
        assert_eq!(partitioned, plain.2);
        let invalid = "SELECT count(*) FROM pg_index WHERE NOT indisvalid \
                       AND indrelid::regclass::text LIKE 'history%'";
        assert_eq!(t.number(invalid).await, 0);
        t.finish().await;
    });
}
