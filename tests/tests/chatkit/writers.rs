//! Writers of two processes on one thread.

use std::collections::{HashMap, HashSet};

use store_core::chatkit::ThreadItem;
use store_core::{Order, PageRequest};
use store_tests::fixture::Chats;
use store_tests::samples::{alice, loaded, saved, thread};

use crate::support::Process;

const THREAD: &str = "thr_busy";
/// Writers of one process, and how often each writes: once in three times, three items at once.
const WRITERS: usize = 16;
const EACH: usize = 12;
const ITEMS: usize = 2 * WRITERS * (EACH / 3) * 5;

/// All items of the thread by their places.
async fn stored(t: &Chats) -> Vec<ThreadItem> {
    let mut items = Vec::new();
    let mut page = PageRequest::first(300).ordered(Order::Asc);
    loop {
        let found = t.store.load_thread_items(&alice(), &thread(THREAD), &page).await;
        let found = found.expect("they are listed");
        items.extend(found.items);
        match found.next {
            Some(next) => page = page.after(next),
            None => return items,
        }
    }
}

fn assert_without_gap(items: &[ThreadItem]) {
    let places: Vec<i64> = items.iter().map(|item| item.ordinal).collect();
    let expected: Vec<i64> = (0..).take(places.len()).collect();
    assert_eq!(places, expected, "no gap at any time");
}

/// 32 writers in two processes: places from 0 without a gap, at all times, and no item is lost.
async fn writers_in_two_processes_leave_no_gap_and_lose_nothing(t: &Chats) {
    saved(t, THREAD).await;
    let (writers, each) = (WRITERS.to_string(), EACH.to_string());
    let arguments = ["add", THREAD, &writers, &each];
    let (mut one, mut two) =
        tokio::join!(Process::start(t, &arguments), Process::start(t, &arguments));
    tokio::join!(one.go_on(), two.go_on());
    let ended = tokio::spawn(async move { tokio::join!(one.end(), two.end()) });
    let mut looks = HashSet::new();
    while !ended.is_finished() {
        let seen = stored(t).await;
        assert_without_gap(&seen);
        looks.insert(seen.len());
    }
    assert!(looks.len() > 2, "it was seen while they wrote: {looks:?}");

    let (mut answers, others) = ended.await.expect("they end");
    answers.extend(others);
    let place = |answer: &Vec<serde_json::Value>| {
        let id = answer[0].as_str().expect("an id").to_owned();
        (id, answer[1].as_i64().expect("a place"))
    };
    let answered: HashMap<String, i64> = answers.iter().map(place).collect();
    assert_eq!((answers.len(), answered.len()), (ITEMS, ITEMS), "no id twice");
    let items = stored(t).await;
    assert_without_gap(&items);
    let placed = items.iter().map(|item| (item.id.to_string(), item.ordinal));
    assert_eq!(placed.collect::<HashMap<_, _>>(), answered, "stored as acknowledged");
    let contents: HashSet<String> = items.iter().map(|item| item.content.to_string()).collect();
    // The three items of a batch say the same.
    assert_eq!(contents.len(), 2 * WRITERS * EACH);
    let last = items.iter().map(|item| item.created_at).max();
    assert!(Some(loaded(t, THREAD).await.updated_at) >= last, "each of them touched the thread");
}

on_both! { writers_in_two_processes_leave_no_gap_and_lose_nothing }
