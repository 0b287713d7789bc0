use rusqlite::Connection;

use super::{AutoOptions, AutoPlan, Map, plan};
use crate::error::Result;
use crate::model::{PgType, SqliteOrder, Table};

fn database(sql: &str) -> Connection {
    let conn = Connection::open_in_memory().unwrap();
    conn.execute_batch(sql).unwrap();
    conn
}

fn planned_with(sql: &str, options: &AutoOptions) -> Result<AutoPlan> {
    plan(&database(sql), options, &mut |_progress| Ok(()))
}

fn planned(sql: &str) -> AutoPlan {
    planned_with(sql, &AutoOptions::default()).unwrap()
}

impl AutoPlan {
    fn table(&self, name: &str) -> &Table {
        self.plan.tables.iter().find(|table| table.sqlite == name).unwrap()
    }

    /// The types of all columns of a table.
    fn types(&self, table: &str) -> Vec<PgType> {
        self.table(table).columns.iter().map(|column| column.pg_type).collect()
    }

    fn before(&self, name: &str) -> &str {
        let step = self.plan.before.iter().find(|step| step.name == name).unwrap();
        &step.sql
    }

    fn after(&self) -> Vec<&str> {
        self.plan.after.iter().map(|step| step.sql.as_str()).collect()
    }

    /// The message of the note about something.
    fn note(&self, about: &str) -> &str {
        let note = self.plan.notes.iter().find(|note| note.about == about);
        &note.unwrap_or_else(|| panic!("no note about {about}: {:?}", self.plan.notes)).message
    }
}

mod carried;
mod problems;
mod tables;
mod types;
