//! Archives: a migration through files, for hosts that cannot see each other.
//!
//! An archive is a directory with `manifest.json` and files compressed with zstd. Both are for their
//! owner only: what is in them is what is in the database.
//!
//! - `TTTT-BBBBBB.rows.zst` has the rows of batch `B` of the table at place `T` of the plan, one
//!   behind the other. A row is its values in the order of the plan's columns, each a byte for its
//!   type and then its bytes (see [`encode`]).
//! - `TTTT-BBBBBB-NNNNNN.blob.zst` has the bytes of one large blob of that batch, so that neither
//!   side holds it whole.
//! - The manifest has the version of the format, the plan, the counters, and of each file its
//!   length, its length unpacked and its SHA-256; of each batch and table the rows and the sum of
//!   their canonical hashes; of everything the root hash. It is sealed with a SHA-256 of its own,
//!   which is the id of the archive.
//!
//! Files are written under a temporary name, synced and renamed, the manifest last: a directory with
//! a manifest is a whole archive. The snapshot of the source is gone after an interruption, so an
//! export that was interrupted begins anew.
//!
//! Reading trusts no length: a file is unpacked only after its SHA-256 was checked, and never beyond
//! the length the manifest states. Plans of the layout `auto` have SQL that is run on the target, so
//! an archive is trusted as a dump is.

mod encode;
mod export;
mod files;
mod folder;
mod manifest;
mod source;

pub(crate) use source::Archive;

pub use export::{ExportReport, export};

/// The version of the format.
const FORMAT: u32 = 1;

/// What identifies an archive as a source begins with this.
pub(crate) const IDENTITY: &str = "archive:";
