//! Maintenance, which changes no answer. What it does to partitions is tested where there are some.

use serde_json::json;
use store_core::Error;
use store_core::history::{MaintenanceReport, MaintenanceRequest, PruneRequest, Retention};

use crate::behaviours;
use crate::fixture::History;
use crate::samples::{at, execution, id, keyed, step};

behaviours! {
    emits history_maintenance_tests from history::maintenance;

    /// Maintenance changes no answer, and appends go on after it.
    async fn maintenance_changes_no_answer(t: &History) {
        for name in ["kept", "pruned"] {
            t.store.start(execution(name)).await.unwrap();
            t.store.append_step(&id(name), keyed("k", json!("x".repeat(100_000)))).await.unwrap();
        }
        t.store.succeed(&id("pruned")).await.unwrap();
        let cutoff = Retention::OlderThan(at("2027-01-01T00:00:00Z"));
        t.store.prune(&PruneRequest::new(cutoff)).await.unwrap();
        let expected = t.store.fetch_with_steps(&id("kept")).await.unwrap();
        t.store.maintain(&MaintenanceRequest::default()).await.unwrap();
        assert_eq!(t.store.fetch_with_steps(&id("kept")).await.unwrap(), expected);
        let again = t.store.append_step(&id("kept"), keyed("k", json!(0))).await.unwrap();
        assert_eq!(again, expected.steps[0]);
        assert_eq!(t.store.append_step(&id("kept"), step(json!(1))).await.unwrap().index, 1);
    }

    /// There is nothing left to do right after it.
    async fn maintenance_is_done_once(t: &History) {
        let request = MaintenanceRequest { months_ahead: 5 };
        t.store.maintain(&request).await.unwrap();
        assert_eq!(t.store.maintain(&request).await.unwrap(), MaintenanceReport::default());
    }

    /// Processes may maintain at once, while others append.
    async fn maintenance_at_once_and_beside_appends_fails_nobody(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        let request = MaintenanceRequest { months_ahead: 6 };
        let (a, b, c) = (t.store.clone(), t.reopened().await, t.store.clone());
        let (a, b, c) = tokio::join!(
            tokio::spawn(async move { a.maintain(&request).await }),
            tokio::spawn(async move { b.maintain(&request).await }),
            tokio::spawn(async move {
                for number in 0..20 {
                    let step = c.append_step(&id("e"), step(json!(number))).await.unwrap();
                    assert_eq!(step.index, number);
                }
            }),
        );
        a.unwrap().unwrap();
        b.unwrap().unwrap();
        c.unwrap();
        assert_eq!(t.store.fetch(&id("e")).await.unwrap().step_count, 20);
    }

    /// Months outside 1 to 120 are `Invalid`.
    async fn months_ahead_outside_1_to_120_are_invalid(t: &History) {
        for months_ahead in [0, 121, u32::MAX] {
            let request = MaintenanceRequest { months_ahead };
            let error = t.store.maintain(&request).await.unwrap_err();
            assert!(
                matches!(&error, Error::Invalid { field, .. } if field == "months_ahead"),
                "{error}"
            );
        }
    }
}
