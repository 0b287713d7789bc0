//! Adding items: their places come from the thread's counter.

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::chatkit::ThreadItem;
use store_core::postgres::{Bind, JsonText, Statement, TsVector, db_error};
use store_core::{Error, Failure, OwnerId, Result, ThreadId};

use super::error::is_taken;
use super::schema::chatkit_items::{self, dsl};
use super::threads::thread_check;
use crate::rules::item::{ReadyItem, taken};

// One statement takes the place and fills it. The key says whether the thread has the item: to look
// for it first costs more, and where the statistics do not know the thread yet, the planner may go
// through all of it.
const ADD: &str = "WITH parent AS (\
     UPDATE chatkit_threads SET next_ordinal = next_ordinal + 1, revision = revision + 1, \
     updated_at = greatest(updated_at, ?) \
     WHERE thread_id = ? AND owner = ? RETURNING next_ordinal - 1 AS ordinal\
     ) INSERT INTO chatkit_items (thread_id, item_id, ordinal, item_type, created_at, content, \
     content_bytes, search, owner) \
     SELECT $2, ?, ordinal, ?, ?, ?, ?, ?, $3 FROM parent RETURNING ordinal";

// parity: the same for the items of one call, all or none. They may be many: so it looks first, in
// a subquery that is planned for any thread.
const ADD_ALL: &str = "WITH input AS (\
     SELECT * FROM unnest(?, ?, ?, ?, ?, ?) WITH ORDINALITY \
     AS columns (item_id, item_type, created_at, content, content_bytes, search, position)\
     ), parent AS (\
     UPDATE chatkit_threads AS thread SET next_ordinal = next_ordinal + ?, \
     revision = revision + 1, updated_at = greatest(updated_at, ?) \
     WHERE thread_id = ? AND owner = ? AND (SELECT count(*) FROM chatkit_items AS item \
     WHERE item.thread_id = thread.thread_id AND item.item_id = ANY ($1)) = 0 \
     RETURNING next_ordinal - $7 AS first\
     ), added AS (\
     INSERT INTO chatkit_items (thread_id, item_id, ordinal, item_type, created_at, content, \
     content_bytes, search, owner) \
     SELECT $9, item_id, first + position - 1, item_type, created_at, content, content_bytes, \
     search, $10 FROM input CROSS JOIN parent\
     ) SELECT first FROM parent";

/// Adds an item at the end of a thread.
pub(super) async fn item_add(
    conn: &mut AsyncPgConnection,
    owner: &OwnerId,
    thread_id: &ThreadId,
    item: &ReadyItem,
) -> Result<ThreadItem> {
    enum Add {}
    let vector = item.document.tsvector(owner, thread_id);
    let binds = vec![
        Bind::Instant(Some(item.now.to_datetime())),
        Bind::Text(thread_id.as_str()),
        Bind::Text(owner.as_str()),
        Bind::Text(item.id.as_str()),
        Bind::Text(item.item_type.as_str()),
        Bind::Instant(Some(item.begins().to_datetime())),
        Bind::Json(JsonText(&item.content.text)),
        Bind::BigInt(item.content.bytes()),
        Bind::Words(TsVector(&vector)),
    ];
    let place: Option<i64> = match Statement::<Add, BigInt>::new(ADD, binds).get_result(conn).await
    {
        Err(error) if is_taken(&error) => return Err(taken(thread_id, &item.id)),
        place => place.optional().map_err(db_error("item_add"))?,
    };
    match place {
        Some(place) => Ok(item.stored_at(thread_id, place, item.begins())),
        None => Err(add_refusal(conn, owner, thread_id, std::slice::from_ref(item)).await?),
    }
}

/// Adds the items of one call at the end of a thread, all or none.
pub(super) async fn item_add_all(
    conn: &mut AsyncPgConnection,
    owner: &OwnerId,
    thread_id: &ThreadId,
    items: &[ReadyItem],
) -> Result<Vec<ThreadItem>> {
    enum AddAll {}
    let Some(now) = items.first().map(|item| item.now) else {
        return thread_check(conn, owner, thread_id).await.map(|()| Vec::new());
    };
    let columns = Columns::new(items.iter().map(|item| (owner, thread_id, item)));
    let mut binds = columns.binds();
    binds.extend([
        Bind::BigInt(i64::try_from(items.len()).unwrap_or(i64::MAX)),
        Bind::Instant(Some(now.to_datetime())),
        Bind::Text(thread_id.as_str()),
        Bind::Text(owner.as_str()),
    ]);
    let first = Statement::<AddAll, BigInt>::new(ADD_ALL, binds).get_result(conn).await;
    let first: Option<i64> = match first {
        Err(error) if is_taken(&error) => None,
        first => first.optional().map_err(db_error("item_add_all"))?,
    };
    let Some(first) = first else {
        return Err(add_refusal(conn, owner, thread_id, items).await?);
    };
    let stored = items.iter().zip(first..);
    Ok(stored.map(|(item, place)| item.stored_at(thread_id, place, item.begins())).collect())
}

// parity: SQLite knows where it stops.
/// Says why items were not added: there is no such thread, or it has one of them.
pub(super) async fn add_refusal(
    conn: &mut AsyncPgConnection,
    owner: &OwnerId,
    thread_id: &ThreadId,
    items: &[ReadyItem],
) -> Result<Error> {
    thread_check(conn, owner, thread_id).await?;
    let ids: Vec<&str> = items.iter().map(|item| item.id.as_str()).collect();
    let there: Vec<String> = chatkit_items::table
        .filter(dsl::thread_id.eq(thread_id.as_str()))
        .filter(dsl::item_id.eq_any(ids))
        .select(dsl::item_id)
        .load(conn)
        .await
        .map_err(db_error("add_refusal"))?;
    let is_there = |item: &&ReadyItem| there.iter().any(|id| id == item.id.as_str());
    Ok(match items.iter().find(is_there) {
        Some(item) => taken(thread_id, &item.id),
        // It was deleted, or the thread made, in this very moment: trying again will do.
        None => Error::failed("item_add", Failure::Serialization),
    })
}

// parity: SQLite adds row by row.
/// Items as columns, which PostgreSQL takes as arrays.
pub(super) struct Columns<'a> {
    items: Vec<&'a ReadyItem>,
    vectors: Vec<Vec<u8>>,
}

// parity: belongs to Columns.
impl<'a> Columns<'a> {
    pub(super) fn new(
        items: impl Iterator<Item = (&'a OwnerId, &'a ThreadId, &'a ReadyItem)>,
    ) -> Self {
        let (items, vectors) = items
            .map(|(owner, thread_id, item)| (item, item.document.tsvector(owner, thread_id)))
            .unzip();
        Self { items, vectors }
    }

    pub(super) fn binds(&self) -> Vec<Bind<'_>> {
        let items = || self.items.iter();
        vec![
            Bind::Texts(items().map(|item| item.id.as_str()).collect()),
            Bind::Texts(items().map(|item| item.item_type.as_str()).collect()),
            Bind::Instants(items().map(|item| item.begins().to_datetime()).collect()),
            Bind::Jsons(items().map(|item| JsonText(&item.content.text)).collect()),
            Bind::BigInts(items().map(|item| item.content.bytes()).collect()),
            Bind::WordsOfEach(self.vectors.iter().map(|vector| TsVector(vector)).collect()),
        ]
    }
}
