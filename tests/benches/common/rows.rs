//! The columns both raw sides read, grouped by type so that reading them is short.

use std::ops::Range;

/// The columns of each type, as ranges of positions.
pub(crate) struct Layout {
    /// Ids the stores mint.
    pub(crate) ids: Range<usize>,
    pub(crate) texts: Range<usize>,
    pub(crate) json: Range<usize>,
    pub(crate) instants: Range<usize>,
    pub(crate) numbers: Range<usize>,
}
