//! A request that passed its checks, on its way to a run.

use store_core::seal::KeyRing;
use store_core::workflow::{NewRun, RateLimit, WebhookRequest};
use store_core::{Actor, Denial, Error, Result, Timestamp, WorkflowId};

use super::{Replay, StoredWebhook, verify};
use crate::rules::Context;
use crate::rules::run::ReadyRun;

/// A request that starts a run unless it comes too often or again.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) run: ReadyRun,
    pub(crate) replay: Option<Replay>,
    pub(crate) rate_limit: Option<RateLimit>,
    /// The instant the request was checked at. The replay check goes by it as well: by another
    /// clock, a delivery could be forgotten while its timestamp still passes.
    pub(crate) now: Timestamp,
}

impl Delivery {
    /// Checks a request against the webhook of a workflow.
    ///
    /// # Errors
    /// `Denied`; `Settings`, `Tampered` and `Corrupt` for the secrets; `Invalid` for the input.
    pub(crate) fn new(
        context: &Context,
        workflow_id: WorkflowId,
        webhook: &StoredWebhook,
        request: &WebhookRequest,
    ) -> Result<Self> {
        let now = context.clock.now();
        let keys: Option<&KeyRing> = context.keys.as_ref();
        let secrets = webhook.secrets.open(keys, workflow_id)?;
        let verified = verify(&webhook.config, &secrets, request, now)?;
        let new = NewRun { input: verified.input, ..NewRun::new(workflow_id, "webhook") };
        Ok(Self {
            run: ReadyRun::new(context, &Actor::new("webhook")?, new)?,
            replay: verified.replay,
            rate_limit: webhook.config.rate_limit,
            now,
        })
    }
}

/// Builds the error of a request that comes too often.
pub(crate) const fn too_often() -> Error {
    super::denied(Denial::RateLimited)
}
