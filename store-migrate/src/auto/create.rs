//! What only the text of `CREATE TABLE` and `CREATE INDEX` says: no pragma tells it.

use crate::catalog::tokens::{Token, tokens};

/// What the SQL of a table says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct TableSql {
    pub(super) checks: Vec<Check>,
    /// The names of generated columns and their expressions.
    pub(super) generated: Vec<(String, String)>,
    /// For each foreign key in the order of declaration: checked at the end of the transaction.
    pub(super) deferred: Vec<bool>,
    /// The `ON CONFLICT` of its constraints, where it is not the usual one.
    pub(super) conflicts: Vec<String>,
}

/// A `CHECK`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Check {
    pub(super) name: Option<String>,
    pub(super) sql: String,
}

/// What the SQL of an index says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct IndexSql {
    /// What is indexed, without collation and direction.
    pub(super) terms: Vec<String>,
    pub(super) filter: Option<String>,
}

/// Reads the SQL of a table. `None`: it is not a `CREATE TABLE` as SQLite keeps it.
pub(super) fn table(sql: &str) -> Option<TableSql> {
    let tokens = tokens(sql)?;
    let (start, end) = group(&tokens, tokens.iter().position(|token| token.is("("))?)?;
    let mut found = TableSql::default();
    for part in split(tokens.get(start..end)?) {
        definition(sql, part, &mut found)?;
    }
    Some(found)
}

/// Reads the definition of a column or of constraints of the table.
fn definition(sql: &str, part: &[Token<'_>], found: &mut TableSql) -> Option<()> {
    let first = part.first()?;
    let begins = ["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"];
    let column = !begins.iter().any(|word| first.is(word));
    let mut name = None;
    let mut at = usize::from(column);
    while let Some(token) = part.get(at) {
        let next = part.get(at + 1);
        if token.is("(") {
            at = group(part, at)?.1;
        } else if token.is("CONSTRAINT") {
            name = next.and_then(Token::name);
            at += 1;
        } else if token.is("CHECK") {
            let (text, end) = inner(sql, part, at + 1)?;
            found.checks.push(Check { name: name.take(), sql: text });
            at = end;
        } else if token.is("AS") && column {
            let (text, end) = inner(sql, part, at + 1)?;
            found.generated.push((first.name()?, text));
            at = end;
        } else if token.is("REFERENCES") {
            found.deferred.push(false);
            // The name of the table may be quoted or not, but is no keyword of these.
            at += 1;
        } else if token.is("DEFERRABLE") {
            let refused = at > 0 && part[at - 1].is("NOT");
            let deferred = next.is_some_and(|next| next.is("INITIALLY"))
                && part.get(at + 2).is_some_and(|token| token.is("DEFERRED"));
            if let Some(last) = found.deferred.last_mut() {
                *last = deferred && !refused;
            }
        } else if token.is("ON") && next.is_some_and(|next| next.is("CONFLICT")) {
            let what = part.get(at + 2)?;
            if !what.is("ABORT") {
                found.conflicts.push(what.text.to_ascii_uppercase());
            }
            at += 2;
        } else if token.is("DEFAULT") || token.is("COLLATE") {
            // What follows is a value or a name; a group is skipped by its parenthesis.
            at += usize::from(next.is_some_and(|next| !next.is("(")));
        }
        at += 1;
    }
    Some(())
}

/// Reads the SQL of an index. `None`: it is not a `CREATE INDEX` as SQLite keeps it.
pub(super) fn index(sql: &str) -> Option<IndexSql> {
    let tokens = tokens(sql)?;
    let (start, end) = group(&tokens, tokens.iter().position(|token| token.is("("))?)?;
    let mut terms = Vec::new();
    for mut part in split(tokens.get(start..end)?) {
        while let Some((last, before)) = part.split_last() {
            let collated = before.last().is_some_and(|token| token.is("COLLATE"));
            part = match before.split_last() {
                Some((_, before)) if collated => before,
                _ if last.is("ASC") || last.is("DESC") => before,
                _ => break,
            };
        }
        terms.push(text(sql, part)?);
    }
    let rest = tokens.get(end + 1..)?;
    let filter = match rest.split_first() {
        Some((word, rest)) if word.is("WHERE") => Some(text(sql, rest)?),
        Some(_) => return None,
        None => None,
    };
    Some(IndexSql { terms, filter })
}

/// Returns the text between the parentheses that begin at a token, and where they close.
fn inner(sql: &str, tokens: &[Token<'_>], at: usize) -> Option<(String, usize)> {
    let (start, end) = group(tokens, at)?;
    Some((text(sql, tokens.get(start..end)?)?, end))
}

fn text(sql: &str, tokens: &[Token<'_>]) -> Option<String> {
    let (first, last) = (tokens.first()?, tokens.last()?);
    sql.get(first.at..last.end()).map(str::to_owned)
}

/// Returns the place behind an opening parenthesis and that of the one that closes it.
pub(super) fn group(tokens: &[Token<'_>], open: usize) -> Option<(usize, usize)> {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        if token.is("(") {
            depth += 1;
        } else if token.is(")") {
            depth = depth.checked_sub(1)?;
        }
        if depth == 0 {
            return (at > open).then_some((open + 1, at));
        }
    }
    None
}

/// Splits at the commas outside of parentheses.
fn split<'a, 'b>(tokens: &'b [Token<'a>]) -> Vec<&'b [Token<'a>]> {
    let mut depth = 0_i32;
    tokens
        .split(|token| {
            depth += i32::from(token.is("(")) - i32::from(token.is(")"));
            depth == 0 && token.is(",")
        })
        .filter(|part| !part.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Check, index, table};

    #[test]
    fn checks_are_found_with_their_names() {
        let found = table(
            "CREATE TABLE \"t(\"(a INT CONSTRAINT pos CHECK (a > 0) DEFAULT (1), \"check\" TEXT, \
             b CHECK (b IN ('x)', 'y')), CONSTRAINT both CHECK (a < b) UNIQUE (a))",
        )
        .unwrap();
        let check = |name: Option<&str>, sql: &str| Check {
            name: name.map(str::to_owned),
            sql: sql.to_owned(),
        };
        let expected = [
            check(Some("pos"), "a > 0"),
            check(None, "b IN ('x)', 'y')"),
            check(Some("both"), "a < b"),
        ];
        assert_eq!(found.checks, expected);
    }

    #[test]
    fn generated_columns_deferral_and_conflicts_are_found() {
        let found = table(
            "CREATE TABLE t(a DECIMAL(10,2) UNIQUE ON CONFLICT REPLACE, b AS (a||(a)) STORED, \
             c TEXT GENERATED ALWAYS AS (lower(a)), d REFERENCES p(x) DEFERRABLE INITIALLY DEFERRED, \
             e REFERENCES p ON DELETE CASCADE NOT DEFERRABLE INITIALLY DEFERRED)",
        )
        .unwrap();
        let generated: Vec<_> =
            found.generated.iter().map(|(name, sql)| (name.as_str(), sql.as_str())).collect();
        assert_eq!(generated, [("b", "a||(a)"), ("c", "lower(a)")]);
        assert_eq!(found.deferred, [true, false]);
        assert_eq!(found.conflicts, ["REPLACE"]);
    }

    #[test]
    fn an_index_is_taken_apart() {
        let found = index(
            "CREATE UNIQUE INDEX i ON t(a COLLATE NOCASE DESC, lower(b), c) WHERE c > (1) -- why",
        )
        .unwrap();
        assert_eq!(found.terms, ["a", "lower(b)", "c"]);
        assert_eq!(found.filter.as_deref(), Some("c > (1)"));
    }
}
