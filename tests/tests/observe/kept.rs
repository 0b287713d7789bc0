//! What this process traces and measures, kept for the tests.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};
use store_core::observe::{METRICS, MetricKind};
use tracing::Subscriber;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};

/// The fields of a span or an event, as text.
pub(crate) type Fields = BTreeMap<String, String>;

/// Everything that is kept.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// The name and the fields of each span, by its number.
    pub(crate) spans: BTreeMap<u64, (String, Fields)>,
    /// The fields of each event, with its `target`.
    pub(crate) events: Vec<Fields>,
    /// What was measured: name and labels, and the last value, the sum or the count.
    pub(crate) metrics: BTreeMap<String, (MetricKind, f64)>,
    /// What was described: name, and help.
    pub(crate) described: BTreeMap<String, (MetricKind, Option<Unit>, String)>,
}

static KEPT: Mutex<Option<Kept>> = Mutex::new(None);

fn lock() -> MutexGuard<'static, Option<Kept>> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

fn with<T>(look: impl FnOnce(&mut Kept) -> T) -> T {
    look(lock().get_or_insert_default())
}

/// Keeps from now on what any thread of this process traces and measures.
pub(crate) fn keep() {
    static KEEPING: OnceLock<()> = OnceLock::new();
    KEEPING.get_or_init(|| {
        metrics::set_global_recorder(Keeper::default()).unwrap();
        tracing::subscriber::set_global_default(Keeper::default()).unwrap();
    });
}

/// Looks at what was kept so far. Every metric in it is one of the list, with its kind and labels.
pub(crate) fn kept<T>(look: impl FnOnce(&Kept) -> T) -> T {
    with(|kept| {
        for (key, (kind, _)) in &kept.metrics {
            assert!(is_known(key, *kind), "{kind:?} {key} is not in METRICS");
        }
        look(kept)
    })
}

/// Whether a metric is in the list.
fn is_known(key: &str, kind: MetricKind) -> bool {
    let (name, labels) = key.trim_end_matches('}').split_once('{').unwrap();
    let mut labels: Vec<&str> =
        labels.split(',').filter_map(|label| label.split('=').next()).collect();
    labels.retain(|label| !label.is_empty());
    labels.sort_unstable();
    METRICS.iter().any(|metric| {
        let mut expected = metric.labels.to_vec();
        expected.sort_unstable();
        metric.name == name && metric.kind == kind && expected == labels
    })
}

/// Writes down spans, events and metrics.
#[derive(Default)]
struct Keeper {
    spans: AtomicU64,
}

impl Subscriber for Keeper {
    fn enabled(&self, _metadata: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut fields = Text::default();
        span.record(&mut fields);
        let number = self.spans.fetch_add(1, Ordering::Relaxed) + 1;
        let name = span.metadata().name().to_owned();
        with(|kept| kept.spans.insert(number, (name, fields.0)));
        Id::from_u64(number)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let mut fields = Text::default();
        values.record(&mut fields);
        with(|kept| {
            let (_, known) = kept.spans.get_mut(&span.into_u64()).unwrap();
            known.append(&mut fields.0);
        });
    }

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut fields = Text::default();
        event.record(&mut fields);
        fields.0.insert("level".into(), event.metadata().level().to_string());
        with(|kept| kept.events.push(fields.0));
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

#[derive(Default)]
struct Text(Fields);

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }
}

/// One metric.
struct One(String, MetricKind);

impl One {
    fn of(key: &Key, kind: MetricKind) -> Arc<Self> {
        let labels: Vec<String> =
            key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        let one = Self(format!("{}{{{}}}", key.name(), labels.join(",")), kind);
        one.change(|value| *value += 0.0);
        Arc::new(one)
    }

    fn change(&self, change: impl FnOnce(&mut f64)) {
        with(|kept| change(&mut kept.metrics.entry(self.0.clone()).or_insert((self.1, 0.0)).1));
    }
}

impl CounterFn for One {
    fn increment(&self, by: u64) {
        self.change(|value| *value += by as f64);
    }

    fn absolute(&self, total: u64) {
        self.change(|value| *value = total as f64);
    }
}

impl GaugeFn for One {
    fn increment(&self, by: f64) {
        self.change(|value| *value += by);
    }

    fn decrement(&self, by: f64) {
        self.change(|value| *value -= by);
    }

    fn set(&self, to: f64) {
        self.change(|value| *value = to);
    }
}

impl HistogramFn for One {
    fn record(&self, _value: f64) {
        self.change(|count| *count += 1.0);
    }
}

fn describe(kind: MetricKind, name: &KeyName, unit: Option<Unit>, help: &SharedString) {
    let described = (kind, unit, help.to_string());
    with(|kept| kept.described.insert(name.as_str().to_owned(), described));
}

impl Recorder for Keeper {
    fn describe_counter(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
        describe(MetricKind::Counter, &name, unit, &help);
    }

    fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
        describe(MetricKind::Gauge, &name, unit, &help);
    }

    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
        describe(MetricKind::Histogram, &name, unit, &help);
    }

    fn register_counter(&self, key: &Key, _metadata: &Metadata<'_>) -> Counter {
        Counter::from_arc(One::of(key, MetricKind::Counter))
    }

    fn register_gauge(&self, key: &Key, _metadata: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(One::of(key, MetricKind::Gauge))
    }

    fn register_histogram(&self, key: &Key, _metadata: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(One::of(key, MetricKind::Histogram))
    }
}
