//! Workers while somebody holds a transaction open: what they leave behind cannot be cleaned up.

use std::time::{Duration, Instant};

use crate::common::Result;
use crate::common::load::median;
use crate::operation::Operation;
use crate::side::Side;

/// The workers, and the jobs each claims at once.
const WORKERS: usize = 16;
const BATCH: Operation = Operation::ClaimComplete(10);

/// Jobs per second, without and with a transaction that is held open.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) backend: &'static str,
    pub(crate) seconds: f64,
    /// The median of the rounds before it was opened.
    pub(crate) without: f64,
    /// The median of the rounds while it was open.
    pub(crate) median: f64,
    /// The median of the last third of them.
    pub(crate) last: f64,
}

impl Held {
    /// What is left of the rate in the end.
    pub(crate) fn ratio(&self) -> f64 {
        self.last / self.without
    }
}

/// Measures round after round, each on the dead rows of those before, first for a quarter of the
/// time without the transaction.
pub(crate) async fn measure(
    backend: &'static str,
    side: &Side,
    round: Duration,
    held: Duration,
) -> Result<Held> {
    side.round(BATCH, WORKERS, round).await?;
    let without = rounds(side, round, held / 4).await?;
    let open = side.raw.hold().await?;
    let rates = rounds(side, round, held).await;
    drop(open);
    let rates = rates?;
    let shown =
        |rates: &[f64]| rates.iter().map(|rate| format!("{rate:.0}")).collect::<Vec<_>>().join(" ");
    eprintln!("  {backend} jobs/s by round: {}; held: {}", shown(&without), shown(&rates));
    let last = rates[rates.len() - rates.len().div_ceil(3)..].to_vec();
    Ok(Held {
        backend,
        seconds: held.as_secs_f64(),
        without: median(without),
        median: median(rates),
        last: median(last),
    })
}

/// Measures at least one round, and further ones until the time is over.
async fn rounds(side: &Side, round: Duration, time: Duration) -> Result<Vec<f64>> {
    let started = Instant::now();
    let mut rates = Vec::new();
    while rates.is_empty() || started.elapsed() < time {
        rates.push(side.further_round(BATCH, WORKERS, round).await?.rate);
    }
    Ok(rates)
}
