//! Files that no attachment needs any more.

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use store_core::chatkit::ReleasedFile;
use store_core::postgres::db_error;
use store_core::{Listing, Order, Page, Result, Timestamp};

use super::rows::FileRow;
use super::schema::chatkit_files::{self, dsl};
use crate::rules::Context;

/// What released files are listed by.
pub(super) type FileKey = (Timestamp, String);

/// Lists released files by the instant they were released.
pub(super) async fn file_list(
    conn: &mut AsyncPgConnection,
    cx: &Context,
    listing: &Listing<FileKey>,
) -> Result<Page<ReleasedFile>> {
    let mut query = chatkit_files::table.filter(dsl::released_at.is_not_null()).into_boxed();
    if let Some((at, path)) = listing.after.clone() {
        let at = at.to_datetime();
        // The first condition bounds the index, the second settles ties.
        query = match listing.order() {
            Order::Asc => query
                .filter(dsl::released_at.ge(at))
                .filter(dsl::released_at.gt(at).or(dsl::storage_path.gt(path).nullable())),
            Order::Desc => query
                .filter(dsl::released_at.le(at))
                .filter(dsl::released_at.lt(at).or(dsl::storage_path.lt(path).nullable())),
        };
    }
    let query = match listing.order() {
        Order::Asc => query.order((dsl::released_at.asc(), dsl::storage_path.asc())),
        Order::Desc => query.order((dsl::released_at.desc(), dsl::storage_path.desc())),
    };
    let mut rows: Vec<FileRow> = query
        .select(FileRow::as_select())
        .limit(listing.limit + 1)
        .load(conn)
        .await
        .map_err(db_error("file_list"))?;
    let limit = usize::try_from(listing.limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let items =
        rows.into_iter().map(|row| row.into_record(&cx.json)).collect::<Result<Vec<_>>>()?;
    listing.page(items, more, |last| (last.released_at, last.storage_path.clone()))
}

/// Forgets released files that were removed.
pub(super) async fn file_forget(
    conn: &mut AsyncPgConnection,
    storage_paths: &[String],
) -> Result<u64> {
    let removed = chatkit_files::table
        .filter(dsl::storage_path.eq_any(storage_paths))
        .filter(dsl::released_at.is_not_null());
    let forgotten = diesel::delete(removed).execute(conn).await.map_err(db_error("file_forget"))?;
    Ok(forgotten as u64)
}
