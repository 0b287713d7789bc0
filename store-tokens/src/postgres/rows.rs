//! Rows as they are stored, and how they become records.

use chrono::{DateTime, Utc};
use diesel::dsl::{AsSelect, SqlTypeOf};
use diesel::pg::Pg;
use diesel::prelude::*;
use serde_json::Value;
use store_core::audit::ChainHead;
use store_core::json::JsonPolicy;
use store_core::tokens::{RateLimit, SecretHash, ServiceToken, TokenAuditEntry};
use store_core::{Error, Message, Result, Timestamp};

use super::schema::{service_token_audit, service_token_audit_heads, service_tokens};
use crate::rules::chain::Link;

// parity: fixed texts name the columns here, because Diesel prepares changes at each call.
/// The columns of `TokenRow`, in its order.
macro_rules! token_columns {
    () => {
        "identifier, secret_hash, name, scopes, workspace_ids, created_at, created_by, issued_at, \
         expires_at, last_used_at, use_count, rotated_to, rotated_from, rotated_at, \
         rotation_expires_at, family, revoked_at, revoked_by, revocation_reason, \
         allowed_ip_ranges, rate_limit, rate_interval_seconds, record_bytes"
    };
}
pub(super) use token_columns;

// parity: belongs to token_columns.
/// Their types.
pub(super) type TokenSql = SqlTypeOf<AsSelect<TokenRow, Pg>>;

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

// parity: a statement of fixed text answers it.
/// The columns of `HeadRow`, in its order.
pub(super) type HeadSql = SqlTypeOf<AsSelect<HeadRow, Pg>>;

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = service_token_audit_heads, check_for_backend(Pg))]
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

// parity: belongs to token_columns.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_of_fixed_texts_are_those_of_the_row() {
        let built = service_tokens::table.select(TokenRow::as_select());
        let built = diesel::debug_query::<Pg, _>(&built).to_string();
        let built = built.replace("\"service_tokens\".", "").replace('"', "");
        let columns = built.strip_prefix("SELECT ").and_then(|built| built.split_once(" FROM "));
        assert_eq!(columns.map(|(columns, _)| columns), Some(token_columns!()));
    }
}
