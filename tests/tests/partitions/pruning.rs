//! Pruning months while others use them, after runs that did not end, and deleting.

use store_core::Error;
use store_core::history::{Retention, RunHistoryStore as _};
use store_tests::run;
use store_tests::samples::{at, id};

use crate::prune::pruned;
use crate::support::Partitions;

const CUTOFF: &str = "2026-02-01T00:00:00Z";

async fn january() -> Partitions {
    let t = Partitions::partitioned_in("2026-01-01T00:00:00Z").await;
    t.finished("a", "2026-01-10T00:00:00Z", 3).await;
    t.finished("b", "2026-01-11T00:00:00Z", 3).await;
    t.started("c", "2026-02-11T00:00:00Z", 3).await;
    t
}

#[test]
fn a_month_that_is_read_all_the_time_is_pruned_row_by_row() {
    run(async {
        let t = january().await;
        let reader = t.client().await;
        reader.batch_execute("BEGIN; SELECT FROM history_steps").await.unwrap();
        let report = pruned(&t, Retention::OlderThan(at(CUTOFF))).await;
        assert_eq!((report.executions, report.steps), (2, 6));
        let january = ("2026_01".to_owned(), 0);
        assert!(t.counts().await.contains(&january));
        reader.batch_execute("COMMIT").await.unwrap();
        // The next run drops what is empty by now.
        pruned(&t, Retention::OlderThan(at(CUTOFF))).await;
        assert!(!t.counts().await.contains(&january));
        assert_eq!(t.steps("c").await, 3);
        t.finish().await;
    });
}

/// What a prune that was killed leaves: the steps of January are gone, their executions are not.
const KILLED: &str = "\
    ALTER TABLE history_steps DETACH PARTITION history_steps_2026_01; \
    ALTER TABLE history_steps_2026_01 DROP CONSTRAINT fk_history_steps_2026_01_execution; \
    ALTER TABLE history_steps_2026_01 RENAME TO history_steps_dropped_2026_01; \
    COMMENT ON TABLE history_steps_dropped_2026_01 IS \
    '[2026-01-01T00:00:00.000000Z,2026-02-01T00:00:00.000000Z)'";

#[test]
fn an_execution_whose_month_was_dropped_has_no_steps_to_be_found() {
    run(async {
        let t = january().await;
        t.place.sql(KILLED).await;
        let page = store_core::PageRequest::default();
        let error = t.store.steps(&id("a"), &page).await.unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }), "{error}");
        let error = t.store.fetch_with_steps(&id("a")).await.unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }), "{error}");
        t.finish().await;
    });
}

#[test]
fn what_a_killed_prune_left_is_finished_by_maintain() {
    run(async {
        let t = january().await;
        // One without steps lost none: it is left to the retention.
        t.finished("none", "2026-01-12T00:00:00Z", 0).await;
        t.place.sql(KILLED).await;
        t.clock.set(at("2026-02-12T00:00:00Z"));
        t.maintained().await;
        for name in ["a", "b"] {
            assert!(t.store.find(&id(name)).await.unwrap().is_none(), "{name}");
        }
        assert_eq!((t.steps("c").await, t.steps("none").await), (3, 0));
        let left = "SELECT (to_regclass('history_steps_dropped_2026_01') IS NOT NULL)::int";
        assert_eq!(t.number(left).await, 0);
        t.finish().await;
    });
}

#[test]
fn prunes_at_once_delete_each_execution_once() {
    run(async {
        let t = january().await;
        let request = store_core::history::PruneRequest::new(Retention::OlderThan(at(CUTOFF)));
        let (one, other) = (t.store.clone(), t.another().await);
        let (one, other) = tokio::join!(
            tokio::spawn(async move { one.prune(&request).await.unwrap() }),
            tokio::spawn(async move { other.prune(&request).await.unwrap() }),
        );
        let report = one.unwrap().plus(other.unwrap());
        assert_eq!((report.executions, report.steps), (2, 6));
        assert!(!t.names().await.contains(&"2026_01".to_owned()));
        assert_eq!(t.steps("c").await, 3);
        t.finish().await;
    });
}

#[test]
fn deleting_an_execution_deletes_its_steps() {
    run(async {
        let t = january().await;
        t.store.delete(&id("a")).await.unwrap();
        assert!(t.counts().await.contains(&("2026_01".to_owned(), 3)));
        t.finish().await;
    });
}
