//! What a checkpoint descends from.

use store_core::checkpoints::NewCheckpoint;
use store_core::{CheckpointId, Order, PageRequest};

use super::{assert_invalid, assert_not_found};
use crate::behaviours;
use crate::fixture::Checkpoints;
use crate::samples::{
    checkpoint, child_of, full_checkpoint, recorded, recorded_chain, recorded_many, versions,
};

/// Walks all pages of the line of a checkpoint.
async fn line(t: &Checkpoints, id: CheckpointId, limit: u32) -> Vec<i32> {
    let mut all = Vec::new();
    let mut request = Some(PageRequest::first(limit));
    while let Some(next) = request.take() {
        let page = t.store.lineage(id, &next).await.unwrap();
        assert!(page.items.len() <= limit as usize);
        assert!(!page.items.is_empty(), "a page that was announced has something");
        all.extend(versions(&page.items));
        request = page.next.map(|cursor| next.after(cursor));
    }
    all
}

behaviours! {
    emits checkpoints_lineage_tests from checkpoints::lineage;

    /// A checkpoint without a parent is its own line.
    async fn a_checkpoint_without_a_parent_is_its_own_line(t: &Checkpoints) {
        let all = recorded_many(t, 3).await;
        let page = t.store.lineage(all[1].id, &PageRequest::default()).await.unwrap();
        assert_eq!(page.items, [all[1].clone()]);
        assert_eq!(page.next, None);
    }

    /// A line goes from a checkpoint to its parent, and so on to the first one.
    async fn a_line_goes_to_the_first_one(t: &Checkpoints) {
        let chain = recorded_chain(t, 5).await;
        recorded(t, child_of(&chain[1])).await;
        let page = t.store.lineage(chain[3].id, &PageRequest::default()).await.unwrap();
        let mut expected = chain[..4].to_vec();
        expected.reverse();
        assert_eq!(page.items, expected);
    }

    /// A line of 50 has no gap and no overlap, whatever the pages.
    async fn a_line_of_fifty_has_no_gap_and_no_overlap(t: &Checkpoints) {
        let chain = recorded_chain(t, 50).await;
        let expected: Vec<i32> = (1..=50).rev().collect();
        for limit in [1, 7, 25, 49, 50, 51, 1000] {
            assert_eq!(line(t, chain[49].id, limit).await, expected, "limit {limit}");
        }
        assert_eq!(line(t, chain[10].id, 4).await, (1..=11).rev().collect::<Vec<_>>());
    }

    /// The order is that of descent, whatever the versions.
    async fn the_order_of_a_line_is_that_of_descent(t: &Checkpoints) {
        let mut parent_id = None;
        let mut last = None;
        for version in [5, 9, 2, 7, 1] {
            let config_version = Some(version);
            let new = recorded(t, NewCheckpoint { config_version, parent_id, ..checkpoint() }).await;
            (parent_id, last) = (Some(new.id), Some(new.id));
        }
        for limit in [2, 10] {
            assert_eq!(line(t, last.unwrap(), limit).await, [1, 7, 2, 9, 5]);
        }
    }

    /// A line leads through workflows, and its checkpoints are whole.
    async fn a_line_leads_through_workflows(t: &Checkpoints) {
        let root = recorded(t, checkpoint()).await;
        let full = recorded(t, full_checkpoint(root.id)).await;
        let last = recorded(t, child_of(&full)).await;
        let page = t.store.lineage(last.id, &PageRequest::default()).await.unwrap();
        assert_eq!(page.items, [last, full, root]);
    }

    /// A line ends where a parent was deleted.
    async fn a_line_ends_where_a_parent_was_deleted(t: &Checkpoints) {
        let chain = recorded_chain(t, 6).await;
        t.store.delete(chain[2].id, true).await.unwrap();
        assert_eq!(line(t, chain[5].id, 2).await, [6, 5, 4]);
        assert_eq!(line(t, chain[1].id, 2).await, [2, 1]);
    }

    /// A line also ends where a parent was deleted between two pages.
    async fn a_line_ends_where_a_parent_is_deleted_between_pages(t: &Checkpoints) {
        let chain = recorded_chain(t, 6).await;
        let first = PageRequest::first(2);
        let page = t.store.lineage(chain[5].id, &first).await.unwrap();
        assert_eq!(versions(&page.items), [6, 5]);
        let cursor = page.next.unwrap();
        t.store.delete(chain[2].id, true).await.unwrap();
        let page = t.store.lineage(chain[5].id, &first.clone().after(cursor.clone())).await.unwrap();
        assert_eq!(versions(&page.items), [4]);
        assert_eq!(page.next, None);
        t.store.delete(chain[3].id, true).await.unwrap();
        let page = t.store.lineage(chain[5].id, &first.after(cursor)).await.unwrap();
        assert!(page.items.is_empty() && page.next.is_none());
    }

    /// The line of an unknown checkpoint is `NotFound`.
    async fn the_line_of_an_unknown_checkpoint_is_not_found(t: &Checkpoints) {
        recorded_chain(t, 2).await;
        let answer = t.store.lineage(CheckpointId::mint(), &PageRequest::default()).await;
        assert_not_found(answer);
    }

    /// A line has one direction: `Asc` is `Invalid`, and `Desc` is the same as none.
    async fn a_line_has_one_direction(t: &Checkpoints) {
        let chain = recorded_chain(t, 3).await;
        let asc = PageRequest::default().ordered(Order::Asc);
        assert_invalid(t.store.lineage(chain[2].id, &asc).await, "order");
        let desc = PageRequest::default().ordered(Order::Desc);
        let page = t.store.lineage(chain[2].id, &desc).await.unwrap();
        assert_eq!(versions(&page.items), [3, 2, 1]);
    }
}
