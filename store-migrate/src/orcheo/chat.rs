//! Threads, their items, and attachments.

use serde_json::{Map, Value, json};
use store_core::ThreadId;
use store_core::chatkit::{NewAttachment, NewThread, NewThreadItem};

use super::converter::Converter;
use super::fault::{Checked, broken, fault};
use super::keys;
use super::row::Row;

/// Converts a thread.
pub(super) fn thread(cx: &mut Converter<'_>, row: &Row) -> Checked<()> {
    let id = row.text("id")?;
    let mut form = json!({
        "id": id,
        "status": row.json("status_json")?,
        "metadata": row.json("metadata_json")?,
    });
    if let (Value::Object(form), Some(title)) = (&mut form, row.maybe_text("title")?) {
        form.insert("title".into(), title.into());
    }
    let mut new = NewThread::from_json(form).map_err(broken("chat_threads"))?;
    new.workflow_id = row.maybe_text("workflow_id")?.map(str::to_owned);
    let owner = &cx.options.chat_owner;
    let columns = cx.rules.chatkit.thread(owner, new.clone()).map_err(broken("chat_threads"))?;
    cx.insert(
        "chatkit_threads",
        &[
            ("thread_id", &id),
            ("owner", &owner.as_str()),
            ("workflow_id", &new.workflow_id),
            ("title", &new.title),
            ("status", &new.status.as_str()),
            ("status_reason", &new.status.reason()),
            ("allowed_image_domains", &columns.allowed_image_domains),
            ("metadata", &columns.metadata),
            ("extra", &columns.extra),
            ("revision", &keys::number("thread", id)),
            ("record_bytes", &columns.record_bytes),
            ("created_at", &row.instant("created_at")?.to_string()),
            ("updated_at", &row.instant("updated_at")?.to_string()),
        ],
    )
}

/// Where the items of a thread stand: they come in their order.
#[derive(Debug, Default)]
pub(super) struct Places {
    thread_id: String,
    next: i64,
}

impl Places {
    /// Converts an item. Two that Orcheo gave one place keep their order.
    pub(super) fn message(&mut self, cx: &mut Converter<'_>, row: &Row) -> Checked<()> {
        const SET: &str =
            "UPDATE chatkit_threads SET next_ordinal = max(next_ordinal, ?) WHERE thread_id = ?";
        let (thread_id, new) = read_item(row)?;
        let created_at = match new.created_at {
            Some(at) => at,
            None => row.instant("created_at")?,
        };
        let (item_id, item_type) = (new.id.clone(), new.item_type.clone());
        let owner = &cx.options.chat_owner;
        let columns = cx.rules.chatkit.item(owner, &thread_id, new).map_err(broken("item_json"))?;
        let given = row.integer("ordinal")?;
        let free = self.free(cx, thread_id.as_str())?;
        let ordinal = given.max(free);
        cx.insert(
            "chatkit_items",
            &[
                ("thread_id", &thread_id.as_str()),
                ("item_id", &item_id.as_str()),
                ("ordinal", &ordinal),
                ("item_type", &item_type.as_str()),
                ("created_at", &created_at.to_string()),
                ("content", &columns.content),
                ("content_bytes", &columns.content_bytes),
                ("search", &columns.search),
                ("owner", &owner.as_str()),
            ],
        )?;
        cx.execute("chatkit_threads", SET, (ordinal + 1, thread_id.as_str()))?;
        if ordinal != given {
            cx.tally.note("chat_messages: moved behind another item at the same place");
        }
        self.next = ordinal + 1;
        Ok(())
    }

    /// Returns the first place of a thread that is free.
    fn free(&mut self, cx: &Converter<'_>, thread_id: &str) -> Checked<i64> {
        if self.thread_id != thread_id {
            let sql = "SELECT next_ordinal FROM chatkit_threads WHERE thread_id = ?";
            let found = cx.find(sql, [thread_id])?;
            self.next = found
                .ok_or_else(|| fault("thread_id", "the thread is not there, or was refused"))?;
            thread_id.clone_into(&mut self.thread_id);
        }
        Ok(self.next)
    }
}

/// Reads an item; what its JSON lacks is taken from the columns, as Orcheo does.
fn read_item(row: &Row) -> Checked<(ThreadId, NewThreadItem)> {
    let Value::Object(mut item) = row.json("item_json")? else {
        return Err(fault("item_json", "is no JSON object"));
    };
    let thread_id = match row.maybe_text("thread_id")? {
        Some(id) => id.to_owned(),
        None => thread_of(&item).ok_or_else(|| fault("item_json.thread_id", "is missing"))?,
    };
    let columns = [
        ("id", Some(row.text("id")?)),
        ("thread_id", Some(thread_id.as_str())),
        ("type", row.maybe_text("item_type")?),
    ];
    for (field, column) in columns {
        if let Some(text) = column {
            item.entry(field).or_insert_with(|| text.into());
        }
    }
    let id = row.text("id")?;
    if item.get("id").is_some_and(|said| said != id) {
        return Err(fault("item_json.id", "is not what the column says"));
    }
    let thread_id = ThreadId::new(thread_id).map_err(broken("thread_id"))?;
    let item = NewThreadItem::from_json(item.into()).map_err(broken("item_json"))?;
    Ok((thread_id, item))
}

/// Where items said their thread before there was a column for it.
fn thread_of(item: &Map<String, Value>) -> Option<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let metadata = || item.get("metadata")?.get("thread_id");
    let found = item.get("thread_id").or_else(|| item.get("threadId")).or_else(metadata);
    found.and_then(text)
}

/// Converts an attachment, and the path of its file.
pub(super) fn attachment(cx: &mut Converter<'_>, row: &Row) -> Checked<()> {
    let mut new =
        NewAttachment::from_json(row.json("details_json")?).map_err(broken("details_json"))?;
    if new.id.as_str() != row.text("id")? {
        return Err(fault("details_json.id", "is not what the column says"));
    }
    if let Some(column) = row.maybe_text("thread_id")? {
        if new.thread_id.as_ref().is_some_and(|said| said.as_str() != column) {
            return Err(fault("details_json.thread_id", "is not what the column says"));
        }
        new.thread_id = Some(ThreadId::new(column).map_err(broken("thread_id"))?);
    }
    for (column, said) in [
        ("attachment_type", new.attachment_type.as_str()),
        ("name", new.name.as_str()),
        ("mime_type", new.mime_type.as_str()),
    ] {
        cx.compare(row, column, Some(row.text(column)?), &said);
    }
    new.storage_path = row.maybe_text("storage_path")?.map(str::to_owned);
    let details = cx.rules.chatkit.attachment(new.clone()).map_err(broken("chat_attachments"))?;
    let id = new.id.as_str();
    cx.insert(
        "chatkit_attachments",
        &[
            ("attachment_id", &id),
            ("owner", &cx.options.chat_owner.as_str()),
            ("attachment_type", &new.attachment_type.as_str()),
            ("name", &new.name),
            ("mime_type", &new.mime_type),
            ("size", &new.size),
            ("details", &details),
            ("thread_id", &new.thread_id.as_ref().map(ThreadId::as_str)),
            ("created_at", &row.instant("created_at")?.to_string()),
        ],
    )?;
    match &new.storage_path {
        Some(path) => cx.insert("chatkit_files", &[("storage_path", path), ("attachment_id", &id)]),
        None => Ok(()),
    }
}
