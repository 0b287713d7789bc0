//! Starting, finishing, fetching and deleting executions.

use std::time::Duration;

use serde_json::json;
use store_core::history::{Execution, ExecutionStatus, NewExecution, Usage};
use store_core::{Error, Failure};

use crate::behaviours;
use crate::fixture::{History, noon};
use crate::samples::{at, everything, execution, id, step};

behaviours! {
    emits history_lifecycle_tests from history::lifecycle;

    /// Every field of an execution comes back as it was given.
    async fn every_field_of_an_execution_round_trips(t: &History) {
        let new = NewExecution {
            inputs: everything(),
            runnable_config: json!({"configurable": {"thread": 1}}),
            tags: Some(vec!["b".into(), "a".into(), "späße".into()]),
            callbacks: Some(vec![json!({"url": "https://example.com"})]),
            metadata: Some(json!({"team": "billing", "level": 1.0})),
            run_name: Some("nightly 🎉".into()),
            started_at: Some(at("2026-03-02T09:14:05.120344Z")),
            trace_id: Some("trace-1".into()),
            trace_started_at: Some(at("2026-03-02T09:14:04Z")),
            ..execution("e")
        };
        let started = t.store.start(new.clone()).await.unwrap();
        let expected = Execution {
            execution_id: id("e"),
            workflow_id: "workflow".into(),
            inputs: new.inputs,
            runnable_config: new.runnable_config,
            tags: new.tags.unwrap(),
            callbacks: new.callbacks.unwrap(),
            metadata: new.metadata.unwrap(),
            run_name: new.run_name,
            status: ExecutionStatus::Running,
            started_at: new.started_at.unwrap(),
            completed_at: None,
            error: None,
            trace_id: new.trace_id,
            trace_started_at: new.trace_started_at,
            trace_completed_at: None,
            trace_last_span_at: new.started_at,
            step_count: 0,
            usage: Usage::default(),
            updated_at: noon(),
        };
        assert_eq!(started, expected);
        assert_eq!(t.store.fetch(&id("e")).await.unwrap(), expected);
    }

    /// Tags, callbacks, metadata and name default to the configuration's.
    async fn start_takes_what_is_left_out_from_the_configuration(t: &History) {
        let config = json!({
            "tags": ["x", "y"], "callbacks": [{"a": 1}], "metadata": {"m": 1}, "run_name": "named"
        });
        let new = NewExecution { runnable_config: config, ..execution("e") };
        let started = t.store.start(new).await.unwrap();
        assert_eq!(started.tags, ["x", "y"]);
        assert_eq!(started.callbacks, [json!({"a": 1})]);
        assert_eq!(started.metadata, json!({"m": 1}));
        assert_eq!(started.run_name.as_deref(), Some("named"));
        assert_eq!(t.store.fetch(&id("e")).await.unwrap(), started);
    }

    /// What is given goes before what the configuration says, an empty list too.
    async fn what_is_given_goes_before_the_configuration(t: &History) {
        let new = NewExecution {
            runnable_config: json!({"tags": ["x"], "metadata": {"m": 1}, "run_name": "named"}),
            tags: Some(vec![]),
            metadata: Some(json!({})),
            run_name: Some("mine".into()),
            ..execution("e")
        };
        let started = t.store.start(new).await.unwrap();
        assert!(started.tags.is_empty());
        assert_eq!(started.metadata, json!({}));
        assert_eq!(started.run_name.as_deref(), Some("mine"));
    }

    /// The traces of an execution begin at its start, and its start is now.
    async fn start_and_trace_default_to_now(t: &History) {
        let started = t.store.start(execution("e")).await.unwrap();
        assert_eq!(started.started_at, noon());
        assert_eq!(started.trace_started_at, Some(noon()));
        assert_eq!(started.trace_last_span_at, Some(noon()));
        let given = at("2020-01-01T00:00:00Z");
        let new = NewExecution { started_at: Some(given), ..execution("f") };
        let started = t.store.start(new).await.unwrap();
        assert_eq!(started.trace_started_at, Some(given));
        assert_eq!(started.trace_last_span_at, Some(given));
    }

    /// A second start of an id reports `Conflict` and leaves the first as it was.
    async fn a_second_start_of_an_id_conflicts(t: &History) {
        let first = t.store.start(execution("e")).await.unwrap();
        let again = NewExecution { inputs: json!({"other": 1}), ..execution("e") };
        let error = t.store.start(again).await.unwrap_err();
        assert!(matches!(&error, Error::Conflict { entity: "execution", id, .. } if id == "e"));
        assert_eq!(t.store.fetch(&id("e")).await.unwrap(), first);
    }

    /// Of many starts of one id at once exactly one succeeds.
    async fn one_of_many_concurrent_starts_wins(t: &History) {
        let other = t.reopened().await;
        let mut tasks = Vec::new();
        for number in 0..32 {
            let store = if number % 2 == 0 { t.store.clone() } else { other.clone() };
            tasks.push(tokio::spawn(async move { store.start(execution("e")).await }));
        }
        let mut started = 0;
        for task in tasks {
            match task.await.unwrap() {
                Ok(_) => started += 1,
                Err(error) => assert!(matches!(error, Error::Conflict { .. }), "{error}"),
            }
        }
        assert_eq!(started, 1);
    }

    /// `find` of an absent execution is nothing, `fetch` is `NotFound`.
    async fn an_absent_execution_is_not_found(t: &History) {
        assert_eq!(t.store.find(&id("none")).await.unwrap(), None);
        let error = t.store.fetch(&id("none")).await.unwrap_err();
        assert!(matches!(&error, Error::NotFound { entity: "execution", id } if id == "none"));
        let error = t.store.fetch_with_steps(&id("none")).await.unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }));
    }

    /// Succeeding completes the execution and its trace.
    async fn succeed_completes_the_execution(t: &History) {
        let started = t.store.start(execution("e")).await.unwrap();
        t.clock.advance(Duration::from_secs(5)).unwrap();
        let done = t.store.succeed(&id("e")).await.unwrap();
        let end = at("2026-03-02T12:00:05Z");
        let expected = Execution {
            status: ExecutionStatus::Succeeded,
            completed_at: Some(end),
            trace_completed_at: Some(end),
            updated_at: end,
            ..started
        };
        assert_eq!(done, expected);
        assert_eq!(t.store.fetch(&id("e")).await.unwrap(), expected);
    }

    /// Failing keeps the error, cancelling the reason.
    async fn fail_and_cancel_keep_why(t: &History) {
        for name in ["a", "b", "c"] {
            t.store.start(execution(name)).await.unwrap();
        }
        let failed = t.store.fail(&id("a"), "späße \"boom\"\n🎉").await.unwrap();
        assert_eq!(failed.status, ExecutionStatus::Failed);
        assert_eq!(failed.error.as_deref(), Some("späße \"boom\"\n🎉"));
        let cancelled = t.store.cancel(&id("b"), Some("by hand")).await.unwrap();
        assert_eq!(cancelled.status, ExecutionStatus::Cancelled);
        assert_eq!(cancelled.error.as_deref(), Some("by hand"));
        let cancelled = t.store.cancel(&id("c"), None).await.unwrap();
        assert_eq!(cancelled.error, None);
        assert_eq!(t.store.fetch(&id("c")).await.unwrap(), cancelled);
    }

    /// A finished execution does not change again.
    async fn a_finished_execution_does_not_change(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        let done = t.store.succeed(&id("e")).await.unwrap();
        t.clock.advance(Duration::from_secs(5)).unwrap();
        let refused = [
            t.store.succeed(&id("e")).await.unwrap_err(),
            t.store.fail(&id("e"), "late").await.unwrap_err(),
            t.store.cancel(&id("e"), None).await.unwrap_err(),
        ];
        for (error, wanted) in refused.iter().zip(["succeeded", "failed", "cancelled"]) {
            assert!(
                matches!(error, Error::InvalidState { from, to, .. }
                    if from == "succeeded" && to == wanted),
                "{error}"
            );
        }
        assert_eq!(t.store.fetch(&id("e")).await.unwrap(), done);
    }

    /// Finishing an absent execution is `NotFound`.
    async fn finishing_an_absent_execution_is_not_found(t: &History) {
        let errors = [
            t.store.succeed(&id("none")).await.unwrap_err(),
            t.store.fail(&id("none"), "x").await.unwrap_err(),
            t.store.cancel(&id("none"), None).await.unwrap_err(),
        ];
        assert!(errors.iter().all(|error| matches!(error, Error::NotFound { .. })));
    }

    /// Of many finishes of one execution at once exactly one succeeds.
    async fn one_of_many_concurrent_finishes_wins(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        let other = t.reopened().await;
        let mut tasks = Vec::new();
        for number in 0..32 {
            let store = if number % 2 == 0 { t.store.clone() } else { other.clone() };
            tasks.push(tokio::spawn(async move { store.fail(&id("e"), "x").await }));
        }
        let mut finished = 0;
        for task in tasks {
            match task.await.unwrap() {
                Ok(_) => finished += 1,
                Err(error) => assert!(matches!(error, Error::InvalidState { .. }), "{error}"),
            }
        }
        assert_eq!(finished, 1);
    }

    /// Deleting removes the execution and everything that belongs to it.
    async fn delete_removes_all_that_belongs_to_an_execution(t: &History) {
        use crate::samples::{result, task};
        t.store.start(execution("e")).await.unwrap();
        t.store.append_step(&id("e"), step(json!(1))).await.unwrap();
        t.store.record_task(task("e", "t", noon())).await.unwrap();
        t.store.put_result(result("e", "t", "k", json!(1))).await.unwrap();
        t.store.delete(&id("e")).await.unwrap();
        assert_eq!(t.store.find(&id("e")).await.unwrap(), None);
        let page = store_core::PageRequest::default();
        assert!(t.store.tasks(&id("e"), &page).await.unwrap().items.is_empty());
        assert!(t.store.results(&id("e"), None, &page).await.unwrap().items.is_empty());
        assert!(matches!(
            t.store.delete(&id("e")).await.unwrap_err(),
            Error::NotFound { entity: "execution", .. }
        ));
        t.store.start(execution("e")).await.unwrap();
        assert!(t.store.steps(&id("e"), &page).await.unwrap().items.is_empty());
    }

    /// Stores on different databases do not see each other's executions.
    async fn stores_on_different_databases_are_apart(t: &History) {
        let other = t.other().await;
        t.store.start(execution("e")).await.unwrap();
        assert_eq!(other.find(&id("e")).await.unwrap(), None);
        other.start(execution("e")).await.unwrap();
        other.fail(&id("e"), "other").await.unwrap();
        assert_eq!(t.store.fetch(&id("e")).await.unwrap().status, ExecutionStatus::Running);
    }

    /// What one handle wrote, a handle that is opened later reads.
    async fn what_was_written_is_there_after_opening_again(t: &History) {
        let started = t.store.start(execution("e")).await.unwrap();
        let again = t.reopened().await;
        assert_eq!(again.fetch(&id("e")).await.unwrap(), started);
    }

    /// Nanoseconds are cut off on both backends alike.
    async fn instants_keep_microseconds(t: &History) {
        let new = NewExecution {
            started_at: Some(at("2026-03-02T09:14:05.123456789Z")),
            ..execution("e")
        };
        t.store.start(new).await.unwrap();
        let read = t.store.fetch(&id("e")).await.unwrap().started_at;
        assert_eq!(read, at("2026-03-02T09:14:05.123456Z"));
        let extremes = ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"];
        for (number, text) in extremes.into_iter().enumerate() {
            let name = format!("extreme-{number}");
            let new = NewExecution { started_at: Some(at(text)), ..execution(&name) };
            t.store.start(new).await.unwrap();
            assert_eq!(t.store.fetch(&id(&name)).await.unwrap().started_at, at(text));
        }
    }

    /// Health says that the store is ready, and names its migrations.
    async fn health_of_a_working_store_is_ready(t: &History) {
        let health = t.store.health().await;
        assert!(health.is_ready(), "{health:?}");
        assert!(health.server_version.is_some() && health.round_trip.is_some());
        assert_eq!(health.migrations[0].crate_name, "store-history");
        assert!(!health.migrations[0].applied.is_empty());
        assert!(health.pool.size > 0);
        assert_eq!(health.replica_lag, None);
    }

    /// A failure is reported with the query function that met it.
    async fn an_error_names_its_operation(t: &History) {
        let error = Error::failed("step_append", Failure::Busy);
        assert!(error.to_string().starts_with("step_append failed"));
        // The domain errors of a store carry the id that was asked for.
        let error = t.store.fetch(&id("späße")).await.unwrap_err();
        assert_eq!(error.to_string(), "execution `späße` was not found");
    }
}
