use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use store_core::vault::{Issuance, SecretVersion, VaultKey};
use store_core::{CredentialId, Result, Timestamp};

use super::{Reader, stored};
use crate::keys::RegisteredKey;
use crate::rules::secret::{ReadySecret, Sealed};
use crate::sqlite::schema::{vault_issuances, vault_keys, vault_secrets};

// parity: PostgreSQL binds the values of a fixed text.
#[derive(Debug, Insertable)]
#[diesel(
    table_name = vault_secrets,
    check_for_backend(Sqlite),
    treat_none_as_default_value = false
)]
pub(in crate::sqlite) struct NewSecretRow<'a> {
    credential_id: String,
    field: &'a str,
    version: i64,
    key_id: &'a str,
    envelope: &'a [u8],
    created_at: String,
    created_by: &'a str,
}

// parity: belongs to NewSecretRow.
impl<'a> NewSecretRow<'a> {
    // parity: belongs to NewSecretRow.
    pub(in crate::sqlite) fn new(
        id: CredentialId,
        secret: &'a ReadySecret,
        key_id: &'a str,
        now: Timestamp,
        created_by: &'a str,
    ) -> Self {
        Self {
            credential_id: id.to_string(),
            field: secret.field.as_str(),
            version: secret.version,
            key_id,
            envelope: &secret.envelope,
            created_at: stored(now),
            created_by,
        }
    }
}

/// A sealed value and its place.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = vault_secrets, check_for_backend(Sqlite))]
pub(in crate::sqlite) struct SecretRow {
    pub(in crate::sqlite) credential_id: String,
    pub(in crate::sqlite) field: String,
    pub(in crate::sqlite) version: i64,
    pub(in crate::sqlite) key_id: String,
    pub(in crate::sqlite) envelope: Vec<u8>,
}

impl SecretRow {
    pub(in crate::sqlite) fn into_sealed(self) -> Sealed {
        Sealed { key_id: self.key_id, envelope: self.envelope }
    }
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = vault_secrets, check_for_backend(Sqlite))]
pub(in crate::sqlite) struct VersionRow {
    credential_id: String,
    version: i64,
    key_id: String,
    created_at: String,
    created_by: String,
}

impl VersionRow {
    pub(in crate::sqlite) fn into_record(self, current: i64) -> Result<SecretVersion> {
        let read = Reader { table: "vault_secrets", id: &self.credential_id };
        Ok(SecretVersion {
            version: self.version,
            is_current: self.version == current,
            created_at: read.parsed("created_at", &self.created_at)?,
            created_by: read.parsed("created_by", &self.created_by)?,
            key_id: self.key_id,
        })
    }
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = vault_issuances, check_for_backend(Sqlite))]
pub(in crate::sqlite) struct IssuanceRow {
    credential_id: String,
    template_id: Option<String>,
    template_name: String,
    issued_at: String,
    issued_by: String,
}

impl IssuanceRow {
    pub(in crate::sqlite) fn into_record(self) -> Result<Issuance> {
        let read = Reader { table: "vault_issuances", id: &self.credential_id };
        Ok(Issuance {
            credential_id: read.parsed("credential_id", &self.credential_id)?,
            template_id: read.maybe("template_id", self.template_id.as_deref())?,
            template_name: self.template_name,
            issued_at: read.parsed("issued_at", &self.issued_at)?,
            issued_by: read.parsed("issued_by", &self.issued_by)?,
        })
    }
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = vault_keys, check_for_backend(Sqlite))]
pub(in crate::sqlite) struct KeyRow {
    key_id: String,
    check_value: String,
    derivation: Option<String>,
    registered_at: String,
    retired_at: Option<String>,
}

impl KeyRow {
    pub(in crate::sqlite) fn is_retired(&self) -> bool {
        self.retired_at.is_some()
    }

    pub(in crate::sqlite) fn key_id(&self) -> &str {
        &self.key_id
    }

    pub(in crate::sqlite) fn into_registered(self, retired: bool) -> RegisteredKey {
        RegisteredKey {
            key_id: self.key_id,
            check_value: self.check_value,
            derivation: self.derivation,
            retired,
        }
    }

    pub(in crate::sqlite) fn into_record(self, values: i64) -> Result<VaultKey> {
        let read = Reader { table: "vault_keys", id: &self.key_id };
        Ok(VaultKey {
            registered_at: read.parsed("registered_at", &self.registered_at)?,
            retired_at: read.maybe("retired_at", self.retired_at.as_deref())?,
            values: u64::try_from(values).unwrap_or_default(),
            key_id: self.key_id,
            check_value: self.check_value,
            derivation: self.derivation,
        })
    }
}
