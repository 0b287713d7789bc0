use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

/// What was acknowledged: a JSON list a line, its kind first. Clones share the file.
///
/// A line is with the system when the call returns: it survives the process, not the machine.
#[derive(Debug, Clone)]
pub struct Journal(Arc<Mutex<File>>);

impl Journal {
    /// Opens a journal, and goes on at its end if it is there.
    ///
    /// # Panics
    /// When the file cannot be opened.
    #[must_use]
    pub fn open(path: &Path) -> Self {
        let file = OpenOptions::new().create(true).append(true).open(path);
        Self(Arc::new(Mutex::new(file.expect("the journal can be opened"))))
    }

    /// Writes a fact down.
    ///
    /// # Panics
    /// When it cannot be written: a load that forgets proves nothing.
    pub fn write(&self, fact: &Value) {
        let line = format!("{fact}\n");
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(line.as_bytes()).expect("the journal can be written");
    }

    /// Reads the facts of a journal; the last one may be cut off where its process was killed.
    ///
    /// # Panics
    /// When the file cannot be read.
    #[must_use]
    pub fn read(path: &Path) -> Vec<Value> {
        let text = std::fs::read_to_string(path).expect("the journal can be read");
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    }
}
