//! Searches after items were saved in place, deleted and pruned.

use std::time::Duration;

use serde_json::json;
use store_core::Timestamp;
use store_core::chatkit::{ItemType, NewThreadItem, ThreadPrune};
use store_tests::fixture::{Chats, noon};
use store_tests::samples::{alice, wait_seconds};

use super::corpus::{Entry, THREADS};
use super::oracle::Said;
use super::{Library, assert_finds_everywhere};

/// A thread that is deleted, and those that are pruned.
const DELETED: usize = 5;
const PRUNED: [usize; 2] = [6, 7];

/// What becomes of an item, by its place.
enum Change {
    Deleted,
    /// It says what another item says.
    Said(String),
    /// It is one of those that no search finds.
    Hidden,
    None,
}

fn change(entry: &Entry, others: &[(Entry, Said)]) -> Change {
    match entry.place % 7 {
        1 => Change::Deleted,
        2 => Change::Said(others[entry.place * 13 % others.len()].0.text.clone()),
        3 => Change::Hidden,
        _ => Change::None,
    }
}

/// Hides an item: its type is another one then, and its text is still in its content.
fn hidden(entry: &Entry) -> NewThreadItem {
    let item = NewThreadItem::new(
        entry.item_id(),
        ItemType::HiddenContextItem,
        json!({"content": entry.text}),
    );
    NewThreadItem { created_at: Some(entry.at), ..item }
}

/// Changes one item in the store; returns what is left of it.
async fn changed(t: &Chats, entry: Entry, change: Change) -> Option<Entry> {
    let thread_id = entry.thread_id();
    let (new, left) = match change {
        Change::Deleted => {
            let deleted = t.store.delete_thread_item(&alice(), &thread_id, &entry.item_id()).await;
            deleted.expect("the item is deleted");
            return None;
        }
        Change::None => return Some(entry),
        Change::Hidden => (hidden(&entry), None),
        Change::Said(text) => {
            let entry = Entry { text, ..entry };
            (entry.item(), Some(entry))
        }
    };
    t.store.save_item(&alice(), &thread_id, new).await.expect("the item is saved");
    left
}

/// Changes what is stored, and returns what is left of it.
async fn change_all(t: &Chats, library: Library) -> Library {
    wait_seconds(t, 3600);
    let changes: Vec<Change> =
        library.entries.iter().map(|(entry, _)| change(entry, &library.entries)).collect();
    let mut entries = Vec::new();
    for ((entry, said), change) in library.entries.into_iter().zip(changes) {
        match entry.thread {
            DELETED => {}
            thread if PRUNED.contains(&thread) => {}
            thread if thread >= THREADS => entries.push((entry, said)),
            _ => entries.extend(changed(t, entry, change).await.map(Library::read)),
        }
    }
    Library { entries }
}

async fn searches_follow_what_is_saved_deleted_and_pruned(t: &Chats) {
    let library = Library::stored(t).await;
    let (deleted, _) = library.of(DELETED).next().expect("there is a thread");
    t.store.delete_thread(&alice(), &deleted.thread_id()).await.expect("the thread is deleted");
    let library = change_all(t, library).await;
    let long_ago: Timestamp = noon().plus(Duration::from_secs(1)).expect("an instant");
    let pruned = t.store.prune(&alice(), &ThreadPrune::before(long_ago)).await;
    assert_eq!(pruned.expect("it prunes").threads, PRUNED.len() as u64);
    assert_finds_everywhere(t, &library).await;
    if t.place.is_sqlite() {
        // FTS5 compares its index with the table, and fails where one lacks what the other has.
        let check = "INSERT INTO chatkit_item_search (chatkit_item_search, rank) \
                     VALUES ('integrity-check', 1)";
        t.sql(check).await;
        assert_eq!(t.place.rows("PRAGMA integrity_check").await, [["ok"]]);
    }
}

on_both! { searches_follow_what_is_saved_deleted_and_pruned }
