// parity: SQLite's writer groups commits by itself.
//! Items that wait at the same time are added by one statement.

use async_trait::async_trait;
use diesel::sql_types::{BigInt, Nullable};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::chatkit::ThreadItem;
use store_core::postgres::{Batch, Bind, Database, Statement, db_error};
use store_core::{Error, Failure, OwnerId, Result, ThreadId, Timestamp};

use super::adding::{Columns, add_refusal, item_add};
use crate::rules::item::ReadyItem;

// Threads are locked in the order of their ids, so that batches of several processes cannot
// deadlock.
const ADD_EACH: &str = "WITH input AS (\
     SELECT * FROM unnest(?, ?, ?, ?, ?, ?, ?, ?) WITH ORDINALITY \
     AS columns (thread_id, owner, item_id, item_type, created_at, content, content_bytes, \
     search, position)\
     ), fresh AS (\
     SELECT input.*, row_number() OVER (PARTITION BY thread_id, owner ORDER BY position) - 1 \
     AS nth FROM input WHERE NOT EXISTS (SELECT FROM chatkit_items AS item \
     WHERE item.thread_id = input.thread_id AND item.item_id = input.item_id)\
     ), total AS (\
     SELECT thread_id, owner, count(*) AS items FROM fresh GROUP BY thread_id, owner\
     ), locked AS (\
     SELECT thread.thread_id, total.items FROM chatkit_threads AS thread \
     JOIN total ON total.thread_id = thread.thread_id AND total.owner = thread.owner \
     ORDER BY thread.thread_id FOR NO KEY UPDATE OF thread\
     ), parent AS (\
     UPDATE chatkit_threads AS thread SET next_ordinal = thread.next_ordinal + locked.items, \
     revision = thread.revision + 1, updated_at = greatest(thread.updated_at, ?) \
     FROM locked WHERE thread.thread_id = locked.thread_id \
     RETURNING thread.thread_id, thread.owner, thread.next_ordinal - locked.items AS first\
     ), added AS (\
     INSERT INTO chatkit_items (thread_id, item_id, ordinal, item_type, created_at, content, \
     content_bytes, search, owner) \
     SELECT fresh.thread_id, item_id, first + nth, item_type, created_at, content, \
     content_bytes, search, fresh.owner FROM fresh \
     JOIN parent ON parent.thread_id = fresh.thread_id AND parent.owner = fresh.owner\
     ) SELECT parent.first + fresh.nth FROM input \
     LEFT JOIN fresh ON fresh.position = input.position \
     LEFT JOIN parent ON parent.thread_id = fresh.thread_id AND parent.owner = fresh.owner \
     ORDER BY input.position";

/// An item that waits for the next statement.
#[derive(Debug)]
pub(super) struct AddRequest {
    pub(super) owner: OwnerId,
    pub(super) thread_id: ThreadId,
    pub(super) item: ReadyItem,
}

/// The statement that waiting items share.
#[derive(Debug)]
pub(super) struct AddBatch {
    pub(super) db: Database,
}

#[async_trait]
impl Batch for AddBatch {
    type Request = AddRequest;
    type Response = ThreadItem;

    const OPERATION: &'static str = "item_add";

    async fn run(&self, requests: &[AddRequest]) -> Result<Vec<Result<ThreadItem>>> {
        if let [request] = requests {
            return Ok(vec![self.add_alone(request).await]);
        }
        // Not repeated as a whole: after a failure, such as two items with one id, each request is
        // run, and repeated, alone.
        let mut answers = {
            let mut conn = self.db.conn(Self::OPERATION).await?;
            item_add_each(&mut conn, requests).await?
        };
        for (request, answer) in requests.iter().zip(&mut answers) {
            let failure = answer.as_ref().err().and_then(Error::failure);
            if failure == Some(Failure::Serialization) {
                *answer = self.add_alone(request).await;
            }
        }
        Ok(answers)
    }
}

impl AddBatch {
    async fn add_alone(&self, request: &AddRequest) -> Result<ThreadItem> {
        let AddRequest { owner, thread_id, item } = request;
        self.db
            .write(Self::OPERATION, || async {
                let mut conn = self.db.conn(Self::OPERATION).await?;
                item_add(&mut conn, owner, thread_id, item).await
            })
            .await
    }
}

/// Adds items of several calls in one statement and answers for each.
async fn item_add_each(
    conn: &mut AsyncPgConnection,
    requests: &[AddRequest],
) -> Result<Vec<Result<ThreadItem>>> {
    enum AddEach {}
    let columns = Columns::new(requests.iter().map(|one| (&one.owner, &one.thread_id, &one.item)));
    let mut binds = vec![
        Bind::Texts(requests.iter().map(|request| request.thread_id.as_str()).collect()),
        Bind::Texts(requests.iter().map(|request| request.owner.as_str()).collect()),
    ];
    binds.extend(columns.binds());
    let now = requests.iter().map(|request| request.item.now).max();
    binds.push(Bind::Instant(now.map(Timestamp::to_datetime)));
    let places: Vec<Option<i64>> = Statement::<AddEach, Nullable<BigInt>>::new(ADD_EACH, binds)
        .load(conn)
        .await
        .map_err(db_error("item_add"))?;
    let mut answers = Vec::with_capacity(requests.len());
    for (AddRequest { owner, thread_id, item }, place) in requests.iter().zip(places) {
        answers.push(match place {
            Some(place) => Ok(item.stored_at(thread_id, place, item.begins())),
            // The others are stored: whatever this one fails with is its answer alone.
            None => {
                let item = std::slice::from_ref(item);
                Err(add_refusal(conn, owner, thread_id, item).await.unwrap_or_else(|error| error))
            }
        });
    }
    Ok(answers)
}
