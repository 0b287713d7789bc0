//! The vault: every call checks its input, then takes a connection.

mod governance;
mod vault;

use store_core::postgres::Database;
use store_core::seal::KeyRing;
use store_core::vault::{Credential, Rewrapped};
use store_core::{Clock, CredentialId, Listing, Order, Page, PageRequest, Result};

use super::rewrap::RewrappedBatch;
use super::{PostgresCredentialVault, credentials, keys, rewrap};
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
        let registered = db
            .read("keys_registered", || async {
                let mut conn = db.conn("keys_registered").await?;
                keys::keys_registered(&mut conn).await
            })
            .await?;
        let provided = provider.keys(&registered).await?;
        checked_keys(&provided.ring, &registered)?;
        let Some(current) = unregistered(&provided, &registered) else { return Ok(provided.ring) };
        let unchanged = db
            .write("key_register", || async {
                let mut conn = db.conn("key_register").await?;
                store_core::postgres::begin("key_register", &mut conn).await?;
                let result =
                    keys::key_register(&mut conn, &registered, &current, clock.now()).await;
                store_core::postgres::finish("key_register", &mut conn, result).await
            })
            .await?;
        if unchanged {
            return Ok(provided.ring);
        }
        // Another process has registered a key meanwhile: perhaps one that this ring lacks.
    }
}

impl PostgresCredentialVault {
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
        let registered =
            reading!(self, "keys_registered", |conn, _cx| keys::keys_registered(conn))?;
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
