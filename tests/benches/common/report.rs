//! The table, and the verdicts below it.

use super::args::Rounds;
use super::load::Figures;
use super::rounds::Outcome;

/// The latency that 95 of 100 operations must stay below, in milliseconds.
const P95: f64 = 100.0;

/// Prints one line for each backend, operation and number of callers.
pub(crate) fn table(rounds: Rounds, outcomes: &[Outcome]) {
    println!(
        "\nMedians over {} rounds of {:?}, the sides in turns. Latencies in ms. Raw: the driver \
         alone;\nratio: operations per second of the store by those of the raw driver.\n",
        rounds.count, rounds.length
    );
    let side = format!("{:>10}{:>9}{:>9}{:>9}", "ops/s", "p50", "p95", "p99");
    println!("{:38}{:^37}{:^37}", "", "store", "raw driver");
    println!("{:9}{:18}{:>9}  {side}{side}{:>8}", "backend", "operation", "callers", "ratio");
    for outcome in outcomes {
        let (store, raw) = (figures(&outcome.store), figures(&outcome.raw));
        let (backend, name) = (outcome.line.backend, outcome.line.operation);
        let callers = outcome.line.callers();
        println!("{backend:9}{name:18}{callers:>9}  {store}{raw}{:>8.2}", outcome.ratio);
    }
}

fn figures(figures: &Figures) -> String {
    let Figures { rate, p50, p95, p99 } = figures;
    format!("{rate:>10.0}{p50:>9.2}{p95:>9.2}{p99:>9.2}")
}

/// Finds what an operation came to in one process.
pub(crate) fn find<'a>(
    outcomes: &'a [Outcome],
    backend: &str,
    operation: &str,
    callers: usize,
) -> Option<&'a Outcome> {
    outcomes.iter().find(|outcome| {
        let line = &outcome.line;
        (line.backend, line.operation, line.callers, line.processes)
            == (backend, operation, callers, 1)
    })
}

/// Prints whether a ratio is as large as it should be.
pub(crate) fn ratio(what: &str, outcome: Option<&Outcome>, least: f64) {
    let met = outcome.map(|outcome| outcome.ratio >= least);
    let found = outcome.map(|outcome| format!("{:.2}", outcome.ratio));
    verdict(met, &format!("{what}: ratio at least {least}"), found.as_deref());
}

/// Prints whether an operation stays below the latency that all operations should stay below.
pub(crate) fn p95(outcomes: &[Outcome], backend: &str, operation: &str) {
    let found = find(outcomes, backend, operation, 100);
    verdict(
        found.map(|outcome| outcome.store.p95 < P95),
        &format!("{backend} {operation}, 100 callers: p95 under {P95} ms"),
        found.map(|outcome| format!("{:.2} ms", outcome.store.p95)).as_deref(),
    );
}

/// Prints whether a target is met, and what was found.
pub(crate) fn verdict(met: Option<bool>, what: &str, found: Option<&str>) {
    let verdict = match met {
        Some(true) => "met",
        Some(false) => "MISSED",
        None => "not measured",
    };
    println!("  {verdict:14}{what} ({})", found.unwrap_or("-"));
}
