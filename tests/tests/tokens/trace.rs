//! Everything that this process traces, kept as text.

use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

static KEPT: Mutex<String> = Mutex::new(String::new());

/// Keeps from now on what any thread of this process traces, at every level.
pub(crate) fn keep() {
    static KEEPING: OnceLock<()> = OnceLock::new();
    KEEPING.get_or_init(|| {
        tracing::subscriber::set_global_default(Keeper::default()).expect("nobody else keeps it");
    });
}

/// Returns everything that was traced so far.
pub(crate) fn kept() -> String {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Writes spans and events down with all of their fields.
#[derive(Default)]
struct Keeper {
    spans: AtomicU64,
}

impl Subscriber for Keeper {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        write_line(span.metadata(), |line| span.record(line));
        Id::from_u64(self.spans.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn record(&self, _span: &Id, values: &Record<'_>) {
        let mut line = Line::default();
        values.record(&mut line);
        line.end();
    }

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        write_line(event.metadata(), |line| event.record(line));
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

fn write_line(metadata: &Metadata<'_>, fields: impl FnOnce(&mut Line)) {
    let mut line = Line(format!("{} {} {}:", metadata.level(), metadata.target(), metadata.name()));
    fields(&mut line);
    line.end();
}

#[derive(Default)]
struct Line(String);

impl Line {
    fn end(self) {
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_str(&self.0);
        kept.push('\n');
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, " {}={value:?}", field.name()).expect("text takes everything");
    }
}
