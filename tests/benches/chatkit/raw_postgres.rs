//! The raw side on PostgreSQL: `tokio-postgres` and prepared statements.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;
use store_core::{Clock as _, SystemClock};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, Statement};

use crate::common::Result;
use crate::common::load::{Figures, expect};
use crate::common::postgres::{Json, Pool, connect, read, system_time};
use crate::common::rows::Layout;
use crate::conversation::{
    self, COMMON, CUSTOMER, FILTERER, ITEM_TYPE, RARE, RARE_ITEMS, READER, WRITER, WRITTEN,
};
use crate::operation::{Operation, PAGE, Place};
use crate::rows::{self, ITEM_LAYOUT, NEXT, THREAD_LAYOUT, TOUCH};

/// The rows that are asked for: one more than the page, to know whether there are more.
const LIMIT: i64 = PAGE as i64 + 1;

/// Inserts an item at the place that was taken.
const INSERT: &str = "INSERT INTO chatkit_items (thread_id, item_id, ordinal, item_type, \
    created_at, content, content_bytes, search, owner) \
    SELECT $2, $4, ordinal, $5, $1, $6, $7, $8::text::tsvector, $3 FROM thread RETURNING ordinal";

/// Puts an item in the place of the one that is there.
const REPLACE: &str = "UPDATE chatkit_items AS i SET item_type = $5, content = $6, \
    content_bytes = $7, search = $8::text::tsvector FROM thread \
    WHERE i.thread_id = $2 AND i.item_id = $4 RETURNING i.ordinal";

/// The connections, and texts made beforehand: the raw side serialises nothing and cuts no words.
#[derive(Clone)]
pub(crate) struct RawPostgres {
    pool: Pool<Connection>,
    texts: Arc<Texts>,
    written: Arc<AtomicU64>,
}

struct Texts {
    customer: Json<String>,
    common: String,
    rare: String,
    /// Both variants of what is written …
    contents: [Json<String>; 2],
    /// … and their words, for each thread.
    vectors: Vec<[String; 2]>,
}

struct Connection {
    client: Client,
    page: Statement,
    filter: Statement,
    search: Statement,
    add: Statement,
    save: Statement,
}

impl RawPostgres {
    /// Connects to a schema.
    pub(crate) async fn connect(schema: &str) -> Result<Self> {
        let pool = Pool::open(async || Connection::open(schema).await).await?;
        Ok(Self { pool, texts: Arc::new(Texts::new()), written: Arc::default() })
    }

    /// Measures one round.
    pub(crate) async fn measure(
        &self,
        operation: Operation,
        callers: usize,
        round: Duration,
    ) -> Result<Figures> {
        let this = self.clone();
        let measured = move |conn: Arc<Connection>, caller| {
            let this = this.clone();
            async move { this.run(&conn, operation, caller).await.map(|()| true) }
        };
        self.pool.measure(callers, round, measured).await
    }

    async fn run(&self, conn: &Connection, operation: Operation, caller: usize) -> Result<()> {
        let texts = &self.texts;
        match operation {
            Operation::Load(place) => conn.load(place).await,
            Operation::FilterThreads => conn.filter(&texts.customer).await,
            Operation::SearchCommon => conn.search(&texts.common, PAGE).await,
            Operation::SearchRare => conn.search(&texts.rare, RARE_ITEMS).await,
            Operation::AddThreadItem => {
                let nth = self.written.fetch_add(1, Ordering::Relaxed);
                self.write(conn, &conn.add, caller, &format!("msg_added_{nth}"), 0).await
            }
            Operation::SaveItem => {
                let nth = self.written.fetch_add(1, Ordering::Relaxed);
                let id = conversation::saved(caller);
                self.write(conn, &conn.save, caller, &id, usize::from(!nth.is_multiple_of(2))).await
            }
        }
    }

    async fn write(
        &self,
        conn: &Connection,
        statement: &Statement,
        caller: usize,
        id: &str,
        variant: usize,
    ) -> Result<()> {
        let (thread, now) = (conversation::written(caller), system_time(SystemClock.now())?);
        let content = &self.texts.contents[variant];
        let bytes = i64::try_from(content.0.len())?;
        let vector = &self.texts.vectors[conversation::turn(caller)][variant];
        let binds: [&(dyn ToSql + Sync); 8] =
            [&now, &thread, &WRITER, &id, &ITEM_TYPE, content, &bytes, vector];
        let row = conn.client.query_one(statement, &binds).await?;
        black_box(row.try_get::<_, i64>(0)?);
        Ok(())
    }
}

impl Texts {
    fn new() -> Self {
        let contents = [0, 1].map(conversation::written_item);
        let vectors = |nth: usize| {
            let thread = conversation::written(nth);
            [0, 1].map(|variant: usize| {
                rows::tsvector(WRITER, &thread, conversation::text(&contents[variant]))
            })
        };
        let query = |word: &str| format!("{word} & {}", rows::owner_word(READER));
        Self {
            customer: Json(json!({ "customer": CUSTOMER }).to_string()),
            common: query(COMMON),
            rare: query(RARE),
            vectors: (0..WRITTEN).map(vectors).collect(),
            contents: contents.map(|content| Json(content.to_string())),
        }
    }
}

impl Connection {
    async fn open(schema: &str) -> Result<Self> {
        let client = connect(schema).await?;
        let add = format!("WITH thread AS ({NEXT}) {INSERT}");
        let save = format!("WITH thread AS ({TOUCH}) {REPLACE}");
        Ok(Self {
            page: client.prepare(&rows::page()).await?,
            filter: client.prepare(&rows::filter("metadata @> $2")).await?,
            search: client.prepare(&rows::search("search @@ $1::text::tsquery")).await?,
            add: client.prepare(&add).await?,
            save: client.prepare(&save).await?,
            client,
        })
    }

    async fn load(&self, place: Place) -> Result<()> {
        let after = i64::from(place.after());
        let binds: [&(dyn ToSql + Sync); 4] = [&place.thread(), &after, &READER, &LIMIT];
        page(self.client.query(&self.page, &binds).await?, PAGE, &ITEM_LAYOUT)
    }

    async fn filter(&self, customer: &Json<String>) -> Result<()> {
        let binds: [&(dyn ToSql + Sync); 3] = [&FILTERER, customer, &LIMIT];
        page(self.client.query(&self.filter, &binds).await?, PAGE, &THREAD_LAYOUT)
    }

    async fn search(&self, query: &str, wanted: u32) -> Result<()> {
        let found = self.client.query(&self.search, &[&query, &READER, &LIMIT]).await?;
        page(found, wanted, &ITEM_LAYOUT)
    }
}

/// Reads a page without the row that says that there are more.
fn page(mut found: Vec<Row>, wanted: u32, layout: &Layout) -> Result<()> {
    found.truncate(PAGE as usize);
    expect(found.len(), wanted)?;
    read(&found, layout)
}
