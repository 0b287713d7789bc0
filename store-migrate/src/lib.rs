#![doc = include_str!("../README.md")]

mod archive;
pub mod auto;
mod bookkeeping;
pub mod catalog;
pub mod cli;
mod control;
mod copy;
mod dry_run;
mod error;
pub mod hash;
mod job;
mod layout;
mod location;
pub mod model;
mod opened;
pub mod orcheo;
mod postgres;
mod report;
mod row;
mod run;
mod scan;
mod schemas;
mod sqlite;
mod state;
mod sync;
mod validate;
pub mod value;

pub use archive::{ExportReport, export};
pub use bookkeeping::{MigrationStatus, TableStatus, clean, status};
pub use control::{Control, Observer, Silent};
pub use copy::{BatchLimits, OnError};
pub use error::{Error, Result};
pub use job::{Existing, Job};
pub use location::Location;
pub use report::{Difference, PlanReport, Problem, RunReport, TableReport, Validation};
pub use run::{plan, run, validate};
pub use schemas::{SchemaReport, schemas, schemas_of};
pub use sync::{
    Compare, Cutover, CutoverReport, RoundReport, SyncReport, SyncStatus, clean_source, cutover,
    sync,
};
