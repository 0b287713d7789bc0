//! The vault: every call checks its input, then takes a connection.

mod governance;
mod vault;

use store_core::seal::KeyRing;
use store_core::sqlite::Database;
use store_core::vault::{Credential, Rewrapped};
use store_core::{Clock, CredentialId, Listing, Order, Page, PageRequest, Result};

use super::rewrap::RewrappedBatch;
use super::{SqliteCredentialVault, credentials, keys, rewrap};
use crate::keys::KeyProvider;
use crate::rules::access::Reach;
use crate::rules::keys::{TAMPERED_MAX, checked_keys, unregistered};

/// Gets the keys, compares them with those that the vault knows, and registers the current one.
pub(super) async fn keys_open(
    db: &Database,
    clock: &dyn Clock,
    provider: &dyn KeyProvider,
) -> Result<KeyRing> {
    loop {
        let registered = db.read("keys_registered", keys::keys_registered).await?;
        let provided = provider.keys(&registered).await?;
        checked_keys(&provided.ring, &registered)?;
        let Some(current) = unregistered(&provided, &registered) else { return Ok(provided.ring) };
        let now = clock.now();
        let unchanged = db
            .write("key_register", move |conn| keys::key_register(conn, &registered, &current, now))
            .await?;
        if unchanged {
            return Ok(provided.ring);
        }
        // Another process has registered a key meanwhile: perhaps one that this ring lacks.
    }
}

impl SqliteCredentialVault {
    /// Lists credentials within the reach of a caller.
    async fn list_within(
        &self,
        listing: &'static str,
        reach: Reach,
        page: &PageRequest,
    ) -> Result<Page<Credential>> {
        let listing = Listing::new(listing, &reach, page, Order::Desc)?;
        reading!(self, "credential_list", |conn, _cx| {
            credentials::credential_list(conn, &reach, &listing)
        })
    }

    /// Gives all values the current key, batch by batch.
    async fn rewrap_all(&self, limit: i64) -> Result<Rewrapped> {
        // Before anything is retired: a value that nobody can open would stay under its key.
        let registered = self.db.read("keys_registered", keys::keys_registered).await?;
        checked_keys(&self.context.keys, &registered)?;
        writing!(self, "keys_retire", |conn, cx| keys::keys_retire(conn, cx))?;
        let mut rewrapped = Rewrapped::default();
        let mut after: Option<CredentialId> = None;
        loop {
            let RewrappedBatch { last, values, tampered } =
                writing!(self, "rewrap_batch", |conn, cx| {
                    rewrap::rewrap_batch(conn, cx, after, limit)
                })?;
            rewrapped.values += values;
            let room = TAMPERED_MAX - rewrapped.tampered.len();
            rewrapped.tampered.extend(tampered.into_iter().take(room));
            match last {
                Some(last) => after = Some(last),
                None => break,
            }
        }
        rewrapped.forgotten = writing!(self, "keys_forget", |conn, _cx| keys::keys_forget(conn))?;
        Ok(rewrapped)
    }
}
