use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use serde_json::Value;
use store_core::Result;
use store_core::audit::ChainHead;
use store_core::json::JsonPolicy;
use store_core::vault::{VaultAuditEntry, VaultSubject};
use uuid::Uuid;

use super::Reader;
use crate::postgres::schema::{vault_audit, vault_audit_heads};
use crate::rules::chain::Link;

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = vault_audit, check_for_backend(Pg))]
pub(in crate::postgres) struct AuditRow {
    subject_id: Uuid,
    sequence: i64,
    subject: String,
    action: String,
    actor: String,
    details: Value,
    at: DateTime<Utc>,
    previous_hash: Vec<u8>,
}

impl AuditRow {
    pub(in crate::postgres) fn into_record(self, json: &JsonPolicy) -> Result<VaultAuditEntry> {
        let read = Reader { table: "vault_audit", id: self.subject_id };
        Ok(VaultAuditEntry {
            subject: match self.subject.as_str() {
                "template" => VaultSubject::Template(self.subject_id.into()),
                _ => VaultSubject::Credential(self.subject_id.into()),
            },
            sequence: self.sequence,
            action: read.parsed("action", &self.action)?,
            actor: read.parsed("actor", &self.actor)?,
            details: json.restore(self.details),
            at: read.instant("at", self.at)?,
            previous_hash: read.hash("previous_hash", &self.previous_hash)?,
        })
    }

    /// Hands out the entry as it is hashed.
    pub(in crate::postgres) fn with_link<T>(&self, with: impl FnOnce(&Link<'_>) -> T) -> Result<T> {
        let read = Reader { table: "vault_audit", id: self.subject_id };
        Ok(with(&Link {
            previous: read.hash("previous_hash", &self.previous_hash)?,
            sequence: self.sequence,
            at: read.instant("at", self.at)?,
            subject: &self.subject,
            subject_id: &self.subject_id.to_string(),
            action: &self.action,
            actor: &self.actor,
            details: &self.details.to_string(),
        }))
    }
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = vault_audit_heads, check_for_backend(Pg))]
pub(in crate::postgres) struct HeadRow {
    subject_id: Uuid,
    sequence: i64,
    hash: Vec<u8>,
}

impl HeadRow {
    pub(in crate::postgres) fn into_head(self) -> Result<ChainHead> {
        let read = Reader { table: "vault_audit_heads", id: self.subject_id };
        Ok(ChainHead { sequence: self.sequence, hash: read.hash("hash", &self.hash)? })
    }
}
