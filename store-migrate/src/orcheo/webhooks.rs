//! Webhooks and their secrets.

use std::collections::BTreeMap;

use store_core::workflow::{HmacAlgorithm, NewWebhook, Patch, RateLimit, WebhookConfig};
use store_core::{SecretString, WorkflowId};

use super::converter::Converter;
use super::fault::{Checked, broken, fault};
use super::fields::Fields;
use super::row::Row;
use super::triggers::instants;

/// Converts a webhook. Its secrets are sealed when there are keys.
pub(super) fn convert(cx: &mut Converter<'_>, row: &Row) -> Checked<()> {
    let workflow_id: WorkflowId = row.parsed("workflow_id")?;
    let mut fields = row.fields("config")?;
    let new = NewWebhook {
        config: read(&mut fields)?,
        shared_secret: secret(&mut fields, "shared_secret")?,
        hmac_secret: secret(&mut fields, "hmac_secret")?,
    };
    let (created_at, updated_at) = instants(cx, &workflow_id.to_string())?;
    let columns = cx.rules.workflow.webhook(workflow_id, new).map_err(broken("config"))?;
    let secrets = columns.shared_secret.is_some() || columns.hmac_secret.is_some();
    if secrets && !columns.secrets_sealed {
        cx.tally.note("webhook_triggers: has secrets in the clear, because there are no keys");
    }
    cx.insert(
        "workflow_webhooks",
        &[
            ("workflow_id", &workflow_id.to_string()),
            ("config", &columns.config),
            ("shared_secret", &columns.shared_secret),
            ("hmac_secret", &columns.hmac_secret),
            ("secrets_sealed", &columns.secrets_sealed),
            ("created_at", &created_at),
            ("updated_at", &updated_at),
        ],
    )?;
    cx.leave(row, "config", &fields);
    Ok(())
}

fn secret(fields: &mut Fields, field: &str) -> Checked<Patch<SecretString>> {
    Ok(fields.maybe_text(field)?.map_or(Patch::Keep, |text| Patch::Set(text.into())))
}

fn read(fields: &mut Fields) -> Checked<WebhookConfig> {
    let default = WebhookConfig::default();
    let alias = fields.maybe_text("secret_header")?;
    Ok(WebhookConfig {
        allowed_methods: match fields.texts::<Vec<String>>("allowed_methods")? {
            methods if methods.is_empty() => default.allowed_methods,
            methods => methods,
        },
        required_headers: texts(fields, "required_headers")?,
        required_query_params: texts(fields, "required_query_params")?,
        shared_secret_header: fields.maybe_text("shared_secret_header")?.or(alias),
        hmac_header: fields.maybe_text("hmac_header")?,
        hmac_algorithm: match fields.maybe_text("hmac_algorithm")? {
            Some(name) => name.parse::<HmacAlgorithm>().map_err(broken("config.hmac_algorithm"))?,
            None => default.hmac_algorithm,
        },
        signature_prefix: None,
        hmac_timestamp_header: fields.maybe_text("hmac_timestamp_header")?,
        hmac_tolerance_seconds: fields
            .maybe_read("hmac_tolerance_seconds")?
            .unwrap_or(default.hmac_tolerance_seconds),
        rate_limit: rate_limit(fields)?,
        idempotency_header: None,
    })
}

fn texts(fields: &mut Fields, field: &str) -> Checked<BTreeMap<String, String>> {
    Ok(fields.maybe_read(field)?.unwrap_or_default())
}

fn rate_limit(fields: &mut Fields) -> Checked<Option<RateLimit>> {
    let Some(value) = fields.take("rate_limit") else { return Ok(None) };
    let mut limit = Fields::new(fields.at("rate_limit"), value)?;
    let rate = RateLimit {
        limit: limit.maybe_read("limit")?.unwrap_or(60),
        interval_seconds: limit.maybe_read("interval_seconds")?.unwrap_or(60),
    };
    match limit.remaining().next() {
        Some(field) => Err(fault(limit.at(field), "is no field of a rate limit")),
        None => Ok(Some(rate)),
    }
}
