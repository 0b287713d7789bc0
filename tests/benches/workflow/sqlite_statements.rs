//! The statements of the raw side on SQLite, prepared on its connection.

use std::time::Duration;

use rusqlite::{Connection, Statement, params};
use store_core::{Clock as _, JobId, RunId, SystemClock, Timestamp};

use crate::common::Result;
use crate::common::load::expect;
use crate::common::sqlite::{read, read_all};
use crate::operation::{self, ACTOR, DUE, LISTED, Material, Operation, Texts, WORKFLOWS};
use crate::raw::Stock;
use crate::rows::{self, JOB, NEW_AUDIT, NEW_JOB, NEW_RUN, RUN, RUN_LAYOUT};

/// The statements of one round.
pub(crate) struct Statements<'a> {
    material: &'a Material,
    begin: Statement<'a>,
    commit: Statement<'a>,
    fetch: Statement<'a>,
    list: Statement<'a>,
    version: Statement<'a>,
    insert_run: Statement<'a>,
    insert_job: Statement<'a>,
    insert_audit: Statement<'a>,
    start: Statement<'a>,
    succeed: Statement<'a>,
    close_job: Statement<'a>,
    due: Statement<'a>,
    claim: Statement<'a>,
    advance: Statement<'a>,
    created: usize,
}

/// A run that is to be created, apart from its ids.
pub(crate) struct New<'a> {
    pub(crate) workflow: &'a str,
    pub(crate) version: &'a str,
    pub(crate) triggered_by: &'a str,
    pub(crate) input: &'a str,
    pub(crate) texts: &'a Texts,
    pub(crate) scheduled_for: Option<&'a str>,
    pub(crate) actor: &'a str,
}

const START: &str = "UPDATE workflow_runs SET status = 'running', started_at = ?2, \
    updated_at = ?2, row_version = row_version + 1 WHERE id = ?1 AND status = 'pending'";
const SUCCEED: &str = "UPDATE workflow_runs SET status = 'succeeded', completed_at = ?2, \
    output = ?3, record_bytes = record_bytes + ?4, updated_at = ?2, \
    row_version = row_version + 1 WHERE id = ?1 AND status = 'running'";
const CLAIM: &str = "INSERT INTO workflow_cron_occurrences (workflow_id, scheduled_for, run_id) \
    VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
const ADVANCE: &str = "UPDATE workflow_cron_triggers SET next_at = ?2, look_at = ?2, \
    last_dispatched_at = ?3, last_skip_reason = NULL WHERE workflow_id = ?1";

impl<'a> Statements<'a> {
    pub(crate) fn new(material: &'a Material, conn: &'a Connection) -> Result<Self> {
        let run = format!(
            "INSERT INTO workflow_runs ({NEW_RUN}) VALUES \
             (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?12, 'pending', 1)"
        );
        let job = format!("INSERT INTO jobs ({NEW_JOB}) VALUES (?1, ?2, ?3, ?3, ?3, {JOB})");
        let audit =
            format!("INSERT INTO workflow_audit ({NEW_AUDIT}) VALUES (?1, ?2, ?3, ?4, ?5, '{{}}')");
        Ok(Self {
            material,
            begin: conn.prepare("BEGIN IMMEDIATE")?,
            commit: conn.prepare("COMMIT")?,
            fetch: conn.prepare(&rows::fetch())?,
            list: conn.prepare(&rows::list())?,
            version: conn.prepare(rows::VERSION)?,
            insert_run: conn.prepare(&run)?,
            insert_job: conn.prepare(&job)?,
            insert_audit: conn.prepare(&audit)?,
            start: conn.prepare(&format!("{START} RETURNING {RUN}"))?,
            succeed: conn.prepare(&format!("{SUCCEED} RETURNING {RUN}"))?,
            close_job: conn.prepare("DELETE FROM jobs WHERE run_id = ?1 AND state <> 'leased'")?,
            due: conn.prepare(rows::DUE)?,
            claim: conn.prepare(CLAIM)?,
            advance: conn.prepare(ADVANCE)?,
            created: 0,
        })
    }

    /// Carries out an operation; false when no run is left that it could work on.
    pub(crate) fn run(&mut self, operation: Operation, stock: &Stock) -> Result<bool> {
        match operation {
            Operation::FetchRun => {
                let mut rows = self.fetch.query(params![self.material.seeded.run.to_string()])?;
                read(rows.next()?.ok_or("the run is not there")?, &RUN_LAYOUT)?;
            }
            Operation::ListRuns => {
                let workflow = self.material.seeded.listed.workflow.to_string();
                read_all(self.list.query(params![workflow, LISTED])?, &RUN_LAYOUT, LISTED)?;
            }
            Operation::CreateRun => self.create()?,
            Operation::StartSucceed => {
                let Some(run) = stock.take() else { return Ok(false) };
                self.start_succeed(&run.to_string())?;
            }
            Operation::Dispatch => return Err("schedulers are not callers in a loop".into()),
        }
        Ok(true)
    }

    fn create(&mut self) -> Result<()> {
        let material = self.material;
        let workflow = material.seeded.active[self.created % WORKFLOWS].workflow.to_string();
        self.created += 1;
        self.begin.execute([])?;
        let version: String = self.version.query_row(params![workflow], |row| row.get(0))?;
        self.insert(&New {
            workflow: &workflow,
            version: &version,
            triggered_by: operation::TRIGGERED_BY,
            input: &material.by_hand.input,
            texts: &material.by_hand,
            scheduled_for: None,
            actor: ACTOR,
        })?;
        self.commit.execute([])?;
        Ok(())
    }

    /// Inserts a run with its job and its audit, and returns its id.
    fn insert(&mut self, new: &New<'_>) -> Result<RunId> {
        let New { workflow, version, triggered_by, input, texts, scheduled_for, actor } = *new;
        let Texts { config, tags, callbacks, metadata, .. } = texts;
        let (run, job) = (RunId::mint(), JobId::mint().to_string());
        let (id, now) = (run.to_string(), SystemClock.now().to_string());
        let bytes = i64::try_from(input.len() + texts.bytes())?;
        self.insert_run.execute(params![
            id,
            workflow,
            version,
            triggered_by,
            input,
            config,
            tags,
            callbacks,
            metadata,
            scheduled_for,
            bytes,
            now
        ])?;
        self.insert_job.execute(params![job, id, now])?;
        self.insert_audit.execute(params![workflow, id, actor, now, "run_created"])?;
        Ok(run)
    }

    /// Inserts a run again and again, in one transaction.
    pub(crate) fn insert_many(&mut self, new: &New<'_>, count: usize) -> Result<Vec<RunId>> {
        self.begin.execute([])?;
        let inserted = (0..count).map(|_| self.insert(new)).collect::<Result<_>>()?;
        self.commit.execute([])?;
        Ok(inserted)
    }

    fn start_succeed(&mut self, run: &str) -> Result<()> {
        let now = SystemClock.now().to_string();
        self.begin.execute([])?;
        let workflow = changed(&mut self.start, params![run, now])?;
        self.close_job.execute(params![run])?;
        self.insert_audit.execute(params![workflow, run, ACTOR, now, "run_started"])?;
        self.commit.execute([])?;

        let now = SystemClock.now().to_string();
        let output = self.material.output.as_str();
        self.begin.execute([])?;
        let binds = params![run, now, output, i64::try_from(output.len())?];
        let workflow = changed(&mut self.succeed, binds)?;
        self.close_job.execute(params![run])?;
        self.insert_audit.execute(params![workflow, run, ACTOR, now, "run_succeeded"])?;
        self.commit.execute([])?;
        Ok(())
    }

    /// Dispatches what is due, in one transaction; returns the number of runs.
    pub(crate) fn dispatch(&mut self, now: Timestamp) -> Result<usize> {
        self.begin.execute([])?;
        let due = self.due.query_map(params![now.to_string(), DUE], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?;
        let due: Vec<(String, String, String, String)> = due.collect::<rusqlite::Result<_>>()?;
        for (workflow, at, timezone, version) in &due {
            let scheduled_for: Timestamp = at.parse()?;
            let run = self.insert(&New {
                workflow,
                version,
                triggered_by: "cron",
                input: &operation::cron_input(scheduled_for, timezone),
                texts: &self.material.by_cron,
                scheduled_for: Some(at),
                actor: "cron",
            })?;
            expect(self.claim.execute(params![workflow, at, run.to_string()])?, 1)?;
            let next = scheduled_for.plus(Duration::from_secs(3600))?.to_string();
            self.advance.execute(params![workflow, next, at])?;
        }
        self.commit.execute([])?;
        Ok(due.len())
    }
}

/// Changes a run, reads it and returns its workflow.
fn changed(statement: &mut Statement<'_>, binds: &[&dyn rusqlite::ToSql]) -> Result<String> {
    let mut rows = statement.query(binds)?;
    let row = rows.next()?.ok_or("the run is in another state")?;
    read(row, &RUN_LAYOUT)?;
    Ok(row.get(1)?)
}
