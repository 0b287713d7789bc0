//! Looking tokens up by their hash, which every authentication does.

use std::collections::HashMap;

use async_trait::async_trait;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::Result;
use store_core::postgres::{Batch, Bind, Coalescer, Database, Statement, db_error};
use store_core::tokens::{SecretHash, ServiceToken};

use super::rows::{TokenRow, TokenSql, token_columns};

// parity: PostgreSQL answers many callers with one query.
/// One query for all callers that wait.
#[derive(Debug, Clone)]
pub(super) struct LookupBatch {
    pub(super) db: Database,
}

// parity: belongs to LookupBatch.
#[async_trait]
impl Batch for LookupBatch {
    type Request = SecretHash;
    type Response = Option<ServiceToken>;

    const OPERATION: &'static str = "tokens_find_by_hash";
    const READS: bool = true;

    async fn run(&self, requests: &[Self::Request]) -> Result<Vec<Result<Self::Response>>> {
        let mut found = self
            .db
            .read(Self::OPERATION, || async {
                let mut conn = self.db.conn(Self::OPERATION).await?;
                tokens_find_by_hash(&mut conn, requests).await
            })
            .await?;
        if let [_alone] = requests {
            return Ok(vec![Ok(found.pop())]);
        }
        let found: HashMap<SecretHash, ServiceToken> =
            found.into_iter().map(|token| (token.secret_hash, token)).collect();
        Ok(requests.iter().map(|hash| Ok(found.get(hash).cloned())).collect())
    }
}

// parity: belongs to LookupBatch.
/// Finds the tokens with these hashes.
async fn tokens_find_by_hash(
    conn: &mut AsyncPgConnection,
    hashes: &[SecretHash],
) -> Result<Vec<ServiceToken>> {
    enum Find {}
    // The query builder would write its text anew at each call, which takes longer than anything
    // else here that is not the database.
    let text =
        concat!("SELECT ", token_columns!(), " FROM service_tokens WHERE secret_hash = ANY (?)");
    let hashes = hashes.iter().map(|hash| hash.as_bytes().as_slice()).collect();
    let rows: Vec<TokenRow> = Statement::<Find, TokenSql>::new(text, vec![Bind::Bytes(hashes)])
        .load(conn)
        .await
        .map_err(db_error("tokens_find_by_hash"))?;
    rows.into_iter().map(TokenRow::into_record).collect()
}

/// Finds the token with a hash.
pub(super) async fn token_look_up(
    lookups: &Coalescer<LookupBatch>,
    hash: &SecretHash,
) -> Result<Option<ServiceToken>> {
    lookups.submit(hash, *hash, SecretHash::BYTES).await
}
