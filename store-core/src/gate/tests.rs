use std::collections::BTreeMap;
use std::sync::Mutex;

use metrics::{
    Counter, Gauge, GaugeFn, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};

use super::*;

/// Keeps the last value of each gauge.
#[derive(Default, Clone)]
struct Shown(Arc<Mutex<BTreeMap<String, f64>>>);

struct One(Shown, String);

impl GaugeFn for One {
    fn increment(&self, _value: f64) {}

    fn decrement(&self, _value: f64) {}

    fn set(&self, value: f64) {
        self.0.0.lock().unwrap().insert(self.1.clone(), value);
    }
}

impl Recorder for Shown {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::noop()
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(Arc::new(One(self.clone(), key.name().to_owned())))
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

/// Size, in use and waiting, as the gauges show them.
fn gauges(shown: &Shown) -> [Option<f64>; 3] {
    let kept = shown.0.lock().unwrap();
    ["store_pool_size", "store_pool_in_use", "store_pool_waiting"]
        .map(|name| kept.get(name).copied())
}

/// In one test: what pools add up to is one number for the process.
#[test]
fn gauges_show_the_pools_of_a_backend_together_and_what_was_given_back() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let shown = Shown::default();
    metrics::with_local_recorder(&shown, || {
        runtime.block_on(async {
            let one = Gate::new("postgres", 1, Duration::from_millis(1));
            let other = Gate::new("postgres", 3, Duration::from_millis(1));
            let first = one.enter("test").await.unwrap();
            let second = other.enter("test").await.unwrap();
            assert_eq!(gauges(&shown), [Some(4.0), Some(2.0), None]);

            let refused = one.enter("test").await.unwrap_err();
            let expected = Failure::PoolExhausted { size: 1, in_use: 1, waiting: 1 };
            assert_eq!(refused.failure(), Some(expected));
            assert_eq!(gauges(&shown), [Some(4.0), Some(2.0), Some(0.0)]);

            drop((first, second));
            assert_eq!(gauges(&shown), [Some(4.0), Some(0.0), Some(0.0)]);
            drop(other);
            assert_eq!(gauges(&shown)[0], Some(1.0));
            assert_eq!(one.status().in_use, 0);
        });
    });
}
