//! What a tool needs that writes rows of records that were made elsewhere: the rules they have to
//! meet, and the columns that are made of them.
//!
//! A record that passes here is stored as if the store itself had written it: texts are trimmed and
//! lowered as its methods do, and what its rows hold beside the record is computed the same way.
//! Nothing here touches a database.

use std::sync::Arc;

use serde_json::Value;
use store_core::json::JsonPolicy;
use store_core::seal::KeyRing;
use store_core::workflow::{
    CronConfig, NewListener, NewRun, NewVersion, NewWebhook, NewWorkflow, Publication, RetryPolicy,
    Run, Workflow, WorkflowVersion,
};
use store_core::{ListenerId, Result, SystemClock, Timestamp, WorkflowId, WorkflowVersionId};

use crate::rules::Context;
use crate::rules::config::config_to_json;
use crate::rules::cron::Schedule;
use crate::rules::listener::{checked_listener, checked_state};
use crate::rules::queue::job::RUN_KIND;
use crate::rules::retry::checked_retry;
use crate::rules::run::{RUN_JOB_ATTEMPTS, RUN_JOB_PRIORITY, RUN_QUEUE, ReadyRun};
use crate::rules::text::checked_error;
use crate::rules::version::ReadyVersion;
use crate::rules::webhook::{ReadyWebhook, StoredSecrets};
use crate::rules::workflow::{StoredWorkflow, checked_publication, new_workflow};

/// The rules of workflows, runs and triggers, for records that were made elsewhere.
#[derive(Debug, Clone)]
pub struct Import {
    context: Context,
}

/// A workflow and the columns of its row that are made of it.
#[derive(Debug, Clone)]
pub struct WorkflowColumns {
    /// The workflow in the form of the rules.
    pub workflow: Workflow,
    /// Its tags as JSON.
    pub tags: String,
    /// How its chat looks, as JSON.
    pub chatkit: Option<String>,
    /// What `text` of a filter is looked for in.
    pub search_text: String,
    /// The bytes of text and JSON in the row.
    pub record_bytes: i64,
}

/// A version and the columns of its row that are made of it.
#[derive(Debug, Clone)]
pub struct VersionColumns {
    /// The version in the form of the rules, with its checksum.
    pub version: WorkflowVersion,
    /// Its graph as JSON.
    pub graph: String,
    /// Its metadata as JSON.
    pub metadata: String,
    /// Its configuration as JSON.
    pub runnable_config: Option<String>,
    /// The bytes of text and JSON in the row.
    pub record_bytes: i64,
}

/// A run and the columns of its row that are made of it.
#[derive(Debug, Clone)]
pub struct RunColumns {
    /// The run in the form of the rules.
    pub run: Run,
    /// What it was started with, as JSON.
    pub input: String,
    /// Its configuration as JSON.
    pub runnable_config: String,
    /// Its tags as JSON.
    pub tags: String,
    /// Its callbacks as JSON.
    pub callbacks: String,
    /// Its metadata as JSON.
    pub metadata: String,
    /// What it came to, as JSON.
    pub output: Option<String>,
    /// The bytes of text and JSON in the row.
    pub record_bytes: i64,
}

/// A webhook as its row has it. Without `Debug`: secrets are stored as they are without a key ring.
#[expect(missing_debug_implementations, reason = "it may hold secrets in the clear")]
pub struct WebhookColumns {
    /// The configuration as JSON.
    pub config: String,
    /// The shared secret, sealed when there is a key ring.
    pub shared_secret: Option<Vec<u8>>,
    /// The secret of signatures, sealed when there is a key ring.
    pub hmac_secret: Option<Vec<u8>>,
    /// Whether the secrets are sealed.
    pub secrets_sealed: bool,
}

/// A subscription of a listener and the columns of its row that are made of it.
#[derive(Debug, Clone)]
pub struct ListenerColumns {
    /// The id that the next version of the workflow will know it by.
    pub id: ListenerId,
    /// Its configuration as JSON.
    pub config: String,
    /// The bytes of text and JSON in the row.
    pub record_bytes: i64,
}

impl Import {
    /// Takes the JSON policy of the target, and what secrets of webhooks are sealed with there.
    #[must_use]
    pub fn new(json: JsonPolicy, keys: Option<KeyRing>) -> Self {
        Self { context: Context { json, clock: Arc::new(SystemClock), keys } }
    }

    /// Checks a workflow.
    ///
    /// # Errors
    /// `Invalid` names the field that breaks a rule.
    pub fn workflow(&self, given: Workflow) -> Result<WorkflowColumns> {
        let new = NewWorkflow {
            name: given.name,
            handle: given.handle,
            // Of an empty one a slug would be made at random.
            slug: Some(given.slug).filter(|slug| !slug.trim().is_empty()),
            description: given.description,
            tags: given.tags,
            draft_access: given.draft_access,
            chatkit: given.chatkit,
        };
        let publication =
            Publication { require_login: given.require_login, share_url: given.share_url };
        let workflow = Workflow {
            id: given.id,
            is_archived: given.is_archived,
            is_public: given.is_public,
            published_at: given.published_at,
            published_by: given.published_by,
            require_login: given.require_login,
            share_url: checked_publication(&publication)?.share_url,
            row_version: given.row_version,
            created_at: given.created_at,
            updated_at: given.updated_at,
            ..new_workflow(&self.context, new)?
        };
        let stored = StoredWorkflow::new(&self.context.json, workflow)?;
        Ok(WorkflowColumns {
            workflow: stored.workflow,
            tags: stored.tags.text,
            chatkit: stored.chatkit.map(|chatkit| chatkit.text),
            search_text: stored.search_text,
            record_bytes: stored.record_bytes,
        })
    }

    /// Checks a version, whose checksum is made here.
    ///
    /// # Errors
    /// `Invalid` names the field that breaks a rule.
    pub fn version(&self, given: WorkflowVersion) -> Result<VersionColumns> {
        let new = NewVersion {
            workflow_id: given.workflow_id,
            graph: given.graph,
            mermaid: given.mermaid,
            metadata: given.metadata,
            runnable_config: given.runnable_config,
            notes: given.notes,
            listeners: Vec::new(),
        };
        let ready = ReadyVersion::new(&self.context, &given.created_by, new)?;
        let record_bytes = ready.bytes();
        Ok(VersionColumns {
            version: WorkflowVersion {
                id: given.id,
                version: given.version,
                created_at: given.created_at,
                updated_at: given.updated_at,
                ..ready.version
            },
            graph: ready.graph.text,
            metadata: ready.metadata.text,
            runnable_config: ready.runnable_config.map(|config| config.text),
            record_bytes,
        })
    }

    /// Checks a run. Its tags, callbacks, metadata and name are its own: they need not be those of
    /// its configuration.
    ///
    /// # Errors
    /// `Invalid` names the field that breaks a rule.
    pub fn run(&self, given: Run) -> Result<RunColumns> {
        let json = &self.context.json;
        for (field, text) in [("error", &given.error), ("cancel_reason", &given.cancel_reason)] {
            text.as_deref().map_or(Ok(()), |text| checked_error(field, text))?;
        }
        let actor = store_core::Actor::new("import")?;
        let new = NewRun {
            workflow_id: given.workflow_id,
            workflow_version_id: Some(given.workflow_version_id),
            triggered_by: given.triggered_by.clone(),
            input: given.input.clone(),
            runnable_config: given.runnable_config.clone(),
            idempotency_key: given.idempotency_key.clone(),
            scheduled_for: given.scheduled_for,
        };
        let ready = ReadyRun::new(&self.context, &actor, new)?;
        let config = json.admit("runnable_config", config_to_json(&ready.config)?)?;
        // By the rules of a configuration, which is where a run has them from.
        let own = store_core::workflow::RunnableConfig {
            tags: Some(given.tags),
            run_name: given.run_name,
            ..Default::default()
        };
        let own = crate::rules::config::checked_config(own)?;
        let tags = json.admit("tags", Value::from(own.tags.clone().unwrap_or_default()))?;
        let callbacks = json.admit("callbacks", Value::Array(given.callbacks))?;
        let metadata = json.admit("metadata", given.metadata)?;
        let output = given.output.map(|output| json.admit("output", output)).transpose()?;
        let texts = [&given.error, &given.cancel_reason].into_iter().flatten().map(String::len);
        let record_bytes = [&ready.input, &config, &tags, &callbacks, &metadata]
            .into_iter()
            .chain(&output)
            .map(store_core::json::Admitted::bytes)
            .sum::<i64>()
            + i64::try_from(texts.sum::<usize>()).unwrap_or(i64::MAX);
        Ok(RunColumns {
            input: ready.input.text,
            runnable_config: config.text,
            tags: tags.text,
            callbacks: callbacks.text,
            metadata: metadata.text,
            record_bytes,
            run: Run {
                runnable_config: ready.config,
                tags: own.tags.unwrap_or_default(),
                run_name: own.run_name,
                callbacks: match callbacks.value {
                    Value::Array(items) => items,
                    other => vec![other],
                },
                metadata: metadata.value,
                output: output.as_ref().map(|output| output.value.clone()),
                ..given
            },
            output: output.map(|output| output.text),
        })
    }

    /// Checks a schedule and returns its next occurrence: the first after the one that was
    /// dispatched last, or from `now` on when none was.
    ///
    /// # Errors
    /// `Invalid` names the field that breaks a rule.
    pub fn cron(
        &self,
        config: &CronConfig,
        last_dispatched_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Option<Timestamp>> {
        let schedule = Schedule::new(config)?;
        Ok(match last_dispatched_at {
            Some(last) => schedule.next_after(last),
            None => schedule.first_from(now),
        })
    }

    /// Checks a webhook and seals its secrets, when there is a key ring.
    ///
    /// # Errors
    /// `Invalid` names the field that breaks a rule; `Backend` without random numbers.
    pub fn webhook(&self, id: WorkflowId, new: NewWebhook) -> Result<WebhookColumns> {
        let ready = ReadyWebhook::new(&self.context, id, new, StoredSecrets::default())?;
        Ok(WebhookColumns {
            config: ready.config.text,
            shared_secret: ready.secrets.shared,
            hmac_secret: ready.secrets.hmac,
            secrets_sealed: ready.secrets.sealed,
        })
    }

    /// Checks a retry policy.
    ///
    /// # Errors
    /// `Invalid` names the field that breaks a rule.
    pub fn retry(&self, policy: RetryPolicy) -> Result<RetryPolicy> {
        checked_retry(policy)
    }

    /// Checks a subscription of a version, with what it failed with last.
    ///
    /// # Errors
    /// `Invalid` names the field that breaks a rule.
    pub fn listener(
        &self,
        (workflow_id, version_id): (WorkflowId, WorkflowVersionId),
        given: NewListener,
        last_error: Option<&str>,
    ) -> Result<ListenerColumns> {
        last_error.map_or(Ok(()), |text| checked_error("last_error", text))?;
        let bytes = i64::try_from(last_error.map_or(0, str::len)).unwrap_or(i64::MAX);
        let now = self.context.clock.now();
        let ready = checked_listener(&self.context, (workflow_id, version_id, now), given)?;
        Ok(ListenerColumns {
            id: ready.id,
            record_bytes: ready.config.bytes() + bytes,
            config: ready.config.text,
        })
    }

    /// Checks the state of a cursor and returns it as JSON.
    ///
    /// # Errors
    /// `Invalid` for anything but an object, and for what the JSON policy refuses.
    pub fn cursor(&self, state: Value) -> Result<String> {
        checked_state(&self.context, state).map(|state| state.text)
    }

    /// Checks what an entry of the audit says, and returns it as JSON.
    ///
    /// # Errors
    /// `Invalid` for what the JSON policy refuses.
    pub fn audit(&self, metadata: Value) -> Result<String> {
        self.context.json.admit("audit", metadata).map(|metadata| metadata.text)
    }
}

/// What the jobs of runs have in common.
#[derive(Debug, Clone, Copy)]
pub struct RunJob {
    /// Their queue.
    pub queue: &'static str,
    /// Their kind.
    pub kind: &'static str,
    /// Their priority.
    pub priority: i16,
    /// How often the worker of one may vanish before it is given up.
    pub max_attempts: i32,
}

/// The job of a run that is to be run.
pub const RUN_JOB: RunJob = RunJob {
    queue: RUN_QUEUE,
    kind: RUN_KIND,
    priority: RUN_JOB_PRIORITY,
    max_attempts: RUN_JOB_ATTEMPTS,
};
