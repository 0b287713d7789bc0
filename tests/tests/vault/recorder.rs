//! Everything that this process measures, kept as text.

use std::sync::{Mutex, OnceLock, PoisonError};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

static KEPT: Mutex<String> = Mutex::new(String::new());

/// Keeps from now on the names and labels of what any thread of this process measures.
pub(crate) fn keep() {
    static KEEPING: OnceLock<()> = OnceLock::new();
    KEEPING.get_or_init(|| {
        metrics::set_global_recorder(Keeper).expect("nobody else keeps it");
    });
}

/// Returns everything that was measured so far.
pub(crate) fn kept() -> String {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

fn write(line: &str) {
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    kept.push_str(line);
    kept.push('\n');
}

struct Keeper;

impl Recorder for Keeper {
    fn describe_counter(&self, key: KeyName, _unit: Option<Unit>, text: SharedString) {
        write(&format!("{key:?} {text}"));
    }

    fn describe_gauge(&self, key: KeyName, _unit: Option<Unit>, text: SharedString) {
        write(&format!("{key:?} {text}"));
    }

    fn describe_histogram(&self, key: KeyName, _unit: Option<Unit>, text: SharedString) {
        write(&format!("{key:?} {text}"));
    }

    fn register_counter(&self, key: &Key, _metadata: &Metadata<'_>) -> Counter {
        write(&key.to_string());
        Counter::noop()
    }

    fn register_gauge(&self, key: &Key, _metadata: &Metadata<'_>) -> Gauge {
        write(&key.to_string());
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _metadata: &Metadata<'_>) -> Histogram {
        write(&key.to_string());
        Histogram::noop()
    }
}
