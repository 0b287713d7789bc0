//! One span and one set of metrics for every operation of every store.

use std::future::Future;
use std::time::Instant;

use tracing::{Instrument as _, Span};

use crate::Result;

/// Runs one operation of a store inside its span and records how it went.
///
/// Recorded are the fields `outcome` and `rows` of the span, and the histogram
/// `store_operation_duration_seconds{subsystem,operation,backend,outcome}`. Use it through
/// [`observed!`](crate::observed), which makes the span.
pub async fn observe<T: Rows>(
    span: Span,
    labels: Labels,
    operation: impl Future<Output = Result<T>> + Send,
) -> Result<T> {
    let started = Instant::now();
    let result = operation.instrument(span.clone()).await;
    let outcome = match &result {
        Ok(value) => {
            span.record("rows", value.rows());
            "ok"
        }
        Err(error) => error.outcome(),
    };
    span.record("outcome", outcome);
    metrics::histogram!(
        "store_operation_duration_seconds",
        "subsystem" => labels.subsystem,
        "operation" => labels.operation,
        "backend" => labels.backend,
        "outcome" => outcome,
    )
    .record(started.elapsed().as_secs_f64());
    result
}

/// Runs one operation that only reads, as [`observe`] does: a replica may answer it, where that is
/// [asked for](crate::replica). Use it through [`observed_read!`](crate::observed_read).
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub async fn observe_read<T: Rows>(
    span: Span,
    labels: Labels,
    operation: impl Future<Output = Result<T>> + Send,
) -> Result<T> {
    observe(span, labels, crate::replica::operation(operation)).await
}

/// What an operation is called in metrics.
#[derive(Debug, Clone, Copy)]
pub struct Labels {
    /// The subsystem, such as `history`.
    pub subsystem: &'static str,
    /// The method of the trait.
    pub operation: &'static str,
    /// `sqlite` or `postgres`.
    pub backend: &'static str,
}

/// Runs a future as one operation: span `store.<subsystem>.<operation>`, metrics, outcome.
///
/// ```
/// # async fn example() -> store_core::Result<Option<u8>> {
/// store_core::observed!("history", "find", "sqlite", async { Ok(Some(1)) }).await
/// # }
/// ```
#[macro_export]
macro_rules! observed {
    ($subsystem:literal, $operation:literal, $backend:literal, $future:expr) => {
        $crate::observe::observe(
            $crate::observe::info_span!(
                concat!("store.", $subsystem, ".", $operation),
                backend = $backend,
                outcome = $crate::observe::Empty,
                rows = $crate::observe::Empty
            ),
            $crate::observe::Labels {
                subsystem: $subsystem,
                operation: $operation,
                backend: $backend,
            },
            $future,
        )
    };
}

/// Runs a future as one operation that only reads, as [`observed!`](crate::observed) does: a replica
/// may answer it, where that is [asked for](crate::replica).
///
/// An operation that decides something by what it reads is not one of these, whether or not it
/// writes: a replica may be behind.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
#[macro_export]
macro_rules! observed_read {
    ($subsystem:literal, $operation:literal, $backend:literal, $future:expr) => {
        $crate::observe::observe_read(
            $crate::observe::info_span!(
                concat!("store.", $subsystem, ".", $operation),
                backend = $backend,
                outcome = $crate::observe::Empty,
                rows = $crate::observe::Empty
            ),
            $crate::observe::Labels {
                subsystem: $subsystem,
                operation: $operation,
                backend: $backend,
            },
            $future,
        )
    };
}

#[doc(hidden)]
pub use tracing::{field::Empty, info_span};

/// How many rows an answer holds, for the span.
pub trait Rows {
    /// Returns the number of rows.
    fn rows(&self) -> u64;
}

impl Rows for () {
    fn rows(&self) -> u64 {
        0
    }
}

impl<T> Rows for Option<T> {
    fn rows(&self) -> u64 {
        u64::from(self.is_some())
    }
}

impl<T> Rows for Vec<T> {
    fn rows(&self) -> u64 {
        self.len() as u64
    }
}

impl<T> Rows for crate::Page<T> {
    fn rows(&self) -> u64 {
        self.items.len() as u64
    }
}

/// Counts records that are answers by themselves.
macro_rules! one_row {
    ($($record:ty),+ $(,)?) => {
        $(impl Rows for $record {
            fn rows(&self) -> u64 {
                1
            }
        })+
    };
}

one_row!(
    crate::Cursor,
    crate::audit::AuditReport,
    crate::chatkit::Attachment,
    crate::chatkit::Thread,
    crate::chatkit::ThreadItem,
    crate::checkpoints::Checkpoint,
    crate::checkpoints::CheckpointComparison,
    crate::history::Execution,
    crate::history::ExecutionWithSteps,
    crate::history::Step,
    crate::history::TaskResult,
    crate::queue::ClaimedJob,
    crate::queue::Counter,
    crate::queue::Delivery,
    crate::queue::Enqueued,
    crate::queue::Heartbeat,
    crate::queue::Job,
    crate::queue::JobState,
    crate::queue::LockGuard,
    crate::queue::RegisteredWorker,
    crate::tokens::Rotated,
    crate::tokens::ServiceToken,
    crate::vault::Alert,
    crate::vault::Credential,
    crate::vault::CredentialDescription,
    crate::vault::CredentialTemplate,
    crate::vault::RefreshLease,
    crate::vault::StoredTokens,
    crate::workflow::CronTrigger,
    crate::workflow::FailedRun,
    crate::workflow::ListenerCursor,
    crate::workflow::ListenerLease,
    crate::workflow::ListenerSubscription,
    crate::workflow::ManualTrigger,
    crate::workflow::RetryPolicy,
    crate::workflow::Run,
    crate::workflow::VersionDiff,
    crate::workflow::WebhookTrigger,
    crate::workflow::Workflow,
    crate::workflow::WorkflowVersion,
);

/// A number of rows that were deleted.
impl Rows for u64 {
    fn rows(&self) -> u64 {
        *self
    }
}

impl Rows for u32 {
    fn rows(&self) -> u64 {
        u64::from(*self)
    }
}

impl Rows for i64 {
    fn rows(&self) -> u64 {
        1
    }
}

impl Rows for bool {
    fn rows(&self) -> u64 {
        u64::from(*self)
    }
}

impl Rows for crate::queue::Reaped {
    fn rows(&self) -> u64 {
        u64::from(self.requeued) + u64::from(self.dead) + u64::from(self.cancelled)
    }
}

impl Rows for secrecy::SecretString {
    fn rows(&self) -> u64 {
        1
    }
}

impl Rows for crate::vault::Rewrapped {
    fn rows(&self) -> u64 {
        self.values
    }
}

impl Rows for crate::history::PruneReport {
    fn rows(&self) -> u64 {
        self.executions
    }
}

impl Rows for crate::history::MaintenanceReport {
    fn rows(&self) -> u64 {
        self.steps_moved
    }
}

impl Rows for crate::chatkit::ThreadPruneReport {
    fn rows(&self) -> u64 {
        self.threads
    }
}

impl Rows for crate::checkpoints::CheckpointPruneReport {
    fn rows(&self) -> u64 {
        self.checkpoints
    }
}

impl Rows for crate::checkpoints::graph::GraphPruneReport {
    fn rows(&self) -> u64 {
        self.checkpoints
    }
}
