//! Looking tokens up by their hash, which every authentication does.

use diesel::prelude::*;
use store_core::Result;
use store_core::sqlite::db_error;
use store_core::tokens::{SecretHash, ServiceToken};

use super::rows::TokenRow;
use super::schema::service_tokens::{self, dsl};

/// Finds the token with a hash.
pub(super) fn token_look_up(
    conn: &mut SqliteConnection,
    hash: &SecretHash,
) -> Result<Option<ServiceToken>> {
    service_tokens::table
        .filter(dsl::secret_hash.eq(hash.as_bytes().as_slice()))
        .select(TokenRow::as_select())
        .first(conn)
        .optional()
        .map_err(db_error("token_look_up"))?
        .map(TokenRow::into_record)
        .transpose()
}
