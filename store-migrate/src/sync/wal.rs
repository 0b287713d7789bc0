//! Watching the write-ahead log of a source: while a snapshot of it is read, nothing of the log can
//! be used again, and it grows with every write of the application.

use std::path::PathBuf;
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::Location;
use crate::control::Control;
use crate::sqlite::beside;

/// A log that is larger is reported, and again whenever it has doubled.
const LARGE: u64 = 1 << 30;

const EVERY: Duration = Duration::from_secs(2);

/// Watches until it is dropped.
#[derive(Debug)]
pub(crate) struct Watch(Option<JoinHandle<()>>);

impl Watch {
    /// Begins to watch the log of a SQLite source.
    pub(crate) fn begin(source: &Location, control: &Control) -> Self {
        let log = source.path().map(|path| beside(path, "-wal"));
        Self(log.map(|log| tokio::spawn(watch(log, control.clone(), LARGE, EVERY))))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

async fn watch(log: PathBuf, control: Control, mut limit: u64, every: Duration) {
    let mut ticks = tokio::time::interval(every);
    loop {
        ticks.tick().await;
        // A log that is not there is none: the source is not in WAL mode, or nobody has it open.
        let bytes = std::fs::metadata(&log).map_or(0, |found| found.len());
        if let Some(line) = report(bytes, &mut limit) {
            control.observer().say(&line);
        }
    }
}

/// Says that a log has reached the limit, which is then twice its size.
fn report(bytes: u64, limit: &mut u64) -> Option<String> {
    if bytes < *limit {
        return None;
    }
    *limit = bytes.saturating_mul(2);
    Some(format!(
        "the write-ahead log of the source has grown to {} MiB, because writes go on while it is \
         read: see that the disk has room",
        bytes >> 20
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_reported_when_it_has_doubled() {
        let mut limit = LARGE;
        let heard: Vec<_> = [LARGE - 1, LARGE, LARGE + 5, LARGE * 2, LARGE * 3]
            .map(|bytes| report(bytes, &mut limit).is_some())
            .into();
        assert_eq!(heard, [false, true, false, true, false]);
    }
}
