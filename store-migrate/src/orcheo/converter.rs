//! What all conversions share: the target's transaction, the rules, and the count of what happens.

use rusqlite::{Connection, Params, ToSql};
use store_core::audit::ChainHead;
use store_core::json::JsonPolicy;
use store_core::seal::KeyRing;

use super::fault::{Checked, Fault, Stop, fault};
use super::fields::Fields;
use super::options::ConvertOptions;
use super::report::{Problem, Tally};
use super::row::Row;
use super::{catalogue, quarantine};
use crate::error::{Result, sqlite};

/// The rules of the stores, and the columns they make.
pub(super) struct Rules {
    pub(super) workflow: store_workflow::import::Import,
    pub(super) history: store_history::import::Import,
    pub(super) checkpoints: store_checkpoints::import::Import,
    pub(super) chatkit: store_chatkit::import::Import,
    pub(super) tokens: store_tokens::import::Import,
}

impl Rules {
    fn new(json: JsonPolicy, keys: Option<KeyRing>) -> Self {
        Self {
            workflow: store_workflow::import::Import::new(json, keys),
            history: store_history::import::Import::new(json),
            checkpoints: store_checkpoints::import::Import::new(json),
            chatkit: store_chatkit::import::Import::new(json),
            tokens: store_tokens::import::Import::new(json),
        }
    }
}

/// A conversion at work.
pub(super) struct Converter<'c> {
    pub(super) conn: &'c Connection,
    pub(super) options: &'c ConvertOptions,
    pub(super) rules: Rules,
    pub(super) tally: Tally,
}

impl<'c> Converter<'c> {
    pub(super) fn new(
        conn: &'c Connection,
        options: &'c ConvertOptions,
        tally: Tally,
    ) -> Result<Self> {
        if options.quarantine {
            quarantine::create(conn)?;
        }
        let keys = options.keys.as_ref().map(|keys| keys.ring.clone());
        Ok(Self { conn, options, rules: Rules::new(options.json, keys), tally })
    }

    /// Converts a row: all that it becomes is written, or nothing of it and the row is refused.
    pub(super) fn row(
        &mut self,
        row: &Row,
        convert: impl FnOnce(&mut Self, &Row) -> Checked<()>,
    ) -> Result<()> {
        self.tally.table(row.table.name).read += 1;
        self.batch("SAVEPOINT one_row")?;
        match convert(self, row) {
            Ok(()) => {
                self.batch("RELEASE one_row")?;
                self.tally.table(row.table.name).written += 1;
                Ok(())
            }
            Err(Stop::All(error)) => Err(error),
            Err(Stop::Row(fault)) => {
                self.batch("ROLLBACK TO one_row; RELEASE one_row")?;
                self.refuse(row, fault)
            }
        }
    }

    /// Refuses a row: it is named, and set aside if that is wanted.
    fn refuse(&mut self, row: &Row, fault: Fault) -> Result<()> {
        if self.options.quarantine {
            quarantine::row(self.conn, row, &fault)?;
        }
        self.tally.table(row.table.name).refused += 1;
        let (table, key) = (row.table.name, row.key());
        let Fault { column, reason } = fault;
        self.tally.problem(Problem { table, key, column, reason });
        Ok(())
    }

    /// Refuses a part of a row whose rest is converted, such as an entry of its audit.
    pub(super) fn refuse_part(&mut self, row: &Row, raw: &str, fault: Fault) -> Result<()> {
        let (table, key) = (row.table.name, row.key());
        let Fault { column, reason } = fault;
        if self.options.quarantine {
            quarantine::part(self.conn, (table, &key, &column), raw, &reason)?;
        }
        self.tally.problem(Problem { table, key, column, reason });
        Ok(())
    }

    /// Names what is left of a payload: nothing becomes of it.
    pub(super) fn leave(&mut self, row: &Row, column: &str, rest: &Fields) {
        for field in rest.remaining() {
            let known = catalogue::reason(row.table.name, column, field);
            let reason = known.unwrap_or("is no field that this release knows");
            self.tally.unmapped(row.table.name, Some(&rest.at(field)), reason, 1);
        }
    }

    /// Notes when a column beside a payload says something else than the payload.
    pub(super) fn compare<T: PartialEq>(
        &mut self,
        row: &Row,
        column: &str,
        beside: Option<T>,
        counts: &T,
    ) {
        if beside.is_some_and(|beside| beside != *counts) {
            self.tally.note(format!(
                "{}.{column} is not what the payload says, which counts",
                row.table.name
            ));
        }
    }

    /// Inserts a row.
    pub(super) fn insert(&self, table: &str, columns: &[(&str, &dyn ToSql)]) -> Checked<()> {
        let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
        let places = vec!["?"; columns.len()].join(", ");
        let sql = format!("INSERT INTO {table} ({}) VALUES ({places})", names.join(", "));
        let values: Vec<&dyn ToSql> = columns.iter().map(|(_, value)| *value).collect();
        self.execute(table, &sql, &*values).map(drop)
    }

    /// Runs a statement on a table, and counts the rows it changed.
    pub(super) fn execute(&self, table: &str, sql: &str, values: impl Params) -> Checked<usize> {
        let run = || self.conn.prepare_cached(sql)?.execute(values);
        run().map_err(|error| refused(table, error))
    }

    /// Finds one value.
    pub(super) fn find<T: rusqlite::types::FromSql>(
        &self,
        sql: &str,
        values: impl Params,
    ) -> Result<Option<T>> {
        use rusqlite::OptionalExtension as _;
        let run = || self.conn.prepare_cached(sql)?.query_row(values, |row| row.get(0)).optional();
        run().map_err(sqlite("reading the target"))
    }

    /// Runs statements.
    pub(super) fn batch(&self, sql: &str) -> Result<()> {
        self.conn.execute_batch(sql).map_err(sqlite("writing the target"))
    }

    /// Stores the newest entry of each chain of an audit.
    pub(super) fn insert_head(
        &self,
        (table, key): (&str, &str),
        subject: &str,
        head: &ChainHead,
    ) -> Checked<()> {
        let hash: &[u8] = &head.hash;
        self.insert(table, &[(key, &subject), ("sequence", &head.sequence), ("hash", &hash)])
    }
}

/// Says what a constraint of the target means; everything else ends the conversion.
fn refused(table: &str, error: rusqlite::Error) -> Stop {
    use rusqlite::ffi;
    let rusqlite::Error::SqliteFailure(code, Some(message)) = &error else {
        return Stop::All(sqlite(format!("writing {table}"))(error));
    };
    match code.extended_code {
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => {
            fault(table, "what it belongs to is not there, or was refused")
        }
        ffi::SQLITE_CONSTRAINT_CHECK if message.contains("ck_workflow_handles_taken") => {
            fault("payload.handle", "another workflow holds it, or holds it archived")
        }
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY => {
            // The message names columns and no values.
            fault(table, format!("another row has the same ({message})"))
        }
        ffi::SQLITE_CONSTRAINT_CHECK | ffi::SQLITE_CONSTRAINT_NOTNULL => {
            fault(table, message.clone())
        }
        _ => Stop::All(sqlite(format!("writing {table}"))(error)),
    }
}
