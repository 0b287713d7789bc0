//! How many rows an answer holds.

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
