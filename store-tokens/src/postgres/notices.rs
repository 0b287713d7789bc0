//! What caches have to forget: told with the commit, heard on a connection of its own.

use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::stream::{self, BoxStream, StreamExt as _};
use store_core::postgres::{Bind, Database, Notice, Statement, db_error};
use store_core::tokens::Invalidation;
use store_core::{Result, TokenId};

#[declare_sql_function]
extern "SQL" {
    /// The MD5 of a text, in hexadecimal digits.
    fn md5(text: Text) -> Text;
    /// The schema that tables are made in.
    fn current_schema() -> Text;
}

/// Hears from now on which tokens were changed.
pub(super) async fn notices_listen(db: &Database) -> Result<BoxStream<'static, Invalidation>> {
    let channel = db
        .read("notices_listen", || async {
            let mut conn = db.conn("notices_listen").await?;
            channel_name(&mut conn).await
        })
        .await?;
    let heard = stream::unfold(db.listen(&[&channel]).await?, |mut listener| async {
        let heard = match listener.next().await? {
            Notice::Notification { payload, .. } => {
                TokenId::new(payload).map_or(Invalidation::All, Invalidation::Token)
            }
            Notice::Reconnected => Invalidation::All,
        };
        Some((heard, listener))
    });
    Ok(heard.boxed())
}

// parity: SQLite tells after the commit, without SQL.
/// Returns the name of the channel: one for each schema of the database.
async fn channel_name(conn: &mut AsyncPgConnection) -> Result<String> {
    let schema: String = diesel::select(md5(current_schema()))
        .get_result(conn)
        .await
        .map_err(db_error("notices_listen"))?;
    Ok(format!("service_tokens_{schema}"))
}

/// Tells which tokens were changed, when the transaction commits.
pub(super) async fn notices_tell(conn: &mut AsyncPgConnection, changed: &[&str]) -> Result<()> {
    enum Tell {}
    if changed.is_empty() {
        return Ok(());
    }
    let tell = "SELECT pg_notify('service_tokens_' || md5(current_schema()), id) \
                FROM unnest(?) AS changed (id)";
    Statement::<Tell, ()>::new(tell, vec![Bind::Texts(changed.to_vec())])
        .execute(conn)
        .await
        .map(drop)
        .map_err(db_error("notices_tell"))
}
