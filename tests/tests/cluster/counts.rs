//! Who answered the reads that asked for a replica, as the metrics say.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex};

use metrics::{
    Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};

const READS: &str = "store_replica_reads_total";

/// Counts of reads, by their outcome.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts(Arc<Mutex<BTreeMap<String, u64>>>);

impl Counts {
    pub(crate) fn of(&self, outcome: &str) -> u64 {
        self.0.lock().unwrap().get(outcome).copied().unwrap_or(0)
    }
}

/// Runs a test on one thread, and counts what is read in it.
pub(crate) fn run_counted<F: Future<Output = ()>>(test: impl FnOnce(Counts) -> F) {
    let counts = Counts::default();
    let recorder = Reads(counts.clone());
    // A recorder of this thread: other tests of this process have their own.
    let _here = metrics::set_default_local_recorder(&recorder);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime can be built").block_on(test(counts));
}

struct Reads(Counts);

struct Count {
    counts: Counts,
    outcome: String,
}

impl CounterFn for Count {
    fn increment(&self, value: u64) {
        *self.counts.0.lock().unwrap().entry(self.outcome.clone()).or_default() += value;
    }

    fn absolute(&self, _value: u64) {}
}

impl Recorder for Reads {
    fn describe_counter(&self, _key: KeyName, _unit: Option<Unit>, _text: SharedString) {}

    fn describe_gauge(&self, _key: KeyName, _unit: Option<Unit>, _text: SharedString) {}

    fn describe_histogram(&self, _key: KeyName, _unit: Option<Unit>, _text: SharedString) {}

    fn register_counter(&self, key: &Key, _metadata: &Metadata<'_>) -> Counter {
        let outcome = key.labels().find(|label| label.key() == "outcome");
        match outcome {
            Some(outcome) if key.name() == READS => {
                let outcome = outcome.value().to_owned();
                Counter::from_arc(Arc::new(Count { counts: self.0.clone(), outcome }))
            }
            _ => Counter::noop(),
        }
    }

    fn register_gauge(&self, _key: &Key, _metadata: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _key: &Key, _metadata: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}
