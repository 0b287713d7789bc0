//! What the catalogue of a SQLite database holds.

/// The schema of a SQLite database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalog {
    /// Its tables, without the virtual ones and what belongs to those.
    pub tables: Vec<Table>,
    /// Its virtual tables.
    pub virtual_tables: Vec<Virtual>,
    /// Its views.
    pub views: Vec<Object>,
    /// Its triggers.
    pub triggers: Vec<Object>,
}

impl Catalog {
    /// Returns a table by its name, which SQLite compares without regard to ASCII case.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name.eq_ignore_ascii_case(name))
    }

    /// Returns a virtual table by its name.
    #[must_use]
    pub fn virtual_table(&self, name: &str) -> Option<&Virtual> {
        self.virtual_tables.iter().find(|table| table.name.eq_ignore_ascii_case(name))
    }
}

/// A view or a trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its name.
    pub name: String,
    /// The table of a trigger; the name again for a view.
    pub table: String,
    /// The statement that made it.
    pub sql: String,
}

/// A virtual table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Virtual {
    /// Its name.
    pub name: String,
    /// The module that answers for it, such as `fts5`.
    pub module: String,
    /// The statement that made it.
    pub sql: String,
    /// The tables its module keeps its data in.
    pub shadows: Vec<String>,
}

impl Virtual {
    /// Returns whether a table is one of those the module keeps its data in.
    ///
    /// `sure`: SQLite says that the table is a shadow. It cannot say so of a module that is not
    /// compiled in, so the endings of the well-known modules are known here.
    pub(super) fn has_shadow(&self, name: &str, sure: bool) -> bool {
        let Some((start, end)) = name.split_at_checked(self.name.len()) else { return false };
        let Some(end) = end.strip_prefix('_') else { return false };
        let module = self.module.to_ascii_lowercase();
        let known: &[&str] = match module.as_str() {
            "fts5" => &["data", "idx", "content", "docsize", "config"],
            "fts3" | "fts4" => &["content", "segments", "segdir", "docsize", "stat"],
            "rtree" | "rtree_i32" | "geopoly" => &["node", "rowid", "parent"],
            _ => &[],
        };
        start.eq_ignore_ascii_case(&self.name)
            && (sure || known.iter().any(|known| known.eq_ignore_ascii_case(end)))
    }
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// The statement that made it.
    pub sql: String,
    /// Declared `WITHOUT ROWID`.
    pub without_rowid: bool,
    /// Declared `STRICT`.
    pub strict: bool,
    /// Its `INTEGER PRIMARY KEY` is declared `AUTOINCREMENT`.
    pub autoincrement: bool,
    /// The largest number ever given out, as `sqlite_sequence` has it.
    pub sequence: Option<i64>,
    /// Its columns, hidden and generated ones too.
    pub columns: Vec<Column>,
    /// Places in `columns` of its primary key, in the order of the key.
    pub primary_key: Vec<usize>,
    /// Its foreign keys, in the order they were declared.
    pub foreign_keys: Vec<ForeignKey>,
    /// Its indexes, those of constraints too, in the order they were made.
    pub indexes: Vec<Index>,
}

impl Table {
    /// Returns the place of a column by its name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// Returns the place of the column that is another name of the row number.
    ///
    /// `INTEGER PRIMARY KEY DESC` is not: it has an index of its own.
    #[must_use]
    pub fn rowid_column(&self) -> Option<usize> {
        let &[place] = self.primary_key.as_slice() else { return None };
        let integer = self.columns[place].declared.eq_ignore_ascii_case("integer");
        let own_index = self.indexes.iter().any(|index| index.origin == Origin::PrimaryKey);
        (integer && !own_index && !self.without_rowid).then_some(place)
    }

    /// Returns a name by which the row number can be asked for: one no column took, or the column
    /// that is it.
    #[must_use]
    pub fn rowid_name(&self) -> Option<String> {
        if self.without_rowid {
            return None;
        }
        let free = ["rowid", "_rowid_", "oid"].into_iter().find(|name| self.column(name).is_none());
        match free {
            Some(name) => Some(name.to_owned()),
            None => self.rowid_column().map(|place| self.columns[place].name.clone()),
        }
    }

    /// Returns the index of the primary key, which a row number has none of.
    #[must_use]
    pub fn key_index(&self) -> Option<&Index> {
        self.indexes.iter().find(|index| index.origin == Origin::PrimaryKey)
    }
}

/// Whether and how a column is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    /// Like any column.
    Plain,
    /// Hidden, of a virtual table.
    Hidden,
    /// Computed when it is read.
    GeneratedVirtual,
    /// Computed when the row is written.
    GeneratedStored,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// The type it was declared with, as written; empty when with none.
    pub declared: String,
    /// Declared `NOT NULL`.
    pub not_null: bool,
    /// The SQL of its default.
    pub default: Option<String>,
    /// Whether and how it is stored.
    pub visibility: Visibility,
    /// Its collation: `BINARY`, `NOCASE`, `RTRIM` or one of an application.
    pub collation: String,
}

impl Column {
    /// Returns whether it is computed from others.
    #[must_use]
    pub fn is_generated(&self) -> bool {
        matches!(self.visibility, Visibility::GeneratedVirtual | Visibility::GeneratedStored)
    }
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    /// The table it refers to.
    pub parent: String,
    /// Its columns here.
    pub columns: Vec<String>,
    /// The columns it refers to; empty for the primary key.
    pub parent_columns: Vec<String>,
    /// What happens when the parent's key changes: `NO ACTION`, `CASCADE`, …
    pub on_update: String,
    /// What happens when the parent goes.
    pub on_delete: String,
}

/// What an index was made by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// `CREATE INDEX`.
    Created,
    /// A `UNIQUE` constraint.
    Unique,
    /// A `PRIMARY KEY` constraint.
    PrimaryKey,
}

/// An index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// The statement that made it; those of constraints have none.
    pub sql: Option<String>,
    /// No two rows are equal in it.
    pub unique: bool,
    /// What it was made by.
    pub origin: Origin,
    /// It has a `WHERE`.
    pub partial: bool,
    /// What is compared, in this order.
    pub columns: Vec<IndexColumn>,
}

/// A column of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexColumn {
    /// The name of the column; `None` for an expression or the row number.
    pub name: Option<String>,
    /// Descending.
    pub desc: bool,
    /// How text is compared.
    pub collation: String,
}
