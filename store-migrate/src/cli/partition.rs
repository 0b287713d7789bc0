//! `store-migrate partition-history`: the steps of run history in monthly partitions.

use std::sync::Arc;

use serde::Serialize;
use store_core::SystemClock;
use store_core::history::{MaintenanceRequest, RunHistoryStore as _};
use store_core::json::JsonPolicy;
use store_core::postgres::Database;
use store_history::postgres::{PartitionRequest, PostgresRunHistoryStore, SCHEMA};

use crate::{Error, Location, Result};

/// What is partitioned, and how.
#[derive(Debug, clap::Args)]
pub(super) struct PartitionHistory {
    /// The PostgreSQL database of the stores, as the role that owns the tables
    #[arg(long, value_name = "DATABASE")]
    to: Location,
    /// Print the statements and change nothing
    #[arg(long)]
    dry_run: bool,
    /// For how many months ahead partitions are made
    #[arg(long, default_value_t = 3, value_name = "MONTHS",
        value_parser = clap::value_parser!(u32).range(1..=120))]
    months_ahead: u32,
}

/// What was done.
#[derive(Debug, Serialize)]
pub(super) struct Partitioned {
    /// Whether the steps were partitioned before.
    already: bool,
    dry_run: bool,
    /// The partitions there are; in a dry run none.
    partitions: Vec<String>,
    /// Those that were made for months ahead, or for steps that had none.
    made: Vec<String>,
    steps_moved: u64,
    /// What starts before this is in the first partition.
    boundary: Option<String>,
    /// For how long appends waited, in milliseconds.
    locked_ms: f64,
    statements: Vec<String>,
}

impl PartitionHistory {
    /// Partitions, or makes the partitions ahead where that was done before.
    pub(super) async fn run(self) -> Result<Partitioned> {
        if !self.to.is_postgres() {
            return Err(Error::Usage(format!("{}: only PostgreSQL has partitions", self.to)));
        }
        let db = Database::open(crate::postgres::options(&self.to)?).await?;
        db.verify(&SCHEMA).await?;
        let store = PostgresRunHistoryStore::new(db, JsonPolicy::default(), Arc::new(SystemClock));
        let Self { dry_run, months_ahead, .. } = self;
        let report = store.partition_steps(&PartitionRequest { months_ahead, dry_run }).await?;
        let mut done = Partitioned {
            already: report.already,
            dry_run,
            partitions: report.partitions,
            made: Vec::new(),
            steps_moved: 0,
            boundary: report.boundary.map(|boundary| boundary.to_string()),
            locked_ms: report.locked.as_secs_f64() * 1000.0,
            statements: report.statements,
        };
        if report.already && !dry_run {
            let maintained = store.maintain(&MaintenanceRequest { months_ahead }).await?;
            done.partitions.extend(maintained.partitions.iter().cloned());
            (done.made, done.steps_moved) = (maintained.partitions, maintained.steps_moved);
        }
        Ok(done)
    }
}

/// Describes it for people.
pub(super) fn text(done: &Partitioned) -> String {
    let mut text = String::new();
    if done.dry_run {
        for statement in &done.statements {
            text += &format!("{statement};\n");
        }
        return text + if done.already { "partitioned already\n" } else { "nothing was changed\n" };
    }
    if done.already {
        let (made, moved) = (done.made.len(), done.steps_moved);
        text += &format!("partitioned already; {made} partition(s) made, {moved} step(s) moved\n");
    } else {
        text += &format!("partitioned; appends waited for {:.0} ms\n", done.locked_ms);
    }
    if let Some(boundary) = &done.boundary {
        text += &format!("first partition: executions that start before {boundary}\n");
    }
    text + &format!("partitions: {}\n", done.partitions.join(", "))
}
