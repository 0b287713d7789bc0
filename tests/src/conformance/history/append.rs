//! Appending steps: order, idempotency, races.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use store_core::history::{NewStep, Step};
use store_core::{Error, PageRequest};

use crate::behaviours;
use crate::fixture::{History, noon};
use crate::samples::{at, everything, execution, id, keyed, step, usage};

behaviours! {
    emits history_append_tests from history::append;

    /// Every field of a step comes back as it was given.
    async fn every_field_of_a_step_round_trips(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        let new = NewStep {
            at: Some(at("2026-03-02T12:00:01.000001Z")),
            kind: Some("tool_call".into()),
            name: Some("späße 🎉".into()),
            payload: everything(),
            usage: Some(usage(1, 2, 3)),
            idempotency_key: Some("key".into()),
        };
        let appended = t.store.append_step(&id("e"), new.clone()).await.unwrap();
        let expected = Step {
            execution_id: id("e"),
            index: 0,
            at: new.at.unwrap(),
            kind: new.kind,
            name: new.name,
            payload: new.payload,
            usage: new.usage,
            idempotency_key: new.idempotency_key,
        };
        assert_eq!(appended, expected);
        let read = t.store.steps(&id("e"), &PageRequest::default()).await.unwrap().items;
        assert_eq!(read, [expected]);
    }

    /// A step that leaves everything out happens now and states no usage.
    async fn a_bare_step_happens_now(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        t.clock.advance(Duration::from_secs(1)).unwrap();
        let appended = t.store.append_step(&id("e"), step(json!(null))).await.unwrap();
        assert_eq!(appended.at, at("2026-03-02T12:00:01Z"));
        assert_eq!((&appended.kind, &appended.name, &appended.usage), (&None, &None, &None));
        let read = t.store.steps(&id("e"), &PageRequest::default()).await.unwrap().items;
        assert_eq!(read, [appended]);
    }

    /// Indices start at 0 and follow each other.
    async fn indices_start_at_zero_and_have_no_gaps(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        for number in 0..5 {
            let appended = t.store.append_step(&id("e"), step(json!(number))).await.unwrap();
            assert_eq!(appended.index, number);
        }
        assert_eq!(t.store.fetch(&id("e")).await.unwrap().step_count, 5);
    }

    /// Appending to an absent execution is `NotFound`.
    async fn appending_to_an_absent_execution_is_not_found(t: &History) {
        let error = t.store.append_step(&id("none"), step(json!(1))).await.unwrap_err();
        assert!(matches!(&error, Error::NotFound { entity: "execution", id } if id == "none"));
        let error = t.store.append_steps(&id("none"), vec![step(json!(1))]).await.unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }));
    }

    /// Appending to a finished execution is `InvalidState` and appends nothing.
    async fn appending_to_a_finished_execution_is_refused(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        t.store.append_step(&id("e"), step(json!(1))).await.unwrap();
        t.store.succeed(&id("e")).await.unwrap();
        let error = t.store.append_step(&id("e"), step(json!(2))).await.unwrap_err();
        assert!(matches!(&error, Error::InvalidState { from, .. } if from == "succeeded"));
        let error = t.store.append_steps(&id("e"), vec![step(json!(2))]).await.unwrap_err();
        assert!(matches!(error, Error::InvalidState { .. }));
        assert_eq!(t.store.fetch(&id("e")).await.unwrap().step_count, 1);
    }

    /// The latest instant of a step moves the trace forward, an earlier one does not move it back.
    async fn a_step_moves_the_trace_forward_never_back(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        let moved = [
            ("2026-03-02T12:00:02Z", "2026-03-02T12:00:02Z"),
            ("2026-03-02T12:00:01Z", "2026-03-02T12:00:02Z"),
            ("2026-03-02T12:00:03Z", "2026-03-02T12:00:03Z"),
        ];
        for (given, last) in moved {
            let new = NewStep { at: Some(at(given)), ..step(json!(1)) };
            t.store.append_step(&id("e"), new).await.unwrap();
            let execution = t.store.fetch(&id("e")).await.unwrap();
            assert_eq!(execution.trace_last_span_at, Some(at(last)));
        }
        let batch = ["2026-03-02T12:00:05Z", "2026-03-02T12:00:04Z"]
            .map(|given| NewStep { at: Some(at(given)), ..step(json!(1)) });
        t.store.append_steps(&id("e"), batch.to_vec()).await.unwrap();
        let execution = t.store.fetch(&id("e")).await.unwrap();
        assert_eq!(execution.trace_last_span_at, Some(at("2026-03-02T12:00:05Z")));
        let done = t.store.succeed(&id("e")).await.unwrap();
        assert_eq!(done.trace_last_span_at, Some(at("2026-03-02T12:00:05Z")));
    }

    /// A second append under an idempotency key returns the first step and appends nothing.
    async fn a_repeated_key_returns_the_stored_step(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        let first = t.store.append_step(&id("e"), keyed("k", everything())).await.unwrap();
        t.store.append_step(&id("e"), step(json!("between"))).await.unwrap();
        let again = t.store.append_step(&id("e"), keyed("k", json!("other"))).await.unwrap();
        assert_eq!(again, first);
        assert_eq!(t.store.fetch(&id("e")).await.unwrap().step_count, 2);
    }

    /// A repeated key is answered on a finished execution too.
    async fn a_repeated_key_is_answered_after_the_end(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        let first = t.store.append_step(&id("e"), keyed("k", json!(1))).await.unwrap();
        t.store.succeed(&id("e")).await.unwrap();
        let again = t.store.append_step(&id("e"), keyed("k", json!(2))).await.unwrap();
        assert_eq!(again, first);
        let again = t.store.append_steps(&id("e"), vec![keyed("k", json!(2))]).await.unwrap();
        assert_eq!(again, [first]);
    }

    /// The same key in two executions is two steps.
    async fn keys_of_different_executions_are_apart(t: &History) {
        t.store.start(execution("a")).await.unwrap();
        t.store.start(execution("b")).await.unwrap();
        t.store.append_step(&id("a"), keyed("k", json!("a"))).await.unwrap();
        let appended = t.store.append_step(&id("b"), keyed("k", json!("b"))).await.unwrap();
        assert_eq!(appended.payload, json!("b"));
        assert_eq!(appended.index, 0);
    }

    /// Of many concurrent appends under one key one is stored and all return it.
    async fn concurrent_appends_under_one_key_store_one_step(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        let other = t.reopened().await;
        let mut tasks = Vec::new();
        for number in 0..64 {
            let store = if number % 2 == 0 { t.store.clone() } else { other.clone() };
            tasks.push(tokio::spawn(async move {
                store.append_step(&id("e"), keyed("k", json!(number))).await.unwrap()
            }));
        }
        let mut steps = Vec::new();
        for task in tasks {
            steps.push(task.await.unwrap());
        }
        assert!(steps.iter().all(|step| step == &steps[0]), "{steps:?}");
        assert_eq!(t.store.fetch(&id("e")).await.unwrap().step_count, 1);
    }

    /// 32 tasks that append at once through two handles get the indices 0..640, each once.
    async fn concurrent_appends_have_no_gap_and_no_duplicate(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        let other = t.reopened().await;
        let mut tasks = Vec::new();
        for number in 0..32 {
            let store = if number % 2 == 0 { t.store.clone() } else { other.clone() };
            tasks.push(tokio::spawn(async move {
                let mut indices = Vec::new();
                for round in 0..20 {
                    let payload = json!({"task": number, "round": round});
                    let step = store.append_step(&id("e"), step(payload)).await.unwrap();
                    indices.push(step.index);
                }
                indices
            }));
        }
        let mut all = BTreeSet::new();
        for task in tasks {
            let indices = task.await.unwrap();
            assert!(indices.is_sorted(), "one task's appends keep their order");
            all.extend(indices);
        }
        assert_eq!(all, (0..640).collect());
        let read = t.store.fetch_with_steps(&id("e")).await.unwrap().steps;
        assert!(read.iter().enumerate().all(|(place, step)| step.index == place as i64));
    }

    /// Appends to different executions at once do not mix.
    async fn concurrent_appends_to_many_executions_do_not_mix(t: &History) {
        for number in 0..8 {
            t.store.start(execution(&format!("e{number}"))).await.unwrap();
        }
        let mut tasks = Vec::new();
        for number in 0..160 {
            let store = t.store.clone();
            tasks.push(tokio::spawn(async move {
                let name = format!("e{}", number % 8);
                store.append_step(&id(&name), step(json!(name))).await.unwrap();
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        for number in 0..8 {
            let name = format!("e{number}");
            let read = t.store.fetch_with_steps(&id(&name)).await.unwrap();
            assert_eq!(read.execution.step_count, 20);
            assert_eq!(read.steps.len(), 20);
            assert!(read.steps.iter().all(|step| step.payload == json!(name)));
        }
    }

    /// What is refused among concurrent appends fails alone.
    async fn a_refused_append_does_not_fail_its_neighbours(t: &History) {
        t.store.start(execution("open")).await.unwrap();
        t.store.start(execution("done")).await.unwrap();
        t.store.succeed(&id("done")).await.unwrap();
        let mut tasks = Vec::new();
        for number in 0..60 {
            let store = t.store.clone();
            let name = ["open", "done", "none"][number % 3];
            tasks.push(tokio::spawn(async move {
                (name, store.append_step(&id(name), step(json!(1))).await)
            }));
        }
        for task in tasks {
            match task.await.unwrap() {
                ("open", answer) => assert!(answer.is_ok(), "{answer:?}"),
                ("done", answer) => {
                    assert!(matches!(answer.unwrap_err(), Error::InvalidState { .. }));
                }
                (_, answer) => assert!(matches!(answer.unwrap_err(), Error::NotFound { .. })),
            }
        }
        assert_eq!(t.store.fetch(&id("open")).await.unwrap().step_count, 20);
    }

    /// An append is carried out even if its caller goes away.
    async fn an_append_outlives_its_caller(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        for number in 0..20 {
            let store = t.store.clone();
            let caller = tokio::spawn(async move {
                store.append_step(&id("e"), step(json!(number))).await
            });
            tokio::task::yield_now().await;
            caller.abort();
        }
        // Whatever was accepted comes before this append; no index is lost or taken twice.
        t.store.append_step(&id("e"), step(json!("last"))).await.unwrap();
        let read = t.store.fetch_with_steps(&id("e")).await.unwrap();
        assert_eq!(read.steps.len() as i64, read.execution.step_count);
        assert!(read.steps.iter().enumerate().all(|(place, step)| step.index == place as i64));
    }

    /// A batch is appended in the order given, and nothing comes between its steps.
    async fn a_batch_is_appended_in_order_without_interruption(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        let mut tasks = Vec::new();
        for number in 0..16 {
            let store = t.store.clone();
            tasks.push(tokio::spawn(async move {
                let steps = (0..10).map(|place| step(json!([number, place]))).collect();
                store.append_steps(&id("e"), steps).await.unwrap()
            }));
        }
        for task in tasks {
            let steps = task.await.unwrap();
            let first = steps[0].index;
            for (place, step) in steps.iter().enumerate() {
                assert_eq!(step.index, first + place as i64);
                assert_eq!(step.payload[1], json!(place));
            }
        }
        assert_eq!(t.store.fetch(&id("e")).await.unwrap().step_count, 160);
    }

    /// A batch with keys that are there appends the others and returns all in the order given.
    async fn a_batch_returns_stored_steps_in_their_places(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        let stored = t.store.append_step(&id("e"), keyed("b", json!("stored"))).await.unwrap();
        let batch = vec![keyed("a", json!(1)), keyed("b", json!(2)), step(json!(3))];
        let appended = t.store.append_steps(&id("e"), batch).await.unwrap();
        assert_eq!(appended[1], stored);
        assert_eq!((appended[0].index, appended[2].index), (1, 2));
        assert_eq!(t.store.fetch(&id("e")).await.unwrap().step_count, 3);
    }

    /// A batch on a finished execution with one new step is refused as a whole.
    async fn a_batch_is_all_or_none(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        t.store.append_step(&id("e"), keyed("k", json!(1))).await.unwrap();
        t.store.succeed(&id("e")).await.unwrap();
        let batch = vec![keyed("k", json!(1)), step(json!(2))];
        let error = t.store.append_steps(&id("e"), batch).await.unwrap_err();
        assert!(matches!(error, Error::InvalidState { .. }));
        assert_eq!(t.store.fetch(&id("e")).await.unwrap().step_count, 1);
    }

    /// An empty batch changes nothing.
    async fn an_empty_batch_changes_nothing(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        t.clock.advance(Duration::from_secs(1)).unwrap();
        assert_eq!(t.store.append_steps(&id("e"), vec![]).await.unwrap(), []);
        assert_eq!(t.store.fetch(&id("e")).await.unwrap().updated_at, noon());
    }

    /// A key that occurs twice in one batch is `Invalid` and appends nothing.
    async fn a_key_twice_in_a_batch_is_invalid(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        let batch = vec![keyed("k", json!(1)), keyed("k", json!(2))];
        let error = t.store.append_steps(&id("e"), batch).await.unwrap_err();
        assert!(matches!(&error, Error::Invalid { field, .. }
            if field == "steps[1].idempotency_key"), "{error}");
        assert_eq!(t.store.fetch(&id("e")).await.unwrap().step_count, 0);
    }

    /// A batch of 1000 steps is appended, one of 1001 is `Invalid`.
    async fn a_batch_holds_up_to_a_thousand_steps(t: &History) {
        t.store.start(execution("e")).await.unwrap();
        let batch = |count: usize| (0..count).map(|place| step(json!(place))).collect::<Vec<_>>();
        let error = t.store.append_steps(&id("e"), batch(1001)).await.unwrap_err();
        assert!(matches!(&error, Error::Invalid { field, .. } if field == "steps"), "{error}");
        let appended = t.store.append_steps(&id("e"), batch(1000)).await.unwrap();
        assert_eq!(appended.len(), 1000);
        assert_eq!(t.store.fetch(&id("e")).await.unwrap().step_count, 1000);
    }
}
