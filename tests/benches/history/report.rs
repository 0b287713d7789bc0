//! The table, and what the numbers mean for the targets.

use crate::Plan;
use crate::load::Figures;
use crate::operation::Operation;
use crate::rounds::Outcome;

/// The latency that 95 of 100 operations must stay below, in milliseconds.
const P95: f64 = 100.0;

/// Prints one line for each backend, operation and number of callers.
pub(crate) fn table(plan: &Plan, outcomes: &[Outcome]) {
    println!(
        "\nMedians over {} rounds of {:?}, the sides in turns. Latencies in ms. Raw: the driver \
         alone;\nratio: operations per second of the store by those of the raw driver.\n",
        plan.rounds, plan.round
    );
    let side = format!("{:>10}{:>9}{:>9}{:>9}", "ops/s", "p50", "p95", "p99");
    println!("{:36}{:^37}{:^37}", "", "store", "raw driver");
    println!("{:9}{:16}{:>9}  {side}{side}{:>8}", "backend", "operation", "callers", "ratio");
    for outcome in outcomes {
        let (store, raw) = (figures(&outcome.store), figures(&outcome.raw));
        let name = outcome.operation.name();
        let callers = callers(outcome);
        println!("{:9}{name:16}{callers:>9}  {store}{raw}{:>8.2}", outcome.backend, outcome.ratio);
    }
}

fn figures(figures: &Figures) -> String {
    let Figures { rate, p50, p95, p99 } = figures;
    format!("{rate:>10.0}{p50:>9.2}{p95:>9.2}{p99:>9.2}")
}

fn callers(outcome: &Outcome) -> String {
    match outcome.processes {
        1 => outcome.callers.to_string(),
        processes => format!("{processes} x {}", outcome.callers / processes),
    }
}

/// Prints which targets of the project are met.
pub(crate) fn targets(outcomes: &[Outcome]) {
    let append = |backend: &str, callers: usize, processes: usize| {
        outcomes.iter().find(|outcome| {
            outcome.operation == Operation::AppendStep
                && (outcome.backend, outcome.callers, outcome.processes)
                    == (backend, callers, processes)
        })
    };
    let ratio = |what: &str, outcome: Option<&Outcome>, least: f64| {
        let met = outcome.map(|outcome| outcome.ratio >= least);
        let found = outcome.map(|outcome| format!("{:.2}", outcome.ratio));
        line(met, &format!("{what}: ratio at least {least}"), found.as_deref());
    };
    println!("\nTargets");
    ratio("postgres append_step, 1 caller", append("postgres", 1, 1), 0.85);
    let crowd = append("postgres", 100, 1);
    ratio("postgres append_step, 100 callers", crowd, 3.0);
    let spread = crowd.map(|outcome| outcome.store.p99 / outcome.store.p50);
    line(
        spread.map(|spread| spread < 5.0),
        "postgres append_step, 100 callers: p99 under 5 times p50",
        spread.map(|spread| format!("{spread:.2} times")).as_deref(),
    );
    let two = append("postgres", 100, 2);
    ratio("postgres append_step, 2 processes of 50 callers, no error", two, 2.0);
    ratio("sqlite append_step, 100 callers", append("sqlite", 100, 1), 5.0);
    ratio("sqlite append_step, 1 caller", append("sqlite", 1, 1), 1.0);
    for backend in ["postgres", "sqlite"] {
        for operation in Operation::ALL {
            let found = outcomes.iter().find(|outcome| {
                (outcome.backend, outcome.operation) == (backend, operation)
                    && (outcome.callers, outcome.processes) == (100, 1)
            });
            line(
                found.map(|outcome| outcome.store.p95 < P95),
                &format!("{backend} {}, 100 callers: p95 under {P95} ms", operation.name()),
                found.map(|outcome| format!("{:.2} ms", outcome.store.p95)).as_deref(),
            );
        }
    }
}

fn line(met: Option<bool>, what: &str, found: Option<&str>) {
    let verdict = match met {
        Some(true) => "met",
        Some(false) => "MISSED",
        None => "not measured",
    };
    println!("  {verdict:14}{what} ({})", found.unwrap_or("-"));
}
