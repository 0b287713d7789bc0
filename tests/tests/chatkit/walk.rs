//! Walks over a long thread while others add items to it and delete some.

use std::collections::HashSet;
use std::sync::Arc;

use store_core::chatkit::{ChatKitStore, ThreadItem};
use store_core::{Order, PageRequest};
use store_tests::fixture::Chats;
use store_tests::samples::{alice, item_id, message, saved, thread};
use tokio::sync::watch;

const THREAD: &str = "thr_long";
const ITEMS: usize = 10_000;
const PAGE: u32 = 97;
/// One of so many items is deleted meanwhile.
const DELETED: usize = 5;

/// How many items were added and deleted so far.
type Count = watch::Sender<usize>;

async fn fill(t: &Chats) {
    saved(t, THREAD).await;
    for first in (0..ITEMS).step_by(1000) {
        let items = (first..first + 1000).map(|n| message(&format!("old {n}"), "old"));
        let added = t.store.add_thread_items(&alice(), &thread(THREAD), items.collect()).await;
        added.expect("the items are added");
    }
}

/// Adds items for as long as somebody walks.
async fn add(store: Arc<dyn ChatKitStore>, count: Count) {
    while count.receiver_count() > 0 {
        let item = message(&format!("new {}", *count.borrow()), "new");
        let added = store.add_thread_item(&alice(), &thread(THREAD), item).await;
        added.expect("the item is added");
        count.send_modify(|count| *count += 1);
    }
}

/// Deletes old items here and there, until there is none left or nobody walks any more.
async fn delete(store: Arc<dyn ChatKitStore>, count: Count) {
    // A number that has no divisor in common with theirs: each comes once, all over the thread.
    let to_delete = ITEMS / DELETED;
    for nth in 0..to_delete {
        if count.receiver_count() == 0 {
            return;
        }
        let id = item_id(&format!("old {}", nth * 1237 % to_delete * DELETED));
        let deleted = store.delete_thread_item(&alice(), &thread(THREAD), &id).await;
        deleted.expect("the item is deleted");
        count.send_modify(|count| *count += 1);
    }
}

/// Waits until there was one more change, or all.
async fn change(of: &mut watch::Receiver<usize>, most: usize) {
    let seen = *of.borrow_and_update();
    if seen < most {
        of.wait_for(|count| *count > seen).await.expect("it goes on while somebody walks");
    }
}

/// Walks from one end to the other; between two pages something is added and deleted.
async fn walk(
    store: Arc<dyn ChatKitStore>,
    order: Order,
    mut added: watch::Receiver<usize>,
    mut deleted: watch::Receiver<usize>,
) -> Vec<ThreadItem> {
    let mut items = Vec::new();
    let mut page = PageRequest::first(PAGE).ordered(order);
    loop {
        let found = store.load_thread_items(&alice(), &thread(THREAD), &page).await;
        let found = found.expect("they are listed");
        assert!(found.items.len() <= PAGE as usize);
        items.extend(found.items);
        match found.next {
            // Oldest first, a walk follows those who add: it has seen what it came for.
            Some(_) if items.len() > 2 * ITEMS => return items,
            Some(next) => page = page.after(next),
            None => return items,
        }
        change(&mut added, usize::MAX).await;
        change(&mut deleted, ITEMS / DELETED).await;
    }
}

fn number(item: &ThreadItem) -> Option<usize> {
    item.id.as_str().strip_prefix("old ").map(|number| number.parse().expect("a number"))
}

/// Asserts that each item that was there all the time comes once, and all of them in order.
fn assert_whole(items: &[ThreadItem], order: Order) {
    let ids: HashSet<&str> = items.iter().map(|item| item.id.as_str()).collect();
    assert_eq!(ids.len(), items.len(), "no item comes twice");
    let in_order = |pair: &[ThreadItem]| match order {
        Order::Asc => pair[0].ordinal < pair[1].ordinal,
        Order::Desc => pair[0].ordinal > pair[1].ordinal,
    };
    assert!(items.windows(2).all(in_order), "they come in order");
    let mut kept: Vec<usize> = items.iter().filter_map(number).collect();
    kept.retain(|number| number % DELETED != 0);
    kept.sort_unstable();
    let expected: Vec<usize> = (0..ITEMS).filter(|number| number % DELETED != 0).collect();
    assert_eq!(kept, expected, "each one that was there all the time comes");
}

/// Two walk at once, one in each direction, while another process would add and delete.
async fn a_walk_meets_each_item_once_while_others_are_added_and_deleted(t: &Chats) {
    fill(t).await;
    let (count_added, added) = watch::channel(0);
    let (count_deleted, deleted) = watch::channel(0);
    let others = t.reopened().await;
    let writers = (
        tokio::spawn(add(Arc::clone(&others), count_added)),
        tokio::spawn(delete(others, count_deleted)),
    );
    let walks = [Order::Asc, Order::Desc].map(|order| {
        let (added, deleted) = (added.clone(), deleted.clone());
        (order, tokio::spawn(walk(Arc::clone(&t.store), order, added, deleted)))
    });
    for (order, walk) in walks {
        let items = walk.await.expect("it comes to its end");
        assert_whole(&items, order);
        let old = items.iter().filter_map(number).count();
        assert!(old < ITEMS, "some were deleted before the walk came to them: {old}");
    }
    drop((added, deleted));
    writers.0.await.expect("nothing went wrong");
    writers.1.await.expect("nothing went wrong");
}

on_both! { a_walk_meets_each_item_once_while_others_are_added_and_deleted }
