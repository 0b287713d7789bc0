use rusqlite::Connection;

use super::{Catalog, Origin, Visibility, read};

fn catalog(sql: &str) -> Catalog {
    let conn = Connection::open_in_memory().unwrap();
    conn.execute_batch(sql).unwrap();
    read(&conn).unwrap()
}

#[test]
fn columns_say_what_they_were_declared_with() {
    let catalog = catalog(
        "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, a VARCHAR(10) NOT NULL DEFAULT 'x',
                        b COLLATE NOCASE, c AS (a || b), d INT AS (1) STORED);
         INSERT INTO t(id) VALUES (9); DELETE FROM t;",
    );
    let table = catalog.table("T").unwrap();
    let columns: Vec<_> = table
        .columns
        .iter()
        .map(|c| (c.name.as_str(), c.declared.as_str(), c.not_null, c.default.as_deref()))
        .collect();
    let expected = [
        ("id", "INTEGER", false, None),
        ("a", "VARCHAR(10)", true, Some("'x'")),
        ("b", "", false, None),
        ("c", "", false, None),
        ("d", "INT", false, None),
    ];
    assert_eq!(columns, expected);
    assert_eq!(table.columns[2].collation, "NOCASE");
    assert_eq!(table.columns[3].visibility, Visibility::GeneratedVirtual);
    assert_eq!(table.columns[4].visibility, Visibility::GeneratedStored);
    assert!(table.autoincrement);
    assert_eq!(table.sequence, Some(9));
    assert_eq!(table.rowid_column(), Some(0));
}

#[test]
fn keys_and_indexes_keep_their_order() {
    let catalog = catalog(
        "CREATE TABLE p(a, b, c, PRIMARY KEY (c, a), UNIQUE (b COLLATE NOCASE)) WITHOUT ROWID;
         CREATE INDEX i ON p(b DESC, lower(a)) WHERE b > 1;
         CREATE TABLE f(x REFERENCES p, y, z, FOREIGN KEY (y, z) REFERENCES p(c, a)
                        ON DELETE CASCADE ON UPDATE SET NULL);",
    );
    let table = catalog.table("p").unwrap();
    assert_eq!(table.primary_key, [2, 0]);
    assert!(table.without_rowid);
    assert_eq!(table.rowid_name(), None);
    let origins: Vec<_> = table.indexes.iter().map(|index| index.origin).collect();
    assert_eq!(origins, [Origin::PrimaryKey, Origin::Unique, Origin::Created]);
    assert_eq!(table.indexes[1].columns[0].collation, "NOCASE");
    let index = &table.indexes[2];
    assert!(index.partial && !index.unique && index.sql.is_some());
    assert!(index.columns[0].desc);
    assert_eq!(index.columns[1].name, None);
    let keys = &catalog.table("f").unwrap().foreign_keys;
    assert_eq!(keys.len(), 2);
    assert!(keys[0].parent_columns.is_empty());
    assert_eq!(keys[1].columns, ["y", "z"]);
    assert_eq!(keys[1].parent_columns, ["c", "a"]);
    assert_eq!((keys[1].on_delete.as_str(), keys[1].on_update.as_str()), ("CASCADE", "SET NULL"));
}

#[test]
fn shadows_belong_to_their_virtual_table() {
    let catalog = catalog(
        "CREATE TABLE note(text); CREATE VIEW v AS SELECT 1;
         CREATE VIRTUAL TABLE words USING fts5(text);
         CREATE TRIGGER tr AFTER INSERT ON note BEGIN SELECT 1; END;",
    );
    assert_eq!(catalog.tables.len(), 1);
    let words = &catalog.virtual_tables[0];
    assert_eq!((words.name.as_str(), words.module.as_str()), ("words", "fts5"));
    assert_eq!(words.shadows.len(), 5);
    assert_eq!(catalog.views[0].name, "v");
    assert_eq!(
        (catalog.triggers[0].name.as_str(), catalog.triggers[0].table.as_str()),
        ("tr", "note")
    );
}

#[test]
fn the_row_number_is_known_by_what_no_column_is_called() {
    let catalog = catalog(
        "CREATE TABLE a(rowid TEXT); CREATE TABLE b(rowid, _rowid_, oid);
         CREATE TABLE c(rowid INT, _rowid_, oid, k INTEGER PRIMARY KEY);
         CREATE TABLE d(k INTEGER PRIMARY KEY DESC); CREATE TABLE e(k INT PRIMARY KEY) STRICT;",
    );
    let name = |table: &str| catalog.table(table).unwrap().rowid_name();
    assert_eq!(name("a").as_deref(), Some("_rowid_"));
    assert_eq!(name("b"), None);
    assert_eq!(name("c").as_deref(), Some("k"));
    assert_eq!(catalog.table("d").unwrap().rowid_column(), None);
    assert_eq!(catalog.table("e").unwrap().rowid_column(), None);
    assert!(catalog.table("e").unwrap().strict);
}
