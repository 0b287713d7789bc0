//! Threads that are saved.

use serde_json::Value;
use store_core::chatkit::{ChatContext, NewThread, Thread, ThreadStatus};
use store_core::json::Admitted;
use store_core::{Error, Failure, Result, ThreadId, Timestamp, check_external};

use super::Context;
use super::text::{checked_object, checked_prose, checked_workflow};

/// The most domains from which images may be shown.
const MAX_DOMAINS: usize = 1000;

/// A thread that may be stored.
#[derive(Debug, Clone)]
pub(crate) struct ReadyThread {
    pub(crate) id: ThreadId,
    pub(crate) workflow_id: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) status: ThreadStatus,
    pub(crate) allowed_image_domains: Option<Admitted>,
    pub(crate) metadata: Admitted,
    pub(crate) extra: Admitted,
    /// Where the count of touches begins, when the thread is new.
    pub(crate) revision: i64,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

impl ReadyThread {
    /// Checks a thread and lays the context over it.
    pub(crate) fn new(context: &Context, cx: &ChatContext, thread: NewThread) -> Result<Self> {
        let workflow_id = thread.workflow_id.or_else(|| cx.workflow_id().map(str::to_owned));
        checked_workflow(workflow_id.as_deref())?;
        thread.title.as_deref().map_or(Ok(()), |title| checked_prose("title", title))?;
        let reason = thread.status.reason();
        reason.map_or(Ok(()), |reason| checked_prose("status.reason", reason))?;
        let domains = thread.allowed_image_domains;
        domains.as_deref().map_or(Ok(()), checked_domains)?;
        checked_object("metadata", &thread.metadata)?;
        checked_object("extra", &thread.extra)?;
        let mut metadata = thread.metadata;
        if let Value::Object(map) = &mut metadata {
            map.extend(cx.metadata().clone());
        }
        let now = context.clock.now();
        let json = &context.json;
        let admit_domains = |domains| json.admit("allowed_image_domains", Value::from(domains));
        Ok(Self {
            id: thread.id,
            workflow_id,
            title: thread.title,
            status: thread.status,
            allowed_image_domains: domains.map(admit_domains).transpose()?,
            metadata: json.admit("metadata", metadata)?,
            extra: json.admit("extra", thread.extra)?,
            revision: first_revision()?,
            created_at: thread.created_at.unwrap_or(now),
            updated_at: now,
        })
    }

    /// Makes the record that was stored.
    pub(crate) fn into_record(self, saved: SavedThread) -> Thread {
        let domains = self.allowed_image_domains.map(|domains| domains.value);
        let text = |domain: &Value| domain.as_str().map(str::to_owned);
        let texts = |all: Value| all.as_array().into_iter().flatten().filter_map(text).collect();
        Thread {
            id: self.id,
            title: self.title,
            status: self.status,
            metadata: self.metadata.value,
            allowed_image_domains: domains.map(texts),
            workflow_id: saved.workflow_id,
            created_at: saved.created_at,
            updated_at: saved.updated_at,
            extra: self.extra.value,
        }
    }

    /// Returns the bytes of text and JSON in the row.
    pub(crate) fn bytes(&self) -> i64 {
        let texts = [self.title.as_deref(), self.status.reason()];
        let texts: usize = texts.into_iter().flatten().map(str::len).sum();
        let domains = self.allowed_image_domains.as_ref().map_or(0, Admitted::bytes);
        let json = self.metadata.bytes() + self.extra.bytes() + domains;
        json.saturating_add(i64::try_from(texts).unwrap_or(i64::MAX))
    }
}

/// Draws a number of 62 bits: there is room to count.
fn first_revision() -> Result<i64> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|_none| Error::failed("thread_save", Failure::Other))?;
    Ok(i64::from_be_bytes(bytes) & (i64::MAX >> 1))
}

/// What a row may keep of the thread that was there.
#[derive(Debug, Clone)]
pub(crate) struct SavedThread {
    pub(crate) workflow_id: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

/// Says of what an administrator did not find that it cannot be made, as it needs an owner.
pub(crate) fn owned<T>(found: Result<T>, what: &'static str) -> Result<T> {
    found.map_err(|error| match error {
        Error::NotFound { .. } => {
            let reason = format!("a new {what} needs one: save it with the context of its owner");
            Error::invalid("owner", reason)
        }
        other => other,
    })
}

fn checked_domains(domains: &[String]) -> Result<()> {
    if domains.len() > MAX_DOMAINS {
        let reason = format!("has {} entries, at most {MAX_DOMAINS} are allowed", domains.len());
        return Err(Error::invalid("allowed_image_domains", reason));
    }
    domains.iter().try_for_each(|domain| check_external("allowed_image_domains", domain))
}
