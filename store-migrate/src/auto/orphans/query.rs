//! The check of a single foreign key.

use rusqlite::Connection;

use super::{Orphan, Orphans};
use crate::auto::names::quote;
use crate::auto::scan::show;
use crate::catalog::sqlite::{Catalog, ForeignKey, Table};

/// Returns why SQLite itself could not check a key, if so.
pub(in crate::auto) fn mismatch(
    parent: Option<&Table>,
    table: &Table,
    key: &ForeignKey,
) -> Option<String> {
    let Some(parent) = parent else {
        return Some(format!("there is no table {} to refer to", key.parent));
    };
    let Some(to) = parent_columns(parent, key) else {
        return Some(format!("{} has no such columns", parent.name));
    };
    let named = |column: &String| table.column(column).is_some();
    if to.len() != key.columns.len() || !key.columns.iter().all(named) {
        return Some("it has not as many columns as it refers to".to_owned());
    }
    let same = |names: &[usize]| names.len() == to.len() && to.iter().all(|at| names.contains(at));
    let unique = parent.indexes.iter().filter(|index| index.unique && !index.partial);
    let mut unique = unique.filter_map(|index| {
        let places = index.columns.iter().map(|column| {
            let place = parent.column(column.name.as_deref()?)?;
            let own = &parent.columns[place].collation;
            own.eq_ignore_ascii_case(&column.collation).then_some(place)
        });
        places.collect::<Option<Vec<usize>>>()
    });
    let row_number = parent.rowid_column().is_some_and(|place| same(&[place]));
    let found = row_number || unique.any(|places| same(&places));
    (!found).then(|| format!("what it refers to in {} is not unique there", parent.name))
}

fn parent_columns(parent: &Table, key: &ForeignKey) -> Option<Vec<usize>> {
    match key.parent_columns.as_slice() {
        [] if parent.primary_key.is_empty() => None,
        [] => Some(parent.primary_key.clone()),
        names => names.iter().map(|name| parent.column(name)).collect(),
    }
}

/// Asks for the rows without a parent.
pub(super) fn run(
    conn: &Connection,
    catalog: &Catalog,
    table: &Table,
    key: &ForeignKey,
    orphans: &mut Orphans,
) -> rusqlite::Result<()> {
    // `mismatch` answered that both are there.
    let Some(parent) = catalog.table(&key.parent) else { return Ok(()) };
    let Some(to) = parent_columns(parent, key) else { return Ok(()) };
    let child = |name: &str| format!("c.{}", quote(name));
    let rowid = table.rowid_name();
    let mut shown = vec![rowid.as_deref().map_or_else(|| "NULL".to_owned(), child)];
    let own = table.primary_key.iter().map(|&place| table.columns[place].name.as_str());
    let own: Vec<&str> = own.collect();
    shown.extend(own.iter().map(|name| child(name)));
    let set: Vec<String> =
        key.columns.iter().map(|name| format!("{} IS NOT NULL", child(name))).collect();
    // The parent stands first: its collation decides.
    let equal: Vec<String> = (to.iter().zip(&key.columns))
        .map(|(&to, from)| format!("p.{} = {}", quote(&parent.columns[to].name), child(from)))
        .collect();
    let sql = format!(
        "SELECT {} FROM main.{} AS c WHERE {} AND NOT EXISTS \
         (SELECT 1 FROM main.{} AS p WHERE {})",
        shown.join(", "),
        quote(&table.name),
        set.join(" AND "),
        quote(&parent.name),
        equal.join(" AND ")
    );
    let mut statement = conn.prepare(&sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        orphans.add(|| {
            let rowid: Option<i64> = row.get(0)?;
            let key_of = |(at, name): (usize, &&str)| {
                row.get_ref(at + 1).map(|value| format!("{name}={}", show(value)))
            };
            let own: rusqlite::Result<Vec<String>> = own.iter().enumerate().map(key_of).collect();
            Ok(Orphan {
                table: table.name.clone(),
                rowid,
                key: rowid.map_or(own?.join(", "), |rowid| format!("rowid={rowid}")),
                parent: parent.name.clone(),
                columns: key.columns.clone(),
            })
        })?;
    }
    Ok(())
}
