//! Usage: sums of an execution and over executions.

use std::time::Duration;

use serde_json::json;
use store_core::Error;
use store_core::history::{ExecutionFilter, NewExecution, NewStep, Usage, UsageGroup, UsageTotal};

use crate::behaviours;
use crate::fixture::History;
use crate::samples::{at, execution, id, keyed, step, usage};

fn using(usage: Usage) -> NewStep {
    NewStep { usage: Some(usage), ..step(json!(1)) }
}

fn total(key: &str, executions: i64, steps: i64, usage: Usage) -> UsageTotal {
    UsageTotal { key: key.into(), executions, steps, usage }
}

behaviours! {
    emits history_usage_tests from history::usage;

    /// The usage of an execution is the sum of its steps'.
    async fn usage_of_an_execution_is_the_sum_of_its_steps(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        t.store.append_step(&id("e"), using(usage(1, 2, 3))).await.unwrap();
        t.store.append_step(&id("e"), step(json!(1))).await.unwrap();
        let batch = vec![using(usage(10, 20, 30)), step(json!(1)), using(usage(100, 200, 300))];
        t.store.append_steps(&id("e"), batch).await.unwrap();
        assert_eq!(t.store.fetch(&id("e")).await.unwrap().usage, usage(111, 222, 333));
    }

    /// A repeated step is not counted again.
    async fn a_repeated_step_is_counted_once(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        for _ in 0..3 {
            let new = NewStep { usage: Some(usage(1, 1, 1)), ..keyed("k", json!(1)) };
            t.store.append_step(&id("e"), new).await.unwrap();
        }
        assert_eq!(t.store.fetch(&id("e")).await.unwrap().usage, usage(1, 1, 1));
    }

    /// Usage is summed by workflow, by day and by status.
    async fn usage_is_summed_by_workflow_day_and_status(t: &History) {
        let rows = [
            ("a", "w1", "2026-03-01T23:59:59.999999Z"),
            ("b", "w1", "2026-03-02T00:00:00Z"),
            ("c", "w2", "2026-03-02T12:00:00Z"),
        ];
        for (name, workflow, started_at) in rows {
            let new = NewExecution {
                workflow_id: workflow.into(),
                started_at: Some(at(started_at)),
                ..execution(name)
            };
            t.store.start(new).await.unwrap();
            t.store.append_step(&id(name), using(usage(1, 10, 100))).await.unwrap();
        }
        t.store.append_step(&id("c"), using(usage(5, 5, 5))).await.unwrap();
        t.store.fail(&id("c"), "x").await.unwrap();
        let all = ExecutionFilter::default();
        assert_eq!(
            t.store.usage(&all, UsageGroup::Workflow).await.unwrap(),
            [total("w1", 2, 2, usage(2, 20, 200)), total("w2", 1, 2, usage(6, 15, 105))]
        );
        assert_eq!(
            t.store.usage(&all, UsageGroup::Day).await.unwrap(),
            [
                total("2026-03-01", 1, 1, usage(1, 10, 100)),
                total("2026-03-02", 2, 3, usage(7, 25, 205))
            ]
        );
        assert_eq!(
            t.store.usage(&all, UsageGroup::Status).await.unwrap(),
            [total("failed", 1, 2, usage(6, 15, 105)), total("running", 2, 2, usage(2, 20, 200))]
        );
        let w1 = ExecutionFilter { workflow_id: Some("w1".into()), ..Default::default() };
        assert_eq!(
            t.store.usage(&w1, UsageGroup::Status).await.unwrap(),
            [total("running", 2, 2, usage(2, 20, 200))]
        );
    }

    /// No executions have no totals.
    async fn usage_of_nothing_is_empty(t: &History) {
        let all = ExecutionFilter::default();
        assert_eq!(t.store.usage(&all, UsageGroup::Day).await.unwrap(), []);
    }

    /// Summing is one query.
    async fn summing_usage_is_one_query(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        let all = ExecutionFilter::default();
        t.store.usage(&all, UsageGroup::Workflow).await.unwrap();
        let before = t.statements();
        t.store.usage(&all, UsageGroup::Workflow).await.unwrap();
        assert_eq!(t.statements() - before, 1);
    }

    /// A usage below zero or beyond 2^53 - 1 is `Invalid` and appends nothing.
    async fn a_usage_out_of_range_is_invalid(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        let wrong = [usage(-1, 0, 0), usage(0, Usage::STEP_MAX + 1, 0), usage(0, 0, i64::MIN)];
        let fields = ["usage.input_tokens", "usage.output_tokens", "usage.cost_micros"];
        for (wrong, expected) in wrong.into_iter().zip(fields) {
            let error = t.store.append_step(&id("e"), using(wrong)).await.unwrap_err();
            assert!(matches!(&error, Error::Invalid { field, .. } if field == expected), "{error}");
        }
        assert_eq!(t.store.fetch(&id("e")).await.unwrap().step_count, 0);
    }

    /// An append that would take the total over 2^62 is `Invalid` and changes nothing.
    async fn a_total_out_of_range_is_invalid(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        let most = usage(Usage::STEP_MAX, 0, 0);
        let batch: Vec<NewStep> = (0..512).map(|_| using(most)).collect();
        t.store.append_steps(&id("e"), batch.clone()).await.unwrap();
        t.clock.advance(Duration::from_secs(1)).unwrap();
        let before = t.store.fetch(&id("e")).await.unwrap();
        let room = Usage::TOTAL_MAX - before.usage.input_tokens;
        assert!(room < Usage::STEP_MAX, "the next one is too much: {room}");
        let error = t.store.append_step(&id("e"), using(most)).await.unwrap_err();
        assert!(matches!(&error, Error::Invalid { field, .. } if field == "usage"), "{error}");
        let error = t.store.append_steps(&id("e"), batch).await.unwrap_err();
        assert!(matches!(&error, Error::Invalid { field, .. } if field == "usage"), "{error}");
        assert_eq!(t.store.fetch(&id("e")).await.unwrap(), before);
        t.store.append_step(&id("e"), using(usage(room, 0, 0))).await.unwrap();
    }
}
