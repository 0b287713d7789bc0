use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use store_core::queue::ClaimRequest;
use store_core::workflow::WorkflowStore;
use store_core::{Error, Result, check_external};
use uuid::Uuid;

use super::Worker;
use super::context::JobContext;
use super::error::JobError;
use super::handler::{Handler, JobOutput, boxed};
use crate::rules::queue::job::{checked_capabilities, checked_lease};

const QUEUES_MAX: usize = 64;
const CONCURRENCY_MAX: usize = 10_000;

/// What a worker does and how.
pub(super) struct Config {
    pub(super) id: String,
    pub(super) queues: Vec<String>,
    pub(super) capabilities: Vec<String>,
    pub(super) concurrency: usize,
    pub(super) lease: Duration,
    /// None for a worker that does not reap.
    pub(super) reap_every: Option<Duration>,
    pub(super) shutdown_grace: Duration,
    pub(super) cancel_grace: Duration,
    handlers: HashMap<String, Handler>,
    fallback: Option<Handler>,
}

impl Config {
    /// Returns the handler of a kind.
    pub(super) fn handler(&self, kind: &str) -> Option<Handler> {
        self.handlers.get(kind).or(self.fallback.as_ref()).cloned()
    }

    /// Returns how often a lease is extended.
    pub(super) fn heartbeat_every(&self) -> Duration {
        self.lease / 3
    }

    /// Asks for up to `limit` jobs.
    pub(super) fn claim(&self, limit: usize) -> ClaimRequest {
        ClaimRequest {
            worker: self.id.clone(),
            queues: self.queues.clone(),
            capabilities: self.capabilities.clone(),
            limit: u32::try_from(limit).map_or(1000, |limit| limit.min(1000)),
            lease: self.lease,
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("id", &self.id)
            .field("queues", &self.queues)
            .field("capabilities", &self.capabilities)
            .field("concurrency", &self.concurrency)
            .field("lease", &self.lease)
            .field("kinds", &self.handlers.keys())
            .finish_non_exhaustive()
    }
}

/// Describes a [`Worker`].
#[must_use]
pub struct WorkerBuilder {
    store: Arc<dyn WorkflowStore>,
    config: Config,
    reap_every: Option<Duration>,
    reaps: bool,
    kinds_twice: Vec<String>,
}

impl WorkerBuilder {
    pub(super) fn new(store: Arc<dyn WorkflowStore>) -> Self {
        let config = Config {
            id: format!("{}-{}", std::process::id(), Uuid::now_v7()),
            queues: vec!["default".to_owned()],
            capabilities: Vec::new(),
            concurrency: 16,
            lease: Duration::from_secs(60),
            reap_every: None,
            shutdown_grace: Duration::from_secs(30),
            cancel_grace: Duration::from_secs(10),
            handlers: HashMap::new(),
            fallback: None,
        };
        Self { store, config, reap_every: None, reaps: true, kinds_twice: Vec::new() }
    }

    /// Sets the name to claim with, 1 to 255 bytes. Two workers must not share one (the number of
    /// the process and a UUID).
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.config.id = id.into();
        self
    }

    /// Sets the queues to claim from, 1 to 64 (`default`).
    pub fn queues<T: Into<String>>(mut self, queues: impl IntoIterator<Item = T>) -> Self {
        self.config.queues = queues.into_iter().map(Into::into).collect();
        self
    }

    /// Sets what the worker is able to do, at most 64 words (nothing).
    pub fn capabilities<T: Into<String>>(mut self, words: impl IntoIterator<Item = T>) -> Self {
        self.config.capabilities = words.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the most jobs to carry out at the same time, 1 to 10,000 (16).
    pub fn concurrency(mut self, jobs: usize) -> Self {
        self.config.concurrency = jobs;
        self
    }

    /// Sets how long leases last, 1 second to 1 day (60 seconds). They are extended three times as
    /// often; the jobs of a worker that vanished are carried out by another after so long.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.config.lease = lease;
        self
    }

    /// Sets how often leases that ran out, of whatever worker, are taken back (half a lease).
    pub fn reap_every(mut self, interval: Duration) -> Self {
        self.reap_every = Some(interval);
        self.reaps = true;
        self
    }

    /// Leaves it to others to take back leases that ran out.
    pub fn without_reaping(mut self) -> Self {
        self.reaps = false;
        self
    }

    /// Sets how long handlers may go on after the worker was told to stop (30 seconds).
    pub fn shutdown_grace(mut self, grace: Duration) -> Self {
        self.config.shutdown_grace = grace;
        self
    }

    /// Sets how long a handler may go on after its job was asked to stop (10 seconds).
    pub fn cancel_grace(mut self, grace: Duration) -> Self {
        self.config.cancel_grace = grace;
        self
    }

    /// Sets what carries out jobs of a kind.
    ///
    /// The handler returns nothing, a value, or a [`JobError`], which any error becomes by `?`. It
    /// runs as a task: when it panics the job fails, and it is dropped at an `.await` when its job
    /// times out or its lease is lost. Work that blocks a thread belongs into `spawn_blocking`.
    pub fn handler<F, Fut, T>(mut self, kind: impl Into<String>, handler: F) -> Self
    where
        F: Fn(JobContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, JobError>> + Send + 'static,
        T: JobOutput,
    {
        let kind = kind.into();
        if self.config.handlers.insert(kind.clone(), boxed(handler)).is_some() {
            self.kinds_twice.push(kind);
        }
        self
    }

    /// Sets what carries out jobs of any other kind. Without it they fail.
    pub fn fallback<F, Fut, T>(mut self, handler: F) -> Self
    where
        F: Fn(JobContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, JobError>> + Send + 'static,
        T: JobOutput,
    {
        self.config.fallback = Some(boxed(handler));
        self
    }

    /// Checks the description and makes the worker.
    ///
    /// # Errors
    /// `Invalid` for what is out of range, two handlers of one kind, and none at all.
    pub fn build(mut self) -> Result<Worker> {
        let lease = self.config.lease;
        self.config.reap_every = self.reaps.then(|| self.reap_every.unwrap_or(lease / 2));
        self.check()?;
        Ok(Worker { store: self.store, config: Arc::new(self.config) })
    }

    fn check(&self) -> Result<()> {
        let config = &self.config;
        check_external("id", &config.id)?;
        if !(1..=QUEUES_MAX).contains(&config.queues.len()) {
            let count = config.queues.len();
            let rule = format!("are {count}, allowed is 1 to {QUEUES_MAX}");
            return Err(Error::invalid("queues", rule));
        }
        config.queues.iter().try_for_each(|queue| check_external("queues", queue))?;
        checked_capabilities(&config.capabilities)?;
        if !(1..=CONCURRENCY_MAX).contains(&config.concurrency) {
            let jobs = config.concurrency;
            let rule = format!("is {jobs}, allowed is 1 to {CONCURRENCY_MAX}");
            return Err(Error::invalid("concurrency", rule));
        }
        checked_lease(config.lease)?;
        if config.reap_every.is_some_and(|interval| interval.is_zero()) {
            return Err(Error::invalid("reap_every", "must not be zero"));
        }
        config.handlers.keys().try_for_each(|kind| check_external("handler", kind))?;
        if let Some(kind) = self.kinds_twice.first() {
            return Err(Error::invalid("handler", format!("two are set for kind `{kind}`")));
        }
        if config.handlers.is_empty() && config.fallback.is_none() {
            return Err(Error::invalid("handler", "none is set"));
        }
        Ok(())
    }
}

impl fmt::Debug for WorkerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerBuilder").field("config", &self.config).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Handlers as applications write them: what they return is inferred.
    #[expect(dead_code, reason = "it compiles, and there is no store to run it on")]
    fn handlers_of_every_shape(store: Arc<dyn WorkflowStore>) -> Result<Worker> {
        let prefix = Arc::new(String::from("ledger"));
        Worker::builder(store)
            .handler("nothing", async |_job: JobContext| Ok(()))
            .handler("value", async |job: JobContext| {
                let number: u32 = "7".parse()?;
                job.progress(json!({"read": number})).await?;
                Ok(json!({"number": number}))
            })
            .handler("captures", move |job: JobContext| {
                let prefix = Arc::clone(&prefix);
                async move {
                    let id: u64 = job.payload_as()?;
                    if id == 0 {
                        return Err(JobError::permanent("there is no zero"));
                    }
                    Ok(Some(json!(format!("{prefix}-{id}"))))
                }
            })
            .fallback(|job: JobContext| async move {
                tokio::select! {
                    reason = job.cancelled() => Err(JobError::new(reason)),
                    () = std::future::ready(()) => Ok(()),
                }
            })
            .build()
    }
}
