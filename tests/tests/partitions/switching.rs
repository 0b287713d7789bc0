//! Partitioning while others use the table, after attempts that did not end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::json;
use store_core::Error;
use store_core::history::RunHistoryStore as _;
use store_history::postgres::PartitionRequest;
use store_tests::run;
use store_tests::samples::{id, keyed};

use crate::support::{Partitions, until};

/// Who appends, all the time.
const APPENDERS: usize = 8;

#[test]
fn appends_only_wait_while_the_table_is_partitioned() {
    run(async {
        let t = Partitions::plain().await;
        let other = t.another().await;
        let (stop, total) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut appenders = Vec::new();
        for number in 0..APPENDERS {
            let name = format!("e{number}");
            t.started(&name, "2026-03-02T12:00:00Z", 0).await;
            let (other, stop, total) = (other.clone(), Arc::clone(&stop), Arc::clone(&total));
            appenders.push(tokio::spawn(async move {
                let mut count = 0;
                while !stop.load(Ordering::Relaxed) {
                    let step = keyed(&count.to_string(), json!(count));
                    let step = other.append_step(&id(&name), step).await.unwrap();
                    assert_eq!(step.index, count);
                    count += 1;
                    total.fetch_add(1, Ordering::Relaxed);
                }
                (name, count)
            }));
        }
        let more = |than: usize| {
            let total = Arc::clone(&total);
            move || {
                let total = total.load(Ordering::Relaxed);
                async move { total > than }
            }
        };
        until("appends before", more(100)).await;
        let report = t.partition().await;
        assert!(!report.already);
        let then = total.load(Ordering::Relaxed);
        until("appends after", more(then + 100)).await;
        stop.store(true, Ordering::Relaxed);
        for appender in appenders {
            let (name, count) = appender.await.unwrap();
            assert_eq!(t.steps(&name).await, usize::try_from(count).unwrap());
        }
        t.finish().await;
    });
}

#[test]
fn who_reads_for_long_is_waited_for_without_stopping_appends() {
    run(async {
        let t = Partitions::plain().await;
        t.started("a", "2026-03-02T12:00:00Z", 1).await;
        let reader = t.client().await;
        reader.batch_execute("BEGIN; SELECT FROM history_steps").await.unwrap();
        let store = t.store.clone();
        let switching = tokio::spawn(async move {
            store.partition_steps(&PartitionRequest::default()).await.unwrap()
        });
        let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted \
                     AND relation = 'history_steps'::regclass";
        let waiting = || async { t.number(waits).await > 0 };
        until("the switch waits", waiting).await;
        // It gives way, and this append gets its turn.
        t.append("a").await;
        assert!(!switching.is_finished());
        reader.batch_execute("COMMIT").await.unwrap();
        assert!(!switching.await.unwrap().already);
        assert_eq!(t.steps("a").await, 2);
        t.finish().await;
    });
}

#[test]
fn two_processes_do_not_partition_at_once() {
    run(async {
        let t = Partitions::plain().await;
        let (one, other) = (t.store.clone(), t.another().await);
        let request = PartitionRequest::default();
        let both = tokio::join!(one.partition_steps(&request), other.partition_steps(&request));
        let mut did = 0;
        for outcome in [both.0, both.1] {
            match outcome {
                Ok(report) => did += i32::from(!report.already),
                Err(error) => assert!(matches!(error, Error::Conflict { .. }), "{error}"),
            }
        }
        assert_eq!(did, 1);
        t.finish().await;
    });
}

/// What a process that was killed right before the switch leaves.
const LEFT: &str = "\
    CREATE UNIQUE INDEX uq_history_executions_execution_id_started_at \
    ON history_executions (execution_id, started_at); \
    CREATE UNIQUE INDEX pk_history_steps_first \
    ON history_steps (execution_id, step_index, execution_started_at); \
    ALTER TABLE history_steps ADD CONSTRAINT fk_history_steps_first_execution \
    FOREIGN KEY (execution_id, execution_started_at) \
    REFERENCES history_executions (execution_id, started_at) ON DELETE CASCADE NOT VALID, \
    ADD CONSTRAINT ck_history_steps_first_range \
    CHECK (execution_started_at < '2026-04-01 00:00:00+00') NOT VALID";

#[test]
fn an_interrupted_attempt_is_gone_on_with() {
    run(async {
        let t = Partitions::plain().await;
        t.started("a", "2026-03-02T12:00:00Z", 3).await;
        t.place.sql(LEFT).await;
        assert!(!t.partition().await.already);
        t.started("b", "2026-05-02T12:00:00Z", 1).await;
        assert_eq!((t.steps("a").await, t.steps("b").await), (3, 1));
        let valid = "SELECT count(*) FROM pg_constraint WHERE NOT convalidated \
                     AND conrelid::regclass::text LIKE 'history_steps%'";
        assert_eq!(t.number(valid).await, 0);
        t.finish().await;
    });
}

#[test]
fn an_index_that_was_left_unfinished_is_built_again() {
    run(async {
        let t = Partitions::plain().await;
        t.started("a", "2026-03-02T12:00:00Z", 3).await;
        t.place.sql(LEFT).await;
        t.place
            .sql(
                "UPDATE pg_index SET indisvalid = FALSE \
                 WHERE indexrelid = 'pk_history_steps_first'::regclass",
            )
            .await;
        let report = t.partition().await;
        let dropped = "DROP INDEX CONCURRENTLY pk_history_steps_first";
        assert!(report.statements.iter().any(|one| one == dropped), "{:?}", report.statements);
        assert_eq!(t.steps("a").await, 3);
        t.finish().await;
    });
}

#[test]
fn maintain_takes_away_what_an_abandoned_attempt_would_refuse() {
    run(async {
        let t = Partitions::plain().await;
        t.started("a", "2026-03-02T12:00:00Z", 1).await;
        t.place.sql(LEFT).await;
        t.clock.set("2026-04-01T00:00:00Z".parse().unwrap());
        assert_eq!(t.maintained().await, (vec![], 0));
        t.started("b", "2026-04-01T00:00:00Z", 1).await;
        t.finish().await;
    });
}

#[test]
fn grants_go_over_to_the_partitioned_table() {
    run(async {
        let t = Partitions::plain().await;
        let role = format!("app_{}", t.place.schemas[0]);
        let grants = "SELECT privilege_type || is_grantable FROM pg_class, aclexplode(relacl) \
                      WHERE oid = 'history_steps'::regclass AND grantee <> relowner ORDER BY 1";
        t.place
            .sql(&format!(
                "CREATE ROLE {role}; GRANT SELECT, INSERT ON history_steps TO {role}; \
                 GRANT DELETE ON history_steps TO {role} WITH GRANT OPTION; \
                 GRANT UPDATE (kind) ON history_steps TO {role}"
            ))
            .await;
        let before = t.column(grants).await;
        assert_eq!(before.len(), 3);
        t.partition().await;
        assert_eq!(t.column(grants).await, before);
        let column = format!(
            "SELECT has_column_privilege('{role}', 'history_steps', 'kind', 'UPDATE')::int"
        );
        assert_eq!(t.number(&column).await, 1);
        t.place.sql(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
        t.finish().await;
    });
}
