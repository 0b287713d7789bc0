//! Following a migration, and stopping it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::{Error, Result};

/// Is told what a migration is doing.
pub trait Observer: Send + Sync {
    /// A part of the work begins; `rows` is how many it has to do when that is known.
    fn phase(&self, name: &str, rows: Option<u64>);
    /// Rows of a table were done, of about so many bytes.
    fn advance(&self, table: &str, rows: u64, bytes: u64);
    /// Something happened that an operator should see.
    fn say(&self, line: &str);
}

/// An observer that looks away.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Observer for Silent {
    fn phase(&self, _name: &str, _rows: Option<u64>) {}
    fn advance(&self, _table: &str, _rows: u64, _bytes: u64) {}
    fn say(&self, _line: &str) {}
}

/// How a migration is followed and stopped. Clones share it.
#[derive(Clone)]
pub struct Control {
    observer: Arc<dyn Observer>,
    stop: Arc<AtomicBool>,
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Control").field("stop", &self.stop).finish_non_exhaustive()
    }
}

impl Control {
    /// Lets an observer follow.
    #[must_use]
    pub fn new(observer: Arc<dyn Observer>) -> Self {
        Self { observer, stop: Arc::default() }
    }

    /// Asks the migration to stop after the batch it is in.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Fails with `Stopped` once it was asked to stop.
    pub(crate) fn check(&self) -> Result<()> {
        if self.stop.load(Ordering::Relaxed) { Err(Error::Stopped) } else { Ok(()) }
    }

    pub(crate) fn observer(&self) -> &dyn Observer {
        &*self.observer
    }
}

impl Default for Control {
    fn default() -> Self {
        Self::new(Arc::new(Silent))
    }
}
