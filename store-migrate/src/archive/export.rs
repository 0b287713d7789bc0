//! Writing an archive.

use std::path::Path;
use std::time::Instant;

use serde::Serialize;

use super::encode::{put, put_large};
use super::files::{Stated, Writing};
use super::folder::{Found, Taken, blob_name, look, rows_name};
use super::manifest::{Archived, Batch, Manifest};
use crate::control::Control;
use crate::hash::{Hash, RowHasher, TableSum, root};
use crate::job::Job;
use crate::model::{Layout, Note, Table};
use crate::opened::{SourceSide, blocking};
use crate::report::TableReport;
use crate::row::refused;
use crate::run::dry_run;
use crate::scan::{From, Row};
use crate::state::now;
use crate::value::Value;
use crate::{Error, Location, Result};

/// A file ends with the row that reaches one of these.
const BATCH_BYTES: usize = 8 << 20;
const BATCH_ROWS: u64 = 50_000;

/// What an export wrote.
#[derive(Debug, Clone, Serialize)]
pub struct ExportReport {
    /// The source, without password.
    pub source: String,
    /// The directory.
    pub directory: String,
    /// The id of the archive: the SHA-256 of what its manifest says.
    pub archive: String,
    /// The layout.
    pub layout: Layout,
    /// The tables in the order they are loaded.
    pub tables: Vec<TableReport>,
    /// The hash of all tables.
    pub root: String,
    /// How many files were written, without the manifest.
    pub files: u64,
    /// How many bytes they have.
    pub bytes: u64,
    /// What is not carried over, renamed or inferred.
    pub notes: Vec<Note>,
    /// How long it took, in seconds.
    pub seconds: f64,
}

/// Writes everything a database has into a directory, for [`crate::run`] on another host.
///
/// The source is read in one snapshot and not changed. Every row is converted first: nothing is
/// written when a value does not. An export that was interrupted begins anew, as its snapshot is
/// gone.
///
/// # Errors
/// `Unconvertible` before anything is written; `Refused` when the directory has a finished archive or
/// other files; `Stopped` as `Refused`, because it cannot be gone on with; what a database says.
pub async fn export(job: &Job, control: &Control) -> Result<ExportReport> {
    let Location::Archive(folder) = &job.target else {
        return Err(Error::Usage("an export is written into a directory".to_owned()));
    };
    let started = Instant::now();
    if let Found::Interrupted(files) = look(folder)? {
        control.observer().say(&format!(
            "{} has an unfinished export of {} file(s): its snapshot is gone, so it begins anew",
            folder.display(),
            files.len()
        ));
    }
    let source = SourceSide::open(job).await?;
    let (plan, source) = source.plan(job, control).await.map_err(stopped)?;
    let (report, mut source) = dry_run(job, source, plan, control).await.map_err(stopped)?;
    if report.problem_count > 0 {
        return Err(Error::Unconvertible(Box::new(report)));
    }
    let counters = source.opened.counters(&report.plan).await?;
    let counters = counters.into_iter().map(|(_, value)| value).collect();
    let manifest = Manifest {
        written_at: now(),
        source: job.source.to_string(),
        source_identity: source.identity.clone(),
        layout: job.layout,
        for_postgres: !job.source.is_postgres(),
        stores: source.stores.iter().map(|store| store.name().to_owned()).collect(),
        plan: report.plan.clone(),
        counters,
        tables: Vec::new(),
        root: String::new(),
    };
    control.observer().phase("export", Some(report.tables.iter().map(|table| table.rows).sum()));
    let (path, watching) = (folder.clone(), control.clone());
    let written = blocking(move || write(source, &path, manifest, &watching)).await;
    let (manifest, archive) = written.map_err(stopped)?;
    let files = || manifest.tables.iter().flat_map(|table| &table.batches);
    let files: Vec<&Stated> =
        files().flat_map(|batch| std::iter::once(&batch.file).chain(&batch.blobs)).collect();
    Ok(ExportReport {
        source: report.source,
        directory: folder.display().to_string(),
        archive,
        layout: job.layout,
        tables: report.tables,
        root: manifest.root.clone(),
        files: u64::try_from(files.len()).unwrap_or(u64::MAX),
        bytes: files.iter().map(|file| file.bytes).sum(),
        notes: report.notes,
        seconds: started.elapsed().as_secs_f64(),
    })
}

fn stopped(error: Error) -> Error {
    match error {
        Error::Stopped => Error::refused(
            "stopped, as asked; the archive is not finished, and the same command begins anew",
        ),
        other => other,
    }
}

/// Writes every table, and the manifest.
fn write(
    mut source: SourceSide,
    folder: &Path,
    mut manifest: Manifest,
    control: &Control,
) -> Result<(Manifest, String)> {
    let taken = Taken::begin(folder)?;
    let mut sums = Vec::with_capacity(manifest.plan.tables.len());
    for (place, table) in manifest.plan.tables.iter().enumerate() {
        control.check()?;
        let mut writer = Writer::new(folder, control, table, place);
        source.opened.source().scan(table, From::Start, &mut |row| writer.row(&row))?;
        writer.close()?;
        sums.push((table.sqlite.as_str(), writer.total));
        manifest.tables.push(Archived {
            name: table.sqlite.clone(),
            rows: writer.total.rows,
            sum: writer.total.hex(),
            batches: writer.batches,
        });
    }
    manifest.root = root(sums);
    let (bytes, id) = manifest.clone().seal()?;
    taken.finish(&bytes)?;
    Ok((manifest, id))
}

/// Writes one table.
struct Writer<'a> {
    folder: &'a Path,
    control: &'a Control,
    table: &'a Table,
    place: usize,
    /// The rows of the batch that is being filled.
    rows: Vec<u8>,
    sum: TableSum,
    blobs: Vec<Stated>,
    blob_bytes: u64,
    batches: Vec<Batch>,
    total: TableSum,
}

impl<'a> Writer<'a> {
    fn new(folder: &'a Path, control: &'a Control, table: &'a Table, place: usize) -> Self {
        Self {
            folder,
            control,
            table,
            place,
            rows: Vec::new(),
            sum: TableSum::default(),
            blobs: Vec::new(),
            blob_bytes: 0,
            batches: Vec::new(),
            total: TableSum::default(),
        }
    }

    fn row(&mut self, row: &Row<'_>) -> Result<()> {
        let hash = self.append(row)?;
        self.sum.add(&hash);
        let blobs = usize::try_from(self.blob_bytes).unwrap_or(usize::MAX);
        if self.rows.len().saturating_add(blobs) >= BATCH_BYTES || self.sum.rows >= BATCH_ROWS {
            self.close()?;
            self.control.check()?;
        }
        Ok(())
    }

    fn append(&mut self, row: &Row<'_>) -> Result<Hash> {
        let mut hasher = RowHasher::default();
        for (place, column) in self.table.columns.iter().enumerate() {
            if column.kind == crate::model::Kind::SearchWords {
                // They are cut anew from the item by whoever loads it.
                put(&Value::Null, &mut self.rows);
                continue;
            }
            let value = match row.values.get(place) {
                Some(Ok(value)) => value,
                Some(Err(reason)) => return Err(refused(self.table, place, reason)),
                None => return Err(Error::refused("a row of a table is too short")),
            };
            hasher.value(value).map_err(|reason| refused(self.table, place, &reason))?;
            match value {
                Value::LargeBlob(length) => self.large(row, place, *length, &mut hasher)?,
                value => put(value, &mut self.rows),
            }
        }
        Ok(hasher.finish())
    }

    /// Writes a large blob into a file of its own.
    fn large(
        &mut self,
        row: &Row<'_>,
        column: usize,
        length: u64,
        hasher: &mut RowHasher,
    ) -> Result<()> {
        let name = blob_name(self.place, self.batches.len(), self.blobs.len());
        let mut writing = Writing::begin(self.folder, name)?;
        row.origin.large(column, row.rowid, &mut |piece| {
            hasher.bytes(piece);
            writing.write(piece)
        })?;
        let stated = writing.finish()?;
        if stated.unpacked != length {
            return Err(Error::refused(format!(
                "a large blob of {} has {} bytes where {length} were announced",
                self.table.sqlite, stated.unpacked
            )));
        }
        let number = u32::try_from(self.blobs.len())
            .map_err(|_many| Error::refused("a row has too many large blobs"))?;
        put_large(length, number, &mut self.rows);
        self.blobs.push(stated);
        self.blob_bytes = self.blob_bytes.saturating_add(length);
        Ok(())
    }

    /// Ends the batch that is being filled, if it has rows.
    fn close(&mut self) -> Result<()> {
        if self.sum.rows == 0 {
            return Ok(());
        }
        let name = rows_name(self.place, self.batches.len());
        let mut writing = Writing::begin(self.folder, name)?;
        writing.write(&self.rows)?;
        let file = writing.finish()?;
        self.control.observer().advance(
            &self.table.sqlite,
            self.sum.rows,
            file.unpacked.saturating_add(self.blob_bytes),
        );
        self.total.merge(&self.sum);
        self.batches.push(Batch {
            rows: self.sum.rows,
            sum: self.sum.hex(),
            file,
            blobs: std::mem::take(&mut self.blobs),
        });
        // A row may have been far larger than a batch should be: its memory is given back.
        self.rows.clear();
        self.rows.shrink_to(BATCH_BYTES);
        (self.sum, self.blob_bytes) = (TableSum::default(), 0);
        Ok(())
    }
}
