//! Names of constraints and indexes, by which errors are mapped; indexes on foreign keys; order.

use crate::bare::Bare;
use crate::crates::{ALL, Crate};

/// Every constraint and index, as (table, name, the prefix its kind should have).
async fn named(t: &Bare, of: &Crate) -> Vec<(String, String, &'static str)> {
    let mut named = Vec::new();
    if t.is_sqlite() {
        for table in of.tables {
            let sql = format!("SELECT sql FROM sqlite_master WHERE name = '{table}'");
            let sql = t.column(&sql).await.remove(0);
            let constraints = constraints(&sql).into_iter();
            named.extend(constraints.map(|(name, prefix)| ((*table).to_owned(), name, prefix)));
        }
    } else {
        let sql = "SELECT conrelid::regclass, conname, contype FROM pg_constraint \
                   WHERE connamespace = current_schema()::regnamespace AND contype <> 'n'";
        for row in t.rows(sql).await {
            let prefix = match row[2].as_str() {
                "p" => "pk",
                "u" => "uq",
                "f" => "fk",
                _ => "ck",
            };
            named.push((row[0].clone(), row[1].clone(), prefix));
        }
    }
    for row in t.rows(indexes(t)).await {
        let prefix = if row[2] == "1" { "uq" } else { "idx" };
        named.push((row[0].clone(), row[1].clone(), prefix));
    }
    named.retain(|(table, _, _)| of.tables.contains(&table.as_str()));
    named
}

/// Indexes that do not belong to a constraint: table, name, whether unique.
fn indexes(t: &Bare) -> &'static str {
    if t.is_sqlite() {
        "SELECT tbl_name, name, sql LIKE 'CREATE UNIQUE%' FROM sqlite_master \
         WHERE type = 'index' AND sql IS NOT NULL"
    } else {
        "SELECT indrelid::regclass, indexrelid::regclass, indisunique::int FROM pg_index \
         JOIN pg_class ON pg_class.oid = indexrelid \
         WHERE relnamespace = current_schema()::regnamespace \
         AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)"
    }
}

/// The constraints in the text of a table; one without a name has an empty one.
fn constraints(sql: &str) -> Vec<(String, &'static str)> {
    let kinds = [("PRIMARY KEY", "pk"), ("FOREIGN KEY", "fk"), ("CHECK", "ck"), ("UNIQUE", "uq")];
    let mut found = Vec::new();
    for (keyword, prefix) in kinds {
        for (at, _) in sql.match_indices(keyword) {
            let mut before = sql[..at].split_whitespace().rev();
            let name = before.next().unwrap_or_default();
            let named = before.next() == Some("CONSTRAINT");
            found.push((if named { name.to_owned() } else { String::new() }, prefix));
        }
    }
    found
}

/// Every constraint and index is named after its kind and table.
async fn constraints_and_indexes_are_named_after_kind_and_table(t: &Bare) {
    for one in ALL {
        t.migrate(t.schema(one)).await.unwrap();
        let named = named(t, one).await;
        assert!(named.len() > 10, "they were read: {named:?}");
        for (table, name, prefix) in named {
            let expected = format!("{prefix}_{table}");
            assert!(name.starts_with(&expected), "`{name}` on {table} is no {expected}");
        }
    }
}

/// Every foreign key has an index that begins with it, so that a delete need not scan. The index
/// may leave out rows without the key.
async fn every_foreign_key_has_an_index_that_begins_with_it(t: &Bare) {
    for one in ALL {
        t.migrate(t.schema(one)).await.unwrap();
    }
    let (keys, indexed) = if t.is_sqlite() {
        (
            "SELECT t.name, f.\"from\" FROM sqlite_master t, pragma_foreign_key_list(t.name) f \
             WHERE t.type = 'table' AND f.seq = 0",
            "SELECT t.name, i.name FROM sqlite_master t, pragma_index_list(t.name) l, \
             pragma_index_info(l.name) i LEFT JOIN sqlite_master d ON d.name = l.name \
             WHERE t.type = 'table' AND i.seqno = 0 AND (l.partial = 0 \
             OR d.sql LIKE '% WHERE ' || i.name || ' IS NOT NULL')",
        )
    } else {
        (
            "SELECT conrelid::regclass, attname FROM pg_constraint JOIN pg_attribute \
             ON attrelid = conrelid AND attnum = conkey[1] \
             WHERE contype = 'f' AND connamespace = current_schema()::regnamespace",
            "SELECT indrelid::regclass, attname FROM pg_index JOIN pg_attribute \
             ON attrelid = indrelid AND attnum = indkey[0] WHERE indpred IS NULL \
             OR pg_get_expr(indpred, indrelid) = format('(%I IS NOT NULL)', attname)",
        )
    };
    let (keys, indexed) = (t.rows(keys).await, t.rows(indexed).await);
    let stated: usize = ALL.iter().map(|one| one.foreign_keys).sum();
    assert_eq!(keys.len(), stated, "{keys:?}");
    for key in keys {
        assert!(indexed.contains(&key), "no index begins with {key:?}");
    }
}

on_both! {
    bare: constraints_and_indexes_are_named_after_kind_and_table,
    every_foreign_key_has_an_index_that_begins_with_it,
}

/// Text that is ordered by, in an index or a listing, is ordered by its bytes, as on SQLite.
#[cfg(feature = "postgres")]
#[test]
fn text_that_is_ordered_by_is_ordered_by_its_bytes() {
    store_tests::run(async {
        let t = crate::bare::postgres::bare().await;
        for one in ALL {
            t.migrate(t.schema(one)).await.unwrap();
        }
        let text = "FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid \
                    JOIN pg_collation ON pg_collation.oid = attcollation \
                    WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' \
                    AND relname NOT LIKE 'store%'";
        let bytes = t.rows(&format!("SELECT relname, attname {text} AND collname = 'C'")).await;
        for (table, column) in ALL.iter().flat_map(|one| one.ordered) {
            let stated = vec![(*table).to_owned(), (*column).to_owned()];
            assert!(bytes.contains(&stated), "{table}.{column}");
        }
        let indexed = "AND collname <> 'C' AND EXISTS (SELECT FROM pg_index \
                       WHERE indrelid = attrelid AND attnum = ANY (indkey))";
        let others = t.rows(&format!("SELECT relname, attname {text} {indexed}")).await;
        assert!(others.is_empty(), "indexed by a language's order: {others:?}");
        t.finish().await;
    });
}
