//! Credentials: opened with the old key and sealed with the new ones.

use store_core::seal::KeyRing;
use store_core::vault::{
    Credential, CredentialHealth, CredentialKind, HealthStatus, OAuthTokens, VaultSubject,
};
use store_core::{CredentialId, SecretString};
use store_vault::import::Import;
use store_vault::legacy::LegacyCipher;

use super::alerts;
use super::audit::entries;
use super::converter::Converter;
use super::fault::{Checked, Stop, broken};
use super::fields::Fields;
use super::row::Row;
use super::run::Tables;
use super::templates::{self, Issuances, audit, scope};
use crate::error::{Error, Result};

/// Where Orcheo has its passphrase from.
const OLD_KEY: &str = "ORCHEO_VAULT_ENCRYPTION_KEY";

/// Converts the vault: templates, credentials, alerts.
pub(super) fn convert(all: &mut Tables<'_>, cx: &mut Converter<'_>) -> Result<()> {
    let cipher = cx.options.old_vault_key.as_ref().map(LegacyCipher::new);
    let sealed = check_old_key(all, cipher.as_ref())?;
    let Some(keys) = cx.options.keys.clone() else {
        return without_keys(all, sealed);
    };
    let vault = Import::new(cx.options.json, keys.ring.clone());
    if sealed > 0 {
        let derivation = keys.derivations.get(keys.ring.current_id());
        register(cx, &keys.ring, derivation.map(String::as_str))?;
    }
    let mut issued = Issuances::new();
    all.each("credential_templates", &mut |row| {
        cx.row(&row, |cx, row| templates::convert(cx, &vault, &mut issued, row))
    })?;
    all.each("credentials", &mut |row| {
        let Some(cipher) = &cipher else { return Ok(()) };
        cx.row(&row, |cx, row| credential(cx, &vault, cipher, &mut issued, row))
    })?;
    for _gone in issued {
        cx.tally.note("credential_templates: issued a credential that is not there any more");
    }
    all.each("governance_alerts", &mut |row| {
        cx.row(&row, |cx, row| alerts::convert(cx, &vault, row))
    })
}

/// Without keys there can be nothing in the vault.
fn without_keys(all: &mut Tables<'_>, sealed: u64) -> Result<()> {
    let mut rows = sealed;
    for table in ["credential_templates", "governance_alerts"] {
        all.each(table, &mut |_row| {
            rows += 1;
            Ok(())
        })?;
    }
    if rows == 0 {
        return Ok(());
    }
    let reason = "the source has a vault, and there are no keys to seal the new one with: set \
                  VAULT_KEY, or what else the settings take";
    Err(Error::Store(store_core::Error::settings("VAULT_KEY", reason)))
}

/// Counts credentials, and refuses an old key that opens none of them: with another key every
/// single one would be refused for itself.
fn check_old_key(all: &mut Tables<'_>, cipher: Option<&LegacyCipher>) -> Result<u64> {
    let (mut rows, mut envelopes, mut opened) = (0, 0_u64, 0_u64);
    all.each("credentials", &mut |row| {
        rows += 1;
        let envelope = row.fields("payload").and_then(|mut payload| payload.fields("encryption"));
        if let (Some(cipher), Ok(mut envelope)) = (cipher, envelope) {
            envelopes += 1;
            opened += u64::from(open(cipher, &mut envelope).is_ok());
        }
        Ok(())
    })?;
    let settings = |reason: &str| Err(Error::Store(store_core::Error::settings(OLD_KEY, reason)));
    if rows > 0 && cipher.is_none() {
        return settings("the source has credentials: give the passphrase they were sealed with");
    }
    if envelopes > 0 && opened == 0 {
        return settings(
            "it opens none of the credentials: give the passphrase they were sealed with",
        );
    }
    Ok(rows)
}

/// Registers the key that everything is sealed with.
fn register(cx: &Converter<'_>, ring: &KeyRing, derivation: Option<&str>) -> Result<()> {
    let id = ring.current_id();
    let check_value = ring.check_value(id);
    let written = cx.insert(
        "vault_keys",
        &[
            ("key_id", &id),
            ("check_value", &check_value),
            ("derivation", &derivation),
            ("registered_at", &cx.options.now.to_string()),
        ],
    );
    written.map_err(|stop| match stop {
        Stop::All(error) => error,
        Stop::Row(fault) => {
            Error::refused(format!("vault_keys.{}: {}", fault.column, fault.reason))
        }
    })
}

/// Opens an envelope of Orcheo.
fn open(cipher: &LegacyCipher, envelope: &mut Fields) -> Checked<SecretString> {
    let (algorithm, text) = (envelope.text("algorithm")?, envelope.text("ciphertext")?);
    cipher.open(&algorithm, &text).map_err(broken(&envelope.at("ciphertext")))
}

fn maybe_open(
    cipher: &LegacyCipher,
    tokens: &mut Fields,
    field: &str,
) -> Checked<Option<SecretString>> {
    let Some(envelope) = tokens.take(field) else { return Ok(None) };
    open(cipher, &mut Fields::new(tokens.at(field), envelope)?).map(Some)
}

fn credential(
    cx: &mut Converter<'_>,
    vault: &Import,
    cipher: &LegacyCipher,
    issued: &mut Issuances,
    row: &Row,
) -> Checked<()> {
    let mut payload = row.fields("payload")?;
    let secret = open(cipher, &mut payload.fields("encryption")?)?;
    let tokens = match payload.take("oauth_tokens") {
        Some(tokens) => {
            Some(read_tokens(cipher, &mut Fields::new("payload.oauth_tokens", tokens)?)?)
        }
        None => None,
    };
    let given = read(cx, row, &mut payload)?;
    let columns = vault.credential(given, &secret, tokens.as_ref()).map_err(broken("payload"))?;
    let one = &columns.credential;
    cx.compare(row, "name", Some(row.text("name")?), &one.name.as_str());
    insert(cx, &columns)?;
    let by = NOBODY_SEALED.parse::<store_core::Actor>().map_err(broken("payload"))?;
    for sealed in &columns.secrets {
        cx.insert(
            "vault_secrets",
            &[
                ("credential_id", &one.id.to_string()),
                ("field", &sealed.field),
                ("version", &sealed.version),
                ("key_id", &one.key_id),
                ("envelope", &sealed.envelope),
                ("created_at", &one.last_rotated_at.to_string()),
                ("created_by", &by.as_str()),
            ],
        )?;
    }
    if let Some(issuance) = issued.remove(&one.id.to_string()) {
        cx.insert(
            "vault_issuances",
            &[
                ("credential_id", &one.id.to_string()),
                ("template_id", &issuance.template_id),
                ("template_name", &issuance.template_name),
                ("issued_at", &issuance.at.to_string()),
                ("issued_by", &issuance.by.as_str()),
            ],
        )?;
    }
    let list = entries(cx, row, &mut payload)?;
    audit(cx, vault, row, (VaultSubject::Credential(one.id), one.created_at), list)?;
    cx.leave(row, "payload", &payload);
    Ok(())
}

/// Who sealed the values anew.
const NOBODY_SEALED: &str = "store-migrate";

fn insert(cx: &Converter<'_>, columns: &store_vault::import::CredentialColumns) -> Checked<()> {
    let one = &columns.credential;
    let oauth = one.oauth.unwrap_or_default();
    cx.insert(
        "vault_credentials",
        &[
            ("id", &one.id.to_string()),
            ("name", &one.name),
            ("name_key", &columns.name_key),
            ("provider", &one.provider),
            ("scopes", &columns.scopes),
            ("workflow_ids", &columns.scope.workflow_ids),
            ("workspace_ids", &columns.scope.workspace_ids),
            ("roles", &columns.scope.roles),
            ("kind", &one.kind.as_str()),
            ("template_id", &one.template_id.map(|id| id.to_string())),
            ("health_status", &one.health.status.as_str()),
            ("health_checked_at", &one.health.last_checked_at.map(|at| at.to_string())),
            ("health_failure_reason", &one.health.failure_reason),
            ("key_id", &one.key_id),
            ("secret_version", &one.secret_version),
            ("last_rotated_at", &one.last_rotated_at.to_string()),
            ("tokens_version", &columns.tokens_version),
            ("has_access_token", &oauth.has_access_token),
            ("has_refresh_token", &oauth.has_refresh_token),
            ("tokens_expire_at", &oauth.expires_at.map(|at| at.to_string())),
            ("lease_epoch", &0_i64),
            ("created_at", &one.created_at.to_string()),
            ("updated_at", &one.updated_at.to_string()),
            ("row_version", &one.row_version),
            ("record_bytes", &columns.record_bytes),
        ],
    )
}

fn read_tokens(cipher: &LegacyCipher, tokens: &mut Fields) -> Checked<OAuthTokens> {
    Ok(OAuthTokens {
        access_token: maybe_open(cipher, tokens, "access_token")?,
        refresh_token: maybe_open(cipher, tokens, "refresh_token")?,
        expires_at: tokens.maybe_instant("expires_at")?,
    })
}

fn read(cx: &mut Converter<'_>, row: &Row, payload: &mut Fields) -> Checked<Credential> {
    let id: CredentialId = row.parsed("id")?;
    payload.same("id", row.text("id")?)?;
    let created_at = match payload.maybe_instant("created_at")? {
        Some(at) => at,
        None => row.instant("created_at")?,
    };
    Ok(Credential {
        id,
        name: payload.text("name")?,
        provider: payload.text("provider")?,
        scopes: payload.texts("scopes")?,
        scope: scope(payload)?,
        kind: payload.maybe_parsed("kind")?.unwrap_or(CredentialKind::Secret),
        template_id: payload.maybe_parsed("template_id")?,
        health: health(cx, payload)?,
        key_id: String::new(),
        secret_version: 1,
        last_rotated_at: payload.maybe_instant("last_rotated_at")?.unwrap_or(created_at),
        oauth: None,
        created_at,
        updated_at: match payload.maybe_instant("updated_at")? {
            Some(at) => at,
            None => row.instant("updated_at")?,
        },
        row_version: 1,
    })
}

fn health(cx: &mut Converter<'_>, payload: &mut Fields) -> Checked<CredentialHealth> {
    let mut health = payload.fields("health")?;
    let status = health.maybe_parsed("status")?.unwrap_or(HealthStatus::Unknown);
    let mut failure_reason = health.maybe_text("failure_reason")?;
    if status == HealthStatus::Unhealthy && failure_reason.is_none() {
        failure_reason = Some("no reason was recorded".into());
        cx.tally.note("credentials: is unhealthy, and no reason was recorded");
    }
    let last_checked_at = health.maybe_instant("last_checked_at")?;
    Ok(CredentialHealth { status, last_checked_at, failure_reason })
}
