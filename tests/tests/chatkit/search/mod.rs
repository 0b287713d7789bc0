//! Every query finds what somebody would find who reads every item.

mod changes;
mod corpus;
mod limits;
mod oracle;
mod queries;
mod words;

use std::cmp::Reverse;
use std::collections::HashSet;

use store_core::chatkit::{ChatContext, ChatKitStore, ItemSearch, SearchScope};
use store_core::{ItemId, PageRequest, ThreadId};
use store_tests::fixture::Chats;
use store_tests::samples::{administrator, alice, bob};

use corpus::{Entry, THREADS, corpus};
use oracle::{Asked, Said};
use queries::QUERIES;

/// The thread in which some searches look.
const THREAD: usize = 3;

type Hit = (ThreadId, ItemId);

/// The items that are stored, and what they say.
struct Library {
    entries: Vec<(Entry, Said)>,
}

impl Library {
    fn new() -> Self {
        Self { entries: corpus().into_iter().map(Self::read).collect() }
    }

    fn read(entry: Entry) -> (Entry, Said) {
        let said = Said::new(&entry.text);
        (entry, said)
    }

    /// Stores the items: all threads are Alice's, but for the last one.
    async fn stored(t: &Chats) -> Self {
        let library = Self::new();
        for thread in 0..=THREADS {
            let cx = if thread < THREADS { alice() } else { bob() };
            let items: Vec<&Entry> = library.of(thread).map(|(entry, _)| entry).collect();
            let id = items[0].thread_id();
            let new = store_core::chatkit::NewThread::new(id.clone());
            t.store.save_thread(&cx, new).await.expect("the thread is saved");
            let items = items.into_iter().map(Entry::item).collect();
            t.store.add_thread_items(&cx, &id, items).await.expect("the items are added");
        }
        library
    }

    fn of(&self, thread: usize) -> impl Iterator<Item = &(Entry, Said)> {
        self.entries.iter().filter(move |(entry, _)| entry.thread == thread)
    }

    /// Returns what a query should find in some threads, in the order of a search.
    fn expected(&self, query: &str, threads: impl Fn(usize) -> bool) -> Vec<Hit> {
        let asked = Asked::new(query);
        let hit = |(entry, said): &&(Entry, Said)| threads(entry.thread) && asked.finds(said);
        let mut hits: Vec<&Entry> =
            self.entries.iter().filter(hit).map(|(entry, _)| entry).collect();
        hits.sort_unstable_by_key(|entry| Reverse((entry.at, entry.thread_id(), entry.place)));
        hits.into_iter().map(|entry| (entry.thread_id(), entry.item_id())).collect()
    }
}

/// Walks all pages of a search.
async fn found(store: &dyn ChatKitStore, cx: &ChatContext, search: &ItemSearch) -> Vec<Hit> {
    let mut hits = Vec::new();
    let mut page = PageRequest::first(23);
    loop {
        let found = store.search_items(cx, search, &page).await;
        let found = found.unwrap_or_else(|error| panic!("`{}`: {error}", search.query));
        hits.extend(found.items.into_iter().map(|item| (item.thread_id, item.id)));
        match found.next {
            Some(next) => page = page.after(next),
            None => return hits,
        }
    }
}

/// The queries are worth their while: most find something, and some find nothing.
#[test]
fn most_queries_find_something_and_some_find_nothing() {
    let library = Library::new();
    let finds = |query: &&&str| !library.expected(query, |thread| thread < THREADS).is_empty();
    let (hit, missed): (Vec<&&str>, Vec<&&str>) = QUERIES.iter().partition(finds);
    assert!(hit.len() >= 150, "{}", hit.len());
    assert!(missed.len() >= 20, "{}", missed.len());
    let distinct: HashSet<&&str> = QUERIES.iter().collect();
    assert_eq!(distinct.len(), QUERIES.len());
    let items = library.entries.iter().filter(|(entry, _)| entry.thread < THREADS).count();
    assert_eq!(items, 2000);
}

/// In all that an owner has, newest first, and nothing of another owner.
async fn every_query_finds_what_reading_every_item_of_the_owner_finds(t: &Chats) {
    assert_finds_everywhere(t, &Library::stored(t).await).await;
}

async fn assert_finds_everywhere(t: &Chats, library: &Library) {
    for query in QUERIES {
        let expected = library.expected(query, |thread| thread < THREADS);
        let found = found(&*t.store, &alice(), &ItemSearch::everywhere(*query)).await;
        assert_eq!(found, expected, "`{query}`");
    }
}

async fn every_query_finds_what_reading_every_item_of_a_thread_finds(t: &Chats) {
    let library = Library::stored(t).await;
    let (entry, _) = library.of(THREAD).next().expect("there is a thread");
    for query in QUERIES {
        let expected = library.expected(query, |thread| thread == THREAD);
        let search = ItemSearch::in_thread(entry.thread_id(), *query);
        assert_eq!(found(&*t.store, &alice(), &search).await, expected, "`{query}`");
    }
}

async fn every_query_of_an_administrator_finds_what_reading_every_item_finds(t: &Chats) {
    let library = Library::stored(t).await;
    for query in QUERIES {
        let expected = library.expected(query, |_| true);
        let found = found(&*t.store, &administrator(), &ItemSearch::everywhere(*query)).await;
        assert_eq!(found, expected, "`{query}`");
    }
}

/// The best come first, whatever is best; what is found is the same.
async fn every_ranked_query_finds_the_same_items(t: &Chats) {
    let library = Library::stored(t).await;
    for query in QUERIES {
        for scope in [SearchScope::Owner, SearchScope::Thread(thread_id(&library))] {
            let within = |thread| match scope {
                SearchScope::Owner => thread < THREADS,
                SearchScope::Thread(_) => thread == THREAD,
            };
            let mut expected = library.expected(query, within);
            expected.sort_unstable();
            let search = ItemSearch { scope, ..ItemSearch::everywhere(*query) }.ranked();
            let page = PageRequest::first(PageRequest::MAX_LIMIT);
            let page = t.store.search_items(&alice(), &search, &page).await.expect("it searches");
            let hits = page.items.into_iter().map(|item| (item.thread_id, item.id));
            let mut hits: Vec<Hit> = hits.collect();
            hits.sort_unstable();
            assert_eq!(hits, expected, "`{query}`");
        }
    }
}

fn thread_id(library: &Library) -> ThreadId {
    let (entry, _) = library.of(THREAD).next().expect("there is a thread");
    entry.thread_id()
}

on_both! {
    every_query_finds_what_reading_every_item_of_the_owner_finds,
    every_query_finds_what_reading_every_item_of_a_thread_finds,
    every_query_of_an_administrator_finds_what_reading_every_item_finds,
    every_ranked_query_finds_the_same_items,
}
