//! Finding again what was said.

use serde_json::json;
use store_core::chatkit::{ChatContext, ChatKitStore, ItemSearch, ThreadFilter};
use store_core::{Order, OwnerId, PageRequest, ThreadId};

use super::MESSAGES;
use crate::Result;
use crate::report::{self, Report, count};

pub(super) async fn page(
    report: &mut Report,
    store: &dyn ChatKitStore,
    ada: &ChatContext,
    thread: &ThreadId,
) -> Result<()> {
    report.section("Page through it, the newest first");
    let page = PageRequest::first(20).ordered(Order::Desc);
    let (newest, took) = report::timed(store.load_thread_items(ada, thread, &page)).await;
    let newest = newest?.items;
    report::done(format!("the newest {}", newest.len()), took);
    // The protocol of ChatKit names the item after which a page begins.
    let last = newest.last().ok_or("the thread has no items")?;
    let (after, took) = report::timed(store.cursor_after(ada, thread, &last.id, Order::Desc)).await;
    let older = store.load_thread_items(ada, thread, &page.after(after?)).await?.items;
    let place = older.first().ok_or("there is nothing before the newest")?.ordinal;
    report::done(format!("those before {}: from place {place} on", last.id), took);
    Ok(())
}

pub(super) async fn filter(
    report: &mut Report,
    store: &dyn ChatKitStore,
    ada: &ChatContext,
    thread: &ThreadId,
) -> Result<()> {
    report.section("Filter conversations");
    let contain = json!({ "customer": "c-7", "tags": ["march"] });
    let filter = ThreadFilter {
        metadata_contain: Some(contain.clone()),
        workflow_id: Some("triage".into()),
    };
    let (found, took) =
        report::timed(store.filter_threads(ada, &filter, &PageRequest::default())).await;
    let found = found?.items;
    if found.iter().all(|found| found.id != *thread) {
        return Err("the conversation is not among those that have its metadata".into());
    }
    report::done(format!("metadata that contain {contain}: {}", found.len()), took);
    let grace = ChatContext::new(OwnerId::new("grace")?);
    let Err(refused) = store.load_thread(&grace, thread).await else {
        return Err("somebody else can read the conversation".into());
    };
    report::note(format!("for somebody else: {refused}"));
    Ok(())
}

pub(super) async fn search(
    report: &mut Report,
    store: &dyn ChatKitStore,
    ada: &ChatContext,
    thread: &ThreadId,
) -> Result<()> {
    report.section("Search what was said");
    let page = PageRequest::first(1000);
    let searches = [
        (ItemSearch::everywhere("export"), MESSAGES + 1),
        (ItemSearch::everywhere("\"disk was full\""), 1),
        (ItemSearch::everywhere("EXPORT -attempt").ranked(), 1),
        (ItemSearch::in_thread(thread.clone(), "attempt 7"), 1),
        // What only the server is to know is not found.
        (ItemSearch::everywhere("gold contract"), 0),
    ];
    for (search, expected) in searches {
        let (found, took) = report::timed(store.search_items(ada, &search, &page)).await;
        let found = found?.items.len();
        if found != expected {
            return Err(format!("{}: found {found}, expected {expected}", search.query).into());
        }
        report::done(format!("{}: {}", search.query, count(found as u64)), took);
    }
    Ok(())
}
