//! Rows as they are stored, and how they become records.

use std::io::Write as _;

use chrono::{DateTime, Utc};
use diesel::expression::AsExpression;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::Jsonb;
use serde_json::Value;
use store_core::json::JsonPolicy;
use store_core::tokens::{RateLimit, SecretHash, ServiceToken, TokenAuditEntry};
use store_core::{Error, Message, Result, Timestamp};

use super::schema::{service_token_audit, service_token_audit_heads, service_tokens};
use crate::rules::chain::{Head, Link};
use crate::rules::token::{ReadyToken, checked_rate};

// parity: SQLite binds the text itself.
/// JSON text in the form JSONB has on the wire: a version and the text.
#[derive(Debug, Clone, Copy, AsExpression)]
#[diesel(sql_type = Jsonb)]
pub(super) struct JsonText<'a>(pub(super) &'a str);

// parity: belongs to JsonText.
impl ToSql<Jsonb, Pg> for JsonText<'_> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(&[1])?;
        out.write_all(self.0.as_bytes())?;
        Ok(IsNull::No)
    }
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = service_tokens, check_for_backend(Pg))]
pub(super) struct TokenRow {
    identifier: String,
    secret_hash: Vec<u8>,
    name: Option<String>,
    scopes: Value,
    workspace_ids: Value,
    created_at: DateTime<Utc>,
    created_by: String,
    issued_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
    use_count: i64,
    rotated_to: Option<String>,
    rotated_from: Option<String>,
    rotated_at: Option<DateTime<Utc>>,
    rotation_expires_at: Option<DateTime<Utc>>,
    family: String,
    revoked_at: Option<DateTime<Utc>>,
    revoked_by: Option<String>,
    revocation_reason: Option<String>,
    allowed_ip_ranges: Value,
    rate_limit: Option<i32>,
    rate_interval_seconds: Option<i32>,
    #[expect(dead_code, reason = "the page's statement sums it")]
    record_bytes: i64,
}

impl TokenRow {
    pub(super) fn into_record(self) -> Result<ServiceToken> {
        let read = Reader { table: "service_tokens", id: &self.identifier };
        Ok(ServiceToken {
            identifier: read.parsed("identifier", &self.identifier)?,
            secret_hash: SecretHash::from_bytes(read.hash("secret_hash", &self.secret_hash)?),
            name: self.name,
            scopes: read.set("scopes", self.scopes)?.into_iter().collect(),
            workspace_ids: read.set("workspace_ids", self.workspace_ids)?.into_iter().collect(),
            created_at: read.instant("created_at", self.created_at)?,
            created_by: read.parsed("created_by", &self.created_by)?,
            issued_at: read.instant("issued_at", self.issued_at)?,
            expires_at: read.optional("expires_at", self.expires_at)?,
            last_used_at: read.optional("last_used_at", self.last_used_at)?,
            use_count: self.use_count,
            rotated_to: read.maybe("rotated_to", self.rotated_to.as_deref())?,
            rotated_from: read.maybe("rotated_from", self.rotated_from.as_deref())?,
            rotated_at: read.optional("rotated_at", self.rotated_at)?,
            rotation_expires_at: read.optional("rotation_expires_at", self.rotation_expires_at)?,
            family: read.parsed("family", &self.family)?,
            revoked_at: read.optional("revoked_at", self.revoked_at)?,
            revoked_by: read.maybe("revoked_by", self.revoked_by.as_deref())?,
            revocation_reason: self.revocation_reason,
            allowed_ip_ranges: read
                .set("allowed_ip_ranges", self.allowed_ip_ranges)?
                .iter()
                .map(|range| read.parsed("allowed_ip_ranges", range))
                .collect::<Result<_>>()?,
            rate_limit: read.rate(self.rate_limit, self.rate_interval_seconds)?,
        })
    }
}

#[derive(Debug, Insertable)]
#[diesel(table_name = service_tokens, check_for_backend(Pg))]
pub(super) struct NewTokenRow<'a> {
    identifier: &'a str,
    secret_hash: &'a [u8],
    name: Option<&'a str>,
    scopes: JsonText<'a>,
    workspace_ids: JsonText<'a>,
    created_at: DateTime<Utc>,
    created_by: &'a str,
    issued_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    rotated_from: Option<&'a str>,
    family: &'a str,
    allowed_ip_ranges: JsonText<'a>,
    rate_limit: Option<i32>,
    rate_interval_seconds: Option<i32>,
    ends_at: Option<DateTime<Utc>>,
    record_bytes: i64,
}

impl<'a> NewTokenRow<'a> {
    pub(super) fn new(ready: &'a ReadyToken) -> Result<Self> {
        let token = &ready.token;
        let rate = token.rate_limit.map(checked_rate).transpose()?;
        Ok(Self {
            identifier: token.identifier.as_str(),
            secret_hash: token.secret_hash.as_bytes(),
            name: token.name.as_deref(),
            scopes: JsonText(&ready.scopes),
            workspace_ids: JsonText(&ready.workspace_ids),
            created_at: token.created_at.to_datetime(),
            created_by: token.created_by.as_str(),
            issued_at: token.issued_at.to_datetime(),
            expires_at: stored(token.expires_at),
            rotated_from: token.rotated_from.as_ref().map(AsRef::as_ref),
            family: token.family.as_str(),
            allowed_ip_ranges: JsonText(&ready.allowed_ip_ranges),
            rate_limit: rate.map(|(limit, _)| limit),
            rate_interval_seconds: rate.map(|(_, seconds)| seconds),
            ends_at: stored(token.expires_at),
            record_bytes: ready.record_bytes(),
        })
    }
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = service_token_audit, check_for_backend(Pg))]
pub(super) struct AuditRow {
    identifier: String,
    sequence: i64,
    action: String,
    actor: String,
    ip: Option<String>,
    user_agent: Option<String>,
    details: Value,
    at: DateTime<Utc>,
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
            details: json.restore(self.details),
            at: read.instant("at", self.at)?,
            previous_hash: read.hash("previous_hash", &self.previous_hash)?,
        })
    }

    /// Hands out the entry as it is hashed.
    pub(super) fn with_link<T>(&self, with: impl FnOnce(&Link<'_>) -> T) -> Result<T> {
        let read = Reader { table: "service_token_audit", id: &self.identifier };
        Ok(with(&Link {
            previous: read.hash("previous_hash", &self.previous_hash)?,
            sequence: self.sequence,
            at: read.instant("at", self.at)?,
            identifier: &self.identifier,
            action: &self.action,
            actor: &self.actor,
            ip: self.ip.as_deref(),
            user_agent: self.user_agent.as_deref(),
            details: &self.details.to_string(),
        }))
    }
}

#[derive(Debug, Insertable)]
#[diesel(table_name = service_token_audit, check_for_backend(Pg))]
pub(super) struct NewAuditRow<'a> {
    identifier: &'a str,
    sequence: i64,
    action: &'a str,
    actor: &'a str,
    ip: Option<&'a str>,
    user_agent: Option<&'a str>,
    details: JsonText<'a>,
    at: DateTime<Utc>,
    previous_hash: Vec<u8>,
}

impl<'a> NewAuditRow<'a> {
    pub(super) fn new(link: &Link<'a>) -> Self {
        Self {
            identifier: link.identifier,
            sequence: link.sequence,
            action: link.action,
            actor: link.actor,
            ip: link.ip,
            user_agent: link.user_agent,
            details: JsonText(link.details),
            at: link.at.to_datetime(),
            previous_hash: link.previous.to_vec(),
        }
    }
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = service_token_audit_heads, check_for_backend(Pg))]
pub(super) struct HeadRow {
    identifier: String,
    sequence: i64,
    hash: Vec<u8>,
}

impl HeadRow {
    pub(super) fn into_head(self) -> Result<(String, Head)> {
        let read = Reader { table: "service_token_audit_heads", id: &self.identifier };
        let head = Head { sequence: self.sequence, hash: read.hash("hash", &self.hash)? };
        Ok((self.identifier, head))
    }
}

/// Reads columns of one row; what does not parse is `Corrupt` and names table, column and row.
struct Reader<'a> {
    table: &'static str,
    id: &'a str,
}

impl Reader<'_> {
    fn set(&self, column: &'static str, value: Value) -> Result<Vec<String>> {
        let Value::Array(items) = value else { return Err(self.corrupt(column, "is no array")) };
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

    // parity: instants arrive parsed.
    fn instant(&self, column: &'static str, instant: DateTime<Utc>) -> Result<Timestamp> {
        instant.try_into().map_err(|cause| Error::corrupt(self.table, column, self.id, cause))
    }

    // parity: belongs to instant.
    fn optional(
        &self,
        column: &'static str,
        instant: Option<DateTime<Utc>>,
    ) -> Result<Option<Timestamp>> {
        instant.map(|instant| self.instant(column, instant)).transpose()
    }

    fn corrupt(&self, column: &'static str, reason: &str) -> Error {
        Error::corrupt(self.table, column, self.id, Message(reason.to_owned()))
    }
}

/// Returns an optional instant as it is stored.
pub(super) fn stored(instant: Option<Timestamp>) -> Option<DateTime<Utc>> {
    instant.map(Timestamp::to_datetime)
}
