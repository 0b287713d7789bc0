//! Rows as they are stored, and how they become records.

use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use serde_json::Value;
use store_core::audit::ChainHead;
use store_core::json::JsonPolicy;
use store_core::tokens::{RateLimit, SecretHash, ServiceToken, TokenAuditEntry};
use store_core::{Error, Message, Result, Timestamp};

use super::schema::{service_token_audit, service_token_audit_heads, service_tokens};
use crate::rules::chain::Link;
use crate::rules::token::{ReadyToken, checked_rate};

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = service_tokens, check_for_backend(Sqlite))]
pub(super) struct TokenRow {
    identifier: String,
    secret_hash: Vec<u8>,
    name: Option<String>,
    scopes: String,
    workspace_ids: String,
    created_at: String,
    created_by: String,
    issued_at: String,
    expires_at: Option<String>,
    last_used_at: Option<String>,
    use_count: i64,
    rotated_to: Option<String>,
    rotated_from: Option<String>,
    rotated_at: Option<String>,
    rotation_expires_at: Option<String>,
    family: String,
    revoked_at: Option<String>,
    revoked_by: Option<String>,
    revocation_reason: Option<String>,
    allowed_ip_ranges: String,
    rate_limit: Option<i32>,
    rate_interval_seconds: Option<i32>,
    pub(super) record_bytes: i64,
}

impl TokenRow {
    pub(super) fn into_record(self) -> Result<ServiceToken> {
        let read = Reader { table: "service_tokens", id: &self.identifier };
        Ok(ServiceToken {
            identifier: read.parsed("identifier", &self.identifier)?,
            secret_hash: SecretHash::from_bytes(read.hash("secret_hash", &self.secret_hash)?),
            name: self.name,
            scopes: read.set("scopes", &self.scopes)?.into_iter().collect(),
            workspace_ids: read.set("workspace_ids", &self.workspace_ids)?.into_iter().collect(),
            created_at: read.parsed("created_at", &self.created_at)?,
            created_by: read.parsed("created_by", &self.created_by)?,
            issued_at: read.parsed("issued_at", &self.issued_at)?,
            expires_at: read.maybe("expires_at", self.expires_at.as_deref())?,
            last_used_at: read.maybe("last_used_at", self.last_used_at.as_deref())?,
            use_count: self.use_count,
            rotated_to: read.maybe("rotated_to", self.rotated_to.as_deref())?,
            rotated_from: read.maybe("rotated_from", self.rotated_from.as_deref())?,
            rotated_at: read.maybe("rotated_at", self.rotated_at.as_deref())?,
            rotation_expires_at: read
                .maybe("rotation_expires_at", self.rotation_expires_at.as_deref())?,
            family: read.parsed("family", &self.family)?,
            revoked_at: read.maybe("revoked_at", self.revoked_at.as_deref())?,
            revoked_by: read.maybe("revoked_by", self.revoked_by.as_deref())?,
            revocation_reason: self.revocation_reason,
            allowed_ip_ranges: read
                .set("allowed_ip_ranges", &self.allowed_ip_ranges)?
                .iter()
                .map(|range| read.parsed("allowed_ip_ranges", range))
                .collect::<Result<_>>()?,
            rate_limit: read.rate(self.rate_limit, self.rate_interval_seconds)?,
        })
    }
}

// parity: PostgreSQL binds a statement of fixed text, which is prepared once.
#[derive(Debug, Insertable)]
#[diesel(
    table_name = service_tokens,
    check_for_backend(Sqlite),
    treat_none_as_default_value = false
)]
pub(super) struct NewTokenRow<'a> {
    identifier: &'a str,
    secret_hash: &'a [u8],
    name: Option<&'a str>,
    scopes: &'a str,
    workspace_ids: &'a str,
    created_at: String,
    created_by: &'a str,
    issued_at: String,
    expires_at: Option<String>,
    rotated_from: Option<&'a str>,
    family: &'a str,
    allowed_ip_ranges: &'a str,
    rate_limit: Option<i32>,
    rate_interval_seconds: Option<i32>,
    ends_at: Option<String>,
    record_bytes: i64,
}

// parity: belongs to NewTokenRow.
impl<'a> NewTokenRow<'a> {
    pub(super) fn new(ready: &'a ReadyToken) -> Result<Self> {
        let token = &ready.token;
        let rate = token.rate_limit.map(checked_rate).transpose()?;
        Ok(Self {
            identifier: token.identifier.as_str(),
            secret_hash: token.secret_hash.as_bytes(),
            name: token.name.as_deref(),
            scopes: &ready.scopes,
            workspace_ids: &ready.workspace_ids,
            created_at: token.created_at.to_string(),
            created_by: token.created_by.as_str(),
            issued_at: token.issued_at.to_string(),
            expires_at: stored(token.expires_at),
            rotated_from: token.rotated_from.as_ref().map(AsRef::as_ref),
            family: token.family.as_str(),
            allowed_ip_ranges: &ready.allowed_ip_ranges,
            rate_limit: rate.map(|(limit, _)| limit),
            rate_interval_seconds: rate.map(|(_, seconds)| seconds),
            ends_at: stored(token.expires_at),
            record_bytes: ready.record_bytes(),
        })
    }
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = service_token_audit, check_for_backend(Sqlite))]
pub(super) struct AuditRow {
    identifier: String,
    sequence: i64,
    action: String,
    actor: String,
    ip: Option<String>,
    user_agent: Option<String>,
    details: String,
    at: String,
    previous_hash: Vec<u8>,
}

impl AuditRow {
    pub(super) fn into_record(self, json: &JsonPolicy) -> Result<TokenAuditEntry> {
        let read = Reader { table: "service_token_audit", id: &self.identifier };
        Ok(TokenAuditEntry {
            identifier: read.parsed("identifier", &self.identifier)?,
            sequence: self.sequence,
            action: read.parsed("action", &self.action)?,
            actor: read.parsed("actor", &self.actor)?,
            ip: read.maybe("ip", self.ip.as_deref())?,
            user_agent: self.user_agent,
            details: json.restore(read.json("details", &self.details)?),
            at: read.parsed("at", &self.at)?,
            previous_hash: read.hash("previous_hash", &self.previous_hash)?,
        })
    }

    /// Hands out the entry as it is hashed.
    pub(super) fn with_link<T>(&self, with: impl FnOnce(&Link<'_>) -> T) -> Result<T> {
        let read = Reader { table: "service_token_audit", id: &self.identifier };
        Ok(with(&Link {
            previous: read.hash("previous_hash", &self.previous_hash)?,
            sequence: self.sequence,
            at: read.parsed("at", &self.at)?,
            identifier: &self.identifier,
            action: &self.action,
            actor: &self.actor,
            ip: self.ip.as_deref(),
            user_agent: self.user_agent.as_deref(),
            details: &read.json("details", &self.details)?.to_string(),
        }))
    }
}

// parity: PostgreSQL binds a statement of fixed text, which is prepared once.
#[derive(Debug, Insertable)]
#[diesel(
    table_name = service_token_audit,
    check_for_backend(Sqlite),
    treat_none_as_default_value = false
)]
pub(super) struct NewAuditRow<'a> {
    identifier: &'a str,
    sequence: i64,
    action: &'a str,
    actor: &'a str,
    ip: Option<&'a str>,
    user_agent: Option<&'a str>,
    details: &'a str,
    at: String,
    previous_hash: Vec<u8>,
}

// parity: belongs to NewAuditRow.
impl<'a> NewAuditRow<'a> {
    pub(super) fn new(link: &Link<'a>) -> Self {
        Self {
            identifier: link.identifier,
            sequence: link.sequence,
            action: link.action,
            actor: link.actor,
            ip: link.ip,
            user_agent: link.user_agent,
            details: link.details,
            at: link.at.to_string(),
            previous_hash: link.previous.to_vec(),
        }
    }
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = service_token_audit_heads, check_for_backend(Sqlite))]
pub(super) struct HeadRow {
    identifier: String,
    sequence: i64,
    hash: Vec<u8>,
}

impl HeadRow {
    pub(super) fn into_head(self) -> Result<(String, ChainHead)> {
        let read = Reader { table: "service_token_audit_heads", id: &self.identifier };
        let head = ChainHead { sequence: self.sequence, hash: read.hash("hash", &self.hash)? };
        Ok((self.identifier, head))
    }
}

/// Reads columns of one row; what does not parse is `Corrupt` and names table, column and row.
struct Reader<'a> {
    table: &'static str,
    id: &'a str,
}

impl Reader<'_> {
    // parity: JSON arrives as text.
    fn json(&self, column: &'static str, text: &str) -> Result<Value> {
        serde_json::from_str(text)
            .map_err(|cause| Error::corrupt(self.table, column, self.id, cause))
    }

    fn set(&self, column: &'static str, text: &str) -> Result<Vec<String>> {
        let Value::Array(items) = self.json(column, text)? else {
            return Err(self.corrupt(column, "is no array"));
        };
        items
            .into_iter()
            .map(|item| match item {
                Value::String(text) => Ok(text),
                _ => Err(self.corrupt(column, "holds something else than strings")),
            })
            .collect()
    }

    fn hash(&self, column: &'static str, bytes: &[u8]) -> Result<[u8; 32]> {
        bytes.try_into().map_err(|cause| Error::corrupt(self.table, column, self.id, cause))
    }

    fn rate(&self, limit: Option<i32>, seconds: Option<i32>) -> Result<Option<RateLimit>> {
        let (Some(limit), Some(seconds)) = (limit, seconds) else { return Ok(None) };
        let corrupt = |cause| Error::corrupt(self.table, "rate_limit", self.id, cause);
        Ok(Some(RateLimit {
            limit: limit.try_into().map_err(corrupt)?,
            interval_seconds: seconds.try_into().map_err(corrupt)?,
        }))
    }

    fn parsed<T>(&self, column: &'static str, text: &str) -> Result<T>
    where
        T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
    {
        text.parse().map_err(|cause| Error::corrupt(self.table, column, self.id, cause))
    }

    fn maybe<T>(&self, column: &'static str, text: Option<&str>) -> Result<Option<T>>
    where
        T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
    {
        text.map(|text| self.parsed(column, text)).transpose()
    }

    fn corrupt(&self, column: &'static str, reason: &str) -> Error {
        Error::corrupt(self.table, column, self.id, Message(reason.to_owned()))
    }
}

/// Returns an optional instant as it is stored.
pub(super) fn stored(instant: Option<Timestamp>) -> Option<String> {
    instant.map(|instant| instant.to_string())
}
