//! The secrets of a webhook as they are stored: sealed, when the store has a key ring.

use store_core::json::Admitted;
use store_core::seal::{KeyRing, SealContext};
use store_core::workflow::{NewWebhook, Patch, WebhookConfig};
use store_core::{Error, ExposeSecret as _, Message, Result, SecretString, WorkflowId};

use super::{WebhookSecrets, checked_config, checked_secret, config_to_json};
use crate::rules::Context;

const SHARED: &str = "shared_secret";
const HMAC: &str = "hmac_secret";

/// A webhook as its row has it. Without `Debug`: secrets may be stored as they are.
pub(crate) struct StoredWebhook {
    pub(crate) config: WebhookConfig,
    pub(crate) secrets: StoredSecrets,
}

/// The secrets of a row: envelopes when sealed, else text.
#[derive(Default)]
pub(crate) struct StoredSecrets {
    pub(crate) shared: Option<Vec<u8>>,
    pub(crate) hmac: Option<Vec<u8>>,
    pub(crate) sealed: bool,
}

/// A webhook that may be stored.
pub(crate) struct ReadyWebhook {
    pub(crate) config: Admitted,
    pub(crate) secrets: StoredSecrets,
}

impl ReadyWebhook {
    /// Checks a webhook that replaces one with the secrets `before`.
    pub(crate) fn new(
        context: &Context,
        id: WorkflowId,
        new: NewWebhook,
        before: StoredSecrets,
    ) -> Result<Self> {
        let shared =
            new.shared_secret.try_map(|secret| checked_secret("webhook.shared_secret", secret))?;
        let hmac =
            new.hmac_secret.try_map(|secret| checked_secret("webhook.hmac_secret", secret))?;
        let secrets = before.changed(context.keys.as_ref(), id, shared, hmac)?;
        let (has_shared, has_hmac) = (secrets.shared.is_some(), secrets.hmac.is_some());
        let config = checked_config(new.config, has_shared, has_hmac)?;
        let config = context.json.admit("webhook", config_to_json(&config))?;
        Ok(Self { config, secrets })
    }
}

impl StoredSecrets {
    /// Returns the secrets after a change, sealed if there are keys.
    pub(super) fn changed(
        self,
        keys: Option<&KeyRing>,
        id: WorkflowId,
        shared: Patch<SecretString>,
        hmac: Patch<SecretString>,
    ) -> Result<Self> {
        let keeps =
            shared.is_keep() && self.shared.is_some() || hmac.is_keep() && self.hmac.is_some();
        let sets = matches!(shared, Patch::Set(_)) || matches!(hmac, Patch::Set(_));
        let stays_sealed = self.sealed && keeps;
        // One flag says of both how they are stored.
        if keys.is_none() && stays_sealed && sets {
            return Err(missing_keys(
                "the secret that is kept is sealed, the new one could not be",
            ));
        }
        let changed = |field, patch: Patch<SecretString>, before| {
            let (secret, sealed) = match patch {
                Patch::Keep => (before, self.sealed),
                Patch::Clear => (None, false),
                Patch::Set(secret) => (Some(secret.expose_secret().as_bytes().to_vec()), false),
            };
            match (secret, keys) {
                (Some(secret), Some(keys)) if !sealed => {
                    keys.seal(&place(&id.to_string(), field), &secret).map(Some)
                }
                (secret, _) => Ok(secret),
            }
        };
        Ok(Self {
            shared: changed(SHARED, shared, self.shared)?,
            hmac: changed(HMAC, hmac, self.hmac)?,
            sealed: keys.is_some() || stays_sealed,
        })
    }

    /// Opens the secrets for one verification.
    ///
    /// # Errors
    /// `Settings` without the key they were sealed with; `Tampered`; `Corrupt`.
    pub(crate) fn open(&self, keys: Option<&KeyRing>, id: WorkflowId) -> Result<WebhookSecrets> {
        Ok(WebhookSecrets {
            shared: self.open_one(keys, id, SHARED, self.shared.as_deref())?,
            hmac: self.open_one(keys, id, HMAC, self.hmac.as_deref())?,
        })
    }

    fn open_one(
        &self,
        keys: Option<&KeyRing>,
        id: WorkflowId,
        field: &'static str,
        stored: Option<&[u8]>,
    ) -> Result<Option<SecretString>> {
        let Some(stored) = stored else { return Ok(None) };
        let bytes = if self.sealed {
            let keys = keys.ok_or_else(|| missing_keys("the secrets of webhooks are sealed"))?;
            keys.open(&place(&id.to_string(), field), stored)?.expose_secret().to_vec()
        } else {
            stored.to_vec()
        };
        // The cause would show the bytes.
        let corrupt =
            |_bytes| Error::corrupt("workflow_webhooks", field, id, Message("is no text".into()));
        Ok(Some(SecretString::from(String::from_utf8(bytes).map_err(corrupt)?)))
    }
}

/// The place a secret is sealed for: in another row or column it does not open.
const fn place<'a>(id: &'a str, field: &'a str) -> SealContext<'a> {
    SealContext { table: "workflow_webhooks", id, field, version: 1 }
}

fn missing_keys(what: &str) -> Error {
    Error::settings("VAULT_KEY", format!("{what}: open the store with the key ring"))
}
