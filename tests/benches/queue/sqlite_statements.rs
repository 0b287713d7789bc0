//! The statements of the raw side on SQLite, prepared on its connection.

use std::time::Duration;

use rusqlite::{Connection, Statement, params};
use store_core::{Clock as _, JobId, SystemClock};

use crate::common::Result;
use crate::common::load::expect;
use crate::common::sqlite::read_all;
use crate::operation::{KIND, LEASE, Operation, QUEUE, Texts, worker};
use crate::rows::{JOB, JOB_LAYOUT, KEPT, NEW_JOB};

/// Removes all jobs, finished or not.
pub(crate) const CLEAR: &str = "BEGIN IMMEDIATE; DELETE FROM job_dependencies; \
    DELETE FROM job_assignments; DELETE FROM job_history; DELETE FROM jobs; COMMIT";

/// Opens a transaction, and a snapshot with it.
pub(crate) const HOLD: &str = "BEGIN; SELECT 1 FROM jobs LIMIT 1";

const CHOOSE: &str = "SELECT id, lease_epoch FROM jobs WHERE state = 'available' AND queue = ?1 \
    AND NOT EXISTS (SELECT 1 FROM json_each(capabilities) AS needed \
    WHERE needed.value NOT IN (SELECT value FROM json_each(?2))) \
    ORDER BY priority, run_at, id LIMIT ?3";
const CLAIM: &str = "UPDATE jobs SET state = 'leased', attempt = attempt + 1, lease_owner = ?1, \
    lease_epoch = lease_epoch + 1, leased_at = ?2, lease_expires_at = ?3, updated_at = ?2 \
    WHERE id IN (SELECT value FROM json_each(?4))";

/// The statements of one round.
pub(crate) struct Statements<'a> {
    texts: &'a Texts,
    begin: Statement<'a>,
    commit: Statement<'a>,
    insert: Statement<'a>,
    choose: Statement<'a>,
    claim: Statement<'a>,
    keep: Statement<'a>,
    remove: Statement<'a>,
}

impl<'a> Statements<'a> {
    pub(crate) fn new(texts: &'a Texts, conn: &'a Connection) -> Result<Self> {
        let insert = format!(
            "INSERT INTO jobs ({NEW_JOB}) \
             SELECT ?1, '{QUEUE}', '{KIND}', ?2, 50, 'available', 10, ?3, '[]', '[]', ?3, ?3 \
             WHERE NOT EXISTS (SELECT 1 FROM job_history WHERE id = ?1) ON CONFLICT DO NOTHING"
        );
        let keep = format!(
            "INSERT INTO job_history ({KEPT}, state, outcome, result, last_error, finished_at) \
             SELECT {KEPT}, 'succeeded', 'succeeded', ?1, last_error, ?2 FROM jobs WHERE id = ?3 \
             AND lease_owner = ?4 AND lease_epoch = ?5 AND dependents = 0 AND run_id IS NULL"
        );
        Ok(Self {
            texts,
            begin: conn.prepare("BEGIN IMMEDIATE")?,
            commit: conn.prepare("COMMIT")?,
            insert: conn.prepare(&insert)?,
            choose: conn.prepare(CHOOSE)?,
            claim: conn.prepare(&format!("{CLAIM} RETURNING {JOB}"))?,
            keep: conn.prepare(&keep)?,
            remove: conn.prepare("DELETE FROM jobs WHERE id = ?1")?,
        })
    }

    /// Carries out an operation; false when too few jobs are left that it could work on.
    pub(crate) fn run(&mut self, operation: Operation, caller: usize) -> Result<bool> {
        match operation {
            Operation::Enqueue => self.enqueue(1)?,
            Operation::EnqueueMany => self.enqueue(operation.jobs() as usize)?,
            Operation::ClaimComplete(limit) => return self.claim_complete(&worker(caller), limit),
            Operation::Pickup | Operation::Held => return Err("that is no loop of callers".into()),
        }
        Ok(true)
    }

    /// Inserts jobs, in one transaction.
    pub(crate) fn enqueue(&mut self, count: usize) -> Result<()> {
        self.begin.execute([])?;
        for _ in 0..count {
            let (id, now) = (JobId::mint().to_string(), SystemClock.now().to_string());
            expect(self.insert.execute(params![id, self.texts.payload, now])?, 1)?;
        }
        self.commit.execute([])?;
        Ok(())
    }

    /// Claims jobs in one transaction, and completes them in another one.
    fn claim_complete(&mut self, worker: &str, limit: u32) -> Result<bool> {
        let now = SystemClock.now();
        let expires_at = now.plus(Duration::from_secs(u64::from(LEASE)))?.to_string();
        self.begin.execute([])?;
        let chosen: Vec<(String, i64)> = self
            .choose
            .query_map(params![QUEUE, "[]", limit], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        let ids: Vec<&str> = chosen.iter().map(|(id, _)| id.as_str()).collect();
        let ids = serde_json::Value::from(ids).to_string();
        let rows = self.claim.query(params![worker, now.to_string(), expires_at, ids])?;
        read_all(rows, &JOB_LAYOUT, u32::try_from(chosen.len())?)?;
        self.commit.execute([])?;

        let now = SystemClock.now().to_string();
        self.begin.execute([])?;
        for (id, epoch) in &chosen {
            let kept = self.keep.execute(params![self.texts.result, now, id, worker, epoch + 1])?;
            expect(kept, 1)?;
            expect(self.remove.execute(params![id])?, 1)?;
        }
        self.commit.execute([])?;
        Ok(u32::try_from(chosen.len()) == Ok(limit))
    }
}
