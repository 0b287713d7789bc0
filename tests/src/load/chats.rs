//! Conversations that several callers add to at once.

use std::collections::HashMap;

use serde_json::json;
use store_core::chatkit::{
    ChatContext, ItemSearch, ItemType, NewThread, NewThreadItem, ThreadItem, generate_item_id,
};
use store_core::{Error, ItemId, Order, OwnerId, PageRequest, Result, ThreadId};

use super::caller::Caller;
use super::verify::Findings;

/// Callers that share a conversation.
const TOGETHER: usize = 40;

/// Items after which a conversation is left for the next one.
const ITEMS: u64 = 200;

fn context() -> Result<ChatContext> {
    Ok(ChatContext::new(OwnerId::new("load")?))
}

pub(super) async fn run(caller: &Caller) -> Result<()> {
    let (store, cx) = (&caller.stores().chats, context()?);
    let process = caller.name.split('-').next().unwrap_or_default();
    for round in 0_u64.. {
        let id = ThreadId::new(format!("chat-{process}-{}-{round}", caller.number / TOGETHER))?;
        // Saved again, it is the same.
        let call = || store.save_thread(&cx, NewThread::new(id.clone()));
        let look = async || Ok(store.load_thread(&cx, &id).await.ok());
        caller.settle("thread_save", call, look).await?;
        caller.acknowledged(&json!(["thread", id]));
        for _ in 0..ITEMS {
            if !caller.goes_on() {
                return Ok(());
            }
            add(caller, &cx, &id).await?;
        }
        let page = PageRequest::first(50);
        caller.read("thread_items", || store.load_thread_items(&cx, &id, &page)).await?;
    }
    Ok(())
}

async fn add(caller: &Caller, cx: &ChatContext, thread: &ThreadId) -> Result<()> {
    let store = &caller.stores().chats;
    let count = if caller.draw(5) == 0 { 3 } else { 1 };
    let items = (0..count).map(|_| item(caller)).collect::<Result<Vec<_>>>()?;
    let last = items.last().expect("there is one").id.clone();
    let look = async || match store.load_item(cx, thread, &last).await {
        Ok(last) => Ok(Some(before(&last, &items))),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    };
    let added = if let [one] = items.as_slice() {
        let call = async || Ok(places(&[store.add_thread_item(cx, thread, one.clone()).await?]));
        caller.settle("item_add", call, look).await?
    } else {
        let call = async || Ok(places(&store.add_thread_items(cx, thread, items.clone()).await?));
        caller.settle("item_add_many", call, look).await?
    };
    for (id, ordinal) in added {
        caller.acknowledged(&json!(["item", thread, id, ordinal]));
    }
    Ok(())
}

fn item(caller: &Caller) -> Result<NewThreadItem> {
    let item_type = ItemType::AssistantMessage;
    let id = generate_item_id(&item_type)?;
    let text = format!("caller {} says {}", caller.name, "words ".repeat(20));
    let content = json!({"id": id, "type": "assistant_message",
        "content": [{"type": "output_text", "text": text, "annotations": []}]});
    Ok(NewThreadItem::new(id, item_type, content))
}

fn places(items: &[ThreadItem]) -> Vec<(ItemId, i64)> {
    items.iter().map(|item| (item.id.clone(), item.ordinal)).collect()
}

/// The places of a batch, from that of its last item: they are in a row.
fn before(last: &ThreadItem, items: &[NewThreadItem]) -> Vec<(ItemId, i64)> {
    let ordinals = (0..=last.ordinal).rev();
    items.iter().rev().zip(ordinals).map(|(item, ordinal)| (item.id.clone(), ordinal)).collect()
}

/// Items have no gaps and are where it was acknowledged, and the search finds them.
pub(super) async fn verify(found: &Findings) -> Result<()> {
    let (store, cx) = (&found.stores.chats, context()?);
    let items = found.by_first("item");
    let none = Vec::new();
    for (name, _facts) in found.by_first("thread") {
        let thread = ThreadId::new(name.clone())?;
        let mut stored: HashMap<String, i64> = HashMap::new();
        let mut first = None;
        let mut request = Some(PageRequest::first(1000).ordered(Order::Asc));
        while let Some(next) = request.take() {
            let page = store.load_thread_items(&cx, &thread, &next).await?;
            for item in page.items {
                let expected = *first.get_or_insert(item.ordinal) + stored.len() as i64;
                found
                    .check(item.ordinal == expected && expected <= stored.len() as i64 + 1, || {
                        format!("{name}: item {} at {expected}", item.ordinal)
                    });
                stored.insert(item.id.to_string(), item.ordinal);
            }
            request = page.next.map(|cursor| next.after(cursor));
        }
        for fact in items.get(&name).unwrap_or(&none) {
            let id = fact[2].as_str().expect("an id");
            let ordinal = fact[3].as_i64();
            found.check(stored.get(id).copied() == ordinal, || format!("{name}: {id} is lost"));
        }
        let search = ItemSearch::in_thread(thread, "words");
        let hits = store.search_items(&cx, &search, &PageRequest::first(1000)).await?.items.len();
        found.check(hits == stored.len().min(1000), || {
            format!("{name}: {hits} of {} items are found", stored.len())
        });
    }
    Ok(())
}
