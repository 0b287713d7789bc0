//! The model: maps, and the rules of the trait's documentation.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Value, json};
use store_core::history::{
    Execution, ExecutionFilter, ExecutionStatus, NewExecution, NewStep, NewTaskResult, PruneReport,
    PruneRequest, Retention, Step, TaskExecution, TaskResult, Usage, UsageGroup, UsageTotal,
};
use store_core::{ExecutionId, Order, TaskId, Timestamp};

use super::json::{bytes, kept};
use super::{Answer, Operation, Refusal};

type Outcome = Result<Answer, Refusal>;

/// Run history in memory.
#[derive(Debug, Clone, Default)]
pub struct Model {
    executions: BTreeMap<ExecutionId, Record>,
}

#[derive(Debug, Clone)]
struct Record {
    execution: Execution,
    record_bytes: u64,
    steps: Vec<Step>,
    tasks: BTreeMap<(TaskId, i32), TaskExecution>,
    results: BTreeMap<(TaskId, String), TaskResult>,
}

impl Model {
    /// Carries out an operation at an instant.
    ///
    /// # Errors
    /// What a store should refuse with.
    pub fn apply(&mut self, operation: &Operation, now: Timestamp) -> Outcome {
        use ExecutionStatus::{Cancelled, Failed, Succeeded};
        match operation.clone() {
            Operation::Start(new) => self.start(new, now),
            Operation::AppendStep(id, step) => self.append(&id, vec![step], false, now),
            Operation::AppendSteps(id, steps) => self.append(&id, steps, true, now),
            Operation::Succeed(id) => self.finish(&id, Succeeded, None, now),
            Operation::Fail(id, error) => self.finish(&id, Failed, Some(error), now),
            Operation::Cancel(id, reason) => self.finish(&id, Cancelled, reason, now),
            Operation::Fetch(id) => self.record(&id).map(|one| execution(&one.execution)),
            Operation::FetchWithSteps(id) => self
                .record(&id)
                .map(|one| Answer::WithSteps(Box::new(one.execution.clone()), one.steps.clone())),
            Operation::List(filter, order, _) => Ok(self.list(&filter, order)),
            Operation::Usage(filter, group) => Ok(self.usage(&filter, group)),
            Operation::Steps(id, order, _) => {
                self.record(&id).map(|one| Answer::Steps(ordered(one.steps.clone(), order)))
            }
            Operation::RecordTask(task) => self.record_task(task),
            Operation::Tasks(id, order, _) => {
                let tasks = self.record(&id).map(|one| one.tasks.values().cloned().collect());
                Ok(Answer::Tasks(ordered(tasks.unwrap_or_default(), order)))
            }
            Operation::PutResult(result) => self.put_result(result, now),
            Operation::Results(id, key, _) => {
                let results = self.record(&id).into_iter().flat_map(|one| one.results.values());
                let wanted = |one: &&TaskResult| key.as_ref().is_none_or(|key| *key == one.key);
                Ok(Answer::Results(results.filter(wanted).cloned().collect()))
            }
            Operation::Delete(id) => {
                let deleted = self.executions.remove(&id).map(|_| Answer::Nothing);
                deleted.ok_or_else(|| unknown(&id))
            }
            Operation::Prune(request) => Ok(Answer::Pruned(self.prune(&request))),
            Operation::Advance(_) => Ok(Answer::Nothing),
        }
    }

    fn record(&self, id: &ExecutionId) -> Result<&Record, Refusal> {
        self.executions.get(id).ok_or_else(|| unknown(id))
    }

    fn record_mut(&mut self, id: &ExecutionId) -> Result<&mut Record, Refusal> {
        self.executions.get_mut(id).ok_or_else(|| unknown(id))
    }

    fn start(&mut self, new: NewExecution, now: Timestamp) -> Outcome {
        let config = |field: &str| new.runnable_config.get(field).cloned();
        let tags = new.tags.map_or_else(|| config("tags").unwrap_or(json!([])), |t| json!(t));
        let callbacks =
            new.callbacks.map_or_else(|| config("callbacks").unwrap_or(json!([])), Value::from);
        let metadata = new.metadata.or_else(|| config("metadata")).unwrap_or(json!({}));
        let run_name = new.run_name.or_else(|| config("run_name")?.as_str().map(str::to_owned));
        let inputs = admit("inputs", &new.inputs)?;
        let runnable_config = admit("runnable_config", &new.runnable_config)?;
        let callbacks = admit("callbacks", &callbacks)?;
        let metadata = admit("metadata", &metadata)?;
        let id = new.execution_id.clone();
        if self.executions.contains_key(&id) {
            return Err(Refusal::Conflict("execution", id.into_string()));
        }
        let json = [&inputs, &runnable_config, &tags, &callbacks, &metadata];
        let record_bytes = json.into_iter().map(bytes).sum();
        let started_at = new.started_at.unwrap_or(now);
        let started = Execution {
            execution_id: id.clone(),
            workflow_id: new.workflow_id,
            tags: serde_json::from_value(tags).expect("tags are strings"),
            callbacks: serde_json::from_value(callbacks).expect("callbacks are an array"),
            inputs,
            runnable_config,
            metadata,
            run_name,
            status: ExecutionStatus::Running,
            started_at,
            completed_at: None,
            error: None,
            trace_id: new.trace_id,
            trace_started_at: Some(new.trace_started_at.unwrap_or(started_at)),
            trace_completed_at: None,
            trace_last_span_at: Some(started_at),
            step_count: 0,
            usage: Usage::default(),
            updated_at: now,
        };
        let answer = execution(&started);
        let record = Record {
            execution: started,
            record_bytes,
            steps: Vec::new(),
            tasks: BTreeMap::new(),
            results: BTreeMap::new(),
        };
        self.executions.insert(id, record);
        Ok(answer)
    }

    fn append(
        &mut self,
        id: &ExecutionId,
        mut steps: Vec<NewStep>,
        batch: bool,
        now: Timestamp,
    ) -> Outcome {
        for (place, step) in steps.iter_mut().enumerate() {
            let within = |field: &str| match batch {
                true => format!("steps[{place}].{field}"),
                false => field.to_owned(),
            };
            if step.idempotency_key.as_deref() == Some("") {
                return Err(Refusal::Invalid(within("idempotency_key")));
            }
            if step.usage.is_some_and(|usage| usage.input_tokens < 0) {
                return Err(Refusal::Invalid(within("usage.input_tokens")));
            }
            step.payload = kept(&within("payload"), &step.payload).map_err(Refusal::Invalid)?;
        }
        let mut keys = HashSet::new();
        for (place, step) in steps.iter().enumerate() {
            if step.idempotency_key.as_ref().is_some_and(|key| !keys.insert(key)) {
                return Err(Refusal::Invalid(format!("steps[{place}].idempotency_key")));
            }
        }
        if steps.is_empty() {
            return Ok(Answer::Steps(Vec::new()));
        }
        self.record_mut(id)?.append(steps, now).map(Answer::Steps)
    }

    fn finish(
        &mut self,
        id: &ExecutionId,
        status: ExecutionStatus,
        error: Option<String>,
        now: Timestamp,
    ) -> Outcome {
        if error.as_ref().is_some_and(|error| error.contains('\0')) {
            return Err(Refusal::Invalid("error".into()));
        }
        let record = self.record_mut(id)?;
        record.still_running()?;
        let finished = &mut record.execution;
        finished.status = status;
        finished.error = error;
        finished.completed_at = Some(now);
        finished.trace_completed_at = Some(now);
        finished.updated_at = now;
        Ok(execution(finished))
    }

    fn record_task(&mut self, mut task: TaskExecution) -> Outcome {
        if task.attempt < 1 {
            return Err(Refusal::Invalid("attempt".into()));
        }
        if (task.status == ExecutionStatus::Running) != task.completed_at.is_none() {
            return Err(Refusal::Invalid("completed_at".into()));
        }
        task.args = task.args.map(|args| admit("args", &args)).transpose()?;
        task.result = task.result.map(|result| admit("result", &result)).transpose()?;
        let record = self.record_mut(&task.execution_id)?;
        let key = (task.task_id.clone(), task.attempt);
        match record.tasks.get(&key) {
            Some(stored) if stored.status == ExecutionStatus::Running || *stored == task => {}
            None => {}
            Some(stored) => {
                let id = format!("{}/{}/{}", task.execution_id, task.task_id, task.attempt);
                let from = stored.status.to_string();
                return Err(Refusal::InvalidState { entity: "task", id, from });
            }
        }
        record.tasks.insert(key, task);
        Ok(Answer::Nothing)
    }

    fn put_result(&mut self, new: NewTaskResult, now: Timestamp) -> Outcome {
        let value = admit("value", &new.value)?;
        let record = self.record_mut(&new.execution_id)?;
        let NewTaskResult { execution_id, task_id, key, .. } = new;
        let place = (task_id.clone(), key.clone());
        let result = TaskResult { execution_id, task_id, key, value, updated_at: now };
        record.results.insert(place, result.clone());
        Ok(Answer::Result(result))
    }

    /// The executions a filter means, oldest start first.
    fn filtered(&self, filter: &ExecutionFilter) -> Vec<&Record> {
        let mut found: Vec<&Record> =
            self.executions.values().filter(|one| one.matches(filter)).collect();
        found.sort_by_key(|one| (one.execution.started_at, &one.execution.execution_id));
        found
    }

    fn list(&self, filter: &ExecutionFilter, order: Order) -> Answer {
        let found = self.filtered(filter).into_iter().map(|one| one.execution.clone());
        Answer::Executions(ordered(found.collect(), order))
    }

    fn usage(&self, filter: &ExecutionFilter, group: UsageGroup) -> Answer {
        let mut totals: BTreeMap<String, UsageTotal> = BTreeMap::new();
        for record in self.filtered(filter) {
            let one = &record.execution;
            let key = match group {
                UsageGroup::Workflow => one.workflow_id.clone(),
                UsageGroup::Day => one.started_at.to_string()[..10].to_owned(),
                UsageGroup::Status => one.status.to_string(),
            };
            let none =
                UsageTotal { key: key.clone(), executions: 0, steps: 0, usage: Usage::default() };
            let total = totals.entry(key).or_insert(none);
            total.executions += 1;
            total.steps += one.step_count;
            total.usage = total.usage.plus(one.usage);
        }
        Answer::Totals(totals.into_values().collect())
    }

    fn prune(&mut self, request: &PruneRequest) -> PruneReport {
        let mut kept = 0;
        let mut over = false;
        let mut doomed = Vec::new();
        for record in self.filtered(&ExecutionFilter::default()).into_iter().rev() {
            let goes = match request.retention {
                Retention::OlderThan(instant) => {
                    record.execution.completed_at.is_some_and(|at| at < instant)
                }
                Retention::MaxRows(limit) => {
                    kept += record.steps.len() as u64 + 1;
                    over |= kept > limit;
                    over
                }
                Retention::MaxBytes(limit) => {
                    kept += record.bytes();
                    over |= kept > limit;
                    over
                }
            };
            if goes && record.execution.status != ExecutionStatus::Running {
                doomed.push(record.execution.execution_id.clone());
            }
        }
        let mut report = PruneReport::default();
        for id in doomed {
            let record = &self.executions[&id];
            let steps = record.steps.len() as u64;
            report = report.plus(PruneReport { executions: 1, steps, bytes: record.bytes() });
            if !request.dry_run {
                self.executions.remove(&id);
            }
        }
        report
    }
}

impl Record {
    fn bytes(&self) -> u64 {
        self.record_bytes + self.steps.iter().map(|step| bytes(&step.payload)).sum::<u64>()
    }

    fn still_running(&self) -> Result<(), Refusal> {
        let Execution { status, execution_id, .. } = &self.execution;
        if *status == ExecutionStatus::Running {
            return Ok(());
        }
        let (id, from) = (execution_id.to_string(), status.to_string());
        Err(Refusal::InvalidState { entity: "execution", id, from })
    }

    fn append(&mut self, new: Vec<NewStep>, now: Timestamp) -> Result<Vec<Step>, Refusal> {
        let stored = |key: &Option<String>| {
            self.steps.iter().find(|step| key.is_some() && step.idempotency_key == *key).cloned()
        };
        let there: Vec<Option<Step>> =
            new.iter().map(|step| stored(&step.idempotency_key)).collect();
        if there.iter().any(Option::is_none) {
            self.still_running()?;
        }
        let mut answer = Vec::new();
        for (new, there) in new.into_iter().zip(there) {
            answer.push(match there {
                Some(step) => step,
                None => self.append_one(new, now),
            });
        }
        Ok(answer)
    }

    fn append_one(&mut self, new: NewStep, now: Timestamp) -> Step {
        let execution = &mut self.execution;
        let at = new.at.unwrap_or(now);
        let step = Step {
            execution_id: execution.execution_id.clone(),
            index: execution.step_count,
            at,
            kind: new.kind,
            name: new.name,
            payload: new.payload,
            usage: new.usage,
            idempotency_key: new.idempotency_key,
        };
        execution.step_count += 1;
        execution.usage = execution.usage.plus(new.usage.unwrap_or_default());
        execution.trace_last_span_at = execution.trace_last_span_at.max(Some(at));
        execution.updated_at = now;
        self.steps.push(step.clone());
        step
    }

    fn matches(&self, filter: &ExecutionFilter) -> bool {
        let one = &self.execution;
        let contains = |wanted: &Value| {
            let wanted = wanted.as_object().expect("an object");
            // Filters of this test are flat.
            wanted.iter().all(|(key, value)| one.metadata.get(key) == Some(value))
        };
        filter.workflow_id.as_ref().is_none_or(|wanted| *wanted == one.workflow_id)
            && filter.status.is_none_or(|wanted| wanted == one.status)
            && filter.started_from.is_none_or(|from| one.started_at >= from)
            && filter.started_before.is_none_or(|before| one.started_at < before)
            && filter.tag.as_ref().is_none_or(|wanted| one.tags.contains(wanted))
            && (filter.trace_id.is_none() || filter.trace_id == one.trace_id)
            && filter.metadata_contains.as_ref().is_none_or(contains)
    }
}

fn execution(one: &Execution) -> Answer {
    Answer::Execution(Box::new(one.clone()))
}

fn unknown(id: &ExecutionId) -> Refusal {
    Refusal::NotFound("execution", id.to_string())
}

fn admit(field: &str, value: &Value) -> Result<Value, Refusal> {
    kept(field, value).map_err(Refusal::Invalid)
}

fn ordered<T>(mut items: Vec<T>, order: Order) -> Vec<T> {
    if order == Order::Desc {
        items.reverse();
    }
    items
}
