//! The line of a checkpoint's ancestors.

use diesel::dsl::{AsSelect, SqlTypeOf};
use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use store_core::checkpoints::Checkpoint;
use store_core::sqlite::db_error;
use store_core::{Page, Result};

use super::rows::CheckpointRow;
use crate::rules::Context;
use crate::rules::lineage::ReadyLine;
use store_core::sqlite::{Bind, Statement};

type Columns = SqlTypeOf<AsSelect<CheckpointRow, Sqlite>>;

// It follows the parents until the page is full, by number or by bytes.
const LINE: &str = "WITH RECURSIVE line (id, parent_id, step, bytes) AS (\
     SELECT id, parent_id, CAST(1 AS bigint), record_bytes FROM agentensor_checkpoints \
     WHERE id = ? UNION ALL \
     SELECT parent.id, parent.parent_id, step + 1, bytes + record_bytes \
     FROM line JOIN agentensor_checkpoints AS parent ON parent.id = line.parent_id \
     WHERE step < ? AND bytes < ?\
     ) SELECT checkpoint.* FROM line JOIN agentensor_checkpoints AS checkpoint \
     ON checkpoint.id = line.id ORDER BY step";

/// Lists a checkpoint, its parent, and so on.
pub(super) fn checkpoint_lineage(
    conn: &mut SqliteConnection,
    cx: &Context,
    line: &ReadyLine,
) -> Result<Page<Checkpoint>> {
    enum FollowLine {}
    let binds = vec![
        Bind::String(line.start().to_string()),
        Bind::BigInt(line.limit()),
        Bind::BigInt(line.budget()),
    ];
    let rows: Vec<CheckpointRow> = Statement::<FollowLine, Columns>::new(LINE, binds)
        .load(conn)
        .map_err(db_error("checkpoint_lineage"))?;
    line.page(rows.into_iter().map(|row| row.into_record(&cx.json)).collect::<Result<_>>()?)
}
