//! What is large: graphs of many megabytes, and databases with many rows.

use std::time::{Duration, Instant};

use serde_json::json;
use store_core::PageRequest;
use store_core::workflow::{NewVersion, RunFilter, RunStatus, Workflow, WorkflowVersion};

use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{ada, created, pending, versioned};

const MANY: i64 = 100_000;

/// Stores many pending runs, a thousand a second, without the help of the store.
async fn many_runs(t: &Workflows, workflow: &Workflow, version: &WorkflowVersion) {
    let columns = "id, workflow_id, workflow_version_id, status, triggered_by, input, \
                   runnable_config, tags, callbacks, metadata, attempt, record_bytes, created_at, \
                   updated_at";
    let (id, at, numbers) = if t.place.is_sqlite() {
        (
            "printf('00000000-0000-7000-8000-%012x', n)",
            "strftime('%Y-%m-%dT%H:%M:', 1772000000 + n / 1000, 'unixepoch') \
             || strftime('%f', 1772000000 + n / 1000, 'unixepoch') || '000+00:00'",
            "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers \
             WHERE n < 100000)",
        )
    } else {
        (
            "('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid",
            "to_timestamp(1772000000 + n / 1000)",
            "WITH numbers AS (SELECT generate_series(1, 100000) AS n)",
        )
    };
    let insert = format!(
        "{numbers} INSERT INTO workflow_runs ({columns}) SELECT {id}, '{}', '{}', 'pending', \
         'bulk', '{{}}', '{{}}', '[]', '[]', '{{}}', 1, 10, {at}, {at} FROM numbers",
        workflow.id, version.id
    );
    t.sql(&insert).await;
    let stored = t.count("SELECT count(*) FROM workflow_runs WHERE triggered_by = 'bulk'").await;
    assert_eq!(stored, MANY);
}

behaviours! {
    emits workflow_scale_tests from workflow::scale;

    /// A graph of 10 MB comes back as it was given, and its checksum holds.
    async fn a_graph_of_ten_megabytes_round_trips(t: &Workflows) {
        let workflow = created(t).await;
        let node = |n: u32| json!({"id": n, "text": format!("{n:04}").repeat(250)});
        let graph = json!({"nodes": (0..10_000).map(node).collect::<Vec<_>>()});
        assert!(graph.to_string().len() > 10_000_000);
        let new = NewVersion::new(workflow.id, graph.clone());
        let version = t.store.create_version(&ada(), new).await.unwrap();
        assert_eq!(version.graph, graph);
        assert_eq!(t.store.fetch_version(version.id).await.unwrap(), version);
        t.store.verify_version(version.id).await.unwrap();
    }

    /// Two graphs of 10 MB that differ in one node have a small difference.
    async fn the_difference_of_large_graphs_is_small(t: &Workflows) {
        let workflow = created(t).await;
        for last in ["old", "new"] {
            let mut nodes: Vec<_> = (0..20_000).map(|n| json!({"id": n})).collect();
            nodes.push(json!({"id": last, "text": "x".repeat(9_000_000)}));
            let new = NewVersion::new(workflow.id, json!({ "nodes": nodes }));
            t.store.create_version(&ada(), new).await.unwrap();
        }
        let diff = t.store.diff_versions(workflow.id, 1, 2).await.unwrap().diff;
        assert!(diff.contains(&"-      \"id\": \"old\",".to_owned()));
        assert!(diff.contains(&"+      \"id\": \"new\",".to_owned()));
        assert!(diff.len() < 20, "{}", diff.len());
    }

    /// Opening reads nothing of what is stored: with 100,000 runs it takes less than a second.
    async fn opening_reads_nothing_of_what_is_stored(t: &Workflows) {
        let workflow = created(t).await;
        let version = versioned(t, workflow.id).await;
        let run = pending(t, workflow.id).await;
        let (_, statements) = t.reopened_counting().await;
        let few = statements();
        many_runs(t, &workflow, &version).await;
        let mut fastest = Duration::MAX;
        // A machine that is busy with something else is slow once, hardly five times.
        for _ in 0..5 {
            let begin = Instant::now();
            let (store, statements) = t.reopened_counting().await;
            assert_eq!(statements(), few, "as many as with one run");
            assert_eq!(store.fetch_run(run.id).await.unwrap(), run);
            fastest = fastest.min(begin.elapsed());
            assert_eq!(statements(), few + 1);
        }
        assert!(fastest < Duration::from_secs(1), "{fastest:?}");
    }

    /// Pages, filters and the next state of one run do not slow down with 100,000 others.
    async fn hot_operations_do_not_slow_down_with_many_runs(t: &Workflows) {
        let workflow = created(t).await;
        let version = versioned(t, workflow.id).await;
        many_runs(t, &workflow, &version).await;
        let mut fastest = Duration::MAX;
        for _ in 0..10 {
            let begin = Instant::now();
            let run = pending(t, workflow.id).await;
            t.store.start_run(&ada(), run.id).await.unwrap();
            t.store.succeed_run(&ada(), run.id, None).await.unwrap();
            let status = RunFilter { status: Some(RunStatus::Succeeded), ..Default::default() };
            t.store.list_runs(&status, &PageRequest::first(20)).await.unwrap();
            let of = RunFilter { workflow_id: Some(workflow.id), ..Default::default() };
            let page = t.store.list_runs(&of, &PageRequest::first(20)).await.unwrap();
            assert_eq!(page.items.len(), 20);
            fastest = fastest.min(begin.elapsed());
        }
        assert!(fastest < Duration::from_millis(250), "{fastest:?}");
    }
}
