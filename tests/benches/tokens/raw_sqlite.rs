//! The raw side on SQLite: `rusqlite`, prepared statements, one connection, one commit per write.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, Statement, params};
use store_core::tokens::SecretHash;
use store_core::{Clock as _, SystemClock, TokenId};

use crate::common::Result;
use crate::common::load::Figures;
use crate::common::sqlite::{open, read_all, serve};
use crate::operation::{ACTOR, Operation, Seeded};
use crate::rows::{
    DETAILS, EMPTY, HEAD, NEW_ENTRY, NEW_TOKEN, SCOPES, TOKEN, TOKEN_LAYOUT, unique,
};

/// The connection, and what it works with.
#[derive(Clone)]
pub(crate) struct RawSqlite {
    conn: Arc<Mutex<Connection>>,
    seeded: Arc<Seeded>,
}

impl RawSqlite {
    /// Opens a migrated file.
    pub(crate) fn open(path: &Path, seeded: Arc<Seeded>) -> Result<Self> {
        Ok(Self { conn: Arc::new(Mutex::new(open(path)?)), seeded })
    }

    /// Measures one round, on a thread that may wait for the disk.
    pub(crate) async fn measure(
        &self,
        operation: Operation,
        callers: usize,
        round: Duration,
    ) -> Result<Figures> {
        let this = self.clone();
        tokio::task::spawn_blocking(move || {
            let conn = this.conn.lock().unwrap_or_else(PoisonError::into_inner);
            let mut statements = Statements::new(&conn)?;
            serve(callers, round, |_caller| statements.run(operation, &this.seeded))
        })
        .await?
    }
}

/// The statements of one round.
struct Statements<'a> {
    begin: Statement<'a>,
    commit: Statement<'a>,
    look_up: Statement<'a>,
    family: Statement<'a>,
    head: Statement<'a>,
    replace: Statement<'a>,
    insert: Statement<'a>,
    append: Statement<'a>,
    advance: Statement<'a>,
}

impl<'a> Statements<'a> {
    fn new(conn: &'a Connection) -> Result<Self> {
        let find = format!("SELECT {TOKEN} FROM service_tokens WHERE secret_hash = ?1");
        let insert = format!(
            "INSERT INTO service_tokens ({NEW_TOKEN}) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?3, ?6, ?7, ?8, ?5, 28)"
        );
        let append = format!(
            "INSERT INTO service_token_audit ({NEW_ENTRY}) \
             VALUES (?1, ?2, 'created', ?3, ?4, ?5, ?6)"
        );
        let advance = format!(
            "INSERT INTO service_token_audit_heads ({HEAD}) VALUES (?1, ?2, ?3) \
             ON CONFLICT (identifier) DO UPDATE SET sequence = excluded.sequence, \
             hash = excluded.hash"
        );
        let replace = "UPDATE service_tokens SET rotated_to = ?2, rotated_at = ?3, \
            rotation_expires_at = ?3, ends_at = ?3 \
            WHERE identifier = ?1 AND revoked_at IS NULL AND rotated_to IS NULL";
        let head = "SELECT sequence FROM service_token_audit_heads WHERE identifier = ?1";
        Ok(Self {
            begin: conn.prepare("BEGIN IMMEDIATE")?,
            commit: conn.prepare("COMMIT")?,
            look_up: conn.prepare(&find)?,
            family: conn.prepare("SELECT family FROM service_tokens WHERE identifier = ?1")?,
            head: conn.prepare(head)?,
            replace: conn.prepare(replace)?,
            insert: conn.prepare(&insert)?,
            append: conn.prepare(&append)?,
            advance: conn.prepare(&advance)?,
        })
    }

    fn run(&mut self, operation: Operation, seeded: &Seeded) -> Result<bool> {
        match operation {
            Operation::Authenticate | Operation::AuthenticateCached => {
                let hash = SecretHash::of(seeded.next());
                read_all(self.look_up.query([hash.as_bytes().as_slice()])?, &TOKEN_LAYOUT, 1)?;
            }
            Operation::Mint => {
                let (id, hash) = unique();
                self.begin.execute([])?;
                self.insert(&id, &hash, None, &id)?;
                self.append(&id, 1)?;
                self.commit.execute([])?;
            }
            Operation::Rotate => {
                let Some(token) = seeded.take() else { return Ok(false) };
                seeded.give_back(TokenId::new(self.rotate(token.as_str())?)?);
            }
        }
        Ok(true)
    }

    fn rotate(&mut self, old: &str) -> Result<String> {
        let (id, hash) = unique();
        self.begin.execute([])?;
        let family: String = self.family.query_row([old], |row| row.get(0))?;
        let last: i64 = self.head.query_row([old], |row| row.get(0))?;
        self.replace.execute(params![old, id, SystemClock.now().to_string()])?;
        self.insert(&id, &hash, Some(old), &family)?;
        self.append(old, last + 1)?;
        self.append(&id, 1)?;
        self.commit.execute([])?;
        Ok(id)
    }

    fn insert(&mut self, id: &str, hash: &[u8], from: Option<&str>, family: &str) -> Result<()> {
        let now = SystemClock.now().to_string();
        self.insert.execute(params![id, hash, ACTOR, SCOPES, EMPTY, now, from, family])?;
        Ok(())
    }

    fn append(&mut self, id: &str, sequence: i64) -> Result<()> {
        let (now, hash) = (SystemClock.now().to_string(), [7_u8; 32]);
        self.append.execute(params![id, sequence, ACTOR, DETAILS, now, hash])?;
        self.advance.execute(params![id, sequence, hash])?;
        Ok(())
    }
}
