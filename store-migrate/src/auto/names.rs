//! Names on PostgreSQL: kept exactly where they can be.

use std::collections::HashSet;

use sha2::{Digest as _, Sha256};

/// The bytes PostgreSQL keeps of a name.
const LONGEST: usize = 63;

/// Columns PostgreSQL has in every table.
const SYSTEM_COLUMNS: [&str; 6] = ["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"];

/// Quotes a name.
pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Quotes a string.
pub(super) fn literal(text: &str) -> String {
    // Backslashes mean nothing where `E` is written before the quote and they are doubled, whatever
    // `standard_conforming_strings` is.
    let quoted = text.replace('\'', "''");
    if text.contains('\\') {
        format!("E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}

/// The names taken in one place: the tables, indexes and sequences of a schema, the columns or
/// the constraints of a table.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    taken: HashSet<String>,
}

impl Names {
    /// Takes a name as it is, and says whether it was free.
    pub(super) fn take(&mut self, name: &str) -> bool {
        self.taken.insert(name.to_owned())
    }

    /// Takes a name for a table or index, changed if PostgreSQL could not find it by this name.
    pub(super) fn relation(&mut self, name: &str) -> String {
        // `pg_catalog` is searched first, whatever the search path says.
        let hidden = name.starts_with("pg_");
        self.fit(name, hidden)
    }

    /// Takes a name for a column.
    pub(super) fn column(&mut self, name: &str) -> String {
        self.fit(name, SYSTEM_COLUMNS.contains(&name))
    }

    /// Takes a name for a constraint.
    pub(super) fn constraint(&mut self, name: &str) -> String {
        self.fit(name, false)
    }

    fn fit(&mut self, name: &str, unusable: bool) -> String {
        let usable = !unusable && !name.is_empty() && name.len() <= LONGEST;
        if usable && self.take(name) {
            return name.to_owned();
        }
        // The hash is of the whole name, so that a plan made twice has the same names.
        for round in 0_u32.. {
            let digest = Sha256::digest(format!("{round}:{name}"));
            let suffix = hex::encode(digest.get(..4).unwrap_or(&digest));
            let fitted = format!("{}_{suffix}", start(name, LONGEST - 1 - suffix.len()));
            if self.take(&fitted) {
                return fitted;
            }
        }
        name.to_owned()
    }
}

/// Returns as much of the start of a name as fits into so many bytes.
fn start(name: &str, bytes: usize) -> &str {
    let mut end = name.len().min(bytes);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

#[cfg(test)]
mod tests {
    use super::{Names, literal, quote};

    #[test]
    fn quotes_are_doubled() {
        assert_eq!(quote("a\"b"), "\"a\"\"b\"");
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal("a\\b"), "E'a\\\\b'");
    }

    #[test]
    fn a_name_that_fits_is_kept() {
        let mut names = Names::default();
        for name in ["Order", "order", "select", "größe", "a b"] {
            assert_eq!(names.relation(name), name);
        }
    }

    #[test]
    fn long_names_are_cut_at_a_letter_and_stay_different() {
        let mut names = Names::default();
        let long = "ü".repeat(60);
        let (first, second) =
            (names.relation(&format!("{long}a")), names.relation(&format!("{long}b")));
        assert!(first.len() <= 63 && second.len() <= 63);
        assert_ne!(first, second);
        assert_eq!(Names::default().relation(&format!("{long}a")), first);
    }

    #[test]
    fn names_postgres_has_itself_are_changed() {
        let mut names = Names::default();
        assert_ne!(names.column("xmin"), "xmin");
        assert_eq!(names.column("XMIN"), "XMIN");
        assert_ne!(names.relation("pg_class"), "pg_class");
        assert!(!names.relation("").is_empty());
    }

    #[test]
    fn a_name_twice_is_two_names() {
        let mut names = Names::default();
        assert_eq!(names.constraint("c"), "c");
        assert_ne!(names.constraint("c"), "c");
    }
}
