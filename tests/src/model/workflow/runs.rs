//! The model: runs and their attempts.

use std::time::Duration;

use serde_json::{Map, Value, json};
use store_core::workflow::{
    AuditAction, NewRun, RetryPolicy, Run, RunFilter, RunStatus, RunnableConfig,
};
use store_core::{RunId, Timestamp, WorkflowId};

use super::operation::{Answer, Operation, Outcome, Refusal};
use super::rules::check_config;
use super::run_id;
use super::session::without_empty_maps;
use super::state::{Model, ordered};

const UNFINISHED: [RunStatus; 2] = [RunStatus::Pending, RunStatus::Running];

impl Model {
    pub(super) fn apply_to_runs(&mut self, operation: Operation, now: Timestamp) -> Outcome {
        let pending = &UNFINISHED[..1];
        match operation {
            Operation::CreateRun(new) => self.create_run(new, now),
            Operation::Start(id) => {
                let started = self.advance(id, pending, RunStatus::Running, now)?;
                started.started_at = Some(now);
                Ok(self.noted(id, AuditAction::RunStarted, Value::Null, now))
            }
            Operation::Succeed(id, output) => {
                let running = &UNFINISHED[1..];
                let done = self.advance(id, running, RunStatus::Succeeded, now)?;
                done.output = output;
                Ok(self.noted(id, AuditAction::RunSucceeded, Value::Null, now))
            }
            Operation::Fail(id, error) => self.fail(id, &error, now),
            Operation::Cancel(id, reason) => {
                let done = self.advance(id, &UNFINISHED, RunStatus::Cancelled, now)?;
                done.cancel_reason = reason.clone();
                let metadata = reason.map_or(json!({}), |reason| json!({ "reason": reason }));
                Ok(self.noted(id, AuditAction::RunCancelled, metadata, now))
            }
            Operation::FetchRun(id) => self.run(id).map(|run| Answer::Run(Box::new(run.clone()))),
            Operation::Runs(filter, order, _) => {
                let mut found: Vec<Run> =
                    self.runs.values().filter(|run| matches(run, &filter)).cloned().collect();
                found.sort_by_key(|run| (run.created_at, run.id));
                Ok(Answer::Runs(ordered(found, order)))
            }
            Operation::Retry(id, policy) => self.set_retry(id, policy, now),
            Operation::DeleteRuns(cutoff, statuses, batch) => {
                Ok(Answer::Deleted(self.delete_runs(cutoff, &statuses, batch)))
            }
            other => unreachable!("not about runs: {other:?}"),
        }
    }

    fn run(&self, id: RunId) -> Result<&Run, Refusal> {
        self.runs.get(&id).ok_or(Refusal::NotFound)
    }

    fn create_run(&mut self, new: NewRun, now: Timestamp) -> Outcome {
        check_config(Some(&new.runnable_config))?;
        let workflow = new.workflow_id;
        let there = self.runs.values().find(|run| {
            run.workflow_id == workflow
                && run.idempotency_key.is_some()
                && run.idempotency_key == new.idempotency_key
        });
        if let Some(run) = there {
            return Ok(Answer::Run(Box::new(run.clone())));
        }
        if self.workflow(workflow)?.is_archived {
            let metadata = json!({"triggered_by": new.triggered_by});
            self.note((workflow, None), AuditAction::RunRefused, metadata, now);
            return Err(Refusal::InvalidState);
        }
        let wanted = new.workflow_version_id;
        let mut versions = self.versions_of(workflow);
        versions.retain(|version| wanted.is_none_or(|wanted| wanted == version.id));
        let version = versions.pop().ok_or(Refusal::NotFound)?;
        let config = merged(version.runnable_config.unwrap_or_default(), new.runnable_config);
        let run = Run {
            id: run_id(self.created[2]),
            workflow_id: workflow,
            workflow_version_id: version.id,
            status: RunStatus::Pending,
            triggered_by: new.triggered_by,
            input: new.input,
            tags: config.tags.clone().unwrap_or_default(),
            callbacks: config.callbacks.clone().unwrap_or_default(),
            metadata: config.metadata.clone().unwrap_or_default().into(),
            run_name: config.run_name.clone(),
            runnable_config: config,
            output: None,
            error: None,
            cancel_reason: None,
            attempt: 1,
            retry_of: None,
            idempotency_key: new.idempotency_key,
            scheduled_for: new.scheduled_for,
            created_at: now,
            started_at: None,
            completed_at: None,
            updated_at: now,
            row_version: 1,
        };
        Ok(self.add(run, now))
    }

    /// Brings a run from one of some statuses into another.
    fn advance(
        &mut self,
        id: RunId,
        from: &[RunStatus],
        to: RunStatus,
        now: Timestamp,
    ) -> Result<&mut Run, Refusal> {
        let run = self.runs.get_mut(&id).ok_or(Refusal::NotFound)?;
        if !from.contains(&run.status) {
            return Err(Refusal::InvalidState);
        }
        run.status = to;
        run.completed_at = to.is_finished().then_some(now);
        run.updated_at = now;
        run.row_version += 1;
        Ok(run)
    }

    fn noted(&mut self, id: RunId, action: AuditAction, said: Value, now: Timestamp) -> Answer {
        let run = self.runs[&id].clone();
        self.note((run.workflow_id, Some(id)), action, said, now);
        Answer::Run(Box::new(run))
    }

    fn add(&mut self, run: Run, now: Timestamp) -> Answer {
        let id = run.id;
        self.created[2] += 1;
        self.runs.insert(id, run);
        self.noted(id, AuditAction::RunCreated, Value::Null, now)
    }

    fn fail(&mut self, id: RunId, error: &str, now: Timestamp) -> Outcome {
        if error.contains('\0') {
            return Err(Refusal::invalid("error"));
        }
        let failed = self.advance(id, &UNFINISHED, RunStatus::Failed, now)?;
        failed.error = Some(error.to_owned());
        let failed = failed.clone();
        self.noted(id, AuditAction::RunFailed, json!({ "error": error }), now);
        let policy = self.retries.get(&failed.workflow_id);
        let archived = self.workflow(failed.workflow_id)?.is_archived;
        let retry = policy
            .filter(|policy| !archived && i64::from(failed.attempt) < policy.max_attempts.into())
            .map(|policy| now.plus(delay(policy, failed.attempt - 1)).expect("a near instant"));
        let retry = retry.map(|scheduled_for| {
            let next = Run {
                id: run_id(self.created[2]),
                status: RunStatus::Pending,
                error: None,
                attempt: failed.attempt + 1,
                retry_of: Some(id),
                idempotency_key: None,
                scheduled_for: Some(scheduled_for),
                created_at: now,
                started_at: None,
                completed_at: None,
                row_version: 1,
                ..failed.clone()
            };
            let next_id = next.id;
            self.add(next, now);
            (next_id, scheduled_for)
        });
        Ok(Answer::Failed(Box::new(failed), retry))
    }

    fn set_retry(&mut self, id: WorkflowId, to: Option<RetryPolicy>, now: Timestamp) -> Outcome {
        self.workflow(id)?;
        let said = json!({"trigger": "retry"});
        let Some(policy) = to else {
            self.retries.remove(&id).ok_or(Refusal::NotFound)?;
            self.note((id, None), AuditAction::TriggerDeleted, said, now);
            return Ok(Answer::Nothing);
        };
        self.retries.insert(id, policy);
        self.note((id, None), AuditAction::TriggerConfigured, said, now);
        Ok(Answer::Retry(policy))
    }

    fn delete_runs(&mut self, cutoff: Timestamp, statuses: &[RunStatus], batch: u32) -> u64 {
        let ended = |run: &&Run| run.completed_at.is_some_and(|at| at < cutoff);
        let named = |run: &&Run| statuses.contains(&run.status);
        let of_runs = self.runs.values().filter(ended).filter(named);
        let mut doomed: Vec<_> = of_runs.map(|run| (run.completed_at, run.id)).collect();
        doomed.sort_unstable();
        doomed.truncate(batch as usize);
        for (_, id) in &doomed {
            self.runs.remove(id);
            self.forget(*id);
        }
        doomed.len() as u64
    }
}

/// The delay before a retry. Policies of this test have no jitter, and factors of 1 and 2.
fn delay(policy: &RetryPolicy, retry: i32) -> Duration {
    let full = policy.initial_delay_seconds * policy.backoff_factor.powi(retry);
    Duration::from_secs_f64(full.min(policy.max_delay_seconds.unwrap_or(f64::MAX)))
}

fn merged(base: RunnableConfig, over: RunnableConfig) -> RunnableConfig {
    let map = |base: Option<Map<String, Value>>, over: Option<Map<String, Value>>| match over {
        Some(over) if over.is_empty() => None,
        Some(over) => Some(base.unwrap_or_default().into_iter().chain(over).collect()),
        None => base,
    };
    without_empty_maps(RunnableConfig {
        configurable: map(base.configurable, over.configurable),
        tags: over.tags.or(base.tags),
        metadata: map(base.metadata, over.metadata),
        callbacks: over.callbacks.or(base.callbacks),
        run_name: over.run_name.or(base.run_name),
        recursion_limit: over.recursion_limit.or(base.recursion_limit),
        max_concurrency: over.max_concurrency.or(base.max_concurrency),
        prompts: map(base.prompts, over.prompts),
    })
}

fn matches(run: &Run, filter: &RunFilter) -> bool {
    filter.workflow_id.is_none_or(|wanted| wanted == run.workflow_id)
        && filter.status.is_none_or(|wanted| wanted == run.status)
        && filter.triggered_by.as_ref().is_none_or(|wanted| *wanted == run.triggered_by)
        && filter.created_from.is_none_or(|from| run.created_at >= from)
        && filter.created_before.is_none_or(|before| run.created_at < before)
        && filter.tag.as_ref().is_none_or(|wanted| run.tags.contains(wanted))
}
