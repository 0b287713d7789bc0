//! Pruning whole months, and only those.

use store_core::Error;
use store_core::history::{PruneReport, PruneRequest, Retention, RunHistoryStore as _};
use store_tests::run;
use store_tests::samples::{at, id};

use crate::support::Partitions;

/// January, February and March, each with two executions of three steps.
async fn three_months() -> Partitions {
    let t = Partitions::partitioned_in("2026-01-01T00:00:00Z").await;
    for month in 1..=3 {
        for number in 0..2 {
            let instant = format!("2026-0{month}-1{number}T00:00:00Z");
            t.finished(&format!("m{month}-{number}"), &instant, 3).await;
        }
    }
    t
}

/// Prunes for real after a dry run, which has to say the same.
pub(crate) async fn pruned(t: &Partitions, retention: Retention) -> PruneReport {
    let request = PruneRequest::new(retention);
    let dry = t.store.prune(&request.dry_run()).await.unwrap();
    let report = t.store.prune(&request).await.unwrap();
    assert_eq!(dry, report, "a dry run counts what the run deletes");
    report
}

async fn is_gone(t: &Partitions, name: &str) -> bool {
    matches!(t.store.fetch_with_steps(&id(name)).await, Err(Error::NotFound { .. }))
        && t.store.find(&id(name)).await.unwrap().is_none()
}

#[test]
fn months_of_which_nothing_is_kept_are_dropped_as_a_whole() {
    run(async {
        let t = three_months().await;
        let report = pruned(&t, Retention::OlderThan(at("2026-03-01T00:00:00Z"))).await;
        assert_eq!((report.executions, report.steps), (4, 12));
        // With everything before January, of which there was nothing.
        assert_eq!(t.names().await, ["2026_03", "2026_04", "default"]);
        for name in ["m1-0", "m1-1", "m2-0", "m2-1"] {
            assert!(is_gone(&t, name).await, "{name}");
        }
        assert_eq!((t.steps("m3-0").await, t.steps("m3-1").await), (3, 3));
        let left = "SELECT count(*) FROM pg_class WHERE relname LIKE 'history_steps_dropped%' \
                    AND relnamespace = current_schema()::regnamespace";
        assert_eq!(t.number(left).await, 0);
        t.finish().await;
    });
}

#[test]
fn a_month_that_reaches_beyond_the_cutoff_is_pruned_row_by_row() {
    run(async {
        let t = three_months().await;
        let report = pruned(&t, Retention::OlderThan(at("2026-02-10T12:00:00Z"))).await;
        assert_eq!((report.executions, report.steps), (3, 9));
        assert!(!t.names().await.contains(&"2026_01".to_owned()));
        assert!(t.counts().await.contains(&("2026_02".to_owned(), 3)));
        assert_eq!(t.steps("m2-1").await, 3);
        t.finish().await;
    });
}

#[test]
fn a_running_execution_keeps_its_month() {
    run(async {
        let t = three_months().await;
        t.started("still running", "2026-01-20T00:00:00Z", 7).await;
        let report = pruned(&t, Retention::OlderThan(at("2026-03-01T00:00:00Z"))).await;
        assert_eq!((report.executions, report.steps), (4, 12));
        let counts = t.counts().await;
        assert!(counts.contains(&("2026_01".to_owned(), 7)), "{counts:?}");
        assert!(!counts.iter().any(|(name, _)| name == "2026_02"), "{counts:?}");
        t.append("still running").await;
        assert_eq!(t.steps("still running").await, 8);
        t.finish().await;
    });
}

#[test]
fn an_execution_that_finished_late_keeps_its_month() {
    run(async {
        let t = three_months().await;
        t.started("long", "2026-01-20T00:00:00Z", 2).await;
        t.clock.set(at("2026-03-15T00:00:00Z"));
        t.store.succeed(&id("long")).await.unwrap();
        let report = pruned(&t, Retention::OlderThan(at("2026-03-01T00:00:00Z"))).await;
        assert_eq!((report.executions, report.steps), (4, 12));
        assert!(t.counts().await.contains(&("2026_01".to_owned(), 2)));
        assert_eq!(t.steps("long").await, 2);
        t.finish().await;
    });
}

#[test]
fn pruning_by_number_drops_whole_months_too() {
    run(async {
        let t = three_months().await;
        // Each execution is four rows: the newest two fit, and one of February.
        let report = pruned(&t, Retention::MaxRows(12)).await;
        assert_eq!((report.executions, report.steps), (3, 9));
        assert_eq!(t.names().await, ["2026_02", "2026_03", "2026_04", "default"]);
        assert_eq!((t.steps("m2-1").await, t.steps("m3-0").await), (3, 3));
        assert!(is_gone(&t, "m2-0").await);
        t.finish().await;
    });
}

#[test]
fn old_executions_are_kept_after_their_month_was_dropped() {
    run(async {
        let t = three_months().await;
        pruned(&t, Retention::OlderThan(at("2026-03-01T00:00:00Z"))).await;
        t.started("imported", "2026-01-05T00:00:00Z", 2).await;
        assert!(t.counts().await.contains(&("default".to_owned(), 2)));
        t.clock.set(at("2026-03-02T12:00:00Z"));
        let (made, moved) = t.maintained().await;
        assert!(made.contains(&"history_steps_2026_01".to_owned()), "{made:?}");
        assert_eq!(moved, 2);
        assert_eq!(t.steps("imported").await, 2);
        t.finish().await;
    });
}
