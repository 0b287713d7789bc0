use serde_json::{Map, Value, json};
use store_core::json::Admitted;
use store_core::workflow::{
    AuditAction, NewRun, RetryPolicy, Run, RunFilter, RunStatus, RunnableConfig,
};
use store_core::{
    Actor, Error, JobId, Result, RunId, Timestamp, WorkflowId, WorkflowVersionId, check_external,
    check_short_text,
};

use super::Context;
use super::config::{checked_config, config_to_json, merged};
use super::retry::retry_delay;
use super::text::checked_error;

/// How often the worker of a run may vanish before its job is given up.
pub(crate) const RUN_JOB_ATTEMPTS: i32 = 3;
/// The queue of the jobs of runs.
pub(crate) const RUN_QUEUE: &str = "default";
/// The priority of a run's job: the middle of 0 to 100.
pub(crate) const RUN_JOB_PRIORITY: i16 = 50;

/// A run that may be created: checked, but not yet merged with its version.
#[derive(Debug, Clone)]
pub(crate) struct ReadyRun {
    pub(crate) id: RunId,
    pub(crate) job_id: JobId,
    pub(crate) workflow_id: WorkflowId,
    pub(crate) workflow_version_id: Option<WorkflowVersionId>,
    pub(crate) triggered_by: String,
    pub(crate) input: Admitted,
    pub(crate) config: RunnableConfig,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) scheduled_for: Option<Timestamp>,
    pub(crate) actor: Actor,
    /// What the audit of its creation says.
    pub(crate) audit: Value,
    pub(crate) now: Timestamp,
}

impl ReadyRun {
    /// Checks a new run.
    pub(crate) fn new(context: &Context, actor: &Actor, new: NewRun) -> Result<Self> {
        check_external("triggered_by", &new.triggered_by)?;
        if let Some(key) = &new.idempotency_key {
            check_external("idempotency_key", key)?;
        }
        Ok(Self {
            id: RunId::mint(),
            job_id: JobId::mint(),
            workflow_id: new.workflow_id,
            workflow_version_id: new.workflow_version_id,
            triggered_by: new.triggered_by,
            input: context.json.admit("input", new.input)?,
            config: checked_config(new.runnable_config)?,
            idempotency_key: new.idempotency_key,
            scheduled_for: new.scheduled_for,
            actor: actor.clone(),
            audit: Value::Object(Map::new()),
            now: context.clock.now(),
        })
    }

    /// Returns what the audit says when the run is refused.
    pub(crate) fn refusal(&self) -> Value {
        json!({"triggered_by": self.triggered_by})
    }

    /// Merges the run with its version: the record as it is created.
    pub(crate) fn merge(&self, context: &Context, version: VersionConfig) -> Result<StoredRun> {
        let config = merged(version.config, self.config.clone());
        let field = |name: &str| format!("runnable_config.{name}");
        let json = &context.json;
        let runnable_config = json.admit("runnable_config", config_to_json(&config)?)?;
        let config = RunnableConfig::from_value(runnable_config.value.clone())?;
        let tags = config.tags.clone().unwrap_or_default();
        let callbacks = config.callbacks.clone().unwrap_or_default();
        let metadata = Value::Object(config.metadata.clone().unwrap_or_default());
        let admitted = (
            json.admit(&field("tags"), Value::from(tags.clone()))?,
            json.admit(&field("callbacks"), Value::Array(callbacks.clone()))?,
            json.admit(&field("metadata"), metadata.clone())?,
        );
        let run = Run {
            id: self.id,
            workflow_id: self.workflow_id,
            workflow_version_id: version.id,
            status: RunStatus::Pending,
            triggered_by: self.triggered_by.clone(),
            input: self.input.value.clone(),
            run_name: config.run_name.clone(),
            runnable_config: config,
            tags,
            callbacks,
            metadata,
            output: None,
            error: None,
            cancel_reason: None,
            attempt: 1,
            retry_of: None,
            idempotency_key: self.idempotency_key.clone(),
            scheduled_for: self.scheduled_for,
            created_at: self.now,
            started_at: None,
            completed_at: None,
            updated_at: self.now,
            row_version: 1,
        };
        let (tags, callbacks, metadata) = admitted;
        Ok(StoredRun {
            run,
            input: self.input.clone(),
            runnable_config,
            tags,
            callbacks,
            metadata,
            job_id: self.job_id,
            actor: self.actor.clone(),
            audit: json.admit("audit", self.audit.clone())?,
        })
    }
}

/// The version a run is of, and the configuration it begins with.
#[derive(Debug, Clone)]
pub(crate) struct VersionConfig {
    pub(crate) id: WorkflowVersionId,
    pub(crate) config: Option<RunnableConfig>,
}

/// A run in the form its row has, with its job and its audit.
#[derive(Debug, Clone)]
pub(crate) struct StoredRun {
    pub(crate) run: Run,
    pub(crate) input: Admitted,
    pub(crate) runnable_config: Admitted,
    pub(crate) tags: Admitted,
    pub(crate) callbacks: Admitted,
    pub(crate) metadata: Admitted,
    pub(crate) job_id: JobId,
    pub(crate) actor: Actor,
    pub(crate) audit: Admitted,
}

impl StoredRun {
    /// Returns the bytes of JSON in the row.
    pub(crate) fn bytes(&self) -> i64 {
        [&self.input, &self.runnable_config, &self.tags, &self.callbacks, &self.metadata]
            .into_iter()
            .map(Admitted::bytes)
            .sum()
    }

    /// Returns when the job may be claimed.
    pub(crate) fn run_at(&self) -> Timestamp {
        self.run.scheduled_for.unwrap_or(self.run.created_at)
    }

    /// Returns the state of the job: it waits when its time is ahead.
    pub(crate) fn job_state(&self) -> &'static str {
        job_state(self.run_at(), self.run.created_at)
    }
}

/// Returns the state of a job that can be claimed at `run_at`.
pub(crate) fn job_state(run_at: Timestamp, now: Timestamp) -> &'static str {
    if run_at > now { "scheduled" } else { "available" }
}

/// A transition of a run: the states it leads from, and what it sets.
#[derive(Debug, Clone)]
pub(crate) struct Transition {
    pub(crate) id: RunId,
    pub(crate) to: RunStatus,
    pub(crate) output: Option<Admitted>,
    pub(crate) error: Option<String>,
    pub(crate) cancel_reason: Option<String>,
    pub(crate) actor: Actor,
    pub(crate) action: AuditAction,
    /// What the audit says.
    pub(crate) audit: Admitted,
    pub(crate) now: Timestamp,
}

impl Transition {
    fn new(
        context: &Context,
        actor: &Actor,
        id: RunId,
        to: RunStatus,
        audit: Value,
    ) -> Result<Self> {
        let action = match to {
            RunStatus::Pending => AuditAction::RunCreated,
            RunStatus::Running => AuditAction::RunStarted,
            RunStatus::Succeeded => AuditAction::RunSucceeded,
            RunStatus::Failed => AuditAction::RunFailed,
            RunStatus::Cancelled => AuditAction::RunCancelled,
        };
        Ok(Self {
            id,
            to,
            output: None,
            error: None,
            cancel_reason: None,
            actor: actor.clone(),
            action,
            audit: context.json.admit("audit", audit)?,
            now: context.clock.now(),
        })
    }

    pub(crate) fn start(context: &Context, actor: &Actor, id: RunId) -> Result<Self> {
        Self::new(context, actor, id, RunStatus::Running, json!({}))
    }

    pub(crate) fn succeed(
        context: &Context,
        actor: &Actor,
        id: RunId,
        output: Option<Value>,
    ) -> Result<Self> {
        let output = output.map(|output| context.json.admit("output", output)).transpose()?;
        Ok(Self { output, ..Self::new(context, actor, id, RunStatus::Succeeded, json!({}))? })
    }

    pub(crate) fn fail(context: &Context, actor: &Actor, id: RunId, error: &str) -> Result<Self> {
        checked_error("error", error)?;
        let this = Self::new(context, actor, id, RunStatus::Failed, json!({"error": error}))?;
        Ok(Self { error: Some(error.to_owned()), ..this })
    }

    pub(crate) fn cancel(
        context: &Context,
        actor: &Actor,
        id: RunId,
        reason: Option<&str>,
    ) -> Result<Self> {
        let audit = match reason {
            Some(reason) => {
                checked_error("reason", reason)?;
                json!({"reason": reason})
            }
            None => json!({}),
        };
        let this = Self::new(context, actor, id, RunStatus::Cancelled, audit)?;
        Ok(Self { cancel_reason: reason.map(str::to_owned), ..this })
    }

    /// Tells whether a pending run may take it.
    pub(crate) const fn leaves_pending(&self) -> bool {
        !matches!(self.to, RunStatus::Succeeded)
    }

    /// Tells whether a running run may take it.
    pub(crate) const fn leaves_running(&self) -> bool {
        !matches!(self.to, RunStatus::Running)
    }

    /// Returns the bytes it adds to the row.
    pub(crate) fn bytes(&self) -> i64 {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let texts = text(&self.error) + text(&self.cancel_reason);
        self.output.as_ref().map_or(0, Admitted::bytes) + i64::try_from(texts).unwrap_or(i64::MAX)
    }
}

/// The next attempt at a run that fails.
#[derive(Debug, Clone)]
pub(crate) struct NextAttempt {
    pub(crate) id: RunId,
    pub(crate) job_id: JobId,
    pub(crate) attempt: i32,
    pub(crate) scheduled_for: Timestamp,
    pub(crate) delay_seconds: f64,
    pub(crate) audit: Admitted,
}

impl NextAttempt {
    /// Decides about the next attempt at a run; none when there is none left.
    pub(crate) fn decide(
        context: &Context,
        policy: &RetryPolicy,
        run: RunId,
        attempt: i32,
        failed_at: Timestamp,
    ) -> Result<Option<Self>> {
        if u32::try_from(attempt).is_ok_and(|attempt| attempt >= policy.max_attempts) {
            return Ok(None);
        }
        let delay = retry_delay(policy, attempt - 1, fastrand::f64());
        // Past the year 9999 there is no date to schedule it for.
        let Ok(scheduled_for) = failed_at.plus(delay) else { return Ok(None) };
        let audit = json!({"retry_of": run, "attempt": attempt + 1});
        Ok(Some(Self {
            id: RunId::mint(),
            job_id: JobId::mint(),
            attempt: attempt + 1,
            scheduled_for,
            delay_seconds: delay.as_secs_f64(),
            audit: context.json.admit("audit", audit)?,
        }))
    }
}

/// A filter of runs that was checked.
#[derive(Debug, Clone)]
pub(crate) struct ReadyRunFilter {
    pub(crate) filter: RunFilter,
    /// What the tags must contain.
    pub(crate) tags_contain: Option<Admitted>,
}

impl ReadyRunFilter {
    pub(crate) fn new(context: &Context, filter: &RunFilter) -> Result<Self> {
        if let Some(triggered_by) = &filter.triggered_by {
            check_short_text("triggered_by", triggered_by)?;
        }
        let tags_contain = match &filter.tag {
            Some(tag) => {
                check_short_text("tag", tag)?;
                Some(context.json.admit("tag", json!([tag]))?)
            }
            None => None,
        };
        Ok(Self { filter: filter.clone(), tags_contain })
    }
}

/// Checks what `delete_runs_before` is asked for, and returns its statuses and batch.
pub(crate) fn checked_deletion(
    statuses: &[RunStatus],
    batch: u32,
) -> Result<(Vec<&'static str>, i64)> {
    if statuses.is_empty() {
        return Err(Error::invalid("statuses", "must name at least one"));
    }
    if let Some(status) = statuses.iter().find(|status| !status.is_finished()) {
        return Err(Error::invalid("statuses", format!("{status} runs are not finished")));
    }
    Ok((statuses.iter().map(|status| status.as_str()).collect(), checked_batch("batch", batch)?))
}

/// Checks a number of rows that one call works on: 1 to 1000.
pub(crate) fn checked_batch(field: &str, batch: u32) -> Result<i64> {
    if (1..=1000).contains(&batch) {
        return Ok(i64::from(batch));
    }
    Err(Error::invalid(field, format!("is {batch}, allowed is 1 to 1000")))
}
