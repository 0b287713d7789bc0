//! Versions: numbers, checksums, diffs.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use store_core::workflow::{NewVersion, WorkflowVersion};
use store_core::{Clock as _, Error, Order, PageRequest, WorkflowId, WorkflowVersionId};

use super::{assert_invalid, assert_not_found};
use crate::behaviours;
use crate::fixture::{Workflows, noon};
use crate::samples::{actor, ada, config, created, everything, graph, runnable, versioned};

/// Creates a version with a graph.
async fn with_graph(t: &Workflows, id: WorkflowId, graph: Value) -> WorkflowVersion {
    t.store.create_version(&ada(), NewVersion::new(id, graph)).await.unwrap()
}

/// The numbers on one page of versions.
async fn numbers(t: &Workflows, id: WorkflowId, page: &PageRequest) -> Vec<i32> {
    let page = t.store.list_versions(id, page).await.unwrap();
    page.items.into_iter().map(|version| version.version).collect()
}

behaviours! {
    emits workflow_versions_tests from workflow::versions;

    /// Every field of a version comes back as it was given.
    async fn every_field_of_a_version_round_trips(t: &Workflows) {
        let workflow = created(t).await;
        let new = NewVersion {
            graph: json!({"everything": everything()}),
            mermaid: Some("graph TD;\n  a-->b".into()),
            metadata: json!({"free": [1, "ä"]}),
            runnable_config: Some(config(json!({"tags": ["a"], "recursion_limit": 7}))),
            notes: Some("späße 🎉".into()),
            ..NewVersion::new(workflow.id, json!({}))
        };
        let version = t.store.create_version(&actor("bob"), new.clone()).await.unwrap();
        let expected = WorkflowVersion {
            id: version.id,
            workflow_id: workflow.id,
            version: 1,
            graph: new.graph,
            mermaid: new.mermaid,
            metadata: new.metadata,
            runnable_config: new.runnable_config,
            notes: new.notes,
            created_by: actor("bob"),
            checksum: version.checksum.clone(),
            created_at: noon(),
            updated_at: noon(),
        };
        assert_eq!(version, expected);
        let (store, id) = (&t.store, workflow.id);
        assert_eq!(store.fetch_version(version.id).await.unwrap(), expected);
        assert_eq!(store.fetch_version_by_number(id, 1).await.unwrap(), expected);
        assert_eq!(store.latest_version(id).await.unwrap(), Some(expected.clone()));
        let page = store.list_versions(id, &PageRequest::default()).await.unwrap();
        assert_eq!(page.items, [expected]);
    }

    /// A version with nothing but a graph has empty metadata and nothing else.
    async fn a_bare_version_has_defaults(t: &Workflows) {
        let workflow = created(t).await;
        let version = versioned(t, workflow.id).await;
        let read = t.store.fetch_version(version.id).await.unwrap();
        assert_eq!(read, version);
        assert_eq!(read.metadata, json!({}));
        assert_eq!((read.mermaid, read.notes, read.runnable_config), (None, None, None));
    }

    /// An absent version is `NotFound`, or nothing where that is an answer.
    async fn an_absent_version_is_not_found(t: &Workflows) {
        let (store, workflow) = (&t.store, created(t).await);
        let (id, nobody) = (WorkflowVersionId::mint(), WorkflowId::mint());
        assert_not_found(store.fetch_version(id).await);
        assert_not_found(store.verify_version(id).await);
        assert_not_found(store.update_runnable_config(&ada(), id, None).await);
        assert_not_found(store.fetch_version_by_number(workflow.id, 1).await);
        assert_not_found(store.diff_versions(workflow.id, 1, 1).await);
        assert_not_found(store.create_version(&ada(), NewVersion::new(nobody, graph())).await);
        assert_eq!(store.latest_version(workflow.id).await.unwrap(), None);
        assert_eq!(store.latest_version(nobody).await.unwrap(), None);
        versioned(t, workflow.id).await;
        for number in [-1, 0, 2, i32::MAX] {
            assert_not_found(store.fetch_version_by_number(workflow.id, number).await);
            assert_not_found(store.diff_versions(workflow.id, 1, number).await);
            assert_not_found(store.diff_versions(workflow.id, number, 1).await);
        }
        assert_eq!(numbers(t, nobody, &PageRequest::default()).await, [0; 0]);
    }

    /// Numbers begin at 1 in each workflow.
    async fn numbers_begin_at_one_in_each_workflow(t: &Workflows) {
        let (first, second) = (created(t).await, created(t).await);
        for number in 1..=3 {
            assert_eq!(versioned(t, first.id).await.version, number);
        }
        assert_eq!(versioned(t, second.id).await.version, 1);
        let latest = t.store.latest_version(first.id).await.unwrap().unwrap();
        assert_eq!(latest.version, 3);
    }

    /// Versions that are created at once through two processes have the numbers 1 to 20.
    async fn concurrent_versions_are_numbered_without_gaps(t: &Workflows) {
        let workflow = created(t).await;
        let other = t.reopened().await;
        let mut tasks = Vec::new();
        for number in 0..20 {
            let store = if number % 2 == 0 { t.store.clone() } else { other.clone() };
            tasks.push(tokio::spawn(async move {
                let new = NewVersion::new(workflow.id, json!({"number": number}));
                store.create_version(&ada(), new).await.unwrap()
            }));
        }
        let mut created = BTreeSet::new();
        for task in tasks {
            let version = task.await.unwrap();
            let read = t.store.fetch_version_by_number(workflow.id, version.version).await.unwrap();
            assert_eq!(read, version);
            created.insert(version.version);
        }
        assert_eq!(created, (1..=20).collect());
    }

    /// What is refused takes no number.
    async fn a_refused_version_takes_no_number(t: &Workflows) {
        let workflow = runnable(t).await;
        let bad = NewVersion::new(workflow.id, json!([]));
        assert_invalid(t.store.create_version(&ada(), bad).await, "graph");
        t.store.archive_workflow(&ada(), workflow.id).await.unwrap();
        let refused = NewVersion::new(workflow.id, graph());
        t.store.create_version(&ada(), refused).await.unwrap_err();
        t.store.unarchive_workflow(&ada(), workflow.id).await.unwrap();
        assert_eq!(versioned(t, workflow.id).await.version, 2);
    }

    /// Versions are listed newest first, or oldest first when asked, page by page.
    async fn versions_are_listed_newest_first(t: &Workflows) {
        let (workflow, other) = (created(t).await, runnable(t).await);
        for _ in 0..7 {
            versioned(t, workflow.id).await;
        }
        let page = PageRequest::default();
        assert_eq!(numbers(t, workflow.id, &page).await, [7, 6, 5, 4, 3, 2, 1]);
        let asc = page.ordered(Order::Asc);
        assert_eq!(numbers(t, workflow.id, &asc).await, [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(numbers(t, other.id, &asc).await, [1]);
        let mut walked = Vec::new();
        let mut request = Some(PageRequest::first(3));
        while let Some(next) = request.take() {
            let page = t.store.list_versions(workflow.id, &next).await.unwrap();
            walked.push(page.items.len());
            request = page.next.map(|cursor| next.after(cursor));
        }
        assert_eq!(walked, [3, 3, 1]);
        let first = t.store.list_versions(workflow.id, &PageRequest::first(1)).await.unwrap();
        let after = PageRequest::first(1).after(first.next.unwrap());
        assert_invalid(t.store.list_versions(other.id, &after).await, "after");
    }

    /// The checksum is SHA-256 of the graph with sorted keys and without white space.
    async fn the_checksum_is_that_of_the_canonical_graph(t: &Workflows) {
        let workflow = created(t).await;
        // Made with Python: hashlib.sha256(json.dumps(graph, sort_keys=True, ensure_ascii=False,
        // separators=(",", ":")).encode()).hexdigest()
        let cases = [
            (
                json!({"b": [1, 2.5, true, null, 1e16], "": 0,
                    "a": {"z": "ä \"q\" \n 🎉", "y": {}, "A": -1, "é": ""}}),
                "ccbb6a802219fabea216ecdffc02af63a32ad443f77ea4a1651d3614b600a47f",
            ),
            (
                json!({}),
                "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
            ),
        ];
        for (graph, checksum) in cases {
            let version = with_graph(t, workflow.id, graph).await;
            assert_eq!(version.checksum, checksum);
            t.store.verify_version(version.id).await.unwrap();
        }
    }

    /// Equal graphs have equal checksums, whatever the order of their keys.
    async fn the_checksum_does_not_depend_on_the_order_of_keys(t: &Workflows) {
        let workflow = created(t).await;
        let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let one = with_graph(t, workflow.id, parse(r#"{"a": {"x": 1, "y": 2}, "b": 0}"#)).await;
        let two = with_graph(t, workflow.id, parse(r#"{"b": 0, "a": {"y": 2, "x": 1}}"#)).await;
        let three = with_graph(t, workflow.id, parse(r#"{"b": 0, "a": {"y": 1, "x": 2}}"#)).await;
        assert_eq!(one.checksum, two.checksum);
        assert_ne!(one.checksum, three.checksum);
    }

    /// A stored graph that was changed is `Corrupt`.
    async fn a_graph_that_was_tampered_with_is_found(t: &Workflows) {
        let workflow = created(t).await;
        let (good, bad) = (versioned(t, workflow.id).await, versioned(t, workflow.id).await);
        let tamper = format!("UPDATE workflow_versions SET graph = '{{}}' WHERE id = '{}'", bad.id);
        t.sql(&tamper).await;
        let error = t.store.verify_version(bad.id).await.unwrap_err();
        assert!(matches!(&error, Error::Corrupt { table: "workflow_versions", id, .. }
            if *id == bad.id.to_string()), "{error}");
        t.store.verify_version(good.id).await.unwrap();
    }

    /// A stored checksum that was changed is found as well.
    async fn a_checksum_that_was_tampered_with_is_found(t: &Workflows) {
        let version = versioned(t, created(t).await.id).await;
        let zeros = "0".repeat(64);
        t.sql(&format!("UPDATE workflow_versions SET checksum = '{zeros}'")).await;
        let error = t.store.verify_version(version.id).await.unwrap_err();
        assert!(matches!(&error, Error::Corrupt { .. }), "{error}");
    }

    /// A diff is unified, over indented JSON with sorted keys, and names the versions.
    async fn a_diff_is_unified_and_names_the_versions(t: &Workflows) {
        let workflow = created(t).await;
        with_graph(t, workflow.id, json!({"b": 1, "a": {"y": [1], "x": null}})).await;
        with_graph(t, workflow.id, json!({"b": 2, "a": {"y": [1], "x": null}})).await;
        let diff = t.store.diff_versions(workflow.id, 1, 2).await.unwrap();
        assert_eq!((diff.base_version, diff.target_version), (1, 2));
        let expected = [
            "--- v1", "+++ v2", "@@ -5,5 +5,5 @@", "       1", "     ]", "   },", "-  \"b\": 1",
            "+  \"b\": 2", " }",
        ];
        assert_eq!(diff.diff, expected);
        let back = t.store.diff_versions(workflow.id, 2, 1).await.unwrap();
        assert_eq!(back.diff[..2], ["--- v2", "+++ v1"]);
        assert!(back.diff.contains(&"-  \"b\": 2".to_owned()), "{back:?}");
    }

    /// Equal graphs, and a version with itself, have no difference.
    async fn equal_graphs_have_no_difference(t: &Workflows) {
        let workflow = runnable(t).await;
        versioned(t, workflow.id).await;
        for (base, target) in [(1, 2), (1, 1), (2, 1)] {
            let diff = t.store.diff_versions(workflow.id, base, target).await.unwrap();
            assert_eq!((diff.base_version, diff.target_version), (base, target));
            assert!(diff.diff.is_empty(), "{diff:?}");
        }
    }

    /// The configuration of a version is replaced and cleared; the rest of it stays.
    async fn the_configuration_of_a_version_is_replaced(t: &Workflows) {
        let version = versioned(t, created(t).await.id).await;
        let first = config(json!({"tags": ["a"], "run_name": "name"}));
        let second = config(json!({"recursion_limit": 3}));
        for config in [Some(first), Some(second), None] {
            t.clock.advance(Duration::from_secs(1)).unwrap();
            let expected = WorkflowVersion {
                runnable_config: config.clone(),
                updated_at: t.clock.now(),
                ..version.clone()
            };
            let changed = t.store.update_runnable_config(&ada(), version.id, config).await.unwrap();
            assert_eq!(changed, expected);
            assert_eq!(t.store.fetch_version(version.id).await.unwrap(), expected);
            t.store.verify_version(version.id).await.unwrap();
        }
    }

    /// Two databases have nothing to do with each other.
    async fn two_repositories_do_not_see_each_others_versions(t: &Workflows) {
        let other = t.other().await;
        let version = versioned(t, created(t).await.id).await;
        assert_not_found(other.fetch_version(version.id).await);
        let page = other.list_versions(version.workflow_id, &PageRequest::default()).await;
        assert!(page.unwrap().items.is_empty());
    }
}
