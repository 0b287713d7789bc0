//! The raw side on SQLite: `rusqlite`, prepared statements, one connection, one commit per write.

use std::hint::black_box;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, Statement, params};
use store_core::{Clock as _, CredentialId, SystemClock};

use crate::common::Result;
use crate::common::load::{Figures, expect};
use crate::common::sqlite::{open, read, read_all, serve};
use crate::operation::{ACTOR, BATCH, Operation, REWRAPPED, Seeded, WORKFLOW};
use crate::rows::{
    CREDENTIAL, CREDENTIAL_LAYOUT, DETAILS, EMPTY, HEAD, KEY_ID, NEW_CREDENTIAL, NEW_ENTRY,
    NEW_SECRET, opened, sealed,
};

/// The connections, and what they work with.
#[derive(Clone)]
pub(crate) struct RawSqlite {
    conn: Arc<Mutex<Connection>>,
    turned: Arc<Mutex<Connection>>,
    seeded: Arc<Seeded>,
}

impl RawSqlite {
    /// Opens a migrated file, and the one whose values are rewrapped.
    pub(crate) fn open(path: &Path, turned: &Path, seeded: Arc<Seeded>) -> Result<Self> {
        let conn = Arc::new(Mutex::new(open(path)?));
        Ok(Self { conn, turned: Arc::new(Mutex::new(open(turned)?)), seeded })
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
            let of = if operation == Operation::Rewrap { &this.turned } else { &this.conn };
            let conn = of.lock().unwrap_or_else(PoisonError::into_inner);
            let mut statements = Statements::new(&conn)?;
            serve(callers, round, |_caller| {
                match operation {
                    Operation::List => statements.list()?,
                    Operation::Reveal => statements.reveal(this.seeded.next())?,
                    Operation::Create => statements.create()?,
                    Operation::Rewrap => statements.rewrap()?,
                }
                Ok(true)
            })
        })
        .await?
    }
}

/// The statements of one round.
struct Statements<'a> {
    begin: Statement<'a>,
    commit: Statement<'a>,
    list: Statement<'a>,
    hold: Statement<'a>,
    open: Statement<'a>,
    insert: Statement<'a>,
    seal: Statement<'a>,
    append: Statement<'a>,
    advance: Statement<'a>,
    next: Statement<'a>,
    replace: Statement<'a>,
}

impl<'a> Statements<'a> {
    fn new(conn: &'a Connection) -> Result<Self> {
        let list = format!(
            "SELECT {CREDENTIAL} FROM vault_credentials WHERE (workflow_ids = '[]' \
             OR EXISTS (SELECT 1 FROM json_each(workflow_ids) WHERE value = ?1)) \
             AND workspace_ids = '[]' AND roles = '[]' \
             ORDER BY created_at DESC, id DESC LIMIT 20"
        );
        let hold = format!(
            "SELECT {CREDENTIAL}, head.sequence, head.hash FROM vault_credentials \
             JOIN vault_audit_heads AS head ON subject_id = id WHERE id = ?1"
        );
        let insert = format!(
            "INSERT INTO vault_credentials ({NEW_CREDENTIAL}) VALUES (?1, ?2, ?2, 'slack', ?3, ?3, \
             ?3, ?3, 'secret', 'unknown', ?4, 1, ?5, 0, 0, 0, 0, ?5, ?5, 1, 8)"
        );
        let seal = format!(
            "INSERT INTO vault_secrets ({NEW_SECRET}) VALUES (?1, 'secret', 1, ?2, ?3, ?4, ?5)"
        );
        let append = format!(
            "INSERT INTO vault_audit ({NEW_ENTRY}) \
             VALUES (?1, ?2, 'credential', 'revealed', ?3, ?4, ?5, ?6)"
        );
        let advance = format!(
            "INSERT INTO vault_audit_heads ({HEAD}) VALUES (?1, ?2, ?3) \
             ON CONFLICT (subject_id) DO UPDATE SET sequence = excluded.sequence, \
             hash = excluded.hash"
        );
        let open = "SELECT envelope FROM vault_secrets WHERE credential_id = ?1 \
            AND field = 'secret' ORDER BY version DESC LIMIT 1";
        let next = "SELECT credential_id, envelope FROM vault_secrets WHERE credential_id > ?1 \
            ORDER BY credential_id LIMIT ?2";
        Ok(Self {
            begin: conn.prepare("BEGIN IMMEDIATE")?,
            commit: conn.prepare("COMMIT")?,
            list: conn.prepare(&list)?,
            hold: conn.prepare(&hold)?,
            open: conn.prepare(open)?,
            insert: conn.prepare(&insert)?,
            seal: conn.prepare(&seal)?,
            append: conn.prepare(&append)?,
            advance: conn.prepare(&advance)?,
            next: conn.prepare(next)?,
            replace: conn
                .prepare("UPDATE vault_secrets SET envelope = ?2 WHERE credential_id = ?1")?,
        })
    }

    fn list(&mut self) -> Result<()> {
        read_all(self.list.query([WORKFLOW])?, &CREDENTIAL_LAYOUT, 20)
    }

    fn reveal(&mut self, id: CredentialId) -> Result<()> {
        let id = id.to_string();
        self.begin.execute([])?;
        let mut rows = self.hold.query([&id])?;
        let row = rows.next()?.ok_or("the credential is not there")?;
        read(row, &CREDENTIAL_LAYOUT)?;
        let sequence: i64 = row.get(22)?;
        drop(rows);
        let envelope: Vec<u8> = self.open.query_row([&id], |row| row.get(0))?;
        opened(&envelope)?;
        self.append(&id, sequence + 1)?;
        self.commit.execute([])?;
        Ok(())
    }

    fn create(&mut self) -> Result<()> {
        let (id, now) = (CredentialId::mint().to_string(), SystemClock.now().to_string());
        self.begin.execute([])?;
        self.insert.execute(params![id, format!("raw {id}"), EMPTY, KEY_ID, now])?;
        self.seal.execute(params![id, KEY_ID, sealed()?, now, ACTOR])?;
        self.append(&id, 1)?;
        self.commit.execute([])?;
        Ok(())
    }

    fn append(&mut self, id: &str, sequence: i64) -> Result<()> {
        let (now, hash) = (SystemClock.now().to_string(), [7_u8; 32]);
        self.append.execute(params![id, sequence, ACTOR, DETAILS, now, hash])?;
        self.advance.execute(params![id, sequence, hash])?;
        Ok(())
    }

    fn rewrap(&mut self) -> Result<()> {
        let (mut after, mut values) = (String::new(), 0);
        loop {
            self.begin.execute([])?;
            let found: Vec<(String, Vec<u8>)> = self
                .next
                .query_map(params![after, BATCH], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<std::result::Result<_, _>>()?;
            for (id, envelope) in &found {
                opened(envelope)?;
                // As much work, and the values stay what they are.
                black_box(sealed()?);
                self.replace.execute(params![id, envelope])?;
            }
            self.commit.execute([])?;
            let Some((last, _)) = found.last() else { break };
            after.clone_from(last);
            values += found.len();
        }
        expect(values, u32::try_from(REWRAPPED)?)
    }
}
