use std::collections::HashSet;
use std::time::Duration;

use serde_json::{Value, json};
use store_core::json::Admitted;
use store_core::queue::{Dependency, Job, NewJob, UniquePolicy};
use store_core::{Error, JobId, Result, check_external, check_short_text};

use super::graph::check_graph;
use super::ready_state;
use crate::rules::Context;

const BATCH_MAX: usize = 1000;
const ATTEMPTS_MAX: u32 = 1000;
const TAGS_MAX: usize = 1000;
const CAPABILITIES_MAX: usize = 64;
const DEPENDENCIES_MAX: usize = 1000;
const TIMEOUT_MAX: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// The kind of the jobs of runs.
pub(crate) const RUN_KIND: &str = "run";

/// A job that may be enqueued: checked, and as it is when it waits for nothing.
#[derive(Debug, Clone)]
pub(crate) struct ReadyJob {
    pub(crate) job: Job,
    pub(crate) payload: Admitted,
    pub(crate) tags: Admitted,
    pub(crate) capabilities: Admitted,
    pub(crate) depends_on: Admitted,
    pub(crate) policy: Option<UniquePolicy>,
}

impl ReadyJob {
    /// Checks a batch of new jobs.
    pub(crate) fn batch(context: &Context, jobs: Vec<NewJob>) -> Result<Vec<Self>> {
        if jobs.is_empty() || jobs.len() > BATCH_MAX {
            let count = jobs.len();
            return Err(Error::invalid(
                "jobs",
                format!("are {count}, allowed is 1 to {BATCH_MAX}"),
            ));
        }
        let mut ids = HashSet::new();
        if let Some(twice) = jobs.iter().find(|job| !ids.insert(job.id)) {
            return Err(Error::invalid("id", format!("{} is there twice", twice.id)));
        }
        check_graph(&jobs)?;
        jobs.into_iter().map(|job| Self::new(context, job)).collect()
    }

    fn new(context: &Context, new: NewJob) -> Result<Self> {
        check_new(&new)?;
        let now = context.clock.now();
        let json = &context.json;
        let payload = json.admit("payload", new.payload)?;
        let run_at = new.run_at.unwrap_or(now);
        let (unique_key, policy) = new.unique.map(|unique| (unique.key, unique.policy)).unzip();
        let job = Job {
            id: new.id,
            queue: new.queue,
            kind: new.kind,
            payload: payload.value.clone(),
            run_id: None,
            priority: new.priority,
            state: ready_state(run_at, now),
            attempt: 0,
            max_attempts: new.max_attempts,
            run_at,
            unique_key,
            concurrency_key: new.concurrency_key,
            // Stored in whole milliseconds.
            timeout: new.timeout.map(|timeout| Duration::from_millis(millis(timeout))),
            tags: new.tags,
            capabilities: new.capabilities,
            depends_on: new.depends_on,
            event_token: new.wait_for_event,
            event: None,
            progress: None,
            result: None,
            last_error: None,
            cancel_reason: None,
            lease: None,
            created_at: now,
            updated_at: now,
            finished_at: None,
        };
        Ok(Self {
            payload,
            tags: json.admit("tags", Value::from(job.tags.clone()))?,
            capabilities: json.admit("capabilities", Value::from(job.capabilities.clone()))?,
            depends_on: json.admit("depends_on", dependencies_to_json(&job.depends_on))?,
            policy,
            job,
        })
    }

    /// Returns the refusal of a job whose id is taken.
    pub(crate) fn id_taken(id: JobId) -> Error {
        Error::conflict("job", id, "a job with this id was enqueued before")
    }

    /// Returns the refusal of a job whose unique key is taken.
    pub(crate) fn key_taken(&self, by: JobId) -> Error {
        Error::conflict("job", by, "it has this unique key and is not finished")
    }

    /// Returns the refusal to replace a job that is leased.
    pub(crate) fn leased(by: JobId) -> Error {
        Error::conflict("job", by, "it has this unique key and a worker holds it")
    }

    /// Returns the refusal of a job whose event another job waits for.
    pub(crate) fn event_taken(token: &str) -> Error {
        Error::conflict("event", token, "another job waits or waited for it")
    }

    pub(crate) fn timeout_ms(&self) -> Option<i64> {
        self.job.timeout.map(|timeout| i64::try_from(millis(timeout)).unwrap_or(i64::MAX))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn check_new(new: &NewJob) -> Result<()> {
    check_external("queue", &new.queue)?;
    check_external("kind", &new.kind)?;
    if new.kind == RUN_KIND {
        return Err(Error::invalid("kind", "`run` is kept for the jobs of runs: create a run"));
    }
    if new.priority > 100 {
        return Err(Error::invalid("priority", format!("is {}, at most 100", new.priority)));
    }
    if !(1..=ATTEMPTS_MAX).contains(&new.max_attempts) {
        return Err(Error::invalid(
            "max_attempts",
            format!("is {}, allowed is 1 to {ATTEMPTS_MAX}", new.max_attempts),
        ));
    }
    if let Some(unique) = &new.unique {
        check_external("unique_key", &unique.key)?;
        let waits = !new.depends_on.is_empty() || new.wait_for_event.is_some();
        if unique.policy == UniquePolicy::Replace && waits {
            return Err(Error::invalid("unique", "a job that waits cannot replace another one"));
        }
    }
    if let Some(key) = &new.concurrency_key {
        check_external("concurrency_key", key)?;
    }
    if let Some(token) = &new.wait_for_event {
        check_external("wait_for_event", token)?;
    }
    if new.timeout.is_some_and(|timeout| millis(timeout) == 0 || timeout > TIMEOUT_MAX) {
        return Err(Error::invalid("timeout", "must be 1 millisecond to 30 days"));
    }
    if new.tags.len() > TAGS_MAX {
        let count = new.tags.len();
        return Err(Error::invalid("tags", format!("are {count}, at most {TAGS_MAX}")));
    }
    for tag in &new.tags {
        check_short_text("tags", tag)?;
    }
    checked_capabilities(&new.capabilities)?;
    check_dependencies(new)
}

/// Checks what a job needs or a worker is able to do.
pub(crate) fn checked_capabilities(capabilities: &[String]) -> Result<()> {
    if capabilities.len() > CAPABILITIES_MAX {
        let count = capabilities.len();
        return Err(Error::invalid(
            "capabilities",
            format!("are {count}, at most {CAPABILITIES_MAX}"),
        ));
    }
    capabilities.iter().try_for_each(|word| check_external("capabilities", word))
}

fn check_dependencies(new: &NewJob) -> Result<()> {
    if new.depends_on.len() > DEPENDENCIES_MAX {
        let count = new.depends_on.len();
        return Err(Error::invalid(
            "depends_on",
            format!("are {count}, at most {DEPENDENCIES_MAX}"),
        ));
    }
    let mut seen = HashSet::new();
    for Dependency { job_id, .. } in &new.depends_on {
        if *job_id == new.id {
            return Err(Error::invalid("depends_on", format!("{job_id} would wait for itself")));
        }
        if !seen.insert(job_id) {
            return Err(Error::invalid("depends_on", format!("names {job_id} twice")));
        }
    }
    Ok(())
}

/// Writes dependencies as they are stored.
pub(crate) fn dependencies_to_json(dependencies: &[Dependency]) -> Value {
    let one = |one: &Dependency| json!({"job": one.job_id, "on": one.on.as_str()});
    Value::Array(dependencies.iter().map(one).collect())
}

/// Reads dependencies as they were stored.
pub(crate) fn dependencies_from_json(items: &[Value]) -> Result<Vec<Dependency>> {
    let part = |item: &Value, name: &str| match item.get(name) {
        Some(Value::String(text)) => Ok(text.clone()),
        _ => Err(Error::invalid("depends_on", format!("has no text `{name}`"))),
    };
    let one = |item: &Value| {
        Ok(Dependency { job_id: part(item, "job")?.parse()?, on: part(item, "on")?.parse()? })
    };
    items.iter().map(one).collect()
}

/// Returns a time to live in whole microseconds, as the databases measure it.
pub(crate) fn checked_lease(lease: Duration) -> Result<()> {
    if (Duration::from_secs(1)..=Duration::from_secs(24 * 60 * 60)).contains(&lease) {
        return Ok(());
    }
    Err(Error::invalid("lease", "must last 1 second to 1 day"))
}

/// Checks the token of an event.
pub(crate) fn checked_token(token: &str) -> Result<()> {
    check_external("token", token)
}

/// Checks how many jobs one call works on.
pub(crate) fn checked_count(field: &str, count: usize) -> Result<()> {
    if (1..=BATCH_MAX).contains(&count) {
        return Ok(());
    }
    Err(Error::invalid(field, format!("are {count}, allowed is 1 to {BATCH_MAX}")))
}
