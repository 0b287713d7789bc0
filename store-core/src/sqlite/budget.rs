//! A page ends at its limit or at its bytes, whichever comes first.

use diesel::QueryResult;

use super::db_error;
use crate::Result;
use crate::page::PAGE_BYTE_BUDGET;

/// Takes rows until the page is full; returns them and whether there are more.
///
/// SQLite hands out row by row, so that reading simply stops. The query asks for one row more than
/// the limit.
///
/// # Errors
/// The failure of a row, as one of `operation`.
pub fn within_budget<R>(
    operation: &'static str,
    rows: impl Iterator<Item = QueryResult<R>>,
    limit: i64,
    bytes_of: impl Fn(&R) -> i64,
) -> Result<(Vec<R>, bool)> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut page = Vec::new();
    let mut bytes = 0;
    for row in rows {
        if page.len() == limit || bytes >= PAGE_BYTE_BUDGET {
            return Ok((page, true));
        }
        let row = row.map_err(db_error(operation))?;
        bytes += bytes_of(&row);
        page.push(row);
    }
    Ok((page, false))
}
