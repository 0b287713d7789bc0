//! What the code believes of the tables is what a migrated database has.

use crate::bare::Bare;
use crate::columns::Column;
use crate::crates::ALL;

/// Both backends have the same tables and columns, in the same order, equally nullable, but for
/// the columns of which a crate says otherwise.
#[test]
fn both_backends_have_the_same_tables_and_columns() {
    for one in ALL {
        let mut sqlite = one.columns(true);
        assert!(sqlite.iter().map(|(name, _)| name).eq(one.tables), "{:?}", one.tables);
        assert!(sqlite.iter().all(|(_, columns)| columns.len() > 1), "the columns were read");
        for (table, column) in one.only_sqlite {
            let (_, columns) = sqlite.iter_mut().find(|(name, _)| name == table).unwrap();
            let before = columns.len();
            columns.retain(|(name, _)| name != column);
            assert_eq!(columns.len() + 1, before, "{table}.{column}");
        }
        assert_eq!(sqlite, one.columns(false));
    }
}

async fn columns_of(t: &Bare, table: &str) -> Vec<Column> {
    let sql = if t.is_sqlite() {
        format!("SELECT name, \"notnull\" = 0 FROM pragma_table_xinfo('{table}') ORDER BY cid")
    } else {
        format!(
            "SELECT column_name, (is_nullable = 'YES')::int FROM information_schema.columns \
             WHERE table_schema = current_schema() AND table_name = '{table}' \
             ORDER BY ordinal_position"
        )
    };
    t.rows(&sql).await.into_iter().map(|row| (row[0].clone(), row[1] == "1")).collect()
}

/// `schema.rs` has the tables of a migrated database with their columns.
async fn the_schema_of_the_code_is_that_of_the_database(t: &Bare) {
    for one in ALL {
        let before = t.tables().await;
        t.migrate(t.schema(one)).await.unwrap();
        let mut tables = t.tables().await;
        tables.retain(|table| table != one.journal() && !before.contains(table));
        let stated = one.columns(t.is_sqlite());
        assert!(tables.iter().eq(stated.iter().map(|(name, _)| name)), "{tables:?}");
        for (table, columns) in stated {
            assert_eq!(columns_of(t, &table).await, columns, "{table}");
        }
    }
}

on_both! { bare: the_schema_of_the_code_is_that_of_the_database }
