//! Callers that each wait for their last operation before the next one: a closed loop.

use std::future::Future;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::Result;

/// What one round of one side came to. Latencies are in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Figures {
    pub(crate) rate: f64,
    pub(crate) p50: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
}

impl Figures {
    /// Makes the figures out of the latencies of all callers.
    pub(crate) fn new(mut latencies: Vec<Duration>, elapsed: Duration) -> Self {
        latencies.sort_unstable();
        let at = |percent: usize| {
            let place = (latencies.len() * percent).div_ceil(100).saturating_sub(1);
            latencies.get(place).map_or(0.0, |latency| latency.as_secs_f64() * 1000.0)
        };
        #[expect(clippy::cast_precision_loss, reason = "no round has 2^53 operations")]
        let rate = latencies.len() as f64 / elapsed.as_secs_f64();
        Self { rate, p50: at(50), p95: at(95), p99: at(99) }
    }

    /// The median of each figure over rounds.
    pub(crate) fn median(rounds: &[Self]) -> Self {
        let of = |figure: fn(&Self) -> f64| median(rounds.iter().map(figure).collect());
        Self { rate: of(|f| f.rate), p50: of(|f| f.p50), p95: of(|f| f.p95), p99: of(|f| f.p99) }
    }
}

/// The middle one, or the mean of the two in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.as_slice() {
        [] => 0.0,
        all if all.len() % 2 == 1 => all[all.len() / 2],
        all => f64::midpoint(all[all.len() / 2 - 1], all[all.len() / 2]),
    }
}

/// Runs an operation in a loop from a number of tasks. The first error ends it; a caller ends
/// early when the operation answers that there is nothing left to work on.
pub(crate) async fn closed_loop<F, Fut>(
    callers: usize,
    round: Duration,
    operation: F,
) -> Result<Figures>
where
    F: Fn(usize) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<bool>> + Send + 'static,
{
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for caller in 0..callers {
        let operation = operation.clone();
        tasks.spawn(async move {
            let mut latencies = Vec::new();
            while started.elapsed() < round {
                let begun = Instant::now();
                if !operation(caller).await? {
                    break;
                }
                latencies.push(begun.elapsed());
            }
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(latencies)
        });
    }
    let mut latencies = Vec::new();
    while let Some(task) = tasks.join_next().await {
        latencies.extend(task??);
    }
    Ok(Figures::new(latencies, started.elapsed()))
}

/// A side that reads or writes less than it should must not look fast.
pub(crate) fn expect(found: usize, wanted: u32) -> Result<()> {
    if u32::try_from(found) == Ok(wanted) {
        return Ok(());
    }
    Err(format!("{found} rows were met where {wanted} are expected").into())
}
