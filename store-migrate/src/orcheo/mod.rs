//! Layout `orcheo`: databases written by Orcheo become one SQLite file of the stores.
//!
//! [`convert`] reads the SQLite files of an installation, or its PostgreSQL schema, and writes a new
//! file with the tables of the store crates, made by their own migrations. The file is then moved
//! like any other, or left where it is.
//!
//! - Each source is read in one transaction that only reads; nothing of it is changed. A SQLite
//!   file in WAL mode may be written meanwhile.
//! - The target is made beside its place and appears there whole, or not at all. A conversion that
//!   was killed is made again from the start.
//! - The same sources and options give the same rows, but for envelopes: each seal has a nonce of
//!   its own.
//! - Every table and column is in the [`CATALOGUE`]: with what it becomes, or with the reason why it
//!   is left out. What a source has beyond that is named in the report.
//! - A row that breaks a rule of the stores is never changed to fit and never dropped: by default
//!   nothing is written and the report names all of them; with
//!   [`quarantine`](ConvertOptions::quarantine) they are set aside in `_migrate_quarantine`, whole,
//!   a record for each of their columns.
//!
//! The payloads of Orcheo are its truth. Columns beside them count where the payload says nothing;
//! where they disagree, the payload counts and the report says how often.

mod alerts;
mod audit;
mod catalogue;
mod cell;
mod chat;
mod checkpoints;
mod converter;
mod credentials;
mod fault;
mod fields;
mod history;
mod instant;
mod json;
mod keys;
mod listeners;
mod options;
mod postgres;
mod quarantine;
mod report;
mod row;
mod run;
mod runs;
mod source;
mod sqlite;
mod target;
mod templates;
mod token_audit;
mod tokens;
mod triggers;
mod versions;
mod webhooks;
mod workflows;

pub use catalogue::{Becomes, CATALOGUE, Column, PAYLOADS, Payload, Table};
pub use options::{ConvertOptions, Source};
pub use report::{ChangedId, ConvertReport, Converted, Note, Problem, Unmapped};
pub use run::convert;
