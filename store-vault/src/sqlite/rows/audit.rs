use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use store_core::Result;
use store_core::audit::ChainHead;
use store_core::json::JsonPolicy;
use store_core::vault::{VaultAuditEntry, VaultSubject};

use super::{Reader, stored};
use crate::rules::chain::{Link, ReadyEntry};
use crate::sqlite::schema::{vault_audit, vault_audit_heads};

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = vault_audit, check_for_backend(Sqlite))]
pub(in crate::sqlite) struct AuditRow {
    subject_id: String,
    sequence: i64,
    subject: String,
    action: String,
    actor: String,
    details: String,
    at: String,
    previous_hash: Vec<u8>,
}

impl AuditRow {
    pub(in crate::sqlite) fn into_record(self, json: &JsonPolicy) -> Result<VaultAuditEntry> {
        let read = Reader { table: "vault_audit", id: &self.subject_id };
        Ok(VaultAuditEntry {
            subject: match self.subject.as_str() {
                "template" => VaultSubject::Template(read.parsed("subject_id", &self.subject_id)?),
                _ => VaultSubject::Credential(read.parsed("subject_id", &self.subject_id)?),
            },
            sequence: self.sequence,
            action: read.parsed("action", &self.action)?,
            actor: read.parsed("actor", &self.actor)?,
            details: json.restore(read.json("details", &self.details)?),
            at: read.parsed("at", &self.at)?,
            previous_hash: read.hash("previous_hash", &self.previous_hash)?,
        })
    }

    /// Hands out the entry as it is hashed.
    pub(in crate::sqlite) fn with_link<T>(&self, with: impl FnOnce(&Link<'_>) -> T) -> Result<T> {
        let read = Reader { table: "vault_audit", id: &self.subject_id };
        Ok(with(&Link {
            previous: read.hash("previous_hash", &self.previous_hash)?,
            sequence: self.sequence,
            at: read.parsed("at", &self.at)?,
            subject: &self.subject,
            subject_id: &self.subject_id,
            action: &self.action,
            actor: &self.actor,
            details: &read.json("details", &self.details)?.to_string(),
        }))
    }
}

// parity: PostgreSQL binds the values of a fixed text.
#[derive(Debug, Insertable)]
#[diesel(
    table_name = vault_audit,
    check_for_backend(Sqlite),
    treat_none_as_default_value = false
)]
pub(in crate::sqlite) struct NewAuditRow<'a> {
    subject_id: &'a str,
    sequence: i64,
    subject: &'a str,
    action: &'a str,
    actor: &'a str,
    details: &'a str,
    at: String,
    previous_hash: Vec<u8>,
}

// parity: belongs to NewAuditRow.
impl<'a> NewAuditRow<'a> {
    // parity: belongs to NewAuditRow.
    pub(in crate::sqlite) fn new(entry: &'a ReadyEntry, link: &Link<'a>) -> Self {
        Self {
            subject_id: &entry.subject_id,
            sequence: link.sequence,
            subject: link.subject,
            action: link.action,
            actor: link.actor,
            details: link.details,
            at: stored(link.at),
            previous_hash: link.previous.to_vec(),
        }
    }
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = vault_audit_heads, check_for_backend(Sqlite))]
pub(in crate::sqlite) struct HeadRow {
    subject_id: String,
    sequence: i64,
    hash: Vec<u8>,
}

impl HeadRow {
    pub(in crate::sqlite) fn into_head(self) -> Result<ChainHead> {
        let read = Reader { table: "vault_audit_heads", id: &self.subject_id };
        Ok(ChainHead { sequence: self.sequence, hash: read.hash("hash", &self.hash)? })
    }
}
