//! Workflows: their versions, runs, triggers and listeners.
//!
//! The contract of both implementations is written here, once; `store-workflow` implements it.

mod audit;
mod config;
mod cron;
mod definition;
mod listener;
mod manual;
mod patch;
mod retry;
mod run;
mod traits;
mod version;
mod webhook;

pub use audit::{AuditAction, AuditEntry};
pub use config::RunnableConfig;
pub use cron::{CronConfig, CronTrigger, Misfire};
pub use definition::{
    ChatModel, ChatSettings, DraftAccess, NewWorkflow, Publication, StartPrompt, Workflow,
    WorkflowFilter, WorkflowUpdate,
};
pub use listener::{
    ListenerCursor, ListenerEvent, ListenerLease, ListenerMessage, ListenerStatus,
    ListenerSubscription, NewListener,
};
pub use manual::{ManualDispatch, ManualPolicy, ManualRun, ManualTrigger};
pub use patch::Patch;
pub use retry::RetryPolicy;
pub use run::{FailedRun, NewRun, RetryDecision, Run, RunFilter, RunStatus};
pub use traits::{
    DispatchGuard, Listeners, Runs, Triggers, Versions, WorkflowRepository, WorkflowStore,
    Workflows,
};
pub use version::{NewVersion, VersionDiff, WorkflowVersion};
pub use webhook::{
    HmacAlgorithm, NewWebhook, RateLimit, WebhookConfig, WebhookRequest, WebhookTrigger,
};
