//! Listing checkpoints: order, pages, cursors.

use std::time::Duration;

use store_core::checkpoints::{CheckpointFilter, NewCheckpoint};
use store_core::{Cursor, Order, PageRequest};

use super::assert_invalid;
use crate::behaviours;
use crate::fixture::Checkpoints;
use crate::samples::{
    TRAINING, at_version, checkpoint, recorded, recorded_many, stored_versions, versions,
};

/// Walks all pages of the checkpoints of a workflow.
async fn walk(t: &Checkpoints, first: PageRequest) -> Vec<i32> {
    let mut all = Vec::new();
    let mut request = Some(first);
    while let Some(next) = request.take() {
        let page = t.store.list(TRAINING, &next).await.unwrap();
        assert!(page.items.len() <= next.limit as usize);
        all.extend(versions(&page.items));
        request = page.next.map(|cursor| next.after(cursor));
    }
    all
}

behaviours! {
    emits checkpoints_listing_tests from checkpoints::listing;

    /// The newest version comes first, or the oldest when asked.
    async fn the_newest_version_is_listed_first(t: &Checkpoints) {
        // The order is that of the versions, not that of the instants.
        for version in [3, 1, 2] {
            recorded(t, at_version(version)).await;
            t.clock.advance(Duration::from_secs(1)).unwrap();
        }
        assert_eq!(stored_versions(t).await, [3, 2, 1]);
        let asc = PageRequest::default().ordered(Order::Asc);
        let page = t.store.list(TRAINING, &asc).await.unwrap();
        assert_eq!(versions(&page.items), [1, 2, 3]);
        assert_eq!(page.next, None);
    }

    /// What is listed is what is fetched.
    async fn what_is_listed_is_what_is_fetched(t: &Checkpoints) {
        let parent = recorded(t, NewCheckpoint::new("späße & more 🎉")).await;
        let full = recorded(t, crate::samples::full_checkpoint(parent.id)).await;
        let page = t.store.list(&full.workflow_id, &PageRequest::default()).await.unwrap();
        assert_eq!(page.items, [full, parent]);
    }

    /// A workflow that is unknown has no checkpoints.
    async fn an_unknown_workflow_has_no_checkpoints(t: &Checkpoints) {
        recorded(t, checkpoint()).await;
        let page = t.store.list("unknown", &PageRequest::default()).await.unwrap();
        assert!(page.items.is_empty() && page.next.is_none());
    }

    /// Pages follow each other without gap or overlap, in both orders.
    async fn pages_of_checkpoints_have_no_gap_and_no_overlap(t: &Checkpoints) {
        recorded_many(t, 13).await;
        recorded(t, NewCheckpoint::new("other")).await;
        let expected: Vec<i32> = (1..=13).collect();
        let newest: Vec<i32> = (1..=13).rev().collect();
        for limit in [1, 2, 5, 12, 13, 14, 1000] {
            let first = PageRequest::first(limit);
            assert_eq!(walk(t, first.clone()).await, newest, "limit {limit}");
            assert_eq!(walk(t, first.ordered(Order::Asc)).await, expected, "limit {limit}");
        }
    }

    /// A walk under inserts, marks and deletes returns what stays, each once.
    async fn a_walk_of_checkpoints_under_changes_returns_what_stays(t: &Checkpoints) {
        let all = recorded_many(t, 40).await;
        let store = t.store.clone();
        let churn = tokio::spawn(async move {
            for old in all.into_iter().step_by(2) {
                store.mark_best(old.id).await.unwrap();
                store.delete(old.id, true).await.unwrap();
                store.record(checkpoint()).await.unwrap();
            }
        });
        for order in [Order::Desc, Order::Asc] {
            let mut walked = walk(t, PageRequest::first(3).ordered(order)).await;
            walked.retain(|version| version % 2 == 0 && *version <= 40);
            let mut expected: Vec<i32> = (1..=40).filter(|version| version % 2 == 0).collect();
            if order == Order::Desc {
                expected.reverse();
            }
            assert_eq!(walked, expected);
        }
        churn.await.unwrap();
    }

    /// A page continues after its last version, though that is deleted.
    async fn a_page_continues_after_a_version_that_is_gone(t: &Checkpoints) {
        let all = recorded_many(t, 4).await;
        let page = t.store.list(TRAINING, &PageRequest::first(2)).await.unwrap();
        t.store.delete(all[2].id, true).await.unwrap();
        t.store.delete(all[1].id, true).await.unwrap();
        let next = PageRequest::first(2).after(page.next.unwrap());
        let page = t.store.list(TRAINING, &next).await.unwrap();
        assert_eq!(versions(&page.items), [1]);
    }

    /// A cursor of another workflow, order or listing, and a damaged one, is `Invalid`.
    async fn a_foreign_cursor_of_checkpoints_is_invalid(t: &Checkpoints) {
        let all = crate::samples::recorded_chain(t, 3).await;
        recorded(t, NewCheckpoint::new("other")).await;
        let first = PageRequest::first(1);
        let filter = CheckpointFilter::default();
        let listed = t.store.list(TRAINING, &first).await.unwrap().next.unwrap();
        let queried = t.store.query(TRAINING, &filter, &first).await.unwrap().next.unwrap();
        let line = t.store.lineage(all[2].id, &first).await.unwrap().next.unwrap();
        let after = |cursor: &Cursor| PageRequest::first(1).after(cursor.clone());
        assert_invalid(t.store.list("other", &after(&listed)).await, "after");
        let asc = after(&listed).ordered(Order::Asc);
        assert_invalid(t.store.list(TRAINING, &asc).await, "after");
        for foreign in [&queried, &line, &"abc".parse().unwrap()] {
            assert_invalid(t.store.list(TRAINING, &after(foreign)).await, "after");
        }
        for foreign in [&listed, &line] {
            assert_invalid(t.store.query(TRAINING, &filter, &after(foreign)).await, "after");
        }
        let contain = Some(serde_json::json!({}));
        let other = CheckpointFilter { metadata_contain: contain, ..filter.clone() };
        assert_invalid(t.store.query(TRAINING, &other, &after(&queried)).await, "after");
        assert_invalid(t.store.query("other", &filter, &after(&queried)).await, "after");
        for foreign in [&listed, &queried] {
            assert_invalid(t.store.lineage(all[2].id, &after(foreign)).await, "after");
        }
        assert_invalid(t.store.lineage(all[1].id, &after(&line)).await, "after");
    }

    /// A limit outside 1 to 1000 is `Invalid`, to everything that is paged.
    async fn a_limit_of_checkpoints_outside_1_to_1000_is_invalid(t: &Checkpoints) {
        let id = recorded(t, checkpoint()).await.id;
        for limit in [0, 1001, u32::MAX] {
            let page = PageRequest::first(limit);
            assert_invalid(t.store.list(TRAINING, &page).await, "limit");
            let filter = CheckpointFilter::default();
            assert_invalid(t.store.query(TRAINING, &filter, &page).await, "limit");
            assert_invalid(t.store.lineage(id, &page).await, "limit");
        }
    }

    /// A page of large checkpoints ends early, and the walk still finds all.
    async fn a_walk_of_large_checkpoints_finds_all(t: &Checkpoints) {
        let text = "x".repeat(1024 * 1024);
        for _ in 0..20 {
            let metadata = serde_json::json!({ "text": text });
            recorded(t, NewCheckpoint { metadata, ..checkpoint() }).await;
        }
        let newest: Vec<i32> = (1..=20).rev().collect();
        assert_eq!(walk(t, PageRequest::first(1000)).await, newest);
    }
}
