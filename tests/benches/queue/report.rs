//! What the numbers mean for the targets.

use crate::common::args::Measured as _;
use crate::common::report::{find, p95, ratio, verdict};
use crate::common::rounds::Outcome;
use crate::operation::Operation;
use crate::rounds::Measurements;

/// The jobs per second of one process.
const RATE: f64 = 5_000.0;
/// How long a job may wait for an idle worker, in milliseconds.
const PICKUP: f64 = 20.0;
/// What is to be left of the rate while a transaction is held open.
const HELD: f64 = 0.8;

const BACKENDS: [&str; 2] = ["postgres", "sqlite"];

/// Prints what is in no line of the table.
pub(crate) fn notes(measured: &Measurements) {
    println!(
        "\nRates are in jobs, latencies in calls. claim+complete n: callers are workers that claim \
         n jobs\nand complete them, one call each."
    );
    for (backend, figures) in &measured.pickups {
        let (p50, p95, p99) = (figures.p50, figures.p95, figures.p99);
        println!(
            "{backend} pickup by an idle worker, of a job every 20 ms: p50 {p50:.2} ms, p95 \
             {p95:.2} ms, p99 {p99:.2} ms"
        );
    }
    for held in &measured.held {
        println!(
            "{} held, a transaction open for {:.0} s, 16 workers by 10: {:.0} jobs/s before, {:.0} \
             meanwhile, {:.0} in the last third",
            held.backend, held.seconds, held.without, held.median, held.last
        );
    }
}

/// Prints which targets of the project are met.
pub(crate) fn targets(measured: &Measurements) {
    let outcomes = &measured.outcomes;
    println!("\nTargets");
    for operation in Operation::ALL {
        let postgres = outcomes
            .iter()
            .filter(|outcome| outcome.line.backend == "postgres")
            .filter(|outcome| outcome.line.operation == operation.name());
        for outcome in postgres {
            let what = format!("postgres {}, {} callers", operation.name(), outcome.line.callers);
            ratio(&what, Some(outcome), 0.7);
        }
    }
    for backend in BACKENDS {
        for jobs in [10, 100] {
            rate(outcomes, backend, Operation::ClaimComplete(jobs));
        }
    }
    for backend in BACKENDS {
        p95(outcomes, backend, Operation::Enqueue.name());
    }
    for backend in BACKENDS {
        let pickup = measured.pickups.iter().find(|(of, _)| *of == backend);
        verdict(
            pickup.map(|(_, figures)| figures.p95 < PICKUP),
            &format!("{backend} pickup by an idle worker: p95 under {PICKUP} ms"),
            pickup.map(|(_, figures)| format!("{:.2} ms", figures.p95)).as_deref(),
        );
    }
    for backend in BACKENDS {
        let held = measured.held.iter().find(|held| held.backend == backend);
        verdict(
            held.map(|held| held.ratio() >= HELD),
            &format!("{backend} held, in the last third: at least {HELD} of the rate before"),
            held.map(|held| format!("{:.2}", held.ratio())).as_deref(),
        );
    }
}

/// Prints whether 16 workers reach the rate.
fn rate(outcomes: &[Outcome], backend: &str, operation: Operation) {
    let found = find(outcomes, backend, operation.name(), 16);
    verdict(
        found.map(|outcome| outcome.store.rate > RATE),
        &format!("{backend} {}, 16 workers: more than {RATE} jobs/s", operation.name()),
        found.map(|outcome| format!("{:.0} jobs/s", outcome.store.rate)).as_deref(),
    );
}
