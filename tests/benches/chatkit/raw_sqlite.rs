//! The raw side on SQLite: `rusqlite`, prepared statements, one connection, one commit per write.

use std::hint::black_box;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, Rows, Statement, params};
use store_core::{Clock as _, SystemClock};

use crate::common::Result;
use crate::common::load::{Figures, expect};
use crate::common::rows::Layout;
use crate::common::sqlite::{open, read, read_all, serve};
use crate::conversation::{
    self, COMMON, CUSTOMER, FILTERER, ITEM_TYPE, RARE, RARE_ITEMS, READER, WRITER, WRITTEN,
};
use crate::operation::{Operation, PAGE};
use crate::rows::{self, ITEM_LAYOUT, NEXT, THREAD_LAYOUT, TOUCH};

/// The rows that are asked for: one more than the page, to know whether there are more.
const LIMIT: u32 = PAGE + 1;

/// The items whose words meet an expression.
const MATCHES: &str =
    "item_key IN (SELECT rowid FROM chatkit_item_search WHERE chatkit_item_search MATCH $1)";

/// Inserts an item at the place that was taken.
const INSERT: &str = "INSERT INTO chatkit_items (thread_id, item_id, ordinal, item_type, \
    created_at, content, content_bytes, search, owner) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

/// Puts an item in the place of the one that is there.
const REPLACE: &str = "UPDATE chatkit_items SET item_type = ?3, content = ?4, \
    content_bytes = ?5, search = ?6 WHERE thread_id = ?1 AND item_id = ?2 RETURNING ordinal";

/// The connection, and how many items were written on it.
#[derive(Clone)]
pub(crate) struct RawSqlite(Arc<Mutex<(Connection, u64)>>);

impl RawSqlite {
    /// Opens a migrated file.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        Ok(Self(Arc::new(Mutex::new((open(path)?, 0)))))
    }

    /// Measures one round.
    pub(crate) async fn measure(
        &self,
        operation: Operation,
        callers: usize,
        round: Duration,
    ) -> Result<Figures> {
        let this = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || {
            let mut guard = this.lock().unwrap_or_else(PoisonError::into_inner);
            let (conn, written) = &mut *guard;
            let mut side = Prepared::new(conn, written)?;
            serve(callers, round, |caller| side.run(operation, caller).map(|()| true))
        })
        .await?
    }
}

struct Prepared<'a> {
    begin: Statement<'a>,
    commit: Statement<'a>,
    page: Statement<'a>,
    filter: Statement<'a>,
    search: Statement<'a>,
    next: Statement<'a>,
    touch: Statement<'a>,
    insert: Statement<'a>,
    replace: Statement<'a>,
    written: &'a mut u64,
    texts: Texts,
}

/// Made beforehand: the raw side serialises nothing and cuts no words.
struct Texts {
    common: String,
    rare: String,
    /// Both variants of what is written …
    contents: [String; 2],
    /// … and their words, for each thread.
    words: Vec<[String; 2]>,
}

impl Texts {
    fn new() -> Self {
        let contents = [0, 1].map(conversation::written_item);
        let words = |nth: usize| {
            let thread = conversation::written(nth);
            [0, 1].map(|variant: usize| {
                rows::fts5(WRITER, &thread, conversation::text(&contents[variant]))
            })
        };
        let query = |word: &str| format!("{word} AND {}", rows::owner_word(READER));
        Self {
            common: query(COMMON),
            rare: query(RARE),
            words: (0..WRITTEN).map(words).collect(),
            contents: contents.map(|content| content.to_string()),
        }
    }
}

impl<'a> Prepared<'a> {
    fn new(conn: &'a Connection, written: &'a mut u64) -> Result<Self> {
        Ok(Self {
            begin: conn.prepare("BEGIN IMMEDIATE")?,
            commit: conn.prepare("COMMIT")?,
            page: conn.prepare(&rows::page())?,
            filter: conn.prepare(&rows::filter("json_extract(metadata, '$.customer') = $2"))?,
            search: conn.prepare(&rows::search(MATCHES))?,
            next: conn.prepare(NEXT)?,
            touch: conn.prepare(TOUCH)?,
            insert: conn.prepare(INSERT)?,
            replace: conn.prepare(REPLACE)?,
            written,
            texts: Texts::new(),
        })
    }

    fn run(&mut self, operation: Operation, caller: usize) -> Result<()> {
        match operation {
            Operation::Load(place) => {
                let binds = params![place.thread(), place.after(), READER, LIMIT];
                page(self.page.query(binds)?, PAGE, &ITEM_LAYOUT)
            }
            Operation::FilterThreads => {
                let found = self.filter.query(params![FILTERER, CUSTOMER, LIMIT])?;
                page(found, PAGE, &THREAD_LAYOUT)
            }
            Operation::SearchCommon => {
                let found = self.search.query(params![self.texts.common, READER, LIMIT])?;
                page(found, PAGE, &ITEM_LAYOUT)
            }
            Operation::SearchRare => {
                let found = self.search.query(params![self.texts.rare, READER, LIMIT])?;
                read_all(found, &ITEM_LAYOUT, RARE_ITEMS)
            }
            Operation::AddThreadItem => self.add(caller),
            Operation::SaveItem => self.save(caller),
        }
    }

    fn add(&mut self, caller: usize) -> Result<()> {
        *self.written += 1;
        let (thread, id) = (conversation::written(caller), format!("msg_added_{}", self.written));
        let now = SystemClock.now().to_string();
        let (content, words) =
            (&self.texts.contents[0], &self.texts.words[conversation::turn(caller)][0]);
        let bytes = i64::try_from(content.len())?;
        self.begin.execute([])?;
        let place: i64 = self.next.query_row(params![now, thread, WRITER], |row| row.get(0))?;
        let binds = params![thread, id, place, ITEM_TYPE, now, content, bytes, words, WRITER];
        self.insert.execute(binds)?;
        self.commit.execute([])?;
        Ok(())
    }

    fn save(&mut self, caller: usize) -> Result<()> {
        *self.written += 1;
        let variant = usize::from(!self.written.is_multiple_of(2));
        let (thread, id) = (conversation::written(caller), conversation::saved(caller));
        let now = SystemClock.now().to_string();
        let content = &self.texts.contents[variant];
        let (words, bytes) =
            (&self.texts.words[conversation::turn(caller)][variant], i64::try_from(content.len())?);
        self.begin.execute([])?;
        self.touch.query_row(params![now, thread, WRITER], |row| row.get::<_, i64>(0))?;
        let binds = params![thread, id, ITEM_TYPE, content, bytes, words];
        black_box(self.replace.query_row(binds, |row| row.get::<_, i64>(0))?);
        self.commit.execute([])?;
        Ok(())
    }
}

/// Reads a page without the row that says that there are more.
fn page(mut rows: Rows<'_>, wanted: u32, layout: &Layout) -> Result<()> {
    let mut found = 0;
    while found < PAGE as usize {
        let Some(row) = rows.next()? else { break };
        read(row, layout)?;
        found += 1;
    }
    expect(found, wanted)
}
