//! The tasks of a manager.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use store_core::tokens::Invalidation;
use store_core::{Error, Failure, Result};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::Shared;

/// The most tokens, and the most refusals, of one call: the limits of the storage.
const USES_BATCH: usize = 10_000;
const DENIALS_BATCH: usize = 1000;
/// How long to wait before listening again.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);

impl Shared {
    /// Writes what was counted.
    pub(super) async fn flush(&self) -> Result<()> {
        let _turn = self.flushing.lock().await;
        let (uses, denials) = self.usage.take();
        let mut first_error = None;
        for batch in uses.chunks(USES_BATCH) {
            if let Err(error) = self.repository.record_uses(batch).await {
                if is_undone(&error) {
                    self.usage.put_back(batch, &[]);
                }
                first_error.get_or_insert(error);
            }
        }
        for batch in denials.chunks(DENIALS_BATCH) {
            if let Err(error) = self.repository.record_denials(batch).await {
                if is_undone(&error) {
                    self.usage.put_back(&[], batch);
                }
                first_error.get_or_insert(error);
            }
        }
        first_error.map_or(Ok(()), Err)
    }
}

/// Tells whether a write that failed was not carried out: then it may be tried again.
fn is_undone(error: &Error) -> bool {
    !matches!(error.failure(), Some(Failure::Unavailable { outcome_unknown: true }))
}

/// The tasks of a manager; they end with its last clone.
pub(super) struct Tasks(Mutex<Option<Running>>);

struct Running {
    flushing: JoinHandle<Result<()>>,
    /// Dropping it ends the tasks.
    _stop: watch::Sender<()>,
}

impl Tasks {
    /// Starts them.
    pub(super) fn start(runtime: &Handle, shared: &Arc<Shared>, every: Duration) -> Self {
        let (stop, stopped) = watch::channel(());
        let flushing = flush_until(Arc::clone(shared), every, stopped.clone());
        let flushing = runtime.spawn(flushing);
        if shared.cache.is_some() {
            runtime.spawn(forget_until(Arc::clone(shared), stopped));
        }
        Self(Mutex::new(Some(Running { flushing, _stop: stop })))
    }

    /// Ends them, once; returns the one that writes what is left.
    pub(super) fn stop(&self) -> Option<JoinHandle<Result<()>>> {
        let running = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        running.map(|running| running.flushing)
    }
}

/// Waits for a task that flushes.
pub(super) async fn joined(flushing: JoinHandle<Result<()>>) -> Result<()> {
    flushing.await.unwrap_or_else(|gone| {
        let failure = Failure::Unavailable { outcome_unknown: true };
        Err(Error::backend("tokens_flush", failure, gone))
    })
}

/// Flushes in intervals, when enough was counted, and at the end.
async fn flush_until(
    shared: Arc<Shared>,
    every: Duration,
    mut stopped: watch::Receiver<()>,
) -> Result<()> {
    loop {
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = shared.usage.enough.notified() => {}
            _sender_gone = stopped.changed() => return shared.flush().await,
        }
        // Not inside the choice: what was taken must be written.
        if let Err(error) = shared.flush().await {
            tracing::warn!(%error, "the uses of tokens could not be written");
        }
    }
}

/// Forgets tokens that were changed by others.
async fn forget_until(shared: Arc<Shared>, mut stopped: watch::Receiver<()>) {
    tokio::select! {
        () = forget_for_ever(&shared) => {}
        _sender_gone = stopped.changed() => {}
    }
}

async fn forget_for_ever(shared: &Shared) {
    let Some(cache) = &shared.cache else { return };
    loop {
        match shared.repository.invalidations().await {
            Ok(mut heard) => {
                // Whatever was told before somebody listened.
                cache.forget(&Invalidation::All);
                while let Some(invalidation) = heard.next().await {
                    cache.forget(&invalidation);
                }
            }
            Err(error) => tracing::debug!(%error, "changes of tokens cannot be heard"),
        }
        tokio::time::sleep(LISTEN_AGAIN).await;
    }
}
