//! Envelopes as the database has them, for those who tamper with them.

use store_core::CredentialId;

use crate::fixture::Vaults;

/// One sealed value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sealed {
    pub(super) id: CredentialId,
    pub(super) field: &'static str,
    pub(super) version: i64,
}

impl Sealed {
    /// The secret of a credential, in its first version.
    pub(super) fn secret(id: CredentialId) -> Self {
        Self { id, field: "secret", version: 1 }
    }

    /// The access token of a credential, in its first version.
    pub(super) fn access(id: CredentialId) -> Self {
        Self { id, field: "access_token", version: 1 }
    }

    /// The refresh token of a credential, in its first version.
    pub(super) fn refresh(id: CredentialId) -> Self {
        Self { id, field: "refresh_token", version: 1 }
    }

    /// The same in another version.
    pub(super) fn at(self, version: i64) -> Self {
        Self { version, ..self }
    }

    /// The condition that means its row.
    pub(super) fn condition(self) -> String {
        let Self { id, field, version } = self;
        let of = format!("CAST(credential_id AS TEXT) = '{id}'");
        format!("{of} AND field = '{field}' AND version = {version}")
    }

    /// Its envelope, in lower-case hex.
    pub(super) async fn envelope(self, t: &Vaults) -> String {
        let sqlite = t.place.is_sqlite();
        let hex = if sqlite { "lower(hex(envelope))" } else { "encode(envelope, 'hex')" };
        let query = format!("SELECT {hex} FROM vault_secrets WHERE {}", self.condition());
        t.rows(&query).await.remove(0).remove(0)
    }

    /// Puts bytes in hex in the place of its envelope.
    pub(super) async fn put(self, t: &Vaults, hex: &str) {
        self.set(t, &format!("envelope = {}", literal(t, hex))).await;
    }

    /// Changes its row.
    pub(super) async fn set(self, t: &Vaults, change: &str) {
        t.sql(&format!("UPDATE vault_secrets SET {change} WHERE {}", self.condition())).await;
    }

    /// Removes its row.
    pub(super) async fn remove(self, t: &Vaults) {
        t.sql(&format!("DELETE FROM vault_secrets WHERE {}", self.condition())).await;
    }
}

/// Lets two values change places.
pub(super) async fn swap(t: &Vaults, one: Sealed, other: Sealed) {
    let (a, b) = (one.envelope(t).await, other.envelope(t).await);
    one.put(t, &b).await;
    other.put(t, &a).await;
}

/// Writes bytes in hex as the database does.
pub(super) fn literal(t: &Vaults, hex: &str) -> String {
    let mark = if t.place.is_sqlite() { "x'" } else { r"'\x" };
    format!("{mark}{hex}'")
}

/// The bytes of a text in hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
