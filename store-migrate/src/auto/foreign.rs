//! Foreign keys, and the order of tables by them.

use super::Builder;
use super::names::quote;
use super::orphans::query::mismatch;
use super::table::Made;
use crate::catalog::sqlite::{ForeignKey, Table};
use crate::model::{PgType, Step};

/// Orders tables so that a referenced one comes before those that refer to it. In a cycle the
/// first in the catalogue goes first; otherwise the order of the catalogue stays.
pub(super) fn order<'a>(tables: &[&'a Table]) -> Vec<&'a Table> {
    let mut left: Vec<&Table> = tables.to_vec();
    let mut ordered = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let waits = |table: &Table| {
            table.foreign_keys.iter().any(|key| {
                let parent = left.iter().find(|one| one.name.eq_ignore_ascii_case(&key.parent));
                parent.is_some_and(|parent| parent.name != table.name)
            })
        };
        let next = left.iter().position(|table| !waits(table)).unwrap_or(0);
        ordered.push(left.remove(next));
    }
    ordered
}

impl Builder<'_> {
    /// Writes all foreign keys, after everything they need.
    pub(super) fn refer_all(&mut self) {
        let mut tables = std::mem::take(&mut self.tables);
        for at in 0..tables.len() {
            let source = tables[at].source;
            for (number, key) in source.foreign_keys.iter().enumerate() {
                let deferred = tables[at].sql.deferred.get(number).copied().unwrap_or(false);
                match refer(&tables, at, key) {
                    Ok(reference) => {
                        let made = &mut tables[at];
                        let step = step(made, &reference, key, deferred);
                        self.after.push(step);
                    }
                    Err(reason) => {
                        let about =
                            format!("foreign key {} ({})", source.name, key.columns.join(", "));
                        self.note(about, format!("is not carried over: {reason}"), Some(&sql(key)));
                    }
                }
            }
        }
        self.tables = tables;
    }
}

/// Both sides of a foreign key, by their names on PostgreSQL.
struct Reference {
    columns: Vec<String>,
    parent: String,
    parent_columns: Vec<String>,
}

/// Finds both sides, or says why there can be no such key.
fn refer(tables: &[Made<'_>], child: usize, key: &ForeignKey) -> Result<Reference, String> {
    let child = &tables[child];
    let parent = tables.iter().find(|made| made.source.name.eq_ignore_ascii_case(&key.parent));
    if let Some(reason) = mismatch(parent.map(|made| made.source), child.source, key) {
        return Err(reason);
    }
    let parent = parent.ok_or_else(|| format!("there is no table {}", key.parent))?;
    let places = |made: &Made<'_>, names: &[String]| -> Option<Vec<usize>> {
        names.iter().map(|name| made.source.column(name)).collect()
    };
    let missing = || format!("{} has no such columns", parent.source.name);
    let to = match key.parent_columns.as_slice() {
        [] => parent.source.primary_key.clone(),
        names => places(parent, names).ok_or_else(missing)?,
    };
    let from = places(child, &key.columns).ok_or_else(missing)?;
    if !parent.uniques.iter().any(|unique| same_set(unique, &to)) {
        return Err(format!("what it refers to in {} is not unique there", parent.source.name));
    }
    for (&from, &to) in from.iter().zip(&to) {
        let (from, to) = (&child.columns[from], &parent.columns[to]);
        if !comparable(from.pg_type, to.pg_type) {
            return Err(format!("it is {}, what it refers to is {}", from.pg_type, to.pg_type));
        }
        if !to.term.binary && to.pg_type == PgType::Text {
            return Err("what it refers to is not compared by its bytes on SQLite".to_owned());
        }
        let changes = |action: &str| !matches!(action, "NO ACTION" | "RESTRICT");
        if from.generated.is_some()
            && (changes(&key.on_update) || key.on_delete.starts_with("SET "))
        {
            return Err("its action would change a computed column".to_owned());
        }
    }
    let names = |made: &Made<'_>, places: Vec<usize>| {
        places.into_iter().map(|at| made.columns[at].name.clone()).collect()
    };
    Ok(Reference {
        columns: names(child, from),
        parent: parent.name.clone(),
        parent_columns: names(parent, to),
    })
}

fn same_set(left: &[usize], right: &[usize]) -> bool {
    left.len() == right.len() && left.iter().all(|place| right.contains(place))
}

const fn is_integer(pg_type: PgType) -> bool {
    matches!(pg_type, PgType::Int2 | PgType::Int4 | PgType::Int8)
}

fn comparable(left: PgType, right: PgType) -> bool {
    left == right || (is_integer(left) && is_integer(right))
}

fn step(made: &mut Made<'_>, to: &Reference, key: &ForeignKey, deferred: bool) -> Step {
    let list =
        |names: &[String]| names.iter().map(|name| quote(name)).collect::<Vec<_>>().join(", ");
    let name = format!("{}_{}_fkey", made.name, to.columns.join("_"));
    let name = made.constraints.constraint(&name);
    let mut sql = format!(
        "ALTER TABLE {} ADD CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {} ({})",
        quote(&made.name),
        quote(&name),
        list(&to.columns),
        quote(&to.parent),
        list(&to.parent_columns)
    );
    sql.push_str(&actions(key));
    if deferred {
        sql.push_str(" DEFERRABLE INITIALLY DEFERRED");
    }
    Step { what: "foreign key".to_owned(), name, sql }
}

fn actions(key: &ForeignKey) -> String {
    let mut sql = String::new();
    for (event, action) in [("UPDATE", &key.on_update), ("DELETE", &key.on_delete)] {
        if action != "NO ACTION" {
            sql.push_str(&format!(" ON {event} {action}"));
        }
    }
    sql
}

/// Writes a foreign key as SQLite has it.
fn sql(key: &ForeignKey) -> String {
    let parent = if key.parent_columns.is_empty() {
        key.parent.clone()
    } else {
        format!("{} ({})", key.parent, key.parent_columns.join(", "))
    };
    format!("FOREIGN KEY ({}) REFERENCES {parent}{}", key.columns.join(", "), actions(key))
}
