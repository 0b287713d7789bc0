//! Columns as `schema.rs` states them. The file is generated, so that reading lines will do.

/// A column: its name and whether it may be null.
pub(crate) type Column = (String, bool);

/// The tables of a `schema.rs` with their columns, in order of name.
pub(crate) fn parse(text: &str) -> Vec<(String, Vec<Column>)> {
    let mut tables: Vec<(String, Vec<Column>)> = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some((name, rest)) = line.split_once(" (")
            && rest.ends_with(") {")
        {
            tables.push((name.to_owned(), Vec::new()));
        } else if let Some((name, kind)) = line.split_once(" -> ")
            && kind.ends_with(',')
        {
            let table = tables.last_mut().expect("columns come below a table");
            table.1.push((name.to_owned(), kind.starts_with("Nullable<")));
        }
    }
    tables.sort();
    tables
}
