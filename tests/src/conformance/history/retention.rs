//! Pruning by age, rows and bytes.

use std::time::Duration;

use serde_json::json;
use store_core::history::{ExecutionFilter, PruneReport, PruneRequest, Retention};
use store_core::{Error, PageRequest};

use crate::behaviours;
use crate::fixture::{History, noon};
use crate::samples::{at, execution, id, step};

/// Starts `e0`, `e1` … a minute apart, each with two steps, all finished at once but `e2`.
async fn filled(t: &History, count: u64) {
    for number in 0..count {
        t.clock.set(noon().plus(Duration::from_secs(60 * number)).unwrap());
        let name = format!("e{number}");
        t.store.start(execution(&name)).await.unwrap();
        let steps = vec![step(json!("12345678")), step(json!("12345678"))];
        t.store.append_steps(&id(&name), steps).await.unwrap();
        if number != 2 {
            t.store.succeed(&id(&name)).await.unwrap();
        }
    }
}

async fn left(t: &History) -> Vec<String> {
    let page = t.store.list(&ExecutionFilter::default(), &PageRequest::default()).await.unwrap();
    page.items.into_iter().map(|one| one.execution_id.into_string()).collect()
}

/// Prunes for real after a dry run, which has to say the same and change nothing.
async fn pruned(t: &History, request: PruneRequest) -> PruneReport {
    let before = left(t).await;
    let dry = t.store.prune(&request.dry_run()).await.unwrap();
    assert_eq!(left(t).await, before, "a dry run changes nothing");
    let report = t.store.prune(&request).await.unwrap();
    assert_eq!(dry, report, "a dry run counts what the run deletes");
    report
}

behaviours! {
    emits history_retention_tests from history::retention;

    /// Executions that finished before an instant go, with their steps; running ones stay.
    async fn prune_by_age_spares_running_executions(t: &History) {
        filled(t, 5).await;
        let cutoff = at("2026-03-02T12:04:00Z");
        let report = pruned(t, PruneRequest::new(Retention::OlderThan(cutoff))).await;
        assert_eq!((report.executions, report.steps), (3, 6));
        assert!(report.bytes >= 6 * 10);
        assert_eq!(left(t).await, ["e4", "e2"]);
        t.store.start(execution("e0")).await.unwrap();
        let steps = t.store.steps(&id("e0"), &PageRequest::default()).await.unwrap();
        assert!(steps.items.is_empty(), "the steps went along");
    }

    /// The oldest executions go until the rows are few enough.
    async fn prune_by_rows_keeps_the_newest(t: &History) {
        filled(t, 6).await;
        // Each execution is three rows: two of them fit into eight.
        let report = pruned(t, PruneRequest::new(Retention::MaxRows(8))).await;
        assert_eq!((report.executions, report.steps), (3, 6));
        assert_eq!(left(t).await, ["e5", "e4", "e2"]);
        let report = pruned(t, PruneRequest::new(Retention::MaxRows(9))).await;
        assert_eq!(report, PruneReport::default());
    }

    /// The oldest executions go until the bytes are few enough.
    async fn prune_by_bytes_keeps_the_newest(t: &History) {
        filled(t, 4).await;
        let everything = pruned(t, PruneRequest::new(Retention::MaxBytes(u64::MAX))).await;
        assert_eq!(everything, PruneReport::default());
        let report = pruned(t, PruneRequest::new(Retention::MaxBytes(60))).await;
        assert_eq!(report.executions, 2);
        assert_eq!(left(t).await, ["e3", "e2"]);
        let report = pruned(t, PruneRequest::new(Retention::MaxBytes(0))).await;
        assert_eq!(report.executions, 1);
        assert_eq!(left(t).await, ["e2"]);
    }

    /// Small batches delete the same as one large one.
    async fn prune_works_in_batches(t: &History) {
        filled(t, 8).await;
        let cutoff = at("2027-01-01T00:00:00Z");
        let request = PruneRequest { batch: 2, ..PruneRequest::new(Retention::OlderThan(cutoff)) };
        let report = pruned(t, request).await;
        assert_eq!(report.executions, 7);
        assert_eq!(left(t).await, ["e2"]);
    }

    /// A batch of 0 or 1001 is `Invalid`.
    async fn a_batch_outside_1_to_1000_is_invalid(t: &History) {
        for batch in [0, 1001] {
            let request = PruneRequest { batch, ..PruneRequest::new(Retention::MaxRows(1)) };
            let error = t.store.prune(&request).await.unwrap_err();
            assert!(matches!(&error, Error::Invalid { field, .. } if field == "batch"), "{error}");
        }
    }

    /// Two prunes at once delete everything once.
    async fn concurrent_prunes_delete_each_execution_once(t: &History) {
        filled(t, 20).await;
        let cutoff = at("2027-01-01T00:00:00Z");
        let request = PruneRequest { batch: 3, ..PruneRequest::new(Retention::OlderThan(cutoff)) };
        let (a, b) = (t.store.clone(), t.reopened().await);
        let (a, b) = tokio::join!(
            tokio::spawn(async move { a.prune(&request).await.unwrap() }),
            tokio::spawn(async move { b.prune(&request).await.unwrap() }),
        );
        assert_eq!(a.unwrap().executions + b.unwrap().executions, 19);
        assert_eq!(left(t).await, ["e2"]);
    }

    /// Pruning an empty store does nothing.
    async fn pruning_nothing_reports_nothing(t: &History) {
        let retentions =
            [Retention::OlderThan(noon()), Retention::MaxRows(0), Retention::MaxBytes(0)];
        for retention in retentions {
            let report = pruned(t, PruneRequest::new(retention)).await;
            assert_eq!(report, PruneReport::default());
        }
    }
}
