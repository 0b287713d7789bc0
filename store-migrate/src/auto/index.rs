//! Primary keys, UNIQUE constraints and indexes.

use super::Builder;
use super::create::{self, IndexSql};
use super::expression::{self, Type};
use super::names::quote;
use super::table::Made;
use crate::catalog::sqlite::{Index, IndexColumn, Origin};
use crate::model::{PgType, Step};

/// A little less than the longest key an index of PostgreSQL takes.
const LONGEST_KEY: usize = 2600;

/// The columns a key or an index of PostgreSQL can have.
const MOST_KEYS: usize = 32;

impl Builder<'_> {
    /// Writes all keys and indexes. Those an operator named get their names first.
    pub(super) fn index_all(&mut self) {
        let mut tables = std::mem::take(&mut self.tables);
        let mut indexes = Vec::new();
        for made in &mut tables {
            for index in made.source.indexes.iter().filter(|index| index.origin == Origin::Created)
            {
                indexes.extend(self.created(made, index));
            }
        }
        for made in &mut tables {
            self.primary_key(made);
            for index in made.source.indexes.iter().filter(|index| index.origin == Origin::Unique) {
                self.unique(made, index);
            }
        }
        self.after.extend(indexes);
        self.tables = tables;
    }

    fn primary_key(&mut self, made: &mut Made<'_>) {
        let key = made.source.primary_key.clone();
        if key.is_empty() {
            return;
        }
        let about = format!("primary key of {}", made.source.name);
        let kind = if made.has_key() {
            "PRIMARY KEY"
        } else {
            self.note(about.clone(), "has NULL in it, so it becomes UNIQUE", None);
            "UNIQUE"
        };
        if !self.constrain(made, &key, kind, &format!("{}_pkey", made.name)) {
            self.note(
                about,
                "is not carried over: it has more than 32 columns, or one of type json",
                None,
            );
        }
        // Without regard to case it says more than PostgreSQL's key, which is by bytes.
        if let Some(index) = made.source.key_index().filter(|index| folds(made, index)) {
            self.folded(made, index);
        }
    }

    fn unique(&mut self, made: &mut Made<'_>, index: &Index) {
        let Some(columns) = places(made, index) else { return };
        if folds(made, index) {
            self.folded(made, index);
            return;
        }
        let names: Vec<&str> = columns.iter().map(|&at| made.columns[at].name.as_str()).collect();
        let name = format!("{}_{}_key", made.name, names.join("_"));
        let about = format!("UNIQUE ({}) of {}", names.join(", "), made.source.name);
        if !self.constrain(made, &columns, "UNIQUE", &name) {
            self.note(
                about,
                "is not carried over: it has more than 32 columns, or one of type json",
                None,
            );
        }
    }

    /// Writes a constraint, unless PostgreSQL cannot have it.
    fn constrain(
        &mut self,
        made: &mut Made<'_>,
        columns: &[usize],
        kind: &str,
        name: &str,
    ) -> bool {
        let json = columns.iter().any(|&at| made.columns[at].pg_type == PgType::Json);
        if json || columns.len() > MOST_KEYS {
            return false;
        }
        // Its index has the same name, and shares the names of tables.
        let name = self.relations.relation(&made.constraints.constraint(name));
        made.constraints.take(&name);
        let names: Vec<String> = columns.iter().map(|&at| quote(&made.columns[at].name)).collect();
        let sql = format!(
            "ALTER TABLE {} ADD CONSTRAINT {} {kind} ({})",
            quote(&made.name),
            quote(&name),
            names.join(", ")
        );
        self.note_length(made, columns, &format!("constraint {name}"));
        self.after.push(Step { what: "constraint".to_owned(), name, sql });
        made.uniques.push(columns.to_vec());
        true
    }

    /// Writes the unique index of a constraint that compares by NOCASE or RTRIM.
    fn folded(&mut self, made: &mut Made<'_>, index: &Index) {
        let Some(terms) = terms(made, index, None) else { return };
        let columns = places(made, index).unwrap_or_default();
        let names: Vec<&str> = columns.iter().map(|&at| made.columns[at].name.as_str()).collect();
        let name = self.relations.relation(&format!("{}_{}_key", made.name, names.join("_")));
        let sql = format!(
            "CREATE UNIQUE INDEX {} ON {} ({})",
            quote(&name),
            quote(&made.name),
            terms.join(", ")
        );
        let about = format!("UNIQUE ({}) of {}", names.join(", "), made.source.name);
        let message = "compares by NOCASE or RTRIM; it becomes a unique index on an expression that \
                       compares the same, ASCII letters only";
        self.note(about, message, None);
        self.after.push(Step { what: "index".to_owned(), name, sql });
    }

    /// Writes an index that was made by `CREATE INDEX`, or says why there is none.
    fn created(&mut self, made: &mut Made<'_>, index: &Index) -> Option<Step> {
        let about = format!("index {}", index.name);
        let parsed = index.sql.as_deref().and_then(create::index);
        let written = filter(made, parsed.as_ref())
            .and_then(|filter| Some((filter, terms(made, index, parsed.as_ref())?)));
        let columns = places(made, index);
        let long = columns.as_ref().map_or(0, |columns| longest(made, columns));
        let reason = match &written {
            None => Some("an expression of it is not translated".to_owned()),
            Some((_, terms)) if terms.len() > MOST_KEYS => {
                Some(format!("an index of PostgreSQL has at most {MOST_KEYS} columns"))
            }
            Some(_) if long > LONGEST_KEY && !index.unique => {
                Some(format!("a value of {long} bytes is longer than an index of PostgreSQL holds"))
            }
            Some(_) => None,
        };
        if let Some(reason) = reason {
            let message = format!("is not carried over: {reason}");
            self.note(about, message, index.sql.as_deref());
            return None;
        }
        let (filter, terms) = written?;
        self.note_collations(index, &about);
        let name = self.indexes.get(&index.name)?.clone();
        self.note_name("index", &index.name, &index.name, &name);
        let unique = if index.unique { "UNIQUE " } else { "" };
        let sql = format!(
            "CREATE {unique}INDEX {} ON {} ({}){filter}",
            quote(&name),
            quote(&made.name),
            terms.join(", ")
        );
        if let Some(columns) = columns.filter(|_| index.unique) {
            self.note_length(made, &columns, &about);
            if !index.partial && !folds(made, index) {
                made.uniques.push(columns);
            }
        }
        Some(Step { what: "index".to_owned(), name, sql })
    }

    fn note_collations(&mut self, index: &Index, about: &str) {
        let known = ["BINARY", "NOCASE", "RTRIM"];
        for column in &index.columns {
            if !known.iter().any(|one| column.collation.eq_ignore_ascii_case(one)) {
                let message =
                    format!("compares exactly: there is no collation {}", column.collation);
                self.note(about.to_owned(), message, index.sql.as_deref());
            }
        }
    }

    fn note_length(&mut self, made: &Made<'_>, columns: &[usize], about: &str) {
        let long = longest(made, columns);
        if long > LONGEST_KEY {
            let message = format!(
                "has a value of {long} bytes: PostgreSQL refuses it unless it compresses well"
            );
            self.note(about.to_owned(), message, None);
        }
    }
}

fn longest(made: &Made<'_>, columns: &[usize]) -> usize {
    columns.iter().map(|&at| made.columns[at].longest).sum()
}

/// Writes the condition of an index. `None`: it is not translated.
fn filter(made: &Made<'_>, parsed: Option<&IndexSql>) -> Option<String> {
    match &parsed?.filter {
        Some(filter) => {
            expression::condition(filter, &made.terms()).map(|sql| format!(" WHERE {sql}"))
        }
        None => Some(String::new()),
    }
}

/// Returns the places of the columns of an index without expressions.
fn places(made: &Made<'_>, index: &Index) -> Option<Vec<usize>> {
    let place = |column: &IndexColumn| made.source.column(column.name.as_deref()?);
    index.columns.iter().map(place).collect()
}

/// Returns whether text is compared in another way than by its bytes, and PostgreSQL can do so.
fn folds(made: &Made<'_>, index: &Index) -> bool {
    index.columns.iter().any(|column| {
        let place = column.name.as_deref().and_then(|name| made.source.column(name));
        let text = place.is_none_or(|at| made.columns[at].pg_type == PgType::Text);
        text && fold(&column.collation, "x").is_some()
    })
}

/// Returns the expression that is equal for what a collation takes for equal, and ordered alike.
fn fold(collation: &str, sql: &str) -> Option<String> {
    match collation.to_ascii_uppercase().as_str() {
        // Under the collation "C" only ASCII letters are folded, as by SQLite.
        "NOCASE" => Some(format!("lower({sql} COLLATE \"C\")")),
        "RTRIM" => Some(format!("rtrim({sql} COLLATE \"C\", ' ')")),
        _ => None,
    }
}

/// Writes what is indexed.
fn terms(made: &Made<'_>, index: &Index, parsed: Option<&IndexSql>) -> Option<Vec<String>> {
    let all = made.terms();
    let each = index.columns.iter().enumerate().map(|(at, column)| {
        let (sql, text, bare) = match &column.name {
            Some(name) => {
                let made = &made.columns[made.source.column(name)?];
                if made.pg_type == PgType::Json {
                    return None;
                }
                (quote(&made.name), made.pg_type == PgType::Text, true)
            }
            None => {
                let found = expression::scalar(parsed?.terms.get(at)?, &all)?;
                (found.sql, found.class == Type::Text, false)
            }
        };
        let folded = fold(&column.collation, &sql).filter(|_| text);
        let sql = match folded {
            Some(folded) => folded,
            None if bare => sql,
            None => format!("({sql})"),
        };
        Some(if column.desc { format!("{sql} DESC") } else { sql })
    });
    each.collect()
}
