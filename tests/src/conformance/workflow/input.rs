//! Bad input: the same verdict and the same error on every backend, and nothing changed.

use serde_json::{Value, json};
use store_core::workflow::{
    NewRun, NewVersion, NewWorkflow, Run, RunFilter, RunStatus, WorkflowFilter,
};
use store_core::{Error, PageRequest};

use super::{assert_invalid, assert_not_found};
use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{
    ada, created, graph, keyed_run, new_run, pending, run_in, runnable, versioned,
};

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, level| match level % 2 {
        0 => json!([inner]),
        _ => json!({"a": inner}),
    })
}

/// How many rows there are, of all kinds.
async fn rows(t: &Workflows) -> Vec<i64> {
    let mut rows = Vec::new();
    for table in ["workflows", "workflow_versions", "workflow_runs", "jobs", "workflow_audit"] {
        rows.push(t.count(&format!("SELECT count(*) FROM {table}")).await);
    }
    rows
}

behaviours! {
    emits workflow_input_tests from workflow::input;

    /// A bad field of a new workflow is `Invalid`, names it, and nothing is stored.
    async fn a_bad_workflow_stores_nothing(t: &Workflows) {
        let base = || NewWorkflow::named("x");
        let text = |length| "ä".repeat(length);
        let bad = [
            (NewWorkflow::named(""), "name"),
            (NewWorkflow::named(" \t\n\u{3000}"), "name"),
            (NewWorkflow::named(text(129)), "name"),
            (NewWorkflow::named("a\0b"), "name"),
            (NewWorkflow { description: Some(text(1025)), ..base() }, "description"),
            (NewWorkflow { description: Some("a\0".into()), ..base() }, "description"),
            (NewWorkflow { handle: Some("a b".into()), ..base() }, "handle"),
            (NewWorkflow { slug: Some("日\0".into()), ..base() }, "slug"),
            (NewWorkflow { tags: vec!["a".into(), "x".repeat(256)], ..base() }, "tags"),
            (NewWorkflow { tags: vec![text(128)], ..base() }, "tags"),
            (NewWorkflow { tags: vec!["a\0b".into()], ..base() }, "tags"),
        ];
        for (bad, field) in bad {
            assert_invalid(t.store.create_workflow(&ada(), bad).await, field);
        }
        assert_eq!(rows(t).await, [0; 5]);
    }

    /// A bad field of a new version is `Invalid`, names it, and nothing is stored.
    async fn a_bad_version_stores_nothing(t: &Workflows) {
        let id = created(t).await.id;
        let before = rows(t).await;
        let base = || NewVersion::new(id, graph());
        let bad = [
            (NewVersion::new(id, json!([])), "graph"),
            (NewVersion::new(id, json!(null)), "graph"),
            (NewVersion::new(id, json!("x")), "graph"),
            (NewVersion::new(id, json!({"a": ["b\0"]})), "graph"),
            (NewVersion::new(id, json!({"a\0": 1})), "graph"),
            (NewVersion::new(id, json!({"a": nested(100)})), "graph"),
            (NewVersion { metadata: json!([1]), ..base() }, "metadata"),
            (NewVersion { metadata: json!({"a": "\0"}), ..base() }, "metadata"),
            (NewVersion { mermaid: Some("x".repeat(1024 * 1024 + 1)), ..base() }, "mermaid"),
            (NewVersion { mermaid: Some("a\0".into()), ..base() }, "mermaid"),
            (NewVersion { notes: Some("x".repeat(64 * 1024 + 1)), ..base() }, "notes"),
            (NewVersion { notes: Some("a\0".into()), ..base() }, "notes"),
        ];
        for (bad, field) in bad {
            assert_invalid(t.store.create_version(&ada(), bad).await, field);
        }
        assert_eq!(rows(t).await, before);
    }

    /// The longest drawing and notes round trip.
    async fn the_longest_texts_of_a_version_round_trip(t: &Workflows) {
        let new = NewVersion {
            mermaid: Some("x".repeat(1024 * 1024)),
            notes: Some("x".repeat(64 * 1024)),
            ..NewVersion::new(created(t).await.id, json!({"a": nested(99)}))
        };
        let version = t.store.create_version(&ada(), new).await.unwrap();
        assert_eq!(t.store.fetch_version(version.id).await.unwrap(), version);
    }

    /// A bad field of a new run is `Invalid`, names it, and nothing is stored.
    async fn a_bad_run_stores_nothing(t: &Workflows) {
        let id = runnable(t).await.id;
        let before = rows(t).await;
        let triggered = |by: String| NewRun { triggered_by: by, ..new_run(id) };
        let input = |input| NewRun { input, ..new_run(id) };
        let bad = [
            (triggered(String::new()), "triggered_by"),
            (triggered("x".repeat(256)), "triggered_by"),
            (triggered("a\0".into()), "triggered_by"),
            (triggered("a\nb".into()), "triggered_by"),
            (keyed_run(id, ""), "idempotency_key"),
            (keyed_run(id, &"x".repeat(256)), "idempotency_key"),
            (keyed_run(id, "a\0"), "idempotency_key"),
            (input(json!({"a": "\0"})), "input"),
            (input(json!({"\0": 1})), "input"),
            (input(nested(101)), "input"),
        ];
        for (bad, field) in bad {
            assert_invalid(t.store.create_run(&ada(), bad).await, field);
        }
        assert_eq!(rows(t).await, before);
        let longest = NewRun { triggered_by: "x".repeat(255), ..keyed_run(id, &"k".repeat(255)) };
        t.store.create_run(&ada(), longest).await.unwrap();
    }

    /// The path of a NUL in JSON is named.
    async fn the_path_of_a_nul_is_named(t: &Workflows) {
        let id = runnable(t).await.id;
        let new = NewRun { input: json!({"a": [1, {"b": "c\0"}]}), ..new_run(id) };
        let error = t.store.create_run(&ada(), new).await.unwrap_err();
        assert!(matches!(&error, Error::Invalid { field, .. } if field == "input.a[1].b"),
            "{error}");
    }

    /// A bad output, error or reason is `Invalid` and ends nothing.
    async fn a_bad_end_of_a_run_ends_nothing(t: &Workflows) {
        let id = runnable(t).await.id;
        let run = run_in(t, id, RunStatus::Running).await;
        for output in [json!("\0"), json!({"a\0": 1}), nested(101)] {
            assert_invalid(t.store.succeed_run(&ada(), run.id, Some(output)).await, "output");
        }
        for text in ["a\0b", &"x".repeat(1024 * 1024 + 1)] {
            assert_invalid(t.store.fail_run(&ada(), run.id, text).await, "error");
            let error = t.store.cancel_run(&ada(), run.id, Some(text)).await.unwrap_err();
            assert!(matches!(error, Error::Invalid { .. }), "{error}");
        }
        assert_eq!(t.store.fetch_run(run.id).await.unwrap(), run);
        let audit = t.store.list_run_audit(run.id, &PageRequest::default()).await.unwrap();
        assert_eq!(audit.items.len(), 2);
    }

    /// Input is checked before anything is looked up: what is bad is `Invalid`, whatever is there.
    async fn input_is_checked_first(t: &Workflows) {
        let (nobody, nothing) = (store_core::WorkflowId::mint(), store_core::RunId::mint());
        let before = t.statements();
        let bad = NewVersion::new(nobody, json!([]));
        assert_invalid(t.store.create_version(&ada(), bad).await, "graph");
        let bad = NewRun { triggered_by: String::new(), ..new_run(nobody) };
        assert_invalid(t.store.create_run(&ada(), bad).await, "triggered_by");
        assert_invalid(t.store.fail_run(&ada(), nothing, "\0").await, "error");
        assert_eq!(t.statements(), before, "no statement was sent");
        assert_not_found(t.store.fail_run(&ada(), nothing, "error").await);
    }

    /// A filter with what no row can hold finds nothing or is `Invalid`; nothing fails.
    async fn a_filter_with_nul_is_no_failure(t: &Workflows) {
        pending(t, runnable(t).await.id).await;
        let nul = || Some("\0".to_owned());
        let page = PageRequest::default();
        let workflows = [
            WorkflowFilter { text: nul(), ..Default::default() },
            WorkflowFilter { tag: nul(), ..Default::default() },
        ];
        for filter in workflows {
            let field = if filter.tag.is_some() { "tag" } else { "text" };
            match t.store.list_workflows(&filter, &page).await {
                Ok(page) => assert!(page.items.is_empty(), "{filter:?}"),
                refused => assert_invalid(refused, field),
            }
        }
        let runs = [
            RunFilter { triggered_by: nul(), ..Default::default() },
            RunFilter { tag: nul(), ..Default::default() },
        ];
        for filter in runs {
            let field = if filter.tag.is_some() { "tag" } else { "triggered_by" };
            match t.store.list_runs(&filter, &page).await {
                Ok(page) => assert!(page.items.is_empty(), "{filter:?}"),
                refused => assert_invalid(refused, field),
            }
        }
    }

    /// Numbers come back exactly, or in the one form both backends can keep.
    async fn numbers_of_runs_round_trip(t: &Workflows) {
        let id = runnable(t).await.id;
        let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let cases = [
            ("9007199254740993", "9007199254740993"),
            ("18446744073709551615", "18446744073709551615"),
            ("-9223372036854775808", "-9223372036854775808"),
            ("5e-324", "5e-324"),
            ("1.7976931348623157e308", "1.7976931348623157e308"),
            ("-0.0", "0.0"),
            ("1e16", "10000000000000000"),
        ];
        for (given, kept) in cases {
            let new = NewRun { input: parse(given), ..new_run(id) };
            let run = t.store.create_run(&ada(), new).await.unwrap();
            let read = t.store.fetch_run(run.id).await.unwrap();
            assert_eq!((&read, read.input.is_f64()), (&run, parse(kept).is_f64()), "{given}");
            assert_eq!(read.input, parse(kept), "{given}");
        }
    }

    /// Texts that look like SQL, paths or patterns are only texts.
    async fn hostile_texts_are_only_texts(t: &Workflows) {
        let texts = [
            "'; DROP TABLE workflow_runs; --", "../../etc/passwd", "%", "_", "\"x\"", "$1", "?1",
            "\\", "{}", "[1]", "null", "\u{202e}rtl", "e\u{301}",
        ];
        for text in texts {
            let new = NewWorkflow {
                description: Some(text.into()),
                tags: vec![text.into()],
                ..NewWorkflow::named(text)
            };
            let workflow = t.store.create_workflow(&ada(), new).await.unwrap();
            assert_eq!(workflow.name, text);
            assert_eq!(t.store.fetch_workflow(workflow.id).await.unwrap(), workflow);
            versioned(t, workflow.id).await;
            let new = NewRun { triggered_by: text.into(), ..keyed_run(workflow.id, text) };
            let run: Run = t.store.create_run(&ada(), new).await.unwrap();
            assert_eq!(t.store.fetch_run(run.id).await.unwrap(), run);
            assert_eq!(pending(t, workflow.id).await.workflow_id, workflow.id);
        }
    }
}
