use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use serde_json::Value;
use store_core::json::JsonPolicy;
use store_core::workflow::{WebhookConfig, WebhookTrigger};
use store_core::{Error, Result, Timestamp, WorkflowId};
use uuid::Uuid;

use super::{JsonText, Reader};
use crate::postgres::schema::workflow_webhooks;
use crate::rules::webhook::{StoredSecrets, StoredWebhook, config_from_json};

/// Without `Debug`: secrets may be stored as they are.
#[derive(Queryable, Selectable)]
#[diesel(table_name = workflow_webhooks, check_for_backend(Pg))]
pub(in crate::postgres) struct WebhookRow {
    pub(in crate::postgres) workflow_id: Uuid,
    pub(in crate::postgres) config: Value,
    pub(in crate::postgres) shared_secret: Option<Vec<u8>>,
    pub(in crate::postgres) hmac_secret: Option<Vec<u8>>,
    pub(in crate::postgres) secrets_sealed: bool,
    pub(in crate::postgres) created_at: DateTime<Utc>,
    pub(in crate::postgres) updated_at: DateTime<Utc>,
}

impl WebhookRow {
    pub(in crate::postgres) fn into_record(self, json: &JsonPolicy) -> Result<WebhookTrigger> {
        let read = Reader { table: "workflow_webhooks", id: &self.workflow_id, json };
        Ok(WebhookTrigger {
            workflow_id: self.workflow_id.into(),
            config: config(&read, self.config)?,
            has_shared_secret: self.shared_secret.is_some(),
            has_hmac_secret: self.hmac_secret.is_some(),
            created_at: read.instant("created_at", self.created_at)?,
            updated_at: read.instant("updated_at", self.updated_at)?,
        })
    }

    /// Reads what requests are checked by.
    pub(in crate::postgres) fn into_stored(mut self, json: &JsonPolicy) -> Result<StoredWebhook> {
        let read = Reader { table: "workflow_webhooks", id: &self.workflow_id, json };
        let config = config(&read, self.config.take())?;
        Ok(StoredWebhook { config, secrets: self.secrets() })
    }

    pub(in crate::postgres) fn secrets(self) -> StoredSecrets {
        StoredSecrets {
            shared: self.shared_secret,
            hmac: self.hmac_secret,
            sealed: self.secrets_sealed,
        }
    }
}

fn config(read: &Reader<'_>, value: Value) -> Result<WebhookConfig> {
    config_from_json(&read.json(value))
        .map_err(|cause| Error::corrupt(read.table, "config", read.id, cause))
}

/// Without `Debug`: secrets may be stored as they are.
#[derive(Insertable, AsChangeset)]
#[diesel(table_name = workflow_webhooks, check_for_backend(Pg))]
#[diesel(primary_key(workflow_id), treat_none_as_null = true)]
pub(in crate::postgres) struct StoredWebhookRow<'a> {
    workflow_id: Uuid,
    config: JsonText<'a>,
    shared_secret: Option<&'a [u8]>,
    hmac_secret: Option<&'a [u8]>,
    secrets_sealed: bool,
    updated_at: DateTime<Utc>,
}

impl<'a> StoredWebhookRow<'a> {
    pub(in crate::postgres) fn new(
        workflow_id: WorkflowId,
        config: &'a str,
        secrets: &'a StoredSecrets,
        now: Timestamp,
    ) -> Self {
        Self {
            workflow_id: workflow_id.as_uuid(),
            config: JsonText(config),
            shared_secret: secrets.shared.as_deref(),
            hmac_secret: secrets.hmac.as_deref(),
            secrets_sealed: secrets.sealed,
            updated_at: now.to_datetime(),
        }
    }
}
