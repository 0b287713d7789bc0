#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod audit;
pub mod chatkit;
pub mod checkpoints;
mod clock;
mod databases;
mod error;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod gate;
mod health;
pub mod history;
mod ids;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod instrument;
pub mod json;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub mod migrations;
pub mod observe;
pub mod page;
#[cfg(feature = "postgres")]
pub mod postgres;
pub mod queue;
pub mod replica;
#[cfg(feature = "seal")]
pub mod seal;
pub mod settings;
#[cfg(feature = "sqlite")]
pub mod sqlite;
mod timestamp;
pub mod tokens;
pub mod vault;
mod words;
pub mod workflow;

pub use clock::{Clock, ManualClock, SystemClock};
pub use databases::Databases;
pub use error::{Cause, Denial, Error, Failure, Message, MigrationError, Result};
pub use health::{Health, MigrationStatus, PoolStatus, ReplicaHealth};
pub use ids::{
    Actor, AlertId, AttachmentId, CheckpointId, CredentialId, EXTERNAL_ID_MAX_BYTES, ExecutionId,
    GraphCheckpointId, ItemId, JobId, ListenerId, OwnerId, RunId, TaskId, TemplateId, ThreadId,
    TokenId, WorkflowId, WorkflowVersionId, check_external, check_short_text,
};
pub use page::{Cursor, Listing, Order, Page, PageRequest};
pub use secrecy::{ExposeSecret, SecretString};
pub use settings::{Backend, Settings, Subsystem};
pub use timestamp::Timestamp;
