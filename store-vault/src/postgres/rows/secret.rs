use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use store_core::vault::{Issuance, SecretVersion, VaultKey};
use store_core::{Result, Timestamp};
use uuid::Uuid;

use super::Reader;
use crate::keys::RegisteredKey;
use crate::postgres::schema::{vault_issuances, vault_keys, vault_secrets};
use crate::rules::secret::Sealed;

/// A sealed value and its place.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = vault_secrets, check_for_backend(Pg))]
pub(in crate::postgres) struct SecretRow {
    pub(in crate::postgres) credential_id: Uuid,
    pub(in crate::postgres) field: String,
    pub(in crate::postgres) version: i64,
    pub(in crate::postgres) key_id: String,
    pub(in crate::postgres) envelope: Vec<u8>,
}

impl SecretRow {
    pub(in crate::postgres) fn into_sealed(self) -> Sealed {
        Sealed { key_id: self.key_id, envelope: self.envelope }
    }
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = vault_secrets, check_for_backend(Pg))]
pub(in crate::postgres) struct VersionRow {
    credential_id: Uuid,
    version: i64,
    key_id: String,
    created_at: DateTime<Utc>,
    created_by: String,
}

impl VersionRow {
    pub(in crate::postgres) fn into_record(self, current: i64) -> Result<SecretVersion> {
        let read = Reader { table: "vault_secrets", id: self.credential_id };
        Ok(SecretVersion {
            version: self.version,
            is_current: self.version == current,
            created_at: read.instant("created_at", self.created_at)?,
            created_by: read.parsed("created_by", &self.created_by)?,
            key_id: self.key_id,
        })
    }
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = vault_issuances, check_for_backend(Pg))]
pub(in crate::postgres) struct IssuanceRow {
    credential_id: Uuid,
    template_id: Option<Uuid>,
    template_name: String,
    issued_at: DateTime<Utc>,
    issued_by: String,
}

impl IssuanceRow {
    pub(in crate::postgres) fn into_record(self) -> Result<Issuance> {
        let read = Reader { table: "vault_issuances", id: self.credential_id };
        Ok(Issuance {
            credential_id: self.credential_id.into(),
            template_id: self.template_id.map(Into::into),
            template_name: self.template_name,
            issued_at: read.instant("issued_at", self.issued_at)?,
            issued_by: read.parsed("issued_by", &self.issued_by)?,
        })
    }
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = vault_keys, check_for_backend(Pg))]
pub(in crate::postgres) struct KeyRow {
    key_id: String,
    check_value: String,
    derivation: Option<String>,
    registered_at: DateTime<Utc>,
    retired_at: Option<DateTime<Utc>>,
}

impl KeyRow {
    pub(in crate::postgres) fn is_retired(&self) -> bool {
        self.retired_at.is_some()
    }

    pub(in crate::postgres) fn key_id(&self) -> &str {
        &self.key_id
    }

    pub(in crate::postgres) fn into_registered(self, retired: bool) -> RegisteredKey {
        RegisteredKey {
            key_id: self.key_id,
            check_value: self.check_value,
            derivation: self.derivation,
            retired,
        }
    }

    pub(in crate::postgres) fn into_record(self, values: i64) -> Result<VaultKey> {
        let corrupt =
            |column, cause| store_core::Error::corrupt("vault_keys", column, &self.key_id, cause);
        let registered_at = self.registered_at.try_into();
        let retired_at = self.retired_at.map(Timestamp::try_from).transpose();
        Ok(VaultKey {
            registered_at: registered_at.map_err(|cause| corrupt("registered_at", cause))?,
            retired_at: retired_at.map_err(|cause| corrupt("retired_at", cause))?,
            values: u64::try_from(values).unwrap_or_default(),
            key_id: self.key_id,
            check_value: self.check_value,
            derivation: self.derivation,
        })
    }
}
