//! What an archive says of itself.

use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::FORMAT;
use super::files::Stated;
use super::folder::{self, MANIFEST, blob_name, rows_name};
use crate::hash::{Hash, TableSum, root};
use crate::model::{Layout, Plan};
use crate::{Error, Result};

/// The file: the manifest, sealed.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    format: u32,
    tool: String,
    /// The SHA-256 of the manifest in JSON without spaces.
    sha256: String,
    manifest: Manifest,
}

/// What is read of a file of any version.
#[derive(Debug, Deserialize)]
struct Version {
    format: u32,
    tool: String,
}

/// What an archive says of itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    /// When it was written.
    pub(super) written_at: String,
    /// What was read, without password, and what identifies it.
    pub(super) source: String,
    pub(super) source_identity: String,
    pub(super) layout: Layout,
    /// Whether the statements of the plan, if it has any, are for PostgreSQL.
    pub(super) for_postgres: bool,
    /// The stores whose tables are made before the load.
    pub(super) stores: Vec<String>,
    pub(super) plan: Plan,
    /// What each counter of the plan stands at.
    pub(super) counters: Vec<Option<i64>>,
    /// The tables, in the order of the plan.
    pub(super) tables: Vec<Archived>,
    /// The root hash.
    pub(super) root: String,
}

/// A table.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Archived {
    pub(super) name: String,
    pub(super) rows: u64,
    pub(super) sum: String,
    pub(super) batches: Vec<Batch>,
}

/// A batch of rows.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Batch {
    pub(super) rows: u64,
    pub(super) sum: String,
    pub(super) file: Stated,
    /// The large blobs of its rows.
    pub(super) blobs: Vec<Stated>,
}

impl Manifest {
    /// Returns the file, and the id of the archive.
    pub(super) fn seal(self) -> Result<(Vec<u8>, String)> {
        let sha256 = self.sha256()?;
        let tool = env!("CARGO_PKG_VERSION").to_owned();
        let sealed = Sealed { format: FORMAT, tool, sha256, manifest: self };
        let mut bytes = serde_json::to_vec_pretty(&sealed).map_err(unwritable)?;
        bytes.push(b'\n');
        Ok((bytes, sealed.sha256))
    }

    fn sha256(&self) -> Result<String> {
        Ok(hex::encode(Sha256::digest(serde_json::to_vec(self).map_err(unwritable)?)))
    }

    /// Reads the manifest of a directory and checks that its files are there, and no others.
    /// Returns it with the id of the archive.
    ///
    /// # Errors
    /// `Refused` when it is none, was changed, or is of another version.
    pub(super) fn open(folder: &Path) -> Result<(Self, String)> {
        let bytes = folder::manifest(folder)?;
        let path = folder.join(MANIFEST);
        let refused = |why: String| Error::refused(format!("{} {why}", path.display()));
        let version: Version = serde_json::from_slice(&bytes)
            .map_err(|error| refused(format!("is not the manifest of an archive: {error}")))?;
        if version.format != FORMAT {
            return Err(refused(format!(
                "has format {}, written by store-migrate {}; this version reads format {FORMAT}",
                version.format, version.tool
            )));
        }
        let sealed: Sealed = serde_json::from_slice(&bytes)
            .map_err(|error| refused(format!("is damaged: {error}: copy it again")))?;
        let Sealed { sha256, manifest, .. } = sealed;
        if manifest.sha256()? != sha256 {
            return Err(refused("was changed or damaged: copy it again".to_owned()));
        }
        manifest.check().ok_or_else(|| refused("contradicts itself".to_owned()))?;
        folder::check(folder, manifest.files())?;
        Ok((manifest, sha256))
    }

    fn files(&self) -> impl Iterator<Item = &Stated> {
        let batches = self.tables.iter().flat_map(|table| &table.batches);
        batches.flat_map(|batch| std::iter::once(&batch.file).chain(&batch.blobs))
    }

    /// Checks names, counts and sums; `None` when they do not fit together.
    fn check(&self) -> Option<()> {
        let plan = &self.plan;
        let fits = self.tables.len() == plan.tables.len()
            && self.counters.len() == plan.sequences.len()
            && plan.layout == self.layout;
        let mut sums = Vec::with_capacity(self.tables.len());
        for (place, (table, planned)) in self.tables.iter().zip(&plan.tables).enumerate() {
            let mut sum = TableSum::default();
            for (number, batch) in table.batches.iter().enumerate() {
                if batch.file.file != rows_name(place, number) {
                    return None;
                }
                for (blob, stated) in batch.blobs.iter().enumerate() {
                    if stated.file != blob_name(place, number, blob) {
                        return None;
                    }
                }
                // Counts of a forged file must not overflow.
                sum.rows.checked_add(batch.rows)?;
                sum.merge(&sum_of(batch.rows, &batch.sum)?);
            }
            if sum != sum_of(table.rows, &table.sum)? || table.name != planned.sqlite {
                return None;
            }
            sums.push((table.name.as_str(), sum));
        }
        (fits && root(sums) == self.root).then_some(())
    }
}

fn sum_of(rows: u64, digits: &str) -> Option<TableSum> {
    let mut bytes = Hash::default();
    hex::decode_to_slice(digits, &mut bytes).ok()?;
    Some(TableSum::from_bytes(rows, &bytes))
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` takes")]
fn unwritable(error: serde_json::Error) -> Error {
    Error::refused(format!("the manifest cannot be written: {error}"))
}
