//! One of many callers, and how it finds out what became of a call.

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use store_core::{Error, ExecutionId, Failure, Result, WorkflowId};

use super::stats::Stats;
use super::{Journal, Stores};

/// How long a caller goes on with a call after its time, while a server is away.
const GRACE: Duration = Duration::from_secs(120);

/// The wait before a call is repeated.
const PAUSE: Duration = Duration::from_millis(50);

/// What the callers of a process share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) stores: Stores,
    pub(super) workflow: WorkflowId,
    /// Executions that can be appended to, by whoever likes.
    pub(super) executions: Mutex<Vec<ExecutionId>>,
}

impl Shared {
    pub(super) fn new(stores: Stores, workflow: WorkflowId) -> Self {
        Self { stores, workflow, executions: Mutex::default() }
    }
}

/// A caller.
#[derive(Debug)]
pub(super) struct Caller {
    /// Unique in the whole load.
    pub(super) name: String,
    /// Its place in the process.
    pub(super) number: usize,
    pub(super) shared: Arc<Shared>,
    journal: Journal,
    stats: Stats,
    until: Instant,
    state: AtomicU64,
    names: AtomicU64,
}

impl Caller {
    pub(super) fn new(
        name: String,
        number: usize,
        shared: Arc<Shared>,
        journal: Journal,
        stats: Stats,
        until: Instant,
    ) -> Self {
        // Any number but zero will do: callers shall not all do the same at the same time.
        let state = AtomicU64::new(0x9e37_79b9_7f4a_7c15 ^ (number as u64 + 1));
        Self { name, number, shared, journal, stats, until, state, names: AtomicU64::new(0) }
    }

    pub(super) fn stores(&self) -> &Stores {
        &self.shared.stores
    }

    /// Tells whether its time has not run out.
    pub(super) fn goes_on(&self) -> bool {
        Instant::now() < self.until
    }

    /// Draws one of so many numbers, by xorshift.
    pub(super) fn draw(&self, below: u64) -> u64 {
        let mut state = self.state.load(Ordering::Relaxed);
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        self.state.store(state, Ordering::Relaxed);
        state % below
    }

    /// Makes a name that nobody else makes.
    pub(super) fn fresh(&self) -> String {
        format!("{}-{}", self.name, self.names.fetch_add(1, Ordering::Relaxed))
    }

    /// Writes down what a store acknowledged.
    pub(super) fn acknowledged(&self, fact: &Value) {
        self.journal.write(fact);
    }

    /// Writes down what must not happen.
    pub(super) fn unexpected(&self, what: impl fmt::Debug, problem: impl fmt::Display) {
        let problem = format!("{what:?} of {}: {problem}", self.name);
        self.journal.write(&json!(["unexpected", problem]));
    }

    /// Calls until it is known what came of it.
    ///
    /// What failed for a while, and changed nothing, is called again. When nobody knows whether it
    /// was carried out, `look` reads what is stored: it returns what the call would have, or nothing
    /// when it was not carried out, and then it is called again.
    pub(super) async fn settle<T, C, F, L, G>(
        &self,
        operation: &'static str,
        call: C,
        look: L,
    ) -> Result<T>
    where
        C: Fn() -> F,
        F: Future<Output = Result<T>>,
        L: Fn() -> G,
        G: Future<Output = Result<Option<T>>>,
    {
        loop {
            let started = Instant::now();
            let error = match call().await {
                Ok(value) => {
                    self.stats.succeeded(operation, started.elapsed());
                    return Ok(value);
                }
                Err(error) => error,
            };
            self.stats.failed(operation, error.outcome());
            if error.failure() == Some(Failure::Unavailable { outcome_unknown: true }) {
                if let Some(value) = self.patiently(operation, &look).await? {
                    self.stats.resolved(operation);
                    return Ok(value);
                }
            } else {
                self.pause_after(error).await?;
            }
        }
    }

    /// Reads, again while it fails for a while.
    pub(super) async fn read<T, F>(
        &self,
        operation: &'static str,
        call: impl Fn() -> F,
    ) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        self.settle(operation, call, again).await
    }

    async fn patiently<T, F>(&self, operation: &'static str, call: &impl Fn() -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        loop {
            match call().await {
                Ok(value) => return Ok(value),
                Err(error) => {
                    self.stats.failed(operation, error.outcome());
                    self.pause_after(error).await?;
                }
            }
        }
    }

    /// Waits before a call is repeated; an error that does not pass is returned.
    async fn pause_after(&self, error: Error) -> Result<()> {
        if !error.is_transient() || Instant::now() > self.until + GRACE {
            return Err(error);
        }
        tokio::time::sleep(PAUSE).await;
        Ok(())
    }
}

/// For a call that can simply be repeated: nothing is looked at.
pub(super) async fn again<T>() -> Result<Option<T>> {
    Ok(None)
}
