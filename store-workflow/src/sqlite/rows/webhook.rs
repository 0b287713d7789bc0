use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use store_core::json::JsonPolicy;
use store_core::workflow::{WebhookConfig, WebhookTrigger};
use store_core::{Error, Result, Timestamp, WorkflowId};

use super::Reader;
use crate::rules::webhook::{StoredSecrets, StoredWebhook, config_from_json};
use crate::sqlite::schema::workflow_webhooks;

/// Without `Debug`: secrets may be stored as they are.
#[derive(Queryable, Selectable)]
#[diesel(table_name = workflow_webhooks, check_for_backend(Sqlite))]
pub(in crate::sqlite) struct WebhookRow {
    pub(in crate::sqlite) workflow_id: String,
    pub(in crate::sqlite) config: String,
    pub(in crate::sqlite) shared_secret: Option<Vec<u8>>,
    pub(in crate::sqlite) hmac_secret: Option<Vec<u8>>,
    pub(in crate::sqlite) secrets_sealed: bool,
    pub(in crate::sqlite) created_at: String,
    pub(in crate::sqlite) updated_at: String,
}

impl WebhookRow {
    pub(in crate::sqlite) fn into_record(self, json: &JsonPolicy) -> Result<WebhookTrigger> {
        let read = Reader { table: "workflow_webhooks", id: &self.workflow_id, json };
        Ok(WebhookTrigger {
            workflow_id: read.parsed("workflow_id", &self.workflow_id)?,
            config: config(&read, &self.config)?,
            has_shared_secret: self.shared_secret.is_some(),
            has_hmac_secret: self.hmac_secret.is_some(),
            created_at: read.parsed("created_at", &self.created_at)?,
            updated_at: read.parsed("updated_at", &self.updated_at)?,
        })
    }

    /// Reads what requests are checked by.
    pub(in crate::sqlite) fn into_stored(self, json: &JsonPolicy) -> Result<StoredWebhook> {
        let read = Reader { table: "workflow_webhooks", id: &self.workflow_id, json };
        let config = config(&read, &self.config)?;
        Ok(StoredWebhook { config, secrets: self.secrets() })
    }

    pub(in crate::sqlite) fn secrets(self) -> StoredSecrets {
        StoredSecrets {
            shared: self.shared_secret,
            hmac: self.hmac_secret,
            sealed: self.secrets_sealed,
        }
    }
}

fn config(read: &Reader<'_>, text: &str) -> Result<WebhookConfig> {
    config_from_json(&read.json("config", text)?)
        .map_err(|cause| Error::corrupt(read.table, "config", read.id, cause))
}

/// Without `Debug`: secrets may be stored as they are.
#[derive(Insertable, AsChangeset)]
#[diesel(table_name = workflow_webhooks, check_for_backend(Sqlite))]
#[diesel(primary_key(workflow_id), treat_none_as_null = true)]
pub(in crate::sqlite) struct StoredWebhookRow<'a> {
    workflow_id: String,
    config: &'a str,
    shared_secret: Option<&'a [u8]>,
    hmac_secret: Option<&'a [u8]>,
    secrets_sealed: bool,
    updated_at: String,
}

impl<'a> StoredWebhookRow<'a> {
    pub(in crate::sqlite) fn new(
        workflow_id: WorkflowId,
        config: &'a str,
        secrets: &'a StoredSecrets,
        now: Timestamp,
    ) -> Self {
        Self {
            workflow_id: workflow_id.to_string(),
            config,
            shared_secret: secrets.shared.as_deref(),
            hmac_secret: secrets.hmac.as_deref(),
            secrets_sealed: secrets.sealed,
            updated_at: now.to_string(),
        }
    }
}
