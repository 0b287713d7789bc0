//! Maintenance: partitions ahead of time, and steps that had none of their own.

use store_core::history::{MaintenanceReport, MaintenanceRequest, RunHistoryStore as _};
use store_tests::run;
use store_tests::samples::at;

use crate::support::Partitions;

fn named(months: &[&str]) -> Vec<String> {
    months.iter().map(|month| format!("history_steps_{month}")).collect()
}

#[test]
fn maintain_makes_the_months_ahead_once() {
    run(async {
        let t = Partitions::partitioned().await;
        assert_eq!(t.maintained().await, (vec![], 0));
        t.clock.set(at("2026-05-31T23:59:59Z"));
        assert_eq!(t.maintained().await, (named(&["2026_07", "2026_08"]), 0));
        assert_eq!(t.maintained().await, (vec![], 0));
        t.started("a", "2026-08-20T00:00:00Z", 2).await;
        assert!(t.counts().await.contains(&("2026_08".to_owned(), 2)));
        t.finish().await;
    });
}

#[test]
fn nothing_is_made_where_steps_are_not_partitioned() {
    run(async {
        let t = Partitions::plain().await;
        let request = MaintenanceRequest { months_ahead: 120 };
        assert_eq!(t.store.maintain(&request).await.unwrap(), MaintenanceReport::default());
        let partitioned = "SELECT count(*) FROM pg_class WHERE relkind = 'p' \
                           AND relnamespace = current_schema()::regnamespace";
        assert_eq!(t.number(partitioned).await, 0);
        t.finish().await;
    });
}

#[test]
fn steps_without_a_partition_are_kept_and_moved_into_one() {
    run(async {
        let t = Partitions::partitioned().await;
        t.started("a", "2026-12-24T00:00:00Z", 3).await;
        t.started("b", "2027-02-28T00:00:00Z", 2).await;
        assert!(t.counts().await.contains(&("default".to_owned(), 5)));
        t.clock.set(at("2026-03-02T12:00:00Z"));
        assert_eq!(t.maintained().await, (named(&["2026_12", "2027_02"]), 5));
        let counts = t.counts().await;
        for expected in [("default", 0), ("2026_12", 3), ("2027_02", 2)] {
            assert!(counts.contains(&(expected.0.to_owned(), expected.1)), "{counts:?}");
        }
        t.append("a").await;
        assert_eq!((t.steps("a").await, t.steps("b").await), (4, 2));
        assert_eq!(t.maintained().await, (vec![], 0));
        t.finish().await;
    });
}

#[test]
fn processes_that_maintain_at_once_make_each_partition_once() {
    run(async {
        let t = Partitions::partitioned().await;
        t.started("late", "2027-06-01T00:00:00Z", 4).await;
        t.clock.set(at("2026-06-01T00:00:00Z"));
        let (one, other) = (t.store.clone(), t.another().await);
        let request = MaintenanceRequest::default();
        let (one, other) = tokio::join!(
            tokio::spawn(async move { one.maintain(&request).await.unwrap() }),
            tokio::spawn(async move { other.maintain(&request).await.unwrap() }),
        );
        let (one, other) = (one.unwrap(), other.unwrap());
        let mut made: Vec<_> = one.partitions.into_iter().chain(other.partitions).collect();
        made.sort();
        assert_eq!(made, named(&["2026_07", "2026_08", "2026_09", "2027_06"]));
        assert_eq!(one.steps_moved + other.steps_moved, 4);
        assert_eq!(t.steps("late").await, 4);
        t.finish().await;
    });
}
